#include <cmath>

#include "analysis/importers/columns.hpp"

namespace moesim::analysis {
namespace {

using topologies::Pass;

/// Tables of ai-dynamo/aiconfigurator as CSV, told apart by their columns:
///
///   products   dtype,m,n,k,latency_us
///   experts    kernel,dtype,num_tokens,hidden,inter,topk,experts,moe_tp,moe_ep,distribution,...
///   attention  system,batch,seq_len,q_heads,kv_heads,head_dim,latency_us
///   MLA core   system,dtype,kv_dtype,heads,batch,seq_len,tp,latency_us
///   casts      op,quant_dtype,m,k,latency_us
///
/// Source: the repository's collectors; the meaning of the columns as in its support matrix. Narrow
/// products are timed with the cast of their input: at 4096 rows and a depth of 7168 the times in
/// the H100 FP8 table grow linearly with n from 83 us on, and amax and cast of that input take 51
/// and 31 us in the cast table.
class Aiconfigurator final : public Importer {
public:
    void read(const std::string& path, std::string_view text, const ImportOptions& options,
              Import& out) const override {
        Columns in{path, text};
        in.need({"latency_us"});
        const auto row = reader(in);
        while (in.next(out)) {
            const double us = in.positive("latency_us");
            if (!(us > 0))
                out.reject("latency_us is not a number above zero", in.where());
            else if (!options.system.empty() && in.has("system") &&
                     in.text("system") != options.system)
                out.reject("another system", in.where());
            else
                row(in, us * 1e-6, out);
        }
    }

private:
    using Row = void (*)(const Columns&, double, Import&);

    static Row reader(const Columns& in) {
        if (in.has_all({"dtype", "m", "n", "k"})) return product;
        if (in.has_all({"num_tokens", "hidden", "inter", "topk", "experts", "moe_ep", "kernel"}))
            return experts;
        if (in.has_all({"batch", "seq_len", "q_heads", "kv_heads", "head_dim"})) return attention;
        if (in.has_all({"heads", "batch", "seq_len", "kv_dtype"})) return mla;
        if (in.has_all({"op", "quant_dtype", "m", "k"})) return cast;
        in.fail("these columns are none of the tables that are understood",
                "tables of products, experts, attention, MLA and casts are");
    }

    static void product(const Columns& in, double seconds, Import& out) {
        const std::string format = format_of_dtype(in.text("dtype"));
        if (format != "bf16" && format != "fp8" && format != "fp8_block" && format != "nvfp4")
            return out.reject("a weight-only or integer format", in.where());
        topologies::Gemm q;
        q.format = format;
        q.m = in.positive("m");
        q.out = in.positive("n");
        q.in = in.positive("k");
        if (std::isnan(q.m + q.out + q.in)) return out.reject("no shape", in.where());
        out.measurements.push_back({q, seconds, false, format != "bf16"});
    }

    static void experts(const Columns& in, double seconds, Import& out) {
        const std::string_view kernel = in.text("kernel");
        const std::string format = format_of_dtype(in.text("dtype"));
        if (format != "bf16" && format != "fp8" && format != "fp8_block" && format != "nvfp4")
            return out.reject("a mixed format", in.where());
        if (kernel.ends_with("min_latency"))
            return out.reject("a kernel for few tokens (inference)", in.where());
        if (kernel == "deepepmoe") return out.reject("0.4 ms of host time are in it", in.where());
        if (in.text("distribution") != "balanced")
            return out.reject("skewed routing: rows of the timed rank are not stated", in.where());
        ExpertBlock q;
        const double ranks = in.positive("moe_ep");
        q.format = format;
        q.tokens = in.positive("num_tokens");
        q.rows = q.tokens * in.positive("topk") / ranks;
        q.experts = in.positive("experts") / ranks;
        q.hidden = in.positive("hidden");
        q.width = in.positive("inter") / in.positive("moe_tp");
        q.gated = !kernel.ends_with("nongated");
        if (std::isnan(q.rows + q.experts + q.hidden + q.width))
            return out.reject("no shape", in.where());
        if (q.experts < 1 || q.rows < q.experts)
            return out.reject("fewer rows than experts", in.where());
        out.measurements.push_back({q, seconds, false, false});
    }

    static void attention(const Columns& in, double seconds, Import& out) {
        topologies::AttentionCore q;
        q.batch = in.positive("batch");
        q.sequence = in.positive("seq_len");
        q.heads = in.positive("q_heads");
        q.kv_heads = in.positive("kv_heads");
        q.qk_dim = q.v_dim = in.positive("head_dim");
        if (std::isnan(q.batch + q.sequence + q.heads + q.kv_heads + q.qk_dim))
            return out.reject("no shape", in.where());
        out.measurements.push_back({q, seconds, false, false});
    }

    static void mla(const Columns& in, double seconds, Import& out) {
        if (in.text("kv_dtype") != "bfloat16")
            return out.reject("a narrow cache (inference)", in.where());
        topologies::AttentionCore q;
        q.batch = in.positive("batch");
        q.sequence = in.positive("seq_len");
        q.heads = q.kv_heads = in.positive("heads");
        q.qk_dim = 192;
        q.v_dim = 128;
        if (std::isnan(q.batch + q.sequence + q.heads)) return out.reject("no shape", in.where());
        if (q.sequence < 256) return out.reject("a sequence below 256", in.where());
        out.measurements.push_back({q, seconds, false, false});
    }

    /// bytes: computescale reads the BF16 matrix, scale_matrix reads it and writes a byte each.
    static void cast(const Columns& in, double seconds, Import& out) {
        const double elements = in.positive("m") * in.positive("k");
        if (std::isnan(elements)) return out.reject("no shape", in.where());
        const bool amax = in.text("op") == "computescale";
        if (!amax && in.text("op") != "scale_matrix")
            return out.reject("an unknown op", in.where());
        out.measurements.push_back(
            {topologies::Memory{amax ? "amax" : "cast", elements * (amax ? 2 : 3), 1}, seconds,
             false, false});
    }
};

const sim::Register<Importer, Aiconfigurator> entry{
    "aiconfigurator",
    "CSV tables of ai-dynamo/aiconfigurator: products, experts, attention, casts"};

}  // namespace
}  // namespace moesim::analysis
