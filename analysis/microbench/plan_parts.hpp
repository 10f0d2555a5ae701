#pragma once

#include <vector>

#include "analysis/microbench/case.hpp"

namespace moesim::microbench {

/// Each appends the cases of one kind.
void plan_launch(std::vector<Case>& out);
void plan_memory(std::vector<Case>& out);
void plan_gemm(std::vector<Case>& out, int capability);
void plan_grouped_gemm(std::vector<Case>& out, int capability);
void plan_attention(std::vector<Case>& out);
void plan_contention(std::vector<Case>& out);

}  // namespace moesim::microbench
