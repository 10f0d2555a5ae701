#include "models/attention.hpp"

#include <algorithm>
#include <map>

namespace moesim::models {

double AttentionKind::vectors(const Attention&, int) const { return 0; }

double AttentionKind::state_values(const Attention&) const { return 0; }

double AttentionKind::core_flops(const Attention& a, long sequence, bool causal) const {
    const double s = static_cast<double>(sequence);
    const bool half = causal && a.causal;
    return 2 * a.keys(s, half) * a.heads * (a.qk_dim() + a.value_dim()) +
           2.0 * a.index_heads * a.index_dim * (half ? s / 2 : s) / std::max(1, a.compress);
}

const AttentionKind& attention_kind(const std::string& name) {
    static const auto kinds = [] {
        std::map<std::string, std::unique_ptr<AttentionKind>> all;
        for (const auto& [kind, entry] : sim::Registry<AttentionKind>::entries())
            all[kind] = entry.make();
        return all;
    }();
    return *kinds.at(name);
}

}  // namespace moesim::models
