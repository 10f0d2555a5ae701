#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Experts of intermediate_size in every layer, softmax over the chosen. Source:
/// huggingface/transformers, models/mixtral/configuration_mixtral.py.
class Mixtral : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        out["attention"] = grouped_query(in);
        if (in.has("sliding_window")) out["attention"]["window"] = in.size("sliding_window", 1);
        out["moe"] = experts(in, {"num_local_experts", "num_experts"}, {"num_experts_per_tok"},
                             in.size("intermediate_size", 1));
        out["moe"]["router"] = router();
        return out;
    }

private:
    virtual const char* router() const { return "softmax"; }
};

/// Source: huggingface/transformers, models/phimoe/configuration_phimoe.py; the window is as wide
/// as the context there.
class Phi final : public Mixtral {
public:
    Json read(const Config& in) const override {
        Json out = Mixtral::read(in);
        if (in.flag("attention_bias", false)) out["attention"]["bias"] = "all";
        if (out["attention"].value("window", 0) >= out.value("max_sequence", 0))
            out["attention"].erase("window");
        return out;
    }

private:
    const char* router() const override { return "sparsemixer"; }
};

const sim::Register<Family, Mixtral> mixtral{"mixtral", "Mixtral 8x7B and 8x22B"};
const sim::Register<Family, Phi> phi{"phimoe", "Phi-3.5-MoE"};

}  // namespace
}  // namespace moesim::models::hf
