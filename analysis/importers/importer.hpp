#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "sim/registry.hpp"
#include "topologies/kernel.hpp"

namespace moesim::analysis {

/// The routed experts of one rank, from permuting its tokens to adding up their outputs: permute,
/// two grouped products with an activation between them, finalize.
struct ExpertBlock {
    std::string format;
    double tokens = 0;   // of the whole group; the output has as many rows
    double rows = 0;     // (token, expert) pairs on this rank
    double experts = 0;  // on this rank
    double hidden = 0, width = 0;
    bool gated = true;
};

/// One call of a collective; `seconds` of the measurement is for all of it.
struct CollectiveCall {
    std::string collective;  // as topologies/collectives name it
    double bytes = 0;        // per rank
    int ranks = 0, nodes = 1;
};

/// What the host or the device spends on a kernel besides running it: "launch_gap" (device idle
/// between two kernels of a stream) or "host_issue" (host time to issue one), seconds per kernel.
struct Launch {
    std::string kernel;
};

/// One measured call.
struct Measurement {
    std::variant<topologies::Gemm, topologies::AttentionCore, topologies::Memory, ExpertBlock,
                 CollectiveCall, Launch>
        what;
    double seconds = 0;
    bool contended = false;  // other streams were busy meanwhile
    bool casts = false;      // a narrow product whose time includes the cast of its input
};

/// What became of the rows (records, events) of the files.
struct Import {
    std::vector<Measurement> measurements;
    std::size_t read = 0;
    struct Rejected {
        std::size_t rows = 0;
        std::string first;  // "path:line"
    };
    std::map<std::string, Rejected> rejected;  // by reason

    void reject(const std::string& reason, const std::string& where, std::size_t rows = 1);
};

struct ImportOptions {
    std::string system;  // of tables that hold several, "" for all
    std::string rules;   // file with further classification rules, "" for none
};

/// Reads one kind of measurement files.
///
/// `text` is the whole file, unpacked; `path` is for messages. Rows that are understood and not
/// wanted are rejected with a reason; what is no file of this kind at all throws sim::InputError at
/// its place. An importer that must see the file itself (a data base) finds it at `path`.
class Importer {
public:
    virtual ~Importer() = default;
    virtual void read(const std::string& path, std::string_view text, const ImportOptions& options,
                      Import& out) const = 0;
    [[nodiscard]] virtual bool wants_text() const { return true; }
};

/// A file, unpacked when it is gzip; at most 1 GiB. Throws sim::InputError.
std::string read_measurement_file(const std::string& path);

/// "bf16" for "bfloat16", "half", ...; the name itself otherwise.
std::string format_of_dtype(std::string_view dtype);

}  // namespace moesim::analysis
