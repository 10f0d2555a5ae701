#include <catch2/catch.hpp>

#include "analysis/result.hpp"
#include "scenarios/lowering.hpp"
#include "small.hpp"

using namespace moesim;
using scenarios::MemoryClass;
using scenarios::small;

namespace {

using Sets = std::vector<std::string>;

Sets balanced(const Sets& more = {}) {
    Sets sets{"routing={kind=\"balanced\"}"};
    sets.insert(sets.end(), more.begin(), more.end());
    return sets;
}

analysis::Simulated run(const Sets& sets, bool fold = true, const char* engine = "simgrid") {
    return analysis::simulate(small(sets), {engine, fold});
}

double step(const Sets& sets, bool fold = true, const char* engine = "simgrid") {
    return run(sets, fold, engine).line.makespan;
}

double standing(const Sets& sets, MemoryClass cls) {
    return scenarios::lower(small(sets), true).standing.front()[static_cast<std::size_t>(cls)];
}

/// Bytes sent by transfers of a kind, all demands.
double bytes(const Sets& sets, sim::Kind kind) {
    const auto lowered = scenarios::lower(small(sets), true);
    double sum = 0;
    for (const sim::TaskGraph::Task& task : lowered.graph.tasks)
        if (task.label.kind == kind)
            for (const sim::Demand& d : lowered.graph.demands_of(task)) sum += d.bytes;
    return sum;
}

double exposed(const Sets& sets, analysis::Part part) {
    const analysis::Simulated s = run(sets);
    double most = 0;
    for (const auto& members : s.booked)
        for (const auto& m : members)
            most = std::max(most, m.parts[static_cast<std::size_t>(part)]);
    return most;
}

const Sets kGrid{"parallel.tensor=2", "parallel.context=2", "parallel.data=4", "parallel.expert=8",
                 "parallel.expert_tensor=2"};
const Sets kInterleaved{"step.schedule=\"interleaved\"", "parallel.virtual=2"};

Sets operator+(Sets a, const Sets& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

}  // namespace

TEST_CASE("plans: folding is exact on every axis when balanced") {
    const Sets plan = balanced(kGrid + kInterleaved);
    for (const char* kind : {"ring", "alltoall"}) {
        const Sets sets = plan + Sets{std::string{"step.context_kind="} + kind};
        CHECK(step(sets, true) == Approx(step(sets, false)).epsilon(1e-6));
    }
    const Sets tp = plan + Sets{"step.overlap=[\"tp\",\"pp\",\"grad_reduce\",\"param_gather\"]"};
    CHECK(step(tp, true) == Approx(step(tp, false)).epsilon(1e-6));
}

TEST_CASE("plans: expert-tensor ranks hold their share of the experts") {
    // 256 experts on 8 x 2 ranks are as many parameters per rank as on 16 x 1.
    const Sets folded = balanced({"parallel.expert=8", "parallel.expert_tensor=2"});
    CHECK(standing(folded, MemoryClass::weights) ==
          Approx(standing(balanced(), MemoryClass::weights)));
    // Every rank sends what it sent before to half as many ranks, and gathers over its pair.
    CHECK(bytes(folded, sim::Kind::tp) > 0);
    CHECK(bytes(balanced(), sim::Kind::tp) == 0);
}

TEST_CASE("plans: a ring of c ranks sends keys and values c - 1 times, twice that backwards") {
    const Sets four = balanced({"parallel.context=4", "parallel.data=4", "batch.global=16"});
    const scenarios::Scenario s = small(four);
    const models::Attention& a = s.model.kinds.front().attention;
    // 4 micro-batches of 1,024 / 4 tokens, 4 layers, BF16, one forward (1) and one backward (2);
    // each byte is booked where it leaves and where it arrives.
    const double kv = 256.0 * 2 * a.kv_heads * (a.qk_dim() + a.value_dim());
    CHECK(bytes(four, sim::Kind::cp) == Approx(4 * 4 * (1 + 2) * kv * 3 * 2));
}

TEST_CASE("plans: fsdp holds a share of everything and gathers what it computes with") {
    const auto weights = [](const char* optimizer) {
        return standing(balanced({std::string{"step.optimizer="} + optimizer}),
                        MemoryClass::weights);
    };
    CHECK(weights("zero2") == Approx(weights("zero1")));
    CHECK(weights("fsdp") < weights("zero1"));
    // zero1 and zero2 hold the same optimizer state, zero2 fewer gradients.
    const auto gradients = [](const char* optimizer) {
        return standing(balanced({std::string{"step.optimizer="} + optimizer}),
                        MemoryClass::gradients);
    };
    CHECK(gradients("replicated") == Approx(gradients("zero1")));
    CHECK(gradients("zero2") == Approx(gradients("fsdp")));
    CHECK(gradients("zero2") < gradients("zero1"));
    // Two gathers and one reduction per micro-batch instead of one of each per step.
    CHECK(bytes(balanced({"step.optimizer=fsdp"}), sim::Kind::dp) >
          2 * bytes(balanced(), sim::Kind::dp));
}

TEST_CASE("plans: overlapped reductions and gathers move the same bytes in less time") {
    const Sets serial = balanced(kInterleaved + Sets{"step.overlap=[\"pp\"]"});
    const Sets beside =
        balanced(kInterleaved + Sets{"step.overlap=[\"pp\",\"grad_reduce\",\"param_gather\"]"});
    CHECK(bytes(beside, sim::Kind::dp) == Approx(bytes(serial, sim::Kind::dp)));
    CHECK(step(beside) < step(serial));
    CHECK(exposed(beside, analysis::Part::exposed_dp) > 0);  // the first and the last bucket
}

TEST_CASE("plans: without overlap nothing is faster") {
    for (const char* schedule : {"dualpipe", "dualpipev", "1f1b"}) {
        // Without a host that could be late: what it does in which order is a cost of overlap.
        const Sets sets = balanced(
            {std::string{"step.schedule="} + schedule, "layers=4", "step.cuda_graphs=true"});
        CHECK(step(sets + Sets{"step.overlap=none"}, true, "replay") >=
              step(sets, true, "replay") * (1 - 1e-9));
    }
}

TEST_CASE("plans: a layer in parts sends the same bytes") {
    CHECK(bytes(balanced({"step.chunks=4"}), sim::Kind::ep) ==
          Approx(bytes(balanced(), sim::Kind::ep)));
}

TEST_CASE("plans: two flushes are two pipelines one after the other") {
    const Sets sets = balanced({"step.optimizer=none"});  // 4 micro-batches
    const double four = step(sets), two = step(sets + Sets{"step.flush=2"});
    CHECK(two > four);
}

TEST_CASE("plans: both engines agree on every plan") {
    for (const Sets& plan : {kInterleaved, Sets{"step.chunks=2"}, Sets{"step.optimizer=fsdp"}}) {
        const Sets sets = balanced(plan);
        CHECK(step(sets) >= step(sets, true, "replay") * (1 - 1e-9));
        CHECK(step(sets) < step(sets, true, "replay") * 1.05);
    }
}

TEST_CASE("plans: formats of gradients and moments change bytes") {
    CHECK(standing(balanced({"step.gradient_format=bf16"}), MemoryClass::gradients) ==
          Approx(standing(balanced({"step.gradient_format=fp32"}), MemoryClass::gradients) / 2));
    // Master 4 and moments 2 x 4 or 2 x 2 bytes.
    CHECK(standing(balanced({"step.moments=bf16"}), MemoryClass::optimizer) / 8 ==
          Approx(standing(balanced({"step.moments=fp32"}), MemoryClass::optimizer) / 12));
}
