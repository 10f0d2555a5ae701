#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "analysis/command.hpp"
#include "analysis/output.hpp"
#include "topologies/cluster.hpp"

namespace moesim::analysis {
namespace {

using topologies::Cluster;

/// "51.2 TB/s", "1.87 us": a decimal prefix and three digits.
std::string with_prefix(double si, std::string_view unit) {
    constexpr std::string_view kPrefixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P"};
    if (si == 0) return fmt::format("0 {}", unit);
    const int step = std::clamp(static_cast<int>(std::floor(std::log10(si) / 3 + 1e-12)), -3, 5);
    return fmt::format("{:.3g} {}{}", si / std::pow(1000.0, step), kPrefixes[step + 3], unit);
}

nlohmann::ordered_json to_json(const Cluster& cluster, const Cluster::Summary& s) {
    return {{"name", cluster.name()},
            {"device", cluster.device().name},
            {"gpus", s.gpus},
            {"nodes", s.nodes},
            {"domains", s.domains},
            {"switches", s.switches},
            {"nvswitches", s.nvswitches},
            {"nvswitch_chips", s.nvswitch_chips},
            {"links", s.links},
            {"bisection_bytes_per_s", s.bisection_bytes_per_s},
            {"diameter_hops", s.diameter_hops},
            {"latency_s",
             {{"min", s.latency_min_s}, {"median", s.latency_median_s}, {"max", s.latency_max_s}}}};
}

std::string counts(const Cluster& cluster, const Cluster::Summary& s) {
    std::string out = fmt::format("{}: {} {} GPUs in {} node{}\n", cluster.name(), s.gpus,
                                  cluster.device().name, s.nodes, s.nodes == 1 ? "" : "s");
    const auto line = [&out](std::string_view what, const std::string& value,
                             std::string_view note) {
        out += fmt::format("  {:<11}{:>10}   {}\n", what, value, note);
    };
    line("switches", std::to_string(s.switches), "outside nodes");
    line("nvswitches", std::to_string(s.nvswitches), "stages inside nodes");
    line("links", std::to_string(s.links), "scale-out cables, both directions one");
    line("bisection", with_prefix(s.bisection_bytes_per_s, "B/s"),
         "lower half of the GPUs to the upper, by max flow");
    line("diameter", std::to_string(s.diameter_hops), "hops");
    line("latency", with_prefix(s.latency_median_s, "s"),
         fmt::format("median over {}, {} to {}", s.gpus > 512 ? "sampled GPU pairs" : "GPU pairs",
                     with_prefix(s.latency_min_s, "s"), with_prefix(s.latency_max_s, "s")));
    return out;
}

/// Equal links together: how many (both directions counted), of how many cables, rate and latency.
std::string classes(const Cluster& cluster) {
    std::map<std::tuple<std::string, int, double, double>, int> groups;
    for (const auto& l : cluster.links())
        ++groups[{l.cls, l.cables, l.capacity.si(), l.latency.si()}];
    std::string out = "directed links\n";
    for (const auto& [group, count] : groups) {
        const auto& [cls, cables, rate, latency] = group;
        out += fmt::format("  {:<11}{:>10}   {}, {}", cls, count, with_prefix(rate, "B/s"),
                           with_prefix(latency, "s"));
        out += cables == 1 ? "\n" : fmt::format(", {} cables each\n", cables);
    }
    return out;
}

/// One route spelled out, from the first GPU to the last: its hops in order, equal ones together.
std::string example(const Cluster& cluster) {
    const int last = cluster.gpus() - 1;
    if (last == 0) return "";
    std::string out = fmt::format("route gpu-0 to gpu-{}\n", last);
    std::map<std::uint32_t, int> depth;  // of each vertex; a route's links come in order of travel
    std::map<int, std::vector<topologies::RouteShare>> hops;
    for (const auto& s : cluster.route(0, last)) {
        const auto& l = cluster.links()[s.link];
        const int at = depth.try_emplace(l.from, 0).first->second;
        depth[l.to] = at + 1;
        hops[at].push_back(s);
    }
    for (const auto& [at, shares] : hops) {
        const auto& l = cluster.links()[shares.front().link];
        out += fmt::format("  {:<12}{} -> {}", l.cls, cluster.label(l.from), cluster.label(l.to));
        if (shares.size() > 1) out += fmt::format(" and {} more", shares.size() - 1);
        out += "\n";
    }
    return out;
}

class Topology final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("cluster", cluster_, "name of a cluster, or a TOML file")->required();
        app.add_option("--dot", dot_, "write the graph for Graphviz");
        app.add_option("--json", json_, "write the counts as JSON ('-': standard output)");
    }

    int run(const Session&) override {
        const Cluster cluster = topologies::load_cluster(cluster_);
        const Cluster::Summary summary = cluster.summary();
        if (!dot_.empty()) write_file(dot_, cluster.dot());
        if (!json_.empty()) write_json(json_, to_json(cluster, summary));
        say(counts(cluster, summary) + classes(cluster) + example(cluster));
        return 0;
    }

private:
    std::string cluster_, dot_, json_;
};

const sim::Register<Command, Topology> entry{"topology",
                                             "counts, bisection and distances of a cluster"};

}  // namespace
}  // namespace moesim::analysis
