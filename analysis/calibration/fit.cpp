#include "analysis/calibration/fit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace moesim::analysis {

using topologies::ResidualGrid;

double Prediction::seconds(const ResidualGrid& residual) const {
    double sum = fixed_s;
    for (const Term& term : terms)
        if (term.seconds > 0) sum += term.seconds * std::exp(residual.at(term.sizes));
    return sum;
}

std::vector<double> minimise(const std::function<double(const std::vector<double>&)>& cost,
                             std::vector<double> start, int steps, int restarts) {
    struct Corner {
        double cost;
        std::vector<double> at;
    };
    const std::size_t n = start.size();
    const auto better = [](const Corner& a, const Corner& b) { return a.cost < b.cost; };
    for (int restart = 0; restart <= restarts; ++restart) {
        std::vector<Corner> simplex{{cost(start), start}};
        for (std::size_t i = 0; i < n; ++i) {
            auto moved = start;
            moved[i] += 0.4;
            simplex.push_back({cost(moved), moved});
        }
        for (int step = 0; step < steps; ++step) {
            std::stable_sort(simplex.begin(), simplex.end(), better);
            std::vector<double> centre(n, 0);
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t j = 0; j < n; ++j)
                    centre[j] += simplex[i].at[j] / static_cast<double>(n);
            Corner& worst = simplex.back();
            const auto along = [&](double by) {
                Corner out{0, std::vector<double>(n)};
                for (std::size_t j = 0; j < n; ++j)
                    out.at[j] = centre[j] + by * (worst.at[j] - centre[j]);
                out.cost = cost(out.at);
                return out;
            };
            Corner mirrored = along(-1);
            if (mirrored.cost < simplex.front().cost) {
                Corner further = along(-2);
                worst = further.cost < mirrored.cost ? further : mirrored;
            } else if (mirrored.cost < simplex[n - 1].cost) {
                worst = mirrored;
            } else if (Corner nearer = along(mirrored.cost < worst.cost ? -0.5 : 0.5);
                       nearer.cost < std::min(mirrored.cost, worst.cost)) {
                worst = nearer;
            } else {
                for (std::size_t i = 1; i <= n; ++i) {
                    for (std::size_t j = 0; j < n; ++j)
                        simplex[i].at[j] = (simplex[i].at[j] + simplex[0].at[j]) / 2;
                    simplex[i].cost = cost(simplex[i].at);
                }
            }
        }
        start = std::min_element(simplex.begin(), simplex.end(), better)->at;
    }
    return start;
}

namespace {

constexpr int kReweightings = 8, kSweeps = 15;
constexpr double kLeastResidual = 0.02;  // below it errors count squared
constexpr double kPrior = 1e-3;          // pull of every node towards the form
constexpr double kSmooth = 3;            // and towards its neighbours: as strong as three rows
constexpr double kEmpty = 1e-6;          // nodes with less weight have no measurement nearby

struct Row {
    std::array<ResidualGrid::Corners, 2> corners;
    double weight = 1;
};

void fill_empty(ResidualGrid& grid, const std::vector<double>& support) {
    const auto& axes = grid.axes();
    const auto position = [&](std::size_t node) {
        return std::array<double, 3>{std::log(axes[0][node / (axes[1].size() * axes[2].size())]),
                                     std::log(axes[1][node / axes[2].size() % axes[1].size()]),
                                     std::log(axes[2][node % axes[2].size()])};
    };
    for (std::size_t i = 0; i < support.size(); ++i) {
        if (support[i] > kEmpty) continue;
        double nearest = std::numeric_limits<double>::infinity(), value = 0;
        const auto here = position(i);
        for (std::size_t j = 0; j < support.size(); ++j) {
            if (support[j] <= kEmpty) continue;
            const auto there = position(j);
            const double distance =
                std::hypot(here[0] - there[0], here[1] - there[1], here[2] - there[2]);
            if (distance >= nearest) continue;
            nearest = distance;
            value = grid.log_ratio()[j];
        }
        grid.log_ratio()[i] = value;
    }
}

}  // namespace

