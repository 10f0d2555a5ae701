#pragma once

#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "analysis/importers/importer.hpp"

namespace moesim::analysis {

/// An operator call as a profiler saw it, and how long its kernels ran.
struct ProfiledCall {
    std::string op;                           // "aten::mm"
    std::string dtype;                        // of its first tensor: "c10::BFloat16", "" unknown
    std::vector<std::vector<double>> inputs;  // sizes of its tensors, in order; scalars are empty
    double seconds = 0;
};

/// Which operators stand for which kernels. The first rule whose `pattern` (a regular expression,
/// anywhere in the name) fits decides:
///
///     [[rule]]
///     pattern = "FusedRMSNorm"
///     kind    = "memory"      # gemm | batched_gemm | attention | memory | ignore
///     name    = "rmsnorm"     # memory: the kernel's name in recipes
///     bytes   = 4             # memory: read and written per element of the first tensor
///     pass    = "forward"     # attention, gemm: forward | input_gradient | weight_gradient
class KernelRules {
public:
    /// Built-in rules, behind those of `file` when it is not empty. Throws sim::InputError.
    explicit KernelRules(const std::string& file);

    /// The measurement that a call is, or nothing: then `why` says what was missing.
    [[nodiscard]] std::optional<Measurement> classify(const ProfiledCall& call,
                                                      std::string& why) const;

private:
    struct Rule {
        std::regex pattern;
        std::string kind, name;
        double bytes = 4;
        topologies::Pass pass = topologies::Pass::forward;
    };
    std::vector<Rule> rules_;
};

}  // namespace moesim::analysis
