#include <algorithm>
#include <cmath>

#include "analysis/calibration/calibration.hpp"

namespace moesim::analysis {
namespace {

double at(std::vector<double>& values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

}  // namespace

/// Products beside a copy over products alone at the same shape, as their forms have it; attention
/// is assumed to slow alike, and memory-bound kernels half as much.
void fit_rest(const std::vector<Measurement>& all, Calibration& out) {
    std::map<std::string, std::vector<double>> launches;
    std::vector<double> factors;
    for (const Measurement& m : all) {
        if (const auto* launch = std::get_if<Launch>(&m.what)) {
            if (launch->kernel == "launch_gap" || launch->kernel == "host_issue")
                launches[launch->kernel].push_back(m.seconds);
            continue;
        }
        const auto* q = std::get_if<topologies::Gemm>(&m.what);
        if (!q || !m.contended || m.casts) continue;
        const auto form = out.gemm.find(q->format);
        if (form == out.gemm.end()) continue;
        const double alone = topologies::gemm_seconds(*q, form->second, out.on) *
                             std::exp(form->second.residual.at(topologies::dense_sizes(*q)));
        if (alone > 0) factors.push_back(m.seconds / alone);
    }
    for (auto& [kernel, seconds] : launches) out.launch_s[kernel] = at(seconds, 0.5);
    if (factors.size() < 3) return;
    const double factor = std::clamp(at(factors, 0.5), 1.0, 10.0);
    const double error = std::clamp((at(factors, 0.84) - at(factors, 0.16)) / 2, 0.02, 1.0);
    out.contention["gemm"] = {factor, error};
    out.contention["attention"] = {factor, std::min(1.0, 2 * error)};
    out.contention["memory"] = {1 + (factor - 1) / 2, std::min(1.0, 2 * error)};
}

}  // namespace moesim::analysis