ResidualGrid fit_residuals(const std::array<std::vector<double>, 3>& axes,
                           std::span<const Prediction> predicted, std::span<const double> seconds) {
    const std::size_t nodes = axes[0].size() * axes[1].size() * axes[2].size();
    ResidualGrid grid{axes, std::vector<double>(nodes, 0)};
    std::vector<Row> rows(predicted.size());
    std::vector<double> support(nodes, 0);
    for (std::size_t i = 0; i < rows.size(); ++i)
        for (std::size_t t = 0; t < 2; ++t) {
            if (!(predicted[i].terms[t].seconds > 0)) continue;
            const auto& corners = rows[i].corners[t] = grid.corners(predicted[i].terms[t].sizes);
            for (std::size_t c = 0; c < 8; ++c) support[corners.node[c]] += corners.weight[c];
        }
    // Each sweep moves every node by the weighted mean of the errors around it, in ln(time);
    // `share` is how much of a time answers to its residual.
    for (int round = 0; round < kReweightings; ++round) {
        double off = 0;
        for (int sweep = 0; sweep < kSweeps; ++sweep) {
            std::vector<double> sum(nodes, 0), weight(nodes, kPrior);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                const double total = predicted[i].seconds(grid);
                off = std::log(seconds[i] / total);
                for (std::size_t t = 0; t < 2; ++t) {
                    const Prediction::Term& term = predicted[i].terms[t];
                    if (!(term.seconds > 0)) continue;
                    const auto& corners = rows[i].corners[t];
                    const double share = term.seconds * std::exp(grid.at(term.sizes)) / total;
                    for (std::size_t c = 0; c < 8; ++c) {
                        const double w = rows[i].weight * corners.weight[c] * share;
                        sum[corners.node[c]] += w * off;
                        weight[corners.node[c]] += w;
                    }
                }
            }
            const std::array<std::size_t, 3> stride{axes[1].size() * axes[2].size(), axes[2].size(),
                                                    1};
            const std::vector<double> before = grid.log_ratio();
            for (std::size_t node = 0; node < nodes; ++node)
                for (std::size_t d = 0; d < 3; ++d) {
                    const std::size_t at = node / stride[d] % axes[d].size();
                    const auto pull = [&](std::size_t other) {
                        sum[node] += kSmooth * (before[other] - before[node]);
                        weight[node] += kSmooth;
                    };
                    if (at > 0) pull(node - stride[d]);
                    if (at + 1 < axes[d].size()) pull(node + stride[d]);
                }
            for (std::size_t node = 0; node < nodes; ++node)
                grid.log_ratio()[node] =
                    std::clamp(grid.log_ratio()[node] + sum[node] / weight[node], -3.0, 3.0);
        }
        for (std::size_t i = 0; i < rows.size(); ++i)
            rows[i].weight =
                1 / std::max(kLeastResidual,
                             std::abs(std::log(seconds[i] / predicted[i].seconds(grid))));
    }
    fill_empty(grid, support);
    return grid;
}

Quality quality(std::span<const double> predicted, std::span<const double> measured) {
    Quality out;
    out.shapes = predicted.size();
    std::vector<double> off;
    for (std::size_t i = 0; i < predicted.size(); ++i)
        off.push_back(std::abs(predicted[i] / measured[i] - 1));
    if (off.empty()) return out;
    std::sort(off.begin(), off.end());
    const auto at = [&](double share) {
        return off[static_cast<std::size_t>(share * static_cast<double>(off.size() - 1))];
    };
    out.median = at(0.5);
    out.p90 = at(0.9);
    out.sigma = at(0.68);
    return out;
}

bool held_out(std::span<const double> sizes) {
    std::uint64_t hash = 0x9e3779b97f4a7c15ULL;
    for (const double size : sizes) {
        hash ^= std::bit_cast<std::uint64_t>(size);
        hash *= 0xbf58476d1ce4e5b9ULL;
        hash ^= hash >> 31;
    }
    return hash % 5 == 0;
}

std::vector<double> covered(std::vector<double> nodes, double least, double most) {
    std::vector<double> out;
    for (const double node : nodes)
        if (node >= least * 0.999 && node <= most * 1.001) out.push_back(node);
    if (out.empty()) out.push_back(least);
    return out;
}

}  // namespace moesim::analysis
