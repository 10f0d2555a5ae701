#include "scenarios/placements/partition.hpp"

#include <metis.h>

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <cassert>
#include <cmath>
#include <functional>
#include <numeric>

#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

// Sum of edges: METIS adds whole numbers up in 32 bits.
constexpr double kMostEdges = 2.5e8;
constexpr std::size_t kNeighbours = 32;  // of an item in the graph: a dense one takes METIS long

using Graph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, boost::no_property,
                          boost::property<boost::edge_weight_t, idx_t>>;

/// The weakest tie that each item still has an edge for: its kNeighbours strongest, on either side.
std::vector<double> thresholds(const Ties& ties) {
    std::vector<double> out(ties.size());
    for (std::size_t a = 0; a < ties.size() && ties.size() > kNeighbours; ++a) {
        std::vector<double> row = ties[a];
        std::nth_element(row.begin(), row.begin() + kNeighbours, row.end(), std::greater<>());
        out[a] = row[kNeighbours];
    }
    return out;
}

/// The ties that are worth an edge, as whole numbers.
Graph graph_of(const Ties& ties) {
    const std::size_t n = ties.size();
    double all = 0;
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = a + 1; b < n; ++b) all += ties[a][b];
    const std::vector<double> least = thresholds(ties);
    Graph out{n};
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = a + 1; b < n && all > 0; ++b) {
            if (ties[a][b] <= std::min(least[a], least[b]) && n > kNeighbours) continue;
            if (const auto weight = static_cast<idx_t>(std::lround(ties[a][b] / all * kMostEdges));
                weight > 0)
                boost::add_edge(a, b, weight, out);
        }
    }
    return out;
}

/// METIS's own form of a graph: neighbours one after another.
struct Rows {
    explicit Rows(const Graph& graph) {
        const auto [vertex, last] = boost::vertices(graph);
        for (auto v = vertex; v != last; ++v) {
            const auto [edge, end] = boost::out_edges(*v, graph);
            for (auto e = edge; e != end; ++e) {
                neighbour.push_back(static_cast<idx_t>(boost::target(*e, graph)));
                weight.push_back(boost::get(boost::edge_weight, graph, *e));
            }
            begin.push_back(static_cast<idx_t>(neighbour.size()));
        }
    }
    std::vector<idx_t> begin{0}, neighbour, weight;
};

/// Parts of `size` items each: from one with too many an item moves to one with too few, that which
/// loses least by it first.
void even_out(std::vector<int>& part, const Ties& ties, int parts) {
    const std::size_t size = part.size() / static_cast<std::size_t>(parts);
    std::vector<std::size_t> held(static_cast<std::size_t>(parts));
    for (const int p : part) ++held[static_cast<std::size_t>(p)];
    std::vector<double> to_part(held.size());
    for (;;) {
        std::size_t item = part.size(), to = 0;
        double least = 0;
        for (std::size_t a = 0; a < part.size(); ++a) {
            const auto own = static_cast<std::size_t>(part[a]);
            if (held[own] <= size) continue;
            std::fill(to_part.begin(), to_part.end(), 0.0);
            for (std::size_t b = 0; b < part.size(); ++b)
                if (a != b) to_part[static_cast<std::size_t>(part[b])] += ties[a][b];
            for (std::size_t p = 0; p < held.size(); ++p) {
                const double loss = to_part[own] - to_part[p];
                if (held[p] >= size || (item < part.size() && loss >= least)) continue;
                item = a, to = p, least = loss;
            }
        }
        if (item == part.size()) return;
        --held[static_cast<std::size_t>(part[item])];
        part[item] = static_cast<int>(to);
        ++held[to];
    }
}

