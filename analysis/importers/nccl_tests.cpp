#include <fmt/format.h>

#include <cmath>
#include <set>

#include "analysis/importers/importer.hpp"
#include "analysis/importers/lines.hpp"
#include "models/csv_rows.hpp"
#include "sim/input.hpp"

namespace moesim::analysis {
namespace {

/// What nccl-tests (all_reduce_perf, ...) print:
///
///     # nThread 1 nGpus 8 minBytes 8 ...
///     #  Rank  0 Group  0 Pid 1 on node1 device  0 [0x1b] NVIDIA H100 80GB HBM3
///     #       size         count      type   redop    root     time   algbw   busbw #wrong ...
///     #        (B)    (elements)                               (us)  (GB/s)  (GB/s)
///         8388608       2097152     float     sum      -1    98.40   85.25  149.19      0 ...
///
/// Taken is the out-of-place time, the first of the two. Ranks and nodes are counted in the header,
/// which also has the program's name in newer versions ("# Collective test starting:
/// all_reduce_perf"); elsewhere the file's name must have it. Source: NVIDIA/nccl-tests,
/// src/common.cu and doc/PERFORMANCE.md.
class NcclTests final : public Importer {
public:
    void read(const std::string& path, std::string_view text, const ImportOptions&,
              Import& out) const override {
        std::string collective = collective_in(path);
        std::set<std::string> nodes;
        int ranks = 0;
        std::size_t columns = 0, time = 0, found = 0;
        Lines in{text};
        while (in.next()) {
            const auto where = [&] { return fmt::format("{}:{}", path, in.number()); };
            const auto w = words(in.line());
            if (w.empty()) continue;
            if (w[0].starts_with('#')) {
                if (const std::string named = collective_in(in.line());
                    !named.empty() && in.line().find("_perf") != std::string_view::npos)
                    collective = named;
                if (w.size() > 2 && w[1] == "Rank") {
                    ++ranks;
                    for (std::size_t i = 2; i + 1 < w.size(); ++i)
                        if (w[i] == "on") nodes.insert(std::string{w[i + 1]});
                }
                if (w.size() > 5 && w[1] == "size" && w[2] == "count") {
                    columns = w.size() - 1;  // of which the first half belongs to out-of-place
                    for (std::size_t i = 1; i < w.size() && time == 0; ++i)
                        if (w[i] == "time") time = i - 1;
                }
                continue;
            }
            if (std::isnan(positive_number(w[0]))) continue;  // chatter of the launcher
            ++out.read;
            if (time == 0) complain(path, in, "a row of numbers before the line with 'size count'");
            if (ranks == 0)
                complain(path, in, "a row of numbers before any '# Rank' line",
                         "the ranks are counted in the header that nccl-tests print");
            if (collective.empty())
                complain(path, in, "which collective this is cannot be told",
                         "put it into the file name: all_reduce_perf.txt");
            if (w.size() < std::min(columns, time + 3)) {
                out.reject("fewer fields than the header names: cut off?", where());
                continue;
            }
            const double bytes = positive_number(w[0]), us = positive_number(w[time]);
            if (std::isnan(us)) {
                out.reject("time is not a number above zero", where());
                continue;
            }
            ++found;
            out.measurements.push_back(
                {CollectiveCall{collective, bytes, ranks,
                                static_cast<int>(std::max<std::size_t>(1, nodes.size()))},
                 us * 1e-6, false, false});
        }
        if (found == 0)
            models::fail_file(path, "no row of an nccl-tests table in it",
                              "expected are lines such as '# Rank 0 ...', '# size count type ...' "
                              "and rows of numbers");
    }

private:
    static std::string collective_in(std::string_view text) {
        for (const auto& [word, name] : {std::pair{"all_reduce", "nccl.all_reduce"},
                                         {"all_gather", "nccl.all_gather"},
                                         {"reduce_scatter", "nccl.reduce_scatter"},
                                         {"alltoall", "nccl.alltoall"},
                                         {"sendrecv", "p2p"}})
            if (text.find(word) != std::string_view::npos) return name;
        return "";
    }

    [[noreturn]] static void complain(const std::string& path, const Lines& in,
                                      const std::string& what, const std::string& help = {}) {
        throw sim::InputError{fmt::format("{}:{}:1: error: {}{}", path, in.number(), what,
                                          help.empty() ? "" : "\nhelp: " + help)};
    }
};

const sim::Register<Importer, NcclTests> entry{"nccl-tests",
                                               "output of all_reduce_perf and its siblings"};

}  // namespace
}  // namespace moesim::analysis
