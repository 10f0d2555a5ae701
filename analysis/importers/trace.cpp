#include <cmath>
#include <map>

#include "analysis/importers/columns.hpp"

namespace moesim::analysis {
namespace {

using topologies::Pass;

/// Our own trace CSV, as `moesim microbench` writes it: one row per measurement, the columns and
/// their meaning in analysis/microbench/README.md. Of rows with one key the last one counts; a last
/// line without its end is what a killed run left, and is passed over.
class Trace final : public Importer {
public:
    void read(const std::string& path, std::string_view text, const ImportOptions& options,
              Import& out) const override {
        std::size_t cut = 0;
        if (!text.empty() && text.back() != '\n') {
            const std::size_t line = text.rfind('\n');
            if (line != std::string_view::npos) {
                cut = text.size() - line - 1;
                text = text.substr(0, line + 1);
            }
        }
        Columns in{path, text};
        in.need({"device", "op", "kernel", "pass", "dtype", "m", "out", "in", "groups", "sms_held",
                 "median_us", "status"});
        std::map<std::string, Measurement> by_key;
        while (in.next(out)) {
            const double us = in.positive("median_us");
            if (in.text("status") != "ok")
                out.reject("status is " + std::string{in.text("status").substr(0, 20)}, in.where());
            else if (!options.system.empty() && in.text("device") != options.system)
                out.reject("another system", in.where());
            else if (!(us > 0))
                out.reject("median_us is not a number above zero", in.where());
            else if (in.text("op") == "attention" && in.has("library") &&
                     in.text("library") == "own plain")
                out.reject("attention by the benchmark's own kernel: no cost of a tuned one",
                           in.where());
            else
                row(in, us * 1e-6, by_key, out);
        }
        if (cut > 0) out.reject("the last line has no end", path);
        for (auto& [key, measurement] : by_key) out.measurements.push_back(std::move(measurement));
    }

private:
    static double number(const Columns& in, std::string_view name, double fallback = 0) {
        const double value = in.positive(name);
        return std::isnan(value) ? fallback : value;
    }

    static void row(const Columns& in, double seconds, std::map<std::string, Measurement>& by_key,
                    Import& out) {
        Measurement m;
        m.seconds = seconds;
        m.contended = number(in, "sms_held") > 0;
        const std::string_view op = in.text("op");
        const bool known = op == "gemm" || op == "grouped_gemm" ? product(in, m)
                           : op == "attention"                  ? attention(in, m)
                           : op == "memory"                     ? memory(in, m)
                           : op == "launch"                     ? launch(in, m)
                                                                : false;
        if (!known) return out.reject("an unknown op, or no shape", in.where());
        std::string key;
        for (const char* name :
             {"device", "op",     "kernel", "pass",  "dtype",    "m",        "out",
              "in",     "groups", "skew",   "batch", "heads",    "kv_heads", "sequence",
              "qk_dim", "v_dim",  "causal", "bytes", "launches", "sms_held"})
            key.append(in.text(name)).push_back(',');
        const bool again = !by_key.insert_or_assign(key, std::move(m)).second;
        if (again) out.reject("measured again later", in.where());
    }

    static Pass pass(const Columns& in) {
        const std::string_view pass = in.text("pass");
        return pass == "input_gradient"    ? Pass::input_gradient
               : pass == "weight_gradient" ? Pass::weight_gradient
                                           : Pass::forward;
    }

    /// A grouped product lasts as long as its rows together, whatever their skew.
    static bool product(const Columns& in, Measurement& m) {
        topologies::Gemm q;
        q.pass = pass(in);
        q.format = format_of_dtype(in.text("dtype"));
        q.m = in.positive("m");
        q.out = in.positive("out");
        q.in = in.positive("in");
        q.groups = number(in, "groups", 1);
        m.what = q;
        return q.m > 0 && q.out > 0 && q.in > 0;
    }

    static bool attention(const Columns& in, Measurement& m) {
        topologies::AttentionCore q;
        q.pass = pass(in);
        q.format = format_of_dtype(in.text("dtype"));
        q.batch = number(in, "batch", 1);
        q.heads = in.positive("heads");
        q.kv_heads = number(in, "kv_heads", q.heads);
        q.sequence = in.positive("sequence");
        q.qk_dim = in.positive("qk_dim");
        q.v_dim = number(in, "v_dim", q.qk_dim);
        q.causal = in.text("causal") != "0";
        m.what = q;
        return q.heads > 0 && q.sequence > 0 && q.qk_dim > 0;
    }

    static bool memory(const Columns& in, Measurement& m) {
        topologies::Memory q;
        q.name = in.text("kernel");
        q.bytes = in.positive("bytes");
        q.launches = static_cast<int>(std::min(number(in, "launches", 1), 1e6));
        m.what = q;
        return !q.name.empty() && q.bytes > 0;
    }

    static bool launch(const Columns& in, Measurement& m) {
        m.what = Launch{std::string{in.text("kernel")}};
        return in.text("kernel") == "launch_gap" || in.text("kernel") == "host_issue" ||
               in.text("kernel") == "graph_launch";
    }
};

const sim::Register<Importer, Trace> entry{"trace", "moesim trace CSV, from `moesim microbench`"};

}  // namespace
}  // namespace moesim::analysis
