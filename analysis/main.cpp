#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <map>

#include "analysis/command.hpp"
#include "analysis/output.hpp"
#include "analysis/temporary.hpp"
#include "sim/input.hpp"
#include "sim/paths.hpp"

using namespace moesim;

namespace {

constexpr int kWrongInput = 2, kInternal = 3;

int run(int argc, char** argv) {
    CLI::App app{"moesim: how long MoE training takes on a cluster, and why"};
    app.set_version_flag("--version", MOESIM_VERSION);
    app.require_subcommand(1);
    analysis::Session session;
    std::vector<std::string> paths;
    std::map<CLI::App*, std::unique_ptr<analysis::Command>> commands;
    for (const auto& [name, entry] : sim::Registry<analysis::Command>::entries()) {
        CLI::App* sub = app.add_subcommand(name, entry.sentence);
        auto command = entry.make();
        command->add_options(*sub);
        sub->add_flag("--quiet,-q", session.quiet, "print nothing but errors");
        sub->add_option("--path", paths, "a further folder with zoo, devices, clusters, ...");
        sub->add_option("--seed", session.seed, "seed of everything drawn at random");
        commands[sub] = std::move(command);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& e) {
        return app.exit(e);
    } catch (const CLI::ParseError& e) {
        std::fprintf(stderr, "moesim: error: %s\nhelp: moesim --help, moesim COMMAND --help\n",
                     e.what());
        return kWrongInput;
    }
    for (const std::string& path : paths) sim::add_search_path(path);
    analysis::set_quiet(session.quiet);
    CLI::App* chosen = app.get_subcommands().front();
    session.seed_given = chosen->count("--seed") > 0;
    return commands.at(chosen)->run(session);
}

}  // namespace

int main(int argc, char** argv) {
    analysis::clean_up_when_interrupted();
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write with a message
    try {
        return run(argc, argv);
    } catch (const sim::InputError& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return kWrongInput;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "moesim: internal error: %s\n", e.what());
        return kInternal;
    }
}
