#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "models/model.hpp"

namespace moesim::analysis {

/// A plan as `moesim model` takes it on the command line.
struct ModelPlan {
    std::string
        parallel{};  // "tensor=1,pipeline=16,expert=64,data=128"; also tp pp dp cp ep etp vpp
    std::string recipe = "bf16";
    std::string device = "h100-sxm";
    std::string schedule{};   // empty: 1f1b (interleaved with vpp), none without a pipeline
    std::string optimizer{};  // empty: zero1
    std::string recompute{};  // "layernorm,mla_up_proj"
    int micro_batch = 1;
    long sequence = 4096;
    double load = 1;  // rows of the hottest rank over the mean
};

/// Memory of the hottest rank of a plan, as the keys of a result's `memory`, with the plan as it
/// was understood, bytes and whether they fit the device.
///
/// The plan becomes a scenario on one scale-up domain of the device, whose step is lowered and
/// played without contention: weights, gradients, optimizer and activations are those of `moesim
/// run`. With load > 1 every rank receives that many times the mean rows, so the hottest rank is
/// among them. buffers, where the scenario names none: the send and the receive side of one
/// dispatch, (T k + A) rows of the payload.
/// Throws sim::InputError for what does not fit together.
nlohmann::ordered_json model_memory(const models::Model& model, const std::string& path,
                                    const ModelPlan& plan);

}  // namespace moesim::analysis