/// Trades from the most loaded GPU, the cheapest in ties first, until the bound is kept.
bool keep_bound(Layout& layout, const std::vector<double>& weight, const Ties& ties,
                const Apart& apart) {
    const auto gpu_of = [&](std::size_t e) { return static_cast<std::size_t>(layout.gpu[e]); };
    std::vector<std::vector<double>> drawn(static_cast<std::size_t>(apart.gpus()),
                                           std::vector<double>(weight.size()));
    add_rows(drawn, ties, layout.gpu);
    Pull pull{apart, drawn};
    for (std::size_t tries = 0; tries < 2 * weight.size(); ++tries) {
        const auto hot = static_cast<std::size_t>(
            std::max_element(layout.load.begin(), layout.load.end()) - layout.load.begin());
        if (layout.load[hot] <= layout.bound) return true;
        std::size_t from = weight.size(), with = 0;
        double best = 0;
        for (std::size_t a = 0; a < weight.size(); ++a)
            for (std::size_t b = 0; gpu_of(a) == hot && b < weight.size(); ++b) {
                const double less = weight[a] - weight[b];
                if (gpu_of(b) == hot || less <= 0 ||
                    layout.load[gpu_of(b)] + less >= layout.load[hot])
                    continue;
                const int p = layout.gpu[a], q = layout.gpu[b];
                const double lost = pull.saved(a, p) + pull.saved(b, q) - pull.saved(a, q) -
                                    pull.saved(b, p) + 2 * ties[a][b] * apart(p, q);
                // Ties lost per load moved off, so that few trades do.
                const double price = lost / std::min(less, layout.load[hot] - layout.bound);
                if (from < weight.size() && price >= best) continue;
                from = a, with = b, best = price;
            }
        if (from == weight.size()) return false;
        const double less = weight[from] - weight[with];
        layout.load[gpu_of(from)] -= less;
        layout.load[gpu_of(with)] += less;
        const int p = layout.gpu[from], q = layout.gpu[with];
        std::swap(layout.gpu[from], layout.gpu[with]);
        follow(pull, ties, from, p, q);
        follow(pull, ties, with, q, p);
    }
    return false;
}

}  // namespace

std::vector<int> partition(const Ties& ties, int parts, std::uint64_t seed) {
    std::vector<int> out(ties.size());
    if (parts <= 1) return out;
    Rows rows{graph_of(ties)};
    if (rows.neighbour.empty() || ties.size() == static_cast<std::size_t>(parts)) {
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = static_cast<int>(i * static_cast<std::size_t>(parts) / out.size());
        return out;
    }
    idx_t options[METIS_NOPTIONS];
    METIS_SetDefaultOptions(options);
    options[METIS_OPTION_SEED] = static_cast<idx_t>(seed & 0x3fffffff);
    auto vertices = static_cast<idx_t>(ties.size());
    idx_t constraints = 1, count = parts, cut = 0;
    real_t slack = 1.001F;
    std::vector<idx_t> part(ties.size());
    const int done = METIS_PartGraphRecursive(
        &vertices, &constraints, rows.begin.data(), rows.neighbour.data(), nullptr, nullptr,
        rows.weight.data(), &count, nullptr, &slack, options, &cut, part.data());
    assert(done == METIS_OK && "a graph of whole, positive weights");
    static_cast<void>(done);
    std::copy(part.begin(), part.end(), out.begin());
    even_out(out, ties, parts);
    return out;
}

std::optional<Layout> partitioned_layout(const Ties& ties, const std::vector<double>& load,
                                         const Apart& apart, double tolerance, std::uint64_t seed) {
    const int nodes = apart.gpus() / apart.per_node();
    const std::vector<int> node = partition(ties, nodes, seed);
    Layout out = balanced_layout(load, apart.gpus(), tolerance);
    for (int n = 0; n < nodes; ++n) {
        std::vector<std::size_t> mine;
        for (std::size_t e = 0; e < node.size(); ++e)
            if (node[e] == n) mine.push_back(e);
        Ties inside(mine.size(), std::vector<double>(mine.size()));
        for (std::size_t i = 0; i < mine.size(); ++i) {
            for (std::size_t j = 0; j < mine.size(); ++j) inside[i][j] = ties[mine[i]][mine[j]];
        }
        const std::vector<int> gpu = partition(inside, apart.per_node(), seed);
        for (std::size_t i = 0; i < mine.size(); ++i)
            out.gpu[mine[i]] = n * apart.per_node() + gpu[i];
    }
    out.load = load_of_bins(load, out.gpu, apart.gpus());
    if (!keep_bound(out, load, ties, apart)) return {};
    return out;
}

}  // namespace moesim::scenarios
