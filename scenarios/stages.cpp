#include "scenarios/layer_costs.hpp"

namespace moesim::scenarios {

namespace {

std::vector<std::vector<Item>> numbered(std::vector<std::vector<Item>> stages) {
    for (std::size_t i = 0; i < stages.size(); ++i)
        for (std::size_t j = 0; j < stages[i].size(); ++j) {
            stages[i][j].stage = static_cast<int>(i);
            stages[i][j].index = static_cast<int>(j);
        }
    return stages;
}

}  // namespace

std::vector<std::vector<Item>> stage_items(const Scenario& s) {
    std::vector<std::vector<Item>> stages(s.layers_per_stage.size());
    const bool whole = !s.schedule->cut_out();
    if (whole) stages.front().push_back({Item::Type::embedding});
    int layer = 0, moe_layer = 0;
    const auto add = [&](std::vector<Item>& stage, int kind) {
        const bool moe = s.model.kinds[static_cast<std::size_t>(kind)].moe.has_value();
        stage.push_back({Item::Type::layer, layer++, kind, moe ? moe_layer++ : -1});
    };
    for (std::size_t i = 0; i < stages.size(); ++i)
        for (int n = 0; n < s.layers_per_stage[i]; ++n)
            add(stages[i], s.model.layers[static_cast<std::size_t>(layer)]);
    if (!whole) return numbered(std::move(stages));
    stages.back().push_back({Item::Type::head});
    for (int m = 0; m < s.model.mtp_layers; ++m) {
        stages.back().push_back({Item::Type::mtp_projection});
        add(stages.back(), s.model.mtp_layer_kind());
        stages.back().push_back({Item::Type::head});
    }
    return numbered(std::move(stages));
}

}  // namespace moesim::scenarios
