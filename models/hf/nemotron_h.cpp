#include <fmt/format.h>

#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Blocks that are each a Mamba-2 mixer, an attention or a feed-forward part; experts with two
/// matrices, from Nemotron 3 Super on in a latent space. MTP blocks are read as one layer.
/// Source: huggingface.co/nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16, configuration_nemotron_h.py.
class NemotronH final : public Family {
public:
    Json read(const Config& in) const override {
        const std::string pattern = blocks(in, "hybrid_override_pattern", "layers_block_type");
        Json out = head(in, static_cast<int>(pattern.size()));
        out["pattern"] = runs(pattern);
        const int mtp = in.size("num_nextn_predict_layers", 0, 0);
        out["mtp_layers"] = mtp;
        if (mtp > 0) out["mtp_layer"] = "X";
        const auto holds = [&](char letter) { return pattern.find(letter) != std::string::npos; };
        if (holds('A') || mtp > 0) {
            out["attention"] = grouped_query(in, in.has("head_dim") ? 0 : 128);
            if (in.flag("attention_bias", false)) out["attention"]["bias"] = "all";
        }
        if (holds('S')) out["mixer"]["mamba"] = mamba(in);
        if (holds('D'))
            out["dense"] = {{"width", in.size("intermediate_size", 1)}, {"gated", false}};
        if (holds('E') || mtp > 0) out["moe"] = moe(in);
        if (holds('S')) out["layer"]["S"] = {{"mixer", "mamba"}, {"ffn", "none"}};
        if (holds('A')) out["layer"]["A"] = {{"mixer", "attention"}, {"ffn", "none"}};
        if (holds('E')) out["layer"]["E"] = {{"mixer", "none"}, {"ffn", "moe"}};
        if (holds('D')) out["layer"]["D"] = {{"mixer", "none"}, {"ffn", "dense"}};
        if (mtp > 0) out["layer"]["X"] = {{"mixer", "attention"}, {"ffn", "moe"}};
        return out;
    }

private:
    static Json head(const Config& in, int layers) {
        if (in.has("num_hidden_layers") && in.size("num_hidden_layers", 1) != layers)
            in.fail("num_hidden_layers", fmt::format("the pattern has {} blocks", layers));
        Json out;
        out["hidden"] = in.size("hidden_size", 1);
        out["layers"] = layers;
        out["vocab"] = in.size("vocab_size", 1);
        out["tied_embedding"] = in.flag("tie_word_embeddings", false);
        if (in.has("max_position_embeddings"))
            out["max_sequence"] = in.size("max_position_embeddings", 1);
        return out;
    }

    /// S Mamba-2 ("M" of the file), A attention ("*"), E experts, D dense ("-").
    static std::string blocks(const Config& in, std::string_view text_key,
                              std::string_view list_key) {
        std::string out;
        if (in.is_list(list_key)) {
            const int count = static_cast<int>(in.texts(list_key).size());
            return letters(in, list_key, count,
                           {{"mamba", 'S'}, {"attention", 'A'}, {"moe", 'E'}, {"mlp", 'D'}});
        }
        for (const char letter : in.text(text_key)) {
            const std::size_t which = std::string_view{"M*E-"}.find(letter);
            if (which == std::string_view::npos)
                in.fail(text_key, fmt::format("unknown block '{}' at {}", letter, out.size()),
                        "M Mamba-2, * attention, E experts, - dense");
            out += "SAED"[which];
        }
        if (out.empty()) in.fail(text_key, "no blocks");
        return out;
    }

    static Json mamba(const Config& in) {
        const int heads = in.size("mamba_num_heads", 1), groups = in.size("n_groups", 1, 8);
        if (heads % groups != 0)
            in.fail("n_groups", fmt::format("{} heads cannot share {} groups", heads, groups));
        return {{"kind", "mamba2"},
                {"heads", heads},
                {"head_dim", in.size("mamba_head_dim", 1, 64)},
                {"state", in.size("ssm_state_size", 1, 128)},
                {"groups", groups},
                {"conv", in.size("conv_kernel", 0, 4)},
                {"scan_chunk", in.size("chunk_size", 1, 128)}};
    }

    static Json moe(const Config& in) {
        Json out = experts(in, {"n_routed_experts"}, {"num_experts_per_tok"},
                           in.size("moe_intermediate_size", 1));
        out["gated"] = false;
        if (const int shared = in.size("n_shared_experts", 0, 1); shared > 0) {
            out["shared_experts"] = shared;
            out["shared_width"] = in.size("moe_shared_expert_intermediate_size", 1);
        }
        if (in.has("moe_latent_size")) out["latent"] = in.size("moe_latent_size", 1);
        add_groups(in, out, 1, 1);
        out["router"] = "sigmoid_bias";
        return out;
    }
};

const sim::Register<Family, NemotronH> entry{"nemotron_h", "Nemotron 3 Nano, Super and Ultra"};

}  // namespace
}  // namespace moesim::models::hf
