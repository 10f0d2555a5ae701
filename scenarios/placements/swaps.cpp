#include "scenarios/placements/swaps.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

constexpr double kRounding = 1e-9;  // savings below this share are noise of summation

std::size_t at(int i) { return static_cast<std::size_t>(i); }

class Enumeration {
public:
    Enumeration(const std::vector<double>& weight, int gpus, double bound)
        : weight_{weight},
          bound_{bound},
          layout_(weight.size()),
          load_(at(gpus)),
          room_(at(gpus), static_cast<int>(weight.size()) / gpus) {}

    std::vector<std::vector<int>> all() {
        put(0);
        return std::move(found_);
    }

private:
    void put(std::size_t e) {
        if (e == weight_.size()) return found_.push_back(layout_);
        for (std::size_t gpu = 0; gpu < room_.size(); ++gpu) {
            if (room_[gpu] == 0 || load_[gpu] + weight_[e] > bound_) continue;
            const double before = load_[gpu];
            --room_[gpu];
            load_[gpu] += weight_[e];
            layout_[e] = static_cast<int>(gpu);
            put(e + 1);
            ++room_[gpu];
            load_[gpu] = before;
        }
    }

    const std::vector<double>& weight_;
    double bound_;
    std::vector<int> layout_;
    std::vector<double> load_;
    std::vector<int> room_;
    std::vector<std::vector<int>> found_;
};

}  // namespace

Apart::Apart(int gpus, int nodes, double across)
    : gpus_{gpus}, per_node_{gpus / nodes}, across_{across}, cost_(at(gpus * gpus), across) {
    for (int a = 0; a < gpus; ++a)
        for (int b = 0; b < gpus; ++b)
            if (a / per_node_ == b / per_node_) cost_[at(a * gpus + b)] = a == b ? 0 : 1;
}

Pull::Pull(const Apart& apart, const std::vector<std::vector<double>>& ties)
    : beside_{apart.across() - 1},
      gpus_{at(apart.gpus())},
      per_node_{at(apart.per_node())},
      saved_(gpus_ * ties.front().size()) {
    for (std::size_t e = 0; e < ties.front().size(); ++e) {
        for (std::size_t first = 0; first < gpus_; first += per_node_) {
            double node = 0;
            for (std::size_t g = first; g < first + per_node_; ++g) node += ties[g][e];
            for (std::size_t g = first; g < first + per_node_; ++g)
                saved_[e * gpus_ + g] = beside_ * node + ties[g][e];
        }
    }
}

void Pull::move(std::size_t expert, int from, int to, double tie) {
    double* const row = &saved_[expert * gpus_];
    const std::size_t here = at(from) / per_node_, there = at(to) / per_node_;
    for (std::size_t i = 0; here != there && i < per_node_; ++i) {
        row[here * per_node_ + i] -= beside_ * tie;
        row[there * per_node_ + i] += beside_ * tie;
    }
    row[at(from)] -= tie;
    row[at(to)] += tie;
}

void follow(Pull& pull, const Ties& inside, std::size_t e, int from, int to) {
    for (std::size_t other = 0; other < inside.size(); ++other)
        if (other != e && inside[e][other] != 0) pull.move(other, from, to, inside[e][other]);
}

void add_rows(std::vector<std::vector<double>>& ties, const Ties& rows,
              const std::vector<int>& gpu) {
    for (std::size_t a = 0; a < rows.size(); ++a) {
        std::vector<double>& to = ties[at(gpu[a])];
        for (std::size_t e = 0; e < to.size(); ++e) to[e] += rows[a][e];
    }
}

void add_columns(std::vector<std::vector<double>>& ties, const Ties& rows,
                 const std::vector<int>& gpu) {
    std::vector<double> of_one(ties.size());
    for (std::size_t e = 0; e < rows.size(); ++e) {
        std::fill(of_one.begin(), of_one.end(), 0.0);
        for (std::size_t b = 0; b < gpu.size(); ++b) of_one[at(gpu[b])] += rows[e][b];
        for (std::size_t g = 0; g < ties.size(); ++g) ties[g][e] += of_one[g];
    }
}

Layout balanced_layout(const std::vector<double>& weight, int gpus, double tolerance) {
    Layout out{balanced_pack(weight, gpus).bin, {}, 0};
    out.load = load_of_bins(weight, out.gpu, gpus);
    const double mean = std::accumulate(out.load.begin(), out.load.end(), 0.0) / gpus;
    out.bound =
        std::max((1 + tolerance) * mean, *std::max_element(out.load.begin(), out.load.end())) *
        (1 + kRounding);
    return out;
}

bool trade(Layout& layout, const std::vector<double>& weight, std::size_t a, std::size_t b) {
    const double more = weight[b] - weight[a];
    double &here = layout.load[at(layout.gpu[a])], &there = layout.load[at(layout.gpu[b])];
    if ((more > 0 && here + more > layout.bound) || (more < 0 && there - more > layout.bound))
        return false;
    here += more;
    there -= more;
    std::swap(layout.gpu[a], layout.gpu[b]);
    return true;
}

double descend(Layout& layout, const std::vector<double>& weight, const Apart& apart, Pull& pull,
               const Ties* inside) {
    double saving = 0;
    for (bool better = true; better;) {
        better = false;
        for (std::size_t a = 0; a < weight.size(); ++a) {
            for (std::size_t b = a + 1; b < weight.size(); ++b) {
                const int p = layout.gpu[a], q = layout.gpu[b];
                if (p == q) continue;
                const double now = pull.saved(a, p) + pull.saved(b, q);
                double then = pull.saved(a, q) + pull.saved(b, p);
                // Each is drawn to where the other no longer is; being apart stays the same.
                if (inside != nullptr) then -= 2 * (*inside)[a][b] * apart(p, q);
                if (then - now <= kRounding * now || !trade(layout, weight, a, b)) continue;
                if (inside != nullptr) {
                    follow(pull, *inside, a, p, q);
                    follow(pull, *inside, b, q, p);
                }
                saving += then - now;
                better = true;
            }
        }
    }
    return saving;
}

void shake(Layout& layout, const std::vector<double>& weight, models::Random& random, int trades) {
    const auto experts = static_cast<std::uint32_t>(weight.size());
    for (int i = 0; i < trades; ++i) {
        const std::size_t a = random.below(experts), b = random.below(experts);
        if (layout.gpu[a] != layout.gpu[b]) trade(layout, weight, a, b);
    }
}

double ways(int n, int p) { return std::exp(std::lgamma(n + 1.0) - p * std::lgamma(n / p + 1.0)); }

std::optional<std::vector<std::vector<int>>> all_layouts(const std::vector<double>& weight,
                                                         int gpus, double tolerance,
                                                         std::size_t most) {
    if (ways(static_cast<int>(weight.size()), gpus) > static_cast<double>(most)) return {};
    return Enumeration{weight, gpus, balanced_layout(weight, gpus, tolerance).bound}.all();
}

}  // namespace moesim::scenarios
