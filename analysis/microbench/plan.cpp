#include "analysis/microbench/plan.hpp"

#include <algorithm>
#include <set>

#include "analysis/microbench/plan_parts.hpp"
#include "analysis/microbench/sampling.hpp"

namespace moesim::microbench {

std::vector<Case> plan(int capability) {
    std::vector<Case> out;
    plan_launch(out);
    plan_memory(out);
    plan_gemm(out, capability);
    plan_attention(out);
    plan_grouped_gemm(out, capability);
    plan_contention(out);
    return out;
}

std::vector<std::string> known_ops() {
    std::set<std::string> words{"contention"};
    for (const Case& one : plan(100)) {
        words.insert(one.op);
        if (!one.kernel.empty()) words.insert(one.kernel);
    }
    return {words.begin(), words.end()};
}

std::vector<Case> chosen(const std::vector<Case>& all, const std::vector<std::string>& ops) {
    if (ops.empty()) return all;
    std::vector<Case> out;
    for (const Case& one : all)
        if (std::any_of(ops.begin(), ops.end(), [&](const auto& op) { return matches(one, op); }))
            out.push_back(one);
    return out;
}

double seconds_to_measure(const Case& what) {
    // NVIDIA H200 data sheet: 989 and 1,979 TFLOPS dense, 4.8 TB/s; our own attention kernel:
    // assumed.
    const double peak = what.op == "attention" ? 160e12 : what.dtype == "bf16" ? 989e12 : 1979e12;
    const double once = std::max({flop(what) / (peak / 2), bytes(what) / (4.8e12 / 2), 3e-6});
    const Sampling s = sampling(once, 1);
    const double prepare = 0.02;  // filling, heuristics, check: assumed
    return prepare + (s.samples * s.inner + 3) * once;
}

}  // namespace moesim::microbench
