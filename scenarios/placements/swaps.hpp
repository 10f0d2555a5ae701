#pragma once

#include <optional>
#include <vector>

#include "models/random.hpp"
#include "scenarios/placement.hpp"

namespace moesim::scenarios {

using Ties = std::vector<std::vector<double>>;  // [experts][experts]

/// What it costs two experts to be apart: nothing on one GPU, 1 in one node, `across` otherwise.
class Apart {
public:
    Apart(int gpus, int nodes, double across);

    [[nodiscard]] double operator()(int a, int b) const {
        return cost_[static_cast<std::size_t>(a * gpus_ + b)];
    }
    [[nodiscard]] int gpus() const { return gpus_; }
    [[nodiscard]] int per_node() const { return per_node_; }
    [[nodiscard]] double across() const { return across_; }

private:
    int gpus_, per_node_;
    double across_;
    std::vector<double> cost_;  // [gpus][gpus]
};

/// How strongly each expert is drawn to each GPU by experts that are there.
class Pull {
public:
    /// ties: [gpus][experts] sum of each expert's ties to what is on each GPU.
    Pull(const Apart& apart, const std::vector<std::vector<double>>& ties);

    /// Someone to whom `expert` is tied moves between GPUs.
    void move(std::size_t expert, int from, int to, double tie);
    /// Cost saved, against a node of its own, when the expert sits on `gpu`.
    [[nodiscard]] double saved(std::size_t expert, int gpu) const {
        return saved_[expert * gpus_ + static_cast<std::size_t>(gpu)];
    }

private:
    double beside_;  // saved by sitting in one node, per tie
    std::size_t gpus_, per_node_;
    std::vector<double> saved_;  // [experts][gpus]
};

/// ties[gpu][e] += rows[a][e] for every expert a and the GPU that it is on.
void add_rows(std::vector<std::vector<double>>& ties, const Ties& rows,
              const std::vector<int>& gpu);
/// ties[gpu][e] += rows[e][b] for every expert b and the GPU that it is on.
void add_columns(std::vector<std::vector<double>>& ties, const Ties& rows,
                 const std::vector<int>& gpu);

/// Everyone tied to `e` inside a layer feels it move between GPUs.
void follow(Pull& pull, const Ties& inside, std::size_t e, int from, int to);

/// One layer whose experts trade places: equally many experts per GPU stay equally many, and no GPU
/// is loaded beyond `bound`.
struct Layout {
    std::vector<int> gpu;      // [experts]
    std::vector<double> load;  // [gpus]
    double bound = 0;
};

/// The start of every search: longest processing time first. The bound is (1 + tolerance) times the
/// mean load, or what the start needs when that is more.
Layout balanced_layout(const std::vector<double>& weight, int gpus, double tolerance);

/// Trades two experts, whatever comes of it but the bound; false when that would be broken.
bool trade(Layout& layout, const std::vector<double>& weight, std::size_t a, std::size_t b);

/// Trades pairs while that saves cost, first found first taken; the saving. With `inside`, ties
/// between the experts of this layer count too, and `pull` is kept up to date with them.
double descend(Layout& layout, const std::vector<double>& weight, const Apart& apart, Pull& pull,
               const Ties* inside);

/// `trades` random trades that keep the bound.
void shake(Layout& layout, const std::vector<double>& weight, models::Random& random, int trades);

/// Ways to put n experts on p GPUs, n / p on each: n! / ((n / p)!)^p.
double ways(int n, int p);

/// Every way to put equally many experts on each GPU within the bound of balanced_layout(); nothing
/// when there are more than `most` ways to look at.
std::optional<std::vector<std::vector<int>>> all_layouts(const std::vector<double>& weight,
                                                         int gpus, double tolerance,
                                                         std::size_t most);

}  // namespace moesim::scenarios
