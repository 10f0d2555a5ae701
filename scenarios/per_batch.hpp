#pragma once

#include <vector>

#include "scenarios/loads.hpp"

namespace moesim::scenarios {

/// Of an expert's replicas those that a source uses: on itself, else in its node, else all, in
/// equal shares. one_only: a single one of them, chosen by the source's number, as a static table
/// would. Source: SGLang expert_location.py (static dispatch); the order of preference is DeepEP
/// users'.
std::vector<SlotMap::Replica> nearest_replicas(const std::vector<SlotMap::Replica>& replicas,
                                               int source, const std::vector<int>& node,
                                               bool one_only);

/// Shares of the replicas that make the largest member load least, per layer: a linear program on
/// the loads that the placement was computed from. [layers][slots] Source: deepseek-ai/LPLB (the
/// same program, solved per batch there).
std::vector<std::vector<double>> balanced_shares(const Placement& placement,
                                                 const PlacementInput& input);

/// Moves of one micro-batch only ([placement] strategy = "shadowing" or "least_loaded"): rows go
/// elsewhere, and expert weights travel (ExchangeLoad::shipped).
///   expert_rows  [sources][experts]
void rearrange(ExchangeLoad& load, const std::vector<std::vector<double>>& expert_rows,
               const std::vector<std::vector<SlotMap::Replica>>& experts,
               const std::vector<int>& node, const Scenario& scenario);

}  // namespace moesim::scenarios
