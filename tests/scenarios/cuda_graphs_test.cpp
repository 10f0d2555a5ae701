#include <catch2/catch.hpp>

#include <numeric>

#include "scenarios/lowering.hpp"
#include "sim/registry.hpp"
#include "small.hpp"

using namespace moesim;
using scenarios::small;

namespace {

using Sets = std::vector<std::string>;

Sets scopes(const std::string& list, const Sets& more = {}) {
    Sets sets{"step.precision=bf16", "step.dispatcher=alltoall", "routing={kind=\"balanced\"}",
              "step.cuda_graphs=" + list};
    sets.insert(sets.end(), more.begin(), more.end());
    return sets;
}

/// Seconds that the host needs to launch the first work of an op, and whether it waits there.
sim::Issue issue(const Sets& sets, const std::string& op) {
    const auto lowered = scenarios::lower(small(sets), true);
    for (const sim::TaskGraph::Task& task : lowered.graph.tasks)
        if (!task.transfer && lowered.graph.ops[task.label.op] == op) return task.issue;
    FAIL("no " << op);
    return {};
}

double issued(const std::string& list, const std::string& op, const Sets& more = {}) {
    return issue(scopes(list, more), op).seconds;
}

double step(const Sets& sets) {
    const auto lowered = scenarios::lower(small(sets), true);
    return sim::Registry<sim::Engine>::make("replay")->run(lowered.graph).makespan;
}

const std::string kAttention = "attention forward", kExperts = "ffn forward";

}  // namespace

TEST_CASE("CUDA graphs: a scope takes its own kernels from the host and costs one launch") {
    const double graph = small().host.graph_s;
    REQUIRE(graph > 0);
    // Attention and router share a segment: with a for the one's kernels, r for the other's and g
    // for a graph, none is a + r, attn g + r, moe_router a + g, both of them g.
    const double none = issued("[]", kAttention), attn = issued("[\"attn\"]", kAttention);
    const double router = issued("[\"moe_router\"]", kAttention);
    const double both = issued("[\"attn\", \"moe_router\"]", kAttention);
    CHECK(both == Approx(graph));
    CHECK(attn + router == Approx(none + 2 * graph));
    CHECK(router < none);
    CHECK(attn < none);
    // What lies around the experts is apart from them.
    CHECK(issued("[\"attn\", \"moe_router\"]", kExperts) == issued("[]", kExperts));
    const double preprocess = issued("[\"moe_preprocess\"]", kExperts);
    CHECK(preprocess < issued("[]", kExperts) + graph);  // a launch more, some kernels less
    CHECK(preprocess > graph);                           // the experts themselves
}

TEST_CASE("CUDA graphs: a scope that the model has no part for changes nothing") {
    CHECK(issued("[\"mamba\"]", kAttention) == issued("[]", kAttention));
    CHECK(issued("[\"mlp\"]", kExperts) == issued("[]", kExperts));
    // A dense layer has an mlp, and nothing of a MoE.
    const Sets dense{"layers=2", "dense_layers=2", "model=deepseek-v3", "parallel.expert=1",
                     "mtp_layers=0"};
    CHECK(issued("[\"mlp\"]", kExperts, dense) == Approx(small().host.graph_s));
    CHECK(issued("[\"moe_preprocess\"]", kExperts, dense) == issued("[]", kExperts, dense));
}

TEST_CASE("CUDA graphs: a graph of everything waits for no counts") {
    CHECK(issue(scopes("[]"), kExperts).waits);
    CHECK(issue(scopes("[\"attn\", \"moe_router\", \"moe_preprocess\"]"), kExperts).waits);
    CHECK_FALSE(issue(scopes("true"), kExperts).waits);
    CHECK(issued("true", kExperts) == Approx(small().host.graph_s));
    CHECK(issued("true", kAttention) == Approx(small().host.graph_s));
}

TEST_CASE("CUDA graphs: a step whose host is late is shorter with them") {
    // Few tokens: kernels so short that the host cannot keep up.
    const Sets few{"batch.sequence=128", "step.optimizer=none"};
    const double none = step(scopes("false", few));
    const double some = step(scopes("[\"attn\", \"moe_router\"]", few));
    CHECK(some < none);
    CHECK(step(scopes("true", few)) < none);
}
