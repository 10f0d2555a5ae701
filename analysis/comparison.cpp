#include "analysis/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "analysis/jobs.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;
using scenarios::Scenario;

namespace {

/// FNV-1a over the bits of numbers.
class Digest {
public:
    void add(std::uint64_t bits) {
        for (int i = 0; i < 8; ++i) hash_ = (hash_ ^ ((bits >> (8 * i)) & 0xff)) * 0x100000001b3u;
    }
    void add(double number) { add(std::bit_cast<std::uint64_t>(number)); }
    [[nodiscard]] std::string text() const { return fmt::format("{:016x}", hash_); }

private:
    std::uint64_t hash_ = 0xcbf29ce484222325u;
};

/// Mean and standard error of the ratios to the base, seed by seed.
ordered_json paired(const std::vector<double>& variant, const std::vector<double>& base) {
    const double n = static_cast<double>(base.size());
    std::vector<double> ratio;
    for (std::size_t i = 0; i < base.size(); ++i) ratio.push_back(variant[i] / base[i] - 1);
    const double mean = std::accumulate(ratio.begin(), ratio.end(), 0.0) / n;
    double squares = 0;
    for (const double r : ratio) squares += (r - mean) * (r - mean);
    const double error = n > 1 ? std::sqrt(squares / (n - 1) / n) : 0;
    ordered_json out{{"seeds", base.size()}, {"mean_rel_difference", mean}};
    if (n > 1) {
        out["standard_error"] = error;
        out["distinguishable"] = std::abs(mean) > 2 * error;
    } else {
        out["standard_error"] = nullptr;
        out["distinguishable"] = nullptr;
    }
    return out;
}

/// Compute seconds of the busiest rank over the mean of all.
double compute_max_over_mean(const ordered_json& result) {
    double most = 0;
    for (const ordered_json& rank : result["ranks"])
        most = std::max(most, rank["slowest_member_compute_s"].get<double>());
    const double mean = result["step"]["breakdown_s"]["compute"];
    return mean > 0 ? most / mean : 1;
}

}  // namespace

std::string routing_digest(const Scenario& s) {
    Digest digest;
    if (!s.routing) return digest.text();
    const int sources = s.parallel.expert / (s.parallel.tensor * s.parallel.context);
    for (int mb = 0; mb < s.micro_batches(); ++mb)
        for (const int kind : s.routing->kind_of_source(mb, std::max(1, sources)))
            digest.add(static_cast<std::uint64_t>(kind));
    for (int layer = 0; layer < s.moe_layers; ++layer) {
        for (const auto& kind : s.routing->layer(layer).share)
            for (const double share : kind) digest.add(share);
        for (const double rows : s.routing->rows(layer, false, s.parallel.expert)) digest.add(rows);
    }
    return digest.text();
}

ordered_json compare(const std::vector<std::vector<Scenario>>& by_seed, const RunOptions& options,
                     int jobs, const std::function<void(std::size_t, std::size_t)>& progress) {
    const std::size_t variants = by_seed.front().size();
    std::vector<std::function<std::string()>> work;
    for (const auto& all : by_seed)
        for (const Scenario& scenario : all)
            work.emplace_back([&scenario, &options] {
                ordered_json out = result_json(simulate(scenario, options), options);
                out["routing_digest"] = routing_digest(scenario);
                return out.dump();
            });
    const std::vector<std::string> texts = run_jobs(work, jobs, progress);
    std::vector<ordered_json> results;  // of the first seed
    std::vector<std::vector<double>> times(variants);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        ordered_json result = ordered_json::parse(texts[i]);
        times[i % variants].push_back(result["step"]["time_s"]);
        if (i < variants) results.push_back(std::move(result));
    }
    ordered_json out = results.front();
    out["variants"] = ordered_json::array();
    for (std::size_t v = 0; v < variants; ++v) {
        ordered_json variant{{"name", results[v]["scenario"]["name"]}};
        variant.update(results[v]);
        variant["vs_base"] = versus(results[v], results.front());
        variant["vs_base"].update(paired(times[v], times.front()));
        variant["vs_base"]["same_routing"] =
            results[v]["routing_digest"] == results.front()["routing_digest"];
        out["variants"].push_back(std::move(variant));
    }
    return out;
}

std::string comparison_summary(const ordered_json& r) {
    std::vector<std::size_t> order(r["variants"].size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto time = [&](std::size_t i) {
        return r["variants"][i]["vs_base"]["mean_rel_difference"].get<double>();
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return time(a) < time(b); });
    std::string out = fmt::format("  routing {}\n\n  {:<30}{:>9}{:>18}{:>9}{:>9}\n",
                                  r["routing_digest"].get<std::string>(), "variant", "step s",
                                  "vs base", "rows", "memory");
    out += fmt::format("  {:<30}{:>9}{:>18}{:>9}{:>9}\n", "", "", "", "max/mean", "GB");
    for (const std::size_t i : order) {
        const ordered_json& v = r["variants"][i];
        const ordered_json& versus_base = v["vs_base"];
        std::string ratio =
            fmt::format("{:+.2f} %", 100 * versus_base["mean_rel_difference"].get<double>());
        if (versus_base["standard_error"].is_number())
            ratio += fmt::format(" +- {:.2f}", 100 * versus_base["standard_error"].get<double>());
        if (versus_base["distinguishable"].is_boolean() && i != 0 &&
            !versus_base["distinguishable"].get<bool>())
            ratio += " ~";
        out += fmt::format("  {:<30.30}{:>9.4f}{:>18}{:>9.3f}{:>9.1f}{}\n",
                           v["name"].get<std::string>(), v["step"]["time_s"].get<double>(), ratio,
                           v["load"]["max_over_mean_mean"].get<double>(),
                           v["memory"]["peak_bytes"].get<double>() / 1e9,
                           v["memory"]["fits"].get<bool>() ? "" : " !");
    }
    out += fmt::format("\n  {:<30}{:>9}{:>10}{:>10}{:>18}\n", "max/mean over ranks", "compute",
                       "NIC", "NVLink", "exposed");
    for (const std::size_t i : order) {
        const ordered_json& v = r["variants"][i];
        const ordered_json& load = v["load"];
        out += fmt::format(
            "  {:<30.30}{:>9.3f}{:>10.3f}{:>10.3f}{:>9.4f} s{:>5.1f} %\n",
            v["name"].get<std::string>(), compute_max_over_mean(v),
            load["nic_max_over_mean_mean"].get<double>(),
            load["nvlink_max_over_mean_mean"].get<double>(),
            v["communication"]["exposed_share"].get<double>() * v["step"]["time_s"].get<double>(),
            100 * v["communication"]["exposed_share"].get<double>());
    }
    bool moving = false;
    for (const std::size_t i : order) {
        const ordered_json& v = r["variants"][i];
        if (!v.contains("placement") || v["placement"]["move"].is_null()) continue;
        if (!std::exchange(moving, true))
            out += "\n  experts that follow the loads (times: links to themselves)\n";
        out += fmt::format("    {}: {}\n", v["name"].get<std::string>(),
                           move_words(v["placement"]["move"]));
    }
    out += "\n  ~ cannot be told from the base over these seeds   ! does not fit\n";
    for (const std::size_t i : order) {
        const ordered_json& why = r["variants"][i]["vs_base"]["why"];
        if (why.empty()) continue;
        out += fmt::format("\n  {}\n", r["variants"][i]["name"].get<std::string>());
        for (const auto& line : why) out += fmt::format("    {}\n", line.get<std::string>());
    }
    return out;
}

}  // namespace moesim::analysis
