#include <cmath>

#include "analysis/importers/columns.hpp"

namespace moesim::analysis {
namespace {

/// Tables mlp.csv of microsoft/vidur: one row per number of tokens and tensor ranks, medians in
/// milliseconds in time_stats.OP.median. Taken are the memory-bound ops, with one tensor rank:
///
///   input_layernorm, post_attention_layernorm  RMSNorm, BF16: read and write T h
///   add        read two, write one [T, h]
///   mlp_act    SwiGLU: read [T, 2 f], write [T, f]
///   attn_rope  read and write [T, (heads + kv heads) head size]
///
/// Source of the widths: the columns n_head, n_kv_head, n_embd, n_expanded_embd of the same row.
class Vidur final : public Importer {
public:
    void read(const std::string& path, std::string_view text, const ImportOptions&,
              Import& out) const override {
        Columns in{path, text};
        in.need({"num_tokens", "num_tensor_parallel_workers", "n_head", "n_kv_head", "n_embd",
                 "n_expanded_embd"});
        while (in.next(out)) {
            const double tokens = in.positive("num_tokens"), hidden = in.positive("n_embd"),
                         width = in.positive("n_expanded_embd"), heads = in.positive("n_head"),
                         kv_heads = in.positive("n_kv_head");
            if (std::isnan(tokens + hidden + width + heads + kv_heads)) {
                out.reject("no shape", in.where());
                continue;
            }
            if (in.text("num_tensor_parallel_workers") != "1") {
                out.reject("split over tensor ranks", in.where());
                continue;
            }
            bool any = add(in, "input_layernorm", "rmsnorm", 4 * tokens * hidden, out);
            any |= add(in, "post_attention_layernorm", "rmsnorm", 4 * tokens * hidden, out);
            any |= add(in, "add", "add", 6 * tokens * hidden, out);
            any |= add(in, "mlp_act", "swiglu", 6 * tokens * width, out);
            any |= add(in, "attn_rope", "rope", 4 * tokens * hidden * (1 + kv_heads / heads), out);
            if (!any) out.reject("no median time of a memory-bound op", in.where());
        }
    }

private:
    static bool add(const Columns& in, const std::string& op, const std::string& name, double bytes,
                    Import& out) {
        const double ms = in.positive("time_stats." + op + ".median");
        if (!(ms > 0)) return false;
        out.measurements.push_back({topologies::Memory{name, bytes, 1}, ms * 1e-3, false, false});
        return true;
    }
};

const sim::Register<Importer, Vidur> entry{"vidur",
                                           "mlp.csv of microsoft/vidur: norms, activations, adds"};

}  // namespace
}  // namespace moesim::analysis
