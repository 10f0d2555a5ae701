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
    nlohmann::ordered_json out{
        {"name", cluster.name()},
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
    for (const auto& [hops, share] : s.hops)
        out["hops"].push_back({{"hops", hops}, {"share", share}});
    for (const auto& [seconds, share] : s.latencies)
        out["latencies"].push_back({{"seconds", seconds}, {"share", share}});
    out["tiers"] = nlohmann::ordered_json::array();
    for (const Cluster::Tier& t : s.tiers)
        out["tiers"].push_back({{"name", t.name},
                                {"switches", t.switches},
                                {"ports_down", t.down},
                                {"ports_up", t.up},
                                {"oversubscription", t.oversubscription}});
    for (const auto& [cls, count] : s.cables) out["cables"][cls] = count;
    out["ecmp"] = {{"kind", cluster.ecmp() == topologies::Ecmp::hash ? "hash" : "spread"},
                   {"hottest_over_spread", s.collision}};
    const auto given = [&](const char* key, double value) {
        if (value > 0) out[key] = value;
    };
    given("network_usd", s.network_usd);
    given("usd_per_endpoint", s.usd_per_endpoint);
    given("network_power_w", s.network_power_w);
    given("device_power_w", cluster.device().power_w * s.gpus);
    return out;
}

std::string counts(const Cluster& cluster, const Cluster::Summary& s) {
    std::string out = fmt::format("{}: {} {} GPUs in {} node{}\n", cluster.name(), s.gpus,
                                  cluster.device().name, s.nodes, s.nodes == 1 ? "" : "s");
    const auto line = [&out](const std::string& what, const std::string& value,
                             std::string_view note) {
        out += fmt::format("  {:<11}{:>10}   {}\n", what, value, note);
    };
    if (s.domains != s.nodes)
        line("domains", std::to_string(s.domains), "scale-up domains of several nodes");
    line("switches", std::to_string(s.switches), "outside nodes");
    for (const Cluster::Tier& t : s.tiers)
        line("  " + t.name, std::to_string(t.switches),
             fmt::format(
                 "{:.4g} ports down, {:.4g} up{}", t.down, t.up,
                 t.oversubscription > 0 ? fmt::format(", {:.4g}:1", t.oversubscription) : ""));
    line("nvswitches", std::to_string(s.nvswitches), "stages inside nodes");
    line("links", std::to_string(s.links), "scale-out cables, both directions one");
    line("bisection", with_prefix(s.bisection_bytes_per_s, "B/s"),
         "lower half of the GPUs to the upper, by max flow");
    line("diameter", std::to_string(s.diameter_hops), "hops");
    line("latency", with_prefix(s.latency_median_s, "s"),
         fmt::format("median over {}, {} to {}", s.gpus > 512 ? "sampled GPU pairs" : "GPU pairs",
                     with_prefix(s.latency_min_s, "s"), with_prefix(s.latency_max_s, "s")));
    if (cluster.ecmp() == topologies::Ecmp::hash)
        line("collisions", fmt::format("{:.3g}", s.collision),
             "hottest link under hashing over that under spreading");
    if (s.network_usd > 0)
        line("cost", fmt::format("{:.4g} M", s.network_usd / 1e6), "USD, network, as published");
    if (s.usd_per_endpoint > 0)
        line("cost", fmt::format("{:.4g}", s.usd_per_endpoint), "USD per endpoint, as published");
    if (cluster.device().power_w > 0)
        line("power", with_prefix(cluster.device().power_w * s.gpus, "W"), "of the devices alone");
    for (const auto& [hops, share] : s.hops)
        line(hops == s.hops.front().first ? "hops" : "", std::to_string(hops),
             fmt::format("{:5.1f} % of the pairs", share * 100));
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
