#include "analysis/planning/training.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "analysis/planning/ramp.hpp"
#include "sim/paths.hpp"

using namespace moesim;
using namespace moesim::analysis;

namespace {

const RunOptions kReplay{.engine = "replay", .fold = true};

sim::Table table_with(const std::string& training) {
    return sim::Table::from_text(
        "model = 'mixtral-8x7b'\nlayers = 4\ncluster = 'test-2x4'\n"
        "[parallel]\npipeline = 2\ndata = 4\nexpert = 4\n"
        "[batch]\nglobal = 64\nsequence = 1024\n" +
            training,
        "small.toml");
}

nlohmann::ordered_json result_of(const std::string& training) {
    return result_json(simulate(scenarios::read_scenario(table_with(training), 0), kReplay),
                       kReplay);
}

std::string refusal(const std::string& training) {
    try {
        scenarios::read_scenario(table_with(training), 0);
    } catch (const sim::InputError& e) {
        return e.what();
    }
    return "";
}

}  // namespace

TEST_CASE("training: DeepSeek-V3's 2.664 M GPU hours and 5.33 M USD, off as its step time is") {
    const auto file = sim::find_data("scenario", "scenarios", "deepseek-v3-h800-2048");
    const auto run = simulate(scenarios::read_scenario(sim::Table::from_file(file), 0), kReplay);
    const auto result = result_json(run, kReplay);
    const double off = result["step"]["time_s"].get<double>() / 19.926;
    const auto& t = result["training"];
    // 14.8e12 / (15,360 x 4,096) steps x 19.926 s x 2,048 / 3,600 = 2.6667 M hours: the published
    // 2.664 to 0.1 %.
    CHECK(t["steps"] == std::ceil(14.8e12 / (15360.0 * 4096)));
    CHECK(t["gpu_hours"].get<double>() == Approx(2.664e6 * off).epsilon(0.002));
    CHECK(t["cost_usd"].get<double>() == Approx(5.33e6 * off).epsilon(0.002));
    CHECK(t["days"].get<double>() == Approx(54.2 * off).epsilon(0.003));
    CHECK(std::abs(off - 1) < 0.15);
    // Energy: 700 W x busy + 70 W x the rest, 550 + 25 W, and the switches: 96 switches of which
    // 64 down-ports serve ... counted over the cluster's links; times 1.1.
    const auto& p = t["power"];
    const double busy = p["device_busy_share"];
    CHECK(busy > 0.7);
    CHECK(busy < 1);
    CHECK(p["device_w"].get<double>() == Approx(70 + 630 * busy));
    // Eight planes, each: 256 endpoints into 8 leaves, 8 x 32 cables from leaves to spines:
    // 256 + 2 x 256 ports, so 3 ports per GPU, at 747 / 64 W.
    CHECK(p["network_w"].get<double>() == Approx(3 * 747.0 / 64));
    const double per_gpu = (70 + 630 * busy + 550 + 25 + 3 * 747.0 / 64) * 1.1;
    CHECK(t["energy_kwh"].get<double>() ==
          Approx(t["gpu_hours"].get<double>() * per_gpu / 1000).epsilon(1e-9));
    CHECK(t["goodput"].is_null());
}

TEST_CASE("training: a growing batch takes what its steps take") {
    // 16 to 64 in increments of 16 over 3 M tokens: 1 M each at 16, 32, 48, the rest at 64.
    const std::string ramp =
        "[training]\ntokens = '10 M'\n"
        "ramp = { from = 16, increment = 16, tokens = '3 M' }\n";
    const auto full = simulate(scenarios::read_scenario(table_with(ramp), 0), kReplay);
    const StepPlan plan = plan_steps(full, kReplay);
    double behind = 0, seconds = 0, steps = 0;
    for (const int batch : {16, 32, 48, 64}) {
        sim::Table table = table_with("");
        table.set("batch.global=" + std::to_string(batch));
        const double step = simulate(scenarios::read_scenario(table, 0), kReplay).line.makespan;
        const double until = batch == 64 ? 10e6 : batch / 16 * 1e6;
        for (; behind < until; behind += batch * 1024.0) {
            seconds += step;
            ++steps;
        }
    }
    CHECK(plan.steps == steps);
    // 16, 32 (the middle) and 64 are simulated, 48 lies on the line between two of them.
    CHECK(plan.seconds == Approx(seconds).epsilon(0.005));
    CHECK(plan.simulated.size() == 3);
    CHECK(plan.interpolated_steps > 0);
    CHECK(plan.extrapolated_steps == 0);
    CHECK(std::abs(plan.middle_rel_error) < 0.02);
    // More and smaller steps cost more than the full batch all along.
    CHECK(plan.seconds > std::ceil(10e6 / (64 * 1024)) * full.line.makespan);
}

