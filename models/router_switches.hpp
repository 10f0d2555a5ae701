#pragma once

#include "models/model.hpp"

namespace moesim::models {

/// The model with its routers changed as keys of a scenario's [routing] table say; what is absent
/// stays as the model has it:
///
///     score          = "sigmoid"   # a word of moe.router: how gates score, and with which bias
///     top_k          = 4
///     groups         = 8           # group-limited choice; 1: free
///     group_limit    = 4
///     per_group      = 1           # so many choices in every group; 0: no such rule
///     shared_experts = 1           # of the shared width, or of a routed expert's
///
/// Published totals are dropped when parameters change. Throws sim::InputError, also for top_k
/// above the experts and the like, at the key.
void switch_routers(sim::Table in, Model& model);

}  // namespace moesim::models
