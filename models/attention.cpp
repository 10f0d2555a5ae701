#include "models/attention.hpp"

#include <map>

namespace moesim::models {

double AttentionKind::core_flops(const Attention& attention, long sequence, bool causal) const {
    const double all = 2.0 * static_cast<double>(sequence) * attention.heads *
                       (attention.qk_dim() + attention.value_dim());
    return causal ? all / 2 : all;
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