TEST_CASE("training: a batch too small for the schedule is extrapolated, and says so") {
    const auto result = result_of(
        "[step]\nschedule = 'dualpipe'\n[training]\ntokens = '10 M'\n"
        "ramp = { from = 8, increment = 8, tokens = '3 M' }\n");
    // DualPipe wants two micro-batches per rank and direction: 4 of 4 sequences, 16 in all.
    const auto& ramp = result["training"]["ramp"];
    CHECK(ramp["simulated"][0]["global"] == 16);
    CHECK(ramp["extrapolated_steps"].get<double>() > 0);
}

TEST_CASE("training: failures lengthen, spares are paid") {
    const std::string base =
        "[training]\ntokens = '100 G'\nprice_per_gpu_hour = 2.0\nmtbf_per_gpu = '1000 h'\n"
        "checkpoint = { every = '30 min', write = '1 min', restart = '10 min' }\n";
    const auto t = result_of(base)["training"];
    const auto& f = t["failures"];
    // 8 GPUs: a failure each 125 h. Each costs 10 min and on average half of the 30 + 1 min, and
    // each 30 min take 1 min more: 30 / 31 x (1 - 25.5 min / 125 h).
    CHECK(f["job_mtbf_s"].get<double>() == Approx(125 * 3600));
    CHECK(t["goodput"].get<double>() == Approx(30.0 / 31 * (1 - 25.5 / 60 / 125)).epsilon(0.003));
    const double days = t["days"], elapsed = f["elapsed_days"];
    CHECK(elapsed == Approx(days / t["goodput"].get<double>()));
    CHECK(f["elapsed_cost_usd"].get<double>() == Approx(elapsed * 24 * 8 * 2.0));
    // One spare node of four GPUs is paid all the time.
    const auto spared = result_of(base + "spares = 1\n")["training"]["failures"];
    CHECK(spared["elapsed_cost_usd"].get<double>() ==
          Approx(spared["elapsed_days"].get<double>() * 24 * 12 * 2.0));
    // No work is ever kept: an answer, not an endless run.
    const auto hopeless = result_of(
        "[training]\ntokens = '100 G'\nmtbf_per_job = '1 s'\n"
        "checkpoint = { every = '30 min' }\n")["training"];
    CHECK(hopeless["goodput"].get<double>() < 1e-6);
    CHECK_FALSE(hopeless["failures"].contains("elapsed_days"));
}

TEST_CASE("training: what does not go together is refused at its key") {
    const std::string head = "[training]\ntokens = '1 G'\n";
    for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
             {"ramp = { from = 64, tokens = '1 M' }", "training.ramp.from: a ramp from 64"},
             {"ramp = { from = 6, tokens = '1 M' }", "training.ramp.from: 6 sequences do not"},
             {"ramp = { from = 16, increment = 20, tokens = '1 M' }", "training.ramp.increment: "},
             {"ramp = { from = 16 }", "training.ramp.tokens"},
             {"mtbf_per_gpu = '0 h'", "training.mtbf_per_gpu: "},
             {"mtbf_per_gpu = 50000", "training.mtbf_per_gpu: "},
             {"checkpoint = { every = '0 s' }", "training.checkpoint.every: "},
             {"checkpoint = { evry = '1 s' }", "training.checkpoint.evry: unknown key"},
             {"power = { pue = 0.5 }", "training.power.pue: "},
             {"power = { device_idle_w = 9999 }", "training.power.device_idle_w: "},
             {"replicas = 1", "training.replicas: "},
             {"spares = -1", "training.spares: "}}) {
        INFO(text);
        CHECK(refusal(head + text + "\n").find(expected) != std::string::npos);
    }
}
