#include "analysis/load_map.hpp"

#include <algorithm>

#include "scenarios/loads.hpp"

namespace moesim::analysis {

namespace {
constexpr double kMostPairs = 2e7;  // of ranks, over all layers and micro-batches
constexpr int kMostMicroBatches = 16;
}  // namespace

std::optional<LoadMap> load_map(const Simulated& run) {
    if (!run.scenario.routing || run.scenario.parallel.expert < 2) return {};
    scenarios::Scenario scenario = run.scenario;
    scenario.network = "pairwise";  // keeps from whom to whom
    std::vector<int> gpus;
    for (int i = 0; i < scenario.parallel.expert; ++i)
        gpus.push_back(i * scenario.parallel.expert_tensor);
    const scenarios::Loads loads{scenario, gpus};

    LoadMap out;
    out.ranks = gpus.size();
    out.copies.assign(out.ranks * out.ranks, 0);
    const double pairs = static_cast<double>(out.copies.size()) * std::max(1, scenario.moe_layers);
    out.micro_batches = std::clamp(static_cast<int>(kMostPairs / pairs), 1,
                                   std::min(kMostMicroBatches, scenario.micro_batches()));
    for (int layer = 0; layer < scenario.moe_layers; ++layer) {
        std::vector<double> rows;
        for (int i = 0; i < out.micro_batches; ++i) {
            const int micro_batch = static_cast<int>(static_cast<long>(i) *
                                                     scenario.micro_batches() / out.micro_batches);
            const scenarios::ExchangeLoad load = loads.get(layer, micro_batch, 0, false);
            rows.resize(load.rows.size());
            for (std::size_t r = 0; r < rows.size(); ++r) rows[r] += load.rows[r];
            for (const topologies::Flows& phase : load.flows)
                for (std::size_t p = 0; p < out.copies.size(); ++p)
                    out.copies[p] += phase.copies[p] / out.micro_batches / scenario.moe_layers;
        }
        const double mean = scenarios::mean(rows);
        for (double& r : rows) r = mean > 0 ? r / mean : 1;
        out.rows.push_back(std::move(rows));
    }
    return out;
}

}  // namespace moesim::analysis
