#include "analysis/result.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/critical_path.hpp"
#include "analysis/planning/training.hpp"
#include "analysis/stopwatch.hpp"
#include "analysis/uncertainty.hpp"
#include "models/counts.hpp"
#include "sim/registry.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;
using scenarios::Scenario;

namespace {

template <std::size_t N, class Name>
ordered_json by_name(const std::array<double, N>& values, Name&& naming) {
    ordered_json out = ordered_json::object();
    for (std::size_t i = 0; i < N; ++i) out[std::string{naming(i)}] = values[i];
    return out;
}

ordered_json parts_json(const std::array<double, kParts>& v) {
    return by_name(v, [](std::size_t i) { return name(static_cast<Part>(i)); });
}
ordered_json phases_json(const std::array<double, kPhases>& v) {
    ordered_json out = by_name(v, [](std::size_t i) { return name(static_cast<Phase>(i)); });
    return out;
}

ordered_json step_json(const Simulated& run, const Means& mean) {
    const Scenario& s = run.scenario;
    const double time = run.line.makespan, tokens = s.tokens_per_step();
    const models::Flops flops = models::flops_per_token(s.model, s.sequence);
    const auto& device = s.cluster.device();
    const double all = static_cast<double>(s.gpus) * time;
    const double bf16 = device.peak_of("bf16").si();
    const std::string& routed = s.recipe.gemm.count("routed") ? s.recipe.gemm.at("routed") : "bf16";
    const double native = device.peak_of(routed.substr(0, routed.find('_'))).si();
    ordered_json step;
    step["time_s"] = time;
    step["tokens"] = tokens;
    step["tokens_per_s"] = tokens / time;
    step["tokens_per_s_per_gpu"] = tokens / all;
    step["model_flops"] = tokens * flops.training_causal;
    step["tflops_per_gpu"] = tokens * flops.training_causal / all / 1e12;
    step["mfu"] = tokens * flops.training_causal / all / bf16;
    step["mfu_noncausal"] = tokens * flops.training_noncausal / all / bf16;
    step["mfu_precision_peak"] = tokens * flops.training_causal / all / native;
    step["phases_s"] = phases_json(mean.phases);
    step["phases_rank0_s"] = phases_json(run.booked.front().front().phases);
    step["breakdown_s"] = parts_json(mean.parts);
    return step;
}

ordered_json ranks_json(const Simulated& run) {
    ordered_json out = ordered_json::array();
    for (std::size_t c = 0; c < run.booked.size(); ++c) {
        const auto& members = run.booked[c];
        const auto slowest = std::max_element(
            members.begin(), members.end(),
            [](const MemberTimes& a, const MemberTimes& b) { return a.parts[0] < b.parts[0]; });
        MemberTimes mean;
        for (const MemberTimes& m : members) {
            for (std::size_t i = 0; i < kParts; ++i)
                mean.parts[i] += m.parts[i] / static_cast<double>(members.size());
            for (std::size_t i = 0; i < kPhases; ++i)
                mean.phases[i] += m.phases[i] / static_cast<double>(members.size());
        }
        const auto& cls = run.lowered.graph.rank_classes[c];
        ordered_json rank;
        rank["rank"] = cls.name;
        rank["pipeline_rank"] = run.lowered.pipeline_rank[c];
        rank["first_gpu"] = run.lowered.first_gpu[c];
        rank["members"] = cls.width;
        rank["stands_for"] = cls.stands_for * cls.width;
        rank["breakdown_s"] = parts_json(mean.parts);
        rank["phases_s"] = phases_json(mean.phases);
        rank["slowest_member"] = slowest - members.begin();
        rank["slowest_member_compute_s"] = slowest->parts[0];
        out.push_back(std::move(rank));
    }
    return out;
}

ordered_json communication_json(const Simulated& run, const Means& mean) {
    const double time = run.line.makespan;
    const std::array<double, sim::kKinds> bytes = bytes_by_kind(run.lowered);
    double exposed = 0;
    ordered_json kinds = ordered_json::object();
    const std::pair<sim::Kind, Part> list[] = {{sim::Kind::ep, Part::exposed_ep},
                                               {sim::Kind::tp, Part::exposed_tp},
                                               {sim::Kind::cp, Part::exposed_cp},
                                               {sim::Kind::pp, Part::exposed_pp},
                                               {sim::Kind::dp, Part::exposed_dp}};
    for (const auto& [kind, part] : list) {
        const auto k = static_cast<std::size_t>(kind);
        const double seconds = mean.parts[static_cast<std::size_t>(part)];
        kinds[std::string{sim::name(kind)}] = {
            {"bytes", bytes[k]}, {"busy_s", mean.busy[k]}, {"exposed_s", seconds}};
        exposed += seconds;
    }
    return {{"share", time > 0 ? mean.in_flight / time : 0},
            {"exposed_share", time > 0 ? exposed / time : 0},
            {"by_kind", kinds},
            {"algorithms", run.lowered.algorithms}};
}

ordered_json memory_json(const Simulated& run) {
    const MemoryPeak peak = memory_peak(run.lowered, run.line);
    const double capacity = run.scenario.cluster.device().memory.si();
    return {{"peak_bytes", peak.bytes},
            {"capacity_bytes", capacity},
            {"fits", peak.bytes <= capacity},
            {"hottest_rank", run.lowered.graph.rank_classes[peak.rank_class].name},
            {"by_class", by_name(peak.by_class, [](std::size_t i) {
                 return scenarios::name(static_cast<scenarios::MemoryClass>(i));
             })}};
}

ordered_json load_json(const scenarios::Lowered& lowered) {
    const auto spread = [&](const std::string& prefix, double scenarios::LoadSample::*what,
                            ordered_json& out) {
        double sum = 0, worst = 1;
        for (const scenarios::LoadSample& l : lowered.loads) {
            sum += l.*what;
            worst = std::max(worst, l.*what);
        }
        const double n = static_cast<double>(lowered.loads.size());
        out[prefix + "max_over_mean_mean"] = n > 0 ? sum / n : 1;
        out[prefix + "max_over_mean_worst"] = worst;
    };
    ordered_json out;
    spread("", &scenarios::LoadSample::rows, out);
    spread("nic_", &scenarios::LoadSample::nic, out);
    spread("nvlink_", &scenarios::LoadSample::nvlink, out);
    out["dropped_share"] = lowered.dropped_share;
    out["dropped_weight_share"] = lowered.dropped_weight_share;
    out["dropped_share_worst_rank"] = lowered.dropped_worst;
    struct Layer {
        double rows = 0, nic = 0, nvlink = 0;
        int count = 0;
        std::map<int, int> hottest;  // member -> how often
    };
    std::map<int, Layer> layers;
    for (const scenarios::LoadSample& l : lowered.loads) {
        Layer& layer = layers[l.moe_layer];
        layer.rows += l.rows;
        layer.nic += l.nic;
        layer.nvlink += l.nvlink;
        ++layer.count;
        ++layer.hottest[l.hottest];
    }
    out["by_layer"] = ordered_json::array();
    for (const auto& [moe_layer, l] : layers) {
        const auto hot =
            std::max_element(l.hottest.begin(), l.hottest.end(),
                             [](const auto& x, const auto& y) { return x.second < y.second; });
        out["by_layer"].push_back({{"moe_layer", moe_layer},
                                   {"max_over_mean_mean", l.rows / l.count},
                                   {"nic_max_over_mean_mean", l.nic / l.count},
                                   {"nvlink_max_over_mean_mean", l.nvlink / l.count},
                                   {"hottest_rank", hot->first}});
    }
    return out;
}

/// How experts are placed, and what following the loads costs; seconds are without contention.
ordered_json placement_json(const Simulated& run) {
    const scenarios::PlacementPlan& plan = run.scenario.placement;
    ordered_json out{{"strategy", plan.name}, {"redundant", plan.redundant}, {"move", nullptr}};
    if (const auto& m = run.lowered.move)
        out["move"] = {{"every_steps", m->every},
                       {"beside_the_step", m->hidden},
                       {"experts", m->experts},
                       {"bytes", m->bytes},
                       {"busiest_port_bytes", m->rank_bytes},
                       {"seconds", m->seconds},
                       {"bytes_per_step", m->bytes / m->every},
                       {"seconds_per_step", m->seconds / m->every}};
    return out;
}

ordered_json links_json(const Simulated& run) {
    ordered_json out = ordered_json::array();
    for (const auto& [cls, use] : link_use(run.lowered, run.line))
        out.push_back({{"class", cls},
                       {"capacity_bytes_per_s", use.capacity_bytes_per_s},
                       {"utilisation_mean", use.utilisation_mean},
                       {"utilisation_max", use.utilisation_max}});
    return out;
}

ordered_json evidence_json(const scenarios::Lowered& lowered) {
    std::array<double, 4> seconds{};
    for (const scenarios::OpGround& op : lowered.ops)
        for (std::size_t i = 0; i < 4; ++i) seconds[i] += op.seconds[i];
    const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    for (double& v : seconds) v = sum > 0 ? v / sum : 0;
    return by_name(seconds, [](std::size_t i) {
        return topologies::name(static_cast<topologies::Evidence>(i));
    });
}

ordered_json training_of(const Simulated& run, const Means& mean, const RunOptions& options) {
    const double busy = mean.parts[static_cast<std::size_t>(Part::compute)] +
                        mean.parts[static_cast<std::size_t>(Part::optimizer)];
    return training_json(run, run.line.makespan > 0 ? busy / run.line.makespan : 1, options);
}

ordered_json ops_json(const scenarios::Lowered& lowered) {
    ordered_json out = ordered_json::array();
    for (std::size_t i = 0; i < lowered.ops.size(); ++i) {
        const scenarios::OpGround& op = lowered.ops[i];
        const double sum = std::accumulate(op.seconds.begin(), op.seconds.end(), 0.0);
        if (sum == 0) continue;
        ordered_json ground = ordered_json::object();
        for (std::size_t e = 0; e < 4; ++e)
            if (op.seconds[e] > 0)
                ground[std::string{topologies::name(static_cast<topologies::Evidence>(e))}] =
                    op.seconds[e] / sum;
        out.push_back({{"op", lowered.graph.ops[i]},
                       {"member_seconds", sum},
                       {"rel_error", op.rel_error},
                       {"evidence", ground}});
    }
    return out;
}

}  // namespace

