#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "sim/registry.hpp"

namespace moesim::analysis {

/// What every command is given: how to talk to the user.
struct Session {
    bool quiet = false;
    std::uint64_t seed = 0;
    bool seed_given = false;
};

/// One sub-command of `moesim`; a new command is a new file in analysis/commands/.
///
///     const sim::Register<Command, Topology> entry{"topology", "counts and distances of a
///     cluster"};
///
/// run() returns the exit status (0 done, 1 an answer that is bad news), prints only through
/// analysis/output.hpp, and throws sim::InputError for wrong input.
class Command {
public:
    virtual ~Command() = default;
    virtual void add_options(CLI::App& app) = 0;
    virtual int run(const Session& session) = 0;
};

}  // namespace moesim::analysis
