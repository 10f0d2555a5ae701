#include "scenarios/placements/assignment.hpp"

#include <limits>

namespace moesim::scenarios {
namespace {

/// Rows are added one at a time along the cheapest augmenting path. Column n stands for "none yet".
class Assignment {
public:
    explicit Assignment(const std::vector<std::vector<double>>& cost)
        : cost_{cost},
          n_{cost.size()},
          row_price_(n_),
          column_price_(n_ + 1),
          row_of_(n_ + 1, n_) {}

    std::vector<int> solve() {
        for (std::size_t row = 0; row < n_; ++row) add(row);
        std::vector<int> out(n_);
        for (std::size_t column = 0; column < n_; ++column)
            out[row_of_[column]] = static_cast<int>(column);
        return out;
    }

private:
    void add(std::size_t row) {
        std::vector<double> distance(n_, std::numeric_limits<double>::infinity());
        std::vector<std::size_t> before(n_, n_);
        std::vector<bool> done(n_ + 1);
        std::size_t column = n_;
        row_of_[n_] = row;
        while (row_of_[column] != n_) {
            done[column] = true;
            column = next(column, distance, before, done);
        }
        while (column != n_) {
            row_of_[column] = row_of_[before[column]];
            column = before[column];
        }
        row_of_[n_] = n_;
    }

    /// The nearest column not done, after the row of `column` has been looked at.
    std::size_t next(std::size_t column, std::vector<double>& distance,
                     std::vector<std::size_t>& before, const std::vector<bool>& done) {
        const std::size_t row = row_of_[column];
        std::size_t nearest = n_;
        for (std::size_t c = 0; c < n_; ++c) {
            if (done[c]) continue;
            const double reduced = cost_[row][c] - row_price_[row] - column_price_[c];
            if (reduced < distance[c]) {
                distance[c] = reduced;
                before[c] = column;
            }
            if (nearest == n_ || distance[c] < distance[nearest]) nearest = c;
        }
        const double step = distance[nearest];
        for (std::size_t c = 0; c <= n_; ++c) {
            if (done[c]) {
                row_price_[row_of_[c]] += step;
                column_price_[c] -= step;
            } else if (c < n_) {
                distance[c] -= step;
            }
        }
        return nearest;
    }

    const std::vector<std::vector<double>>& cost_;
    std::size_t n_;
    std::vector<double> row_price_, column_price_;
    std::vector<std::size_t> row_of_;  // [columns], n: none
};

}  // namespace

std::vector<int> assign(const std::vector<std::vector<double>>& cost) {
    return Assignment{cost}.solve();
}

}  // namespace moesim::scenarios
