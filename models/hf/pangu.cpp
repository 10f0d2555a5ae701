#include <fmt/format.h>

#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// One expert of each group. Source: the open release of Pangu Pro MoE, configuration class;
/// arXiv:2505.21411: eight groups.
class PanguPro final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        out["attention"] = grouped_query(in);
        out["moe"] = experts(in, {"num_experts"}, {"num_experts_per_tok"},
                             in.size("moe_intermediate_size", 1));
        Json& moe = out["moe"];
        const int groups = in.any_size({"num_groups", "n_group"}, 1, 8);
        const int top_k = moe["top_k"].get<int>();
        if (moe["experts"].get<int>() % groups != 0 || top_k % groups != 0)
            in.fail("num_experts_per_tok",
                    fmt::format("experts and choices do not divide into {} groups", groups));
        const int shared = in.size("shared_expert_intermediate_size", 0);
        const int width = moe["width"].get<int>();
        if (shared > 0) {
            const bool whole_ones = shared % width == 0;
            moe["shared_experts"] = whole_ones ? shared / width : 1;
            if (!whole_ones) moe["shared_width"] = shared;
        }
        moe["groups"] = moe["group_limit"] = groups;
        moe["per_group"] = top_k / groups;
        moe["router"] = "softmax";
        return out;
    }
};

/// Latent attention under names of its own. Source: the open release of openPangu-Ultra-MoE-718B,
/// configuration class.
class PanguUltra final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int leading = in.any_size({"num_dense_layers", "first_k_dense_replace"}, 0, 3);
        if (leading >= out["layers"].get<int>())
            in.fail("num_dense_layers", "no layer is left for the experts");
        out["mtp_layers"] = in.any_size({"num_mtp_layers", "num_nextn_predict_layers"}, 0, 0);
        out["attention"] = {
            {"kind", "mla"},
            {"heads", in.size("num_attention_heads", 1)},
            {"q_rank", in.any_size({"attention_q_lora_dim", "q_lora_rank"}, 1, 1536)},
            {"kv_rank", in.any_size({"attention_kv_lora_dim", "kv_lora_rank"}, 1, 512)},
            {"nope_dim", in.any_size({"attention_qk_dim", "qk_nope_head_dim"}, 1, 128)},
            {"rope_dim", in.any_size({"attention_qk_rope_dim", "qk_rope_head_dim"}, 0, 64)},
            {"v_dim", in.any_size({"attention_v_dim", "v_head_dim"}, 1, 128)}};
        if (leading > 0)
            out["dense"] = {{"first_layers", leading}, {"width", in.size("intermediate_size", 1)}};
        out["moe"] = experts(in, {"num_routed_experts", "n_routed_experts"},
                             {"num_experts_per_tok"}, in.size("moe_intermediate_size", 1));
        const int shared = in.any_size({"num_shared_experts", "n_shared_experts"}, 0, 1);
        if (shared > 0) out["moe"]["shared_experts"] = shared;
        out["moe"]["router"] = "sigmoid";
        return out;
    }
};

const sim::Register<Family, PanguPro> pro{"pangu_pro_moe", "Pangu Pro MoE"};
const sim::Register<Family, PanguUltra> ultra{"pangu_ultra_moe", "Pangu Ultra MoE"};

}  // namespace
}  // namespace moesim::models::hf
