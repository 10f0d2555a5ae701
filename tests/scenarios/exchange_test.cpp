#include <catch2/catch.hpp>

#include "scenarios/lowering.hpp"
#include "sim/registry.hpp"
#include "tests/scenarios/small.hpp"

using namespace moesim;
using namespace moesim::scenarios;

namespace {

double step(const std::vector<std::string>& sets, bool fold = true,
            const std::string& engine = "simgrid") {
    return sim::Registry<sim::Engine>::make(engine)->run(lower(small(sets), fold).graph).makespan;
}

std::string complaint(const std::vector<std::string>& sets) {
    try {
        small(sets);
    } catch (const sim::InputError& e) {
        return e.what();
    }
    return "";
}

const char* const kBalanced = "routing={kind=\"balanced\"}";
const char* const kPairwise = "step.network=\"pairwise\"";
// One stage and one micro-batch: P^2 flows of every exchange are many.
const std::vector<std::string> kTiny{"gpus=16",  "parallel.pipeline=1", "step.schedule=\"none\"",
                                     "layers=1", "batch.global=16",     "step.optimizer=\"none\""};

std::vector<std::string> tiny(std::vector<std::string> more) {
    more.insert(more.end(), kTiny.begin(), kTiny.end());
    return more;
}

}  // namespace

TEST_CASE("exchange: pair by pair a balanced step is as long as by ports, folded or not") {
    const double links = step(tiny({kBalanced}));
    CHECK(step(tiny({kBalanced, kPairwise})) == Approx(links).epsilon(1e-6));
    CHECK(step(tiny({kBalanced, kPairwise}), false) == Approx(links).epsilon(1e-6));
}

TEST_CASE("exchange: pair by pair a skewed step is at most 2 % longer, folded or not") {
    const double links = step(tiny({})), pairs = step(tiny({kPairwise}));
    CHECK(pairs >= links * (1 - 1e-6));
    CHECK(pairs <= links * 1.02);
    CHECK(step(tiny({kPairwise}), false) == Approx(pairs).epsilon(0.01));
}

TEST_CASE("exchange: every dispatcher runs, and costs what it moves") {
    std::map<std::string, double> time;
    for (const std::string& name : sim::Registry<topologies::Dispatcher>::names())
        time[name] = step(tiny({kBalanced, "step.dispatcher=\"" + name + "\""}));
    // One copy per node instead of one per row; two phases in turn instead of side by side.
    CHECK(time["deepep"] < time["alltoall"]);
    CHECK(time["hierarchical"] > time["alltoall"]);
}

TEST_CASE("exchange: a hierarchical exchange is two transfers, one after the other") {
    const auto exchanges = [](const char* dispatcher) {
        const Lowered lowered =
            lower(small(tiny({kBalanced, std::string{"step.dispatcher="} + dispatcher})), true);
        int count = 0;
        for (const auto& task : lowered.graph.tasks)
            count += task.transfer && task.label.kind == sim::Kind::ep;
        return count;
    };
    CHECK(exchanges("hierarchical") == 2 * exchanges("alltoall"));
}

TEST_CASE("exchange: auto says what it picked") {
    const Scenario s = small({"step.dispatcher=\"auto\""});
    CHECK(s.dispatcher_name == "deepep");
    CHECK(s.resolved["step"]["dispatcher"] == "auto");
    CHECK(s.resolved["step"]["dispatcher_picked"] == "deepep");
    CHECK_FALSE(small().resolved["step"].contains("dispatcher_picked"));
}

TEST_CASE("exchange: fewer SMs for a dispatcher cost time where the table knows") {
    const std::vector<std::string> h100{kBalanced, "cluster=\"dgx-superpod-4su\"",
                                        "profile=\"h100\"", "step.precision=\"bf16\""};
    const auto with = [&](const char* sms) {
        std::vector<std::string> sets = h100;
        sets.push_back(std::string{"step.dispatcher_sms="} + sms);
        const Lowered lowered = lower(small(tiny(sets)), true);
        double seconds = 0;  // of the exchanges alone: fewer SMs held leave more to compute with
        for (const auto& task : lowered.graph.tasks)
            if (task.transfer && task.label.kind == sim::Kind::ep)
                seconds += lowered.graph.alone_seconds(task);
        return seconds;
    };
    CHECK(with("4") > 1.2 * with("24"));
}

TEST_CASE("exchange: slips in the keys of an exchange are refused") {
    CHECK_THAT(complaint({"step.network=\"links2\""}), Catch::Contains("did you mean 'links'"));
    CHECK_THAT(complaint({"step.dispatcher_sms=-1"}), Catch::Contains("step.dispatcher_sms"));
    CHECK_THAT(complaint({"step.dispatcher_sms=1e30"}), Catch::Contains("step.dispatcher_sms"));
    CHECK_THAT(complaint({kPairwise, "placement.strategy=\"shadowing\""}),
               Catch::Contains("pairwise"));
}
