#include "analysis/calibration/calibration.hpp"

namespace moesim::analysis {

Calibration calibrate(const std::vector<Measurement>& measurements,
                      const topologies::Hardware& on) {
    Calibration out;
    out.on = on;
    fit_gemm(measurements, out);
    fit_memory(measurements, out);
    fit_attention(measurements, out);
    fit_experts(measurements, out);
    fit_rest(measurements, out);
    return out;
}

}  // namespace moesim::analysis
