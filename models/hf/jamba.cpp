#include <fmt/format.h>

#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Mamba layers with attention at a period, experts at another. Source: huggingface/transformers,
/// models/jamba/configuration_jamba.py.
class Jamba final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int layers = out["layers"].get<int>();
        const auto [attention_period, attention_offset] = period(in, "attn_layer_", 8, 4);
        const auto [expert_period, expert_offset] = period(in, "expert_layer_", 2, 1);
        const int count = in.size("num_experts", 1, 16);
        std::string pattern;
        for (int i = 0; i < layers; ++i) {
            const bool attention = i % attention_period == attention_offset;
            const bool moe = count > 1 && i % expert_period == expert_offset;
            pattern += attention ? (moe ? 'A' : 'a') : moe ? 'M' : 'm';
        }
        out["pattern"] = runs(pattern);
        out["attention"] = grouped_query(in);
        const int width = in.size("mamba_expand", 1, 2) * out["hidden"].get<int>();
        const int rank = in.has("mamba_dt_rank") && !is_auto(in)
                             ? in.size("mamba_dt_rank", 1)
                             : (out["hidden"].get<int>() + 15) / 16;
        out["mixer"]["mamba"] = {{"kind", "mamba1"},
                                 {"width", width},
                                 {"state", in.size("mamba_d_state", 1, 16)},
                                 {"dt_rank", rank},
                                 {"conv", in.size("mamba_d_conv", 0, 4)}};
        out["dense"] = dense(in);
        if (count > 1) {
            out["moe"] = experts(in, {"num_experts"}, {"num_experts_per_tok"},
                                 in.size("intermediate_size", 1));
            out["moe"]["router"] = "softmax";
        }
        for (const char letter : pattern)
            out["layer"][std::string(1, letter)] = {
                {"mixer", letter == 'A' || letter == 'a' ? "attention" : "mamba"},
                {"ffn", letter == 'A' || letter == 'M' ? "moe" : "dense"}};
        return out;
    }

private:
    static bool is_auto(const Config& in) {
        try {
            return in.text("mamba_dt_rank") == "auto";
        } catch (const sim::InputError&) {
            return false;  // then it is to be a number
        }
    }
    static std::pair<int, int> period(const Config& in, const std::string& prefix, int every,
                                      int at) {
        const int count = in.size(prefix + "period", 1, every);
        const int offset = in.size(prefix + "offset", 0, at);
        if (offset >= count)
            in.fail(prefix + "offset", fmt::format("{} in a period of {}", offset, count));
        return {count, offset};
    }
};

const sim::Register<Family, Jamba> entry{"jamba", "Jamba"};

}  // namespace
}  // namespace moesim::models::hf
