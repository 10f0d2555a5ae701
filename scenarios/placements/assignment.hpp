#pragma once

#include <vector>

namespace moesim::scenarios {

/// The column of each row so that the sum of cost[row][column] is least and no column is taken
/// twice. cost is square. O(n^3). Source: H. Kuhn, Naval Research Logistics Quarterly 2 (1955); the
/// shortest-path form of R. Jonker, A. Volgenant, Computing 38 (1987).
std::vector<int> assign(const std::vector<std::vector<double>>& cost);

}  // namespace moesim::scenarios