ordered_json brief_json(const Simulated& run, const RunOptions& options) {
    const Means mean = means(run.lowered, run.booked);
    const ordered_json communication = communication_json(run, mean);
    const Scenario& s = run.scenario;
    const double price =
        s.training ? s.training->price_per_gpu_hour : s.cluster.device().price_per_hour;
    return {
        {"step", step_json(run, mean)},
        {"memory", memory_json(run)},
        {"communication",
         {{"share", communication["share"]}, {"exposed_share", communication["exposed_share"]}}},
        {"training", s.training ? training_of(run, mean, options) : ordered_json(nullptr)},
        {"usd_per_s", s.gpus * price / 3600}};
}

Simulated simulate(Scenario scenario, const RunOptions& options) {
    Simulated run{std::move(scenario), {}, {}, {}, {}};
    Stopwatch watch;
    run.lowered = scenarios::lower(run.scenario, options.fold);
    run.wall.lowering_s = watch.lap();
    run.line = sim::Registry<sim::Engine>::make(options.engine)->run(run.lowered.graph);
    run.wall.engine_s = watch.lap();
    run.booked = book(run.lowered.graph, run.line);
    run.wall.booking_s = watch.lap();
    return run;
}

ordered_json result_json(const Simulated& run, const RunOptions& options) {
    const Means mean = means(run.lowered, run.booked);
    ordered_json out;
    out["schema"] = "moesim.result/1";
    out["version"] = MOESIM_VERSION;
    out["scenario"] = run.scenario.resolved;
    out["step"] = step_json(run, mean);
    out["ranks"] = ranks_json(run);
    out["communication"] = communication_json(run, mean);
    out["memory"] = memory_json(run);
    out["load"] = load_json(run.lowered);
    if (run.scenario.routing) out["placement"] = placement_json(run);
    out["links"] = links_json(run);
    out["evidence"] = evidence_json(run.lowered);
    const Interval interval = step_time_interval(run.lowered, run.line.makespan);
    out["uncertainty"] = {
        {"step_time_low_s", interval.low_s}, {"step_time_high_s", interval.high_s},
        {"level", interval.level},           {"of_costs", interval.of_costs},
        {"unexplained", kUnexplained},       {"draws", interval.draws}};
    out["warnings"] = warnings(run.lowered);
    if (run.scenario.training) out["training"] = training_of(run, mean, options);
    out["critical_path"] = critical_path_json(run.lowered.graph, run.line);
    out["ops"] = ops_json(run.lowered);
    out["kernels_s"] = run.lowered.kernel_seconds;
    out["profile"] = run.scenario.profile.provenance();
    out["engine"] = {{"name", options.engine},
                     {"tasks", run.lowered.graph.tasks.size()},
                     {"fold", run.lowered.fold},
                     {"activities", run.line.activities}};
    return out;
}

}  // namespace moesim::analysis
