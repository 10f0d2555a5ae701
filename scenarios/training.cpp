#include "scenarios/training.hpp"

#include <fmt/format.h>

#include "scenarios/scenario.hpp"
#include "scenarios/step.hpp"

namespace moesim::scenarios {
namespace {

constexpr double kMostWatts = 1e6, kMostPue = 10;
constexpr double kDay = 86400;

/// Share of its rated power that a device draws while it waits. Assumed: an idle H100 of 700 W
/// reports about 70 W.
constexpr double kIdleShare = 0.1;
/// A DGX H100 may draw 10.2 kW, of which its GPUs 8 x 700 W (NVIDIA DGX H100 data sheet); the rest
/// over 8 is 575 W per GPU, of which a 400 Gbit/s adapter takes about 25 W (assumed).
constexpr double kHostWatts = 550, kNicWatts = 25;
/// A switch of 64 ports of 400 Gbit/s draws 747 W with passive cables (NVIDIA QM9700 data sheet).
constexpr double kPortWatts = 747.0 / 64;
/// Assumed: large operators publish 1.08 to 1.1; the average of all sites is near 1.56 (Uptime
/// Institute, survey of 2024).
constexpr double kPue = 1.1;

/// Ports of switches outside of nodes, per GPU of the cluster.
double switch_ports_per_gpu(const topologies::Cluster& cluster) {
    double ends = 0;
    for (const topologies::PhysicalLink& link : cluster.links())
        for (const std::uint32_t end : {link.from, link.to})
            if (cluster.place(end) == topologies::Place::switch_) ends += link.cables;
    return ends / 2 / cluster.gpus();  // each cable is a link either way
}

Power read_power(sim::Table in, const topologies::Cluster& cluster) {
    Power p;
    const double rated = cluster.device().power_w;
    p.device_w = in.number("device_w", 0, kMostWatts, rated);
    p.device_idle_w = in.number("device_idle_w", 0, kMostWatts, kIdleShare * rated);
    if (p.device_idle_w > p.device_w)
        in.fail("device_idle_w", fmt::format("{:g} W at rest are more than {:g} W at work",
                                             p.device_idle_w, p.device_w));
    p.host_w = in.number("host_w", 0, kMostWatts, kHostWatts);
    p.nic_w = in.number("nic_w", 0, kMostWatts, kNicWatts);
    p.network_w =
        in.number("switch_port_w", 0, kMostWatts, kPortWatts) * switch_ports_per_gpu(cluster);
    p.pue = in.number("pue", 1, kMostPue, kPue);
    return p;
}

/// A time that is not zero; 0 when absent.
double mean_time(sim::Table& in, const char* key) {
    if (!in.has(key)) {
        in.ignore(key);
        return 0;
    }
    const double seconds = in.time(key).si();
    if (!(seconds > 0))
        in.fail(key, "a time between failures is above zero", "leave it out: never");
    return seconds;
}

Checkpoint read_checkpoint(sim::Table& in, Failures& failures) {
    Checkpoint c;
    if (in.has("every") && in.is_text("every") && in.text("every") == "optimal") {
        c.every_s = 0;
    } else if (in.has("every")) {
        c.every_s = in.time("every").si();
        if (!(c.every_s > 0)) in.fail("every", "no work between two checkpoints");
    } else {
        in.text("every", "optimal");
    }
    // Assumed: a blocking write of the state to shared storage takes about a minute.
    c.write_s = in.time("write", Seconds{60}).si();
    // 5 to 20 minutes on Meta's research clusters (arXiv:2410.21680).
    failures.restart_s = in.time("restart", Seconds{300}).si();
    return c;
}

}  // namespace

Training read_training(sim::Table& in, const topologies::Cluster& cluster) {
    Training t;
    t.tokens = static_cast<double>(in.count("tokens", 1));
    t.price_per_gpu_hour = in.number("price_per_gpu_hour", 0, 1e6, cluster.device().price_per_hour);
    if (in.has("ramp")) {
        sim::Table ramp = in.table("ramp");
        t.ramp = BatchRamp{small(ramp, "from", 1), 0, static_cast<double>(ramp.count("tokens", 1))};
        t.ramp->increment = small(ramp, "increment", 0, 0);
    } else {
        in.ignore("ramp");
    }
    t.power = read_power(in.table("power"), cluster);
    Failures& f = t.failures;
    f.mtbf_gpu_s = mean_time(in, "mtbf_per_gpu");
    f.mtbf_node_s = mean_time(in, "mtbf_per_node");
    f.mtbf_job_s = mean_time(in, "mtbf_per_job");
    sim::Table checkpoint = in.table("checkpoint");
    t.checkpoint = read_checkpoint(checkpoint, f);
    f.spares = in.has("spares") ? small(in, "spares", 0) : -1;
    if (f.spares < 0) in.ignore("spares");
    f.repair_s = in.time("repair", Seconds{kDay}).si();  // assumed
    f.replicas = small(in, "replicas", 2, 200);
    if (f.replicas > 10000)
        in.fail("replicas", "more runs than anybody waits for", "at most 10000");
    return t;
}

void check_training(sim::Table& in, Scenario& s) {
    if (!s.training || !s.training->ramp) return;
    sim::Table table = in.table("training").table("ramp");
    BatchRamp& ramp = *s.training->ramp;
    const long round = static_cast<long>(s.micro_batch) * s.parallel.data;
    if (ramp.increment == 0) ramp.increment = round;
    if (ramp.from >= s.global_batch)
        table.fail("from",
                   fmt::format("a ramp from {} sequences does not rise to batch.global = {}",
                               ramp.from, s.global_batch));
    for (const auto& [key, value] :
         {std::pair{"from", ramp.from}, std::pair{"increment", ramp.increment}})
        if (value % round != 0)
            table.fail(table.has(key) ? key : "from",
                       fmt::format("{} sequences do not divide into micro-batches of {} on {} "
                                   "data-parallel ranks",
                                   value, s.micro_batch, s.parallel.data),
                       fmt::format("a multiple of {}", round));
    if ((s.global_batch - ramp.from) % ramp.increment != 0)
        table.fail(table.has("increment") ? "increment" : "from",
                   fmt::format("from {} to {} is no whole number of increments of {}", ramp.from,
                               s.global_batch, ramp.increment));
}

}  // namespace moesim::scenarios
