#include "analysis/importers/kernel_rules.hpp"

#include "sim/input.hpp"

namespace moesim::analysis {
namespace {

using topologies::Pass;

constexpr const char* kBuiltIn = R"(
[[rule]]
pattern = "^aten::(mm|addmm|_scaled_mm)$"
kind = "gemm"
[[rule]]
pattern = "^aten::(bmm|baddbmm|_grouped_mm)$"
kind = "batched_gemm"
[[rule]]
pattern = "(flash|efficient|cudnn|fused)_attention.*backward|FlashAttn.*Backward|FusedAttn.*Backward"
kind = "attention"
pass = "input_gradient"
[[rule]]
pattern = "(flash|efficient|cudnn)_attention$|flash_attn::_flash_attn_forward|FlashAttnFunc$|FusedAttnFunc$"
kind = "attention"
[[rule]]
pattern = "aten::(_fused_)?rms_norm$|RMSNorm$|aten::native_layer_norm$"
kind = "memory"
name = "rmsnorm"
bytes = 4
[[rule]]
pattern = "^aten::add_?$"
kind = "memory"
name = "add"
bytes = 6
[[rule]]
pattern = "^aten::(copy_|clone)$"
kind = "memory"
name = "copy"
bytes = 4
)";

double product_of(const std::vector<double>& sizes, std::size_t from, std::size_t to) {
    double out = 1;
    for (std::size_t i = from; i < to; ++i) out *= sizes[i];
    return out;
}

std::string format_of(const std::string& dtype) {
    if (dtype.find("Float8") != std::string::npos || dtype.find("float8") != std::string::npos)
        return "fp8";
    if (dtype.find("BFloat16") != std::string::npos || dtype.find("Half") != std::string::npos ||
        dtype.empty())
        return "bf16";
    return "";
}

/// The matrices among a call's tensors: addmm has a bias first.
std::vector<const std::vector<double>*> of_rank(const ProfiledCall& call, std::size_t rank) {
    std::vector<const std::vector<double>*> out;
    for (const auto& sizes : call.inputs)
        if (sizes.size() == rank) out.push_back(&sizes);
    return out;
}

std::optional<Measurement> gemm(const ProfiledCall& call, std::size_t rank, Pass pass,
                                std::string& why) {
    const auto matrices = of_rank(call, rank);
    const std::string format = format_of(call.dtype);
    if (matrices.size() < 2) {
        why = "sizes of its two matrices were not recorded";
        return {};
    }
    // The last two matrices of that rank multiply; scales of narrow formats come behind as vectors.
    const auto& a = *matrices[matrices.size() - 2];
    const auto& b = *matrices[matrices.size() - 1];
    if (a.back() != b[rank - 2] || format.empty()) {
        why = format.empty() ? "a format that is not modelled" : "sizes do not fit together";
        return {};
    }
    topologies::Gemm q;
    q.pass = pass;
    q.format = format;
    q.groups = product_of(a, 0, rank - 2);
    q.m = a[rank - 2];
    q.in = a.back();
    q.out = b.back();
    return Measurement{q, call.seconds, false, false};
}

/// PyTorch passes [batch, heads, sequence, head]; flash-attn [batch, sequence, heads, head]. The
/// larger of the two middle ones is taken as the sequence.
std::optional<Measurement> attention(const ProfiledCall& call, Pass pass, std::string& why) {
    const auto tensors = of_rank(call, 4);
    const std::size_t first = pass == Pass::forward ? 0 : 1;  // behind the output's gradient
    if (tensors.size() < first + 3) {
        why = "sizes of query, key and value were not recorded";
        return {};
    }
    const auto &query = *tensors[first], &key = *tensors[first + 1], &value = *tensors[first + 2];
    const bool heads_first = query[2] >= query[1];
    topologies::AttentionCore q;
    q.pass = pass;
    q.batch = query[0];
    q.heads = query[heads_first ? 1 : 2];
    q.kv_heads = key[heads_first ? 1 : 2];
    q.sequence = query[heads_first ? 2 : 1];
    q.qk_dim = query[3];
    q.v_dim = value[3];
    return Measurement{q, call.seconds, false, false};
}

}  // namespace

KernelRules::KernelRules(const std::string& file) {
    const auto add = [&](sim::Table in) {
        for (sim::Table& rule : in.tables("rule")) {
            Rule out;
            try {
                out.pattern = std::regex{rule.text("pattern"), std::regex::optimize};
            } catch (const std::regex_error& e) {
                rule.fail("pattern", std::string{"is no regular expression: "} + e.what());
            }
            out.kind =
                rule.choice("kind", {"gemm", "batched_gemm", "attention", "memory", "ignore"});
            if (out.kind == "memory") {
                out.name = rule.text("name");
                out.bytes = rule.number("bytes", 1e-3, 1e6);
            }
            const std::string pass =
                rule.choice("pass", {"forward", "input_gradient", "weight_gradient"}, "forward");
            if (pass != "forward")
                out.pass = pass == "input_gradient" ? Pass::input_gradient : Pass::weight_gradient;
            rules_.push_back(std::move(out));
        }
        in.finish();
    };
    if (!file.empty()) add(sim::Table::from_file(file));
    add(sim::Table::from_text(kBuiltIn, "built-in rules"));
}

std::optional<Measurement> KernelRules::classify(const ProfiledCall& call, std::string& why) const {
    constexpr std::size_t kLongest = 500;  // regular expressions on longer names are a hazard
    const std::string name = call.op.substr(0, kLongest);
    for (const Rule& rule : rules_) {
        if (!std::regex_search(name, rule.pattern)) continue;
        if (rule.kind == "gemm") return gemm(call, 2, rule.pass, why);
        if (rule.kind == "batched_gemm") return gemm(call, 3, rule.pass, why);
        if (rule.kind == "attention") return attention(call, rule.pass, why);
        if (rule.kind == "memory" && !call.inputs.empty() && !call.inputs.front().empty()) {
            const auto& sizes = call.inputs.front();
            return Measurement{
                topologies::Memory{rule.name, rule.bytes * product_of(sizes, 0, sizes.size()), 1},
                call.seconds, false, false};
        }
        why = rule.kind == "ignore" ? "a rule ignores it" : "sizes of its tensor were not recorded";
        return {};
    }
    why = "no rule for its operator";
    return {};
}

}  // namespace moesim::analysis
