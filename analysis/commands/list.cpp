#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "analysis/command.hpp"
#include "analysis/output.hpp"
#include "models/attention.hpp"
#include "models/hf/family.hpp"
#include "models/routing.hpp"
#include "scenarios/placement.hpp"
#include "scenarios/schedule.hpp"
#include "sim/paths.hpp"
#include "sim/task_graph.hpp"
#include "topologies/collective.hpp"
#include "topologies/fabric.hpp"
#include "topologies/group_collective.hpp"

namespace moesim::analysis {
namespace {

using Json = nlohmann::ordered_json;

/// What may be named, and where its files lie on the search path.
struct DataKind {
    const char* title;
    const char* folder;
    const char* extension;
};
constexpr std::array<DataKind, 8> kData{{{"models", "models/zoo", ".toml"},
                                         {"clusters", "topologies/clusters", ".toml"},
                                         {"devices", "topologies/devices", ".toml"},
                                         {"profiles", "topologies/profiles", ".toml"},
                                         {"transfers", "topologies/profiles/transfers", ".toml"},
                                         {"recipes", "scenarios/recipes", ".toml"},
                                         {"routing tables", "models/routing", ".csv"},
                                         {"scenarios", "scenarios", ".toml"}}};

using Sentences = std::vector<std::pair<std::string, std::string>>;  // name, sentence

template <class Interface, class... Args>
Sentences sentences() {
    Sentences out;
    for (const auto& [name, entry] : sim::Registry<Interface, Args...>::entries())
        out.emplace_back(name, entry.sentence);
    return out;
}

/// Kinds that register themselves, by the key of a file (or the place in the program) that names
/// them.
std::vector<std::pair<const char*, Sentences>> registered() {
    using scenarios::PlacementStrategy;
    using topologies::Dispatcher;
    using topologies::Fabric;
    return {
        {"commands", sentences<Command>()},
        {"engines", sentences<sim::Engine>()},
        {"schedules", sentences<scenarios::Schedule>()},
        {"dispatchers", sentences<Dispatcher>()},
        {"collectives", sentences<topologies::GroupCollective>()},
        {"placement strategies", sentences<PlacementStrategy, sim::Table&>()},
        {"routing kinds", sentences<models::Routing, sim::Table&, const models::RoutingShape&>()},
        {"fabrics", sentences<Fabric, sim::Table&>()},
        {"attention kinds", sentences<models::AttentionKind>()},
        {"config families", sentences<models::hf::Family>()}};
}

/// "a, b, c" in lines that end before column 80.
std::string wrapped(const std::vector<std::string>& names) {
    std::string out, line = " ";
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string word = names[i] + (i + 1 < names.size() ? "," : "");
        if (line.size() > 1 && line.size() + 1 + word.size() > 79) {
            out += line + "\n";
            line = " ";
        }
        line += " " + word;
    }
    return out + line + "\n";
}

/// moesim list: what a scenario, a cluster or a model can name.
class List final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("--json", json_, "file for the lists, or - for standard output");
    }

    int run(const Session&) override {
        Json all = Json::object();
        std::string text;
        for (const DataKind& kind : kData) {
            const auto names = sim::list_data(kind.folder, kind.extension);
            all[key(kind.title)] = names;
            text += fmt::format("{} ({}/)\n{}", kind.title, kind.folder, wrapped(names));
        }
        for (const auto& [title, entries] : registered()) {
            Json& kinds = all[key(title)] = Json::object();
            text += fmt::format("{}\n", title);
            std::size_t width = 0;
            for (const auto& entry : entries) width = std::max(width, entry.first.size());
            for (const auto& [name, sentence] : entries) {
                kinds[name] = sentence;
                text += fmt::format("  {:<{}}  {}\n", name, width, sentence);
            }
        }
        if (!json_.empty()) write_json(json_, all);
        say(text);
        return 0;
    }

private:
    static std::string key(std::string title) {
        std::replace(title.begin(), title.end(), ' ', '_');
        return title;
    }

    std::string json_;
};

const sim::Register<Command, List> entry{"list", "everything that can be named, with a sentence"};

}  // namespace
}  // namespace moesim::analysis
