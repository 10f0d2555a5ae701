#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/paths.hpp"
#include "topologies/device.hpp"
#include "topologies/kernel_forms.hpp"
#include "topologies/profile_data.hpp"

namespace moesim::topologies {
namespace {

constexpr double kMost = 1e18;
constexpr double kTiny = 1e-9;

const std::vector<std::string> kPasses{"forward", "input_gradient", "weight_gradient"};

Pass read_pass(sim::Table& in) {
    const std::string pass = in.choice("pass", kPasses, "forward");
    if (pass == kPasses[1]) return Pass::input_gradient;
    return pass == kPasses[2] ? Pass::weight_gradient : Pass::forward;
}

double positive(sim::Table& in, std::string_view key) { return in.number(key, kTiny, kMost); }

/// The keys that points of all ops share: us, contended, error (relative, one standard deviation).
template <class Query>
Point<Query> read_point(sim::Table& in, Query query) {
    Point<Query> out;
    out.query = std::move(query);
    out.seconds = positive(in, "us") * 1e-6;
    out.contended = in.flag("contended", false);
    out.error = in.number("error", 0, 1, 0.04);
    return out;
}

Point<Gemm> read_gemm_point(sim::Table in) {
    Gemm q;
    q.pass = read_pass(in);
    q.format = in.text("format");
    q.m = positive(in, "m");
    q.out = positive(in, "out");
    q.in = positive(in, "in");
    q.groups = in.number("groups", 1, kMost, 1);
    return read_point(in, q);
}

Point<AttentionCore> read_attention_point(sim::Table in) {
    AttentionCore q;
    q.pass = read_pass(in);
    q.format = in.text("format", "bf16");
    q.batch = in.number("batch", 1, kMost, 1);
    q.heads = positive(in, "heads");
    q.kv_heads = in.number("kv_heads", 1, kMost, q.heads);
    q.sequence = positive(in, "sequence");
    q.qk_dim = positive(in, "qk_dim");
    q.v_dim = in.number("v_dim", 1, kMost, q.qk_dim);
    q.causal = in.flag("causal", true);
    return read_point(in, q);
}

Point<Memory> read_memory_point(sim::Table in) {
    Memory q;
    q.name = in.text("name");
    q.bytes = positive(in, "bytes");
    q.launches = static_cast<int>(in.number("launches", 1, 1e6, 1));
    return read_point(in, q);
}

GemmForm read_gemm_form(sim::Table in) {
    GemmForm out;
    out.share = in.number("share", kTiny, 1);
    out.extra_depth = in.number("extra_depth", 0, 1e6, 0);
    out.floor_s = in.time("floor", Seconds{0}).si();
    out.error = in.number("error", 0, 1);
    out.weight_gradient_rate = in.number("weight_gradient_rate", kTiny, 2, 1);
    out.weight_gradient_error = in.number("weight_gradient_error", 0, 1, 0.1);
    out.weight_gradient_measured = in.flag("weight_gradient_measured", false);
    out.any_tile = in.choice("tiles", {"128x128", "any"}, "128x128") == "any";
    out.tile_cost = in.number("tile_cost", 0, 1e4, 0);
    out.quantisation = in.number("quantisation", 0, 1, 0);
    out.stream_share = in.number("stream_share", kTiny, 1, 0.85);
    return out;
}

/// A grid of measured over form: three named axes, and `ratio` with the last axis fastest.
ResidualGrid read_residual(sim::Table in, const std::array<std::string, 3>& names) {
    std::array<std::vector<double>, 3> axes;
    std::size_t nodes = 1;
    for (std::size_t d = 0; d < 3; ++d) {
        axes[d] = in.numbers(names[d], kTiny, kMost);
        if (axes[d].empty()) in.fail(names[d], "is empty");
        for (std::size_t i = 1; i < axes[d].size(); ++i)
            if (axes[d][i] <= axes[d][i - 1]) in.fail(names[d], "must ascend");
        nodes *= axes[d].size();
    }
    std::vector<double> ratio = in.numbers("ratio", 0.01, 100);
    if (ratio.size() != nodes)
        in.fail("ratio",
                fmt::format("needs {} numbers, one for each node; has {}", nodes, ratio.size()));
    for (double& r : ratio) r = std::log(r);
    return {std::move(axes), std::move(ratio)};
}

void read_validation(sim::Table& in, const std::string& op, Profile::Impl& out) {
    if (!in.has("held_out")) return;
    auto held = in.table("held_out");
    out.validation[op] = {held.number("shapes", 0, kMost), held.number("median", 0, kMost),
                          held.number("p90", 0, kMost)};
}

GemmForm read_fitted_form(sim::Table in, const std::string& op, const std::string& format,
                          const std::array<std::string, 3>& axes, Profile::Impl& out) {
    GemmForm form = read_gemm_form(in);
    if (in.has("residual")) form.residual = read_residual(in.table("residual"), axes);
    read_validation(in, op + "." + format, out);
    return form;
}

void read_gemm(sim::Table in, Profile::Impl& out) {
    auto points = in.tables("point");
    std::optional<Hardware> on;
    if (in.has("on"))
        on = hardware_of(load_device(sim::find_data(in, "on", "topologies/devices").string()));
    for (sim::Table& point : points) {
        out.gemm_points.push_back(read_gemm_point(point));
        out.gemm_points.back().on = on;
    }
    for (const std::string& format : in.keys())
        if (format != "point" && format != "like" && format != "on")
            out.gemm[format] = read_fitted_form(in.table(format), "gemm", format,
                                                {"rows", "columns", "depth"}, out);
    for (std::size_t i = 0; i < points.size(); ++i)
        if (!out.gemm.contains(out.gemm_points[i].query.format))
            points[i].fail("format", "no [gemm] form of this format");
    auto like = in.table("like");
    for (const std::string& format : like.keys()) {
        out.gemm_like[format] = like.text(format);
        if (!out.gemm.contains(out.gemm_like[format]))
            like.fail(format, "no [gemm] form of this format");
    }
}

void read_grouped(sim::Table in, Profile::Impl& out) {
    for (const std::string& format : in.keys())
        out.grouped[format] = read_fitted_form(in.table(format), "grouped", format,
                                               {"rows", "groups", "weight"}, out);
}

void read_attention(sim::Table in, Profile::Impl& out) {
    AttentionForm& form = out.attention;
    form.share = in.number("share", kTiny, 1);
    form.extra_sequence = in.number("extra_sequence", 0, 1e6, 0);
    form.floor_s = in.time("floor", Seconds{0}).si();
    form.error = in.number("error", 0, 1);
    form.backward_rate = in.number("backward_rate", kTiny, 2, 1);
    form.backward_error = in.number("backward_error", 0, 1, 0.15);
    form.backward_measured = in.flag("backward_measured", false);
    if (in.has("residual"))
        form.residual = read_residual(in.table("residual"), {"sequence", "heads", "head_dims"});
    read_validation(in, "attention", out);
    for (sim::Table& point : in.tables("point"))
        out.attention_points.push_back(read_attention_point(point));
}

void read_memory(sim::Table in, Profile::Impl& out) {
    out.memory.share = in.number("share", kTiny, 1, out.memory.share);
    out.memory.floor_s = in.time("floor", Seconds{out.memory.floor_s}).si();
    out.memory.error = in.number("error", 0, 1, out.memory.error);
    read_validation(in, "memory", out);
    auto like = in.table("like");
    for (const std::string& name : like.keys()) out.memory_like[name] = like.text(name);
    for (sim::Table& point : in.tables("point")) {
        Point<Memory> read = read_memory_point(point);
        out.memory_points[read.query.name].push_back(std::move(read));
    }
    for (const auto& [name, other] : out.memory_like)
        if (!out.memory_points.contains(other)) like.fail(name, "no point has this name");
}

Contention read_contention(sim::Table in) {
    return {in.number("factor", 1, 10), in.number("error", 0, 1, 0)};
}

Hardware read_hardware(sim::Table in, std::string& device) {
    Hardware out;
    device = in.text("device");
    out.sms = static_cast<double>(in.count("sms", 1));
    out.bandwidth = in.rate("memory_bandwidth").si();
    auto peak = in.table("peak");
    for (const std::string& format : peak.keys()) out.peak[format] = peak.flops(format).si();
    if (!out.peak.contains("bf16")) peak.fail("", "no peak for bf16");
    return out;
}

TransferForm read_transfer(sim::Table& in) {
    TransferForm out;
    out.bytes = in.numbers("bytes", 1, kMost);
    out.nic_share = in.numbers("nic_share", kTiny, 1);
    out.nvlink_share = in.numbers("nvlink_share", kTiny, 1);
    if (out.bytes.empty()) in.fail("bytes", "is empty");
    if (out.nic_share.size() != out.bytes.size() || out.nvlink_share.size() != out.bytes.size())
        in.fail("bytes", "nic_share and nvlink_share need one value for each of these");
    for (std::size_t i = 1; i < out.bytes.size(); ++i)
        if (out.bytes[i] <= out.bytes[i - 1]) in.fail("bytes", "must ascend");
    out.cost.startup_s = in.time("startup", Seconds{0}).si();
    out.cost.slowdown = in.number("slowdown", 1, 10, 1);
    out.cost.sms = static_cast<int>(in.count("sms", 0, 0));
    out.cost.rel_error = in.number("error", 0, 1);
    const std::vector<std::string> grounds{"measured", "interpolated", "extrapolated", "roofline"};
    const std::string ground = in.choice("evidence", grounds);
    for (std::size_t i = 0; i < grounds.size(); ++i)
        if (ground == grounds[i]) out.cost.evidence = static_cast<Evidence>(i);
    return out;
}

nlohmann::ordered_json read_source(sim::Table in) {
    auto out = nlohmann::ordered_json::object();
    for (const std::string& key : in.keys()) out[key] = in.text(key);
    return out;
}

}  // namespace

namespace {

constexpr int kMostBases = 4;  // profiles that start from one another

Profile::Impl read_chain(sim::Table in, int depth);

/// Takes over the profile named at `key`, looked for in `folder`.
void start_from(sim::Table& in, const char* key, const char* folder, int depth,
                Profile::Impl& out) {
    if (!in.has(key)) return;
    if (depth >= kMostBases) in.fail(key, "starts from one profile too many; do they form a ring?");
    auto inherited = std::move(out.source);
    out = read_chain(sim::Table::from_file(sim::find_data(in, key, folder)), depth + 1);
    if (std::string_view{key} == "base") out.base = out.name;
    inherited[key] = std::move(out.source);
    out.source = std::move(inherited);
}

/// Memory-bound kernels measured on another device, as this one would run them: the same share of
/// its own bandwidth.
void scale_memory(sim::Table& in, int depth, Profile::Impl& out) {
    if (!in.has("scaled_memory")) return;
    const auto path = sim::find_data(in, "scaled_memory", "topologies/profiles");
    Profile::Impl other = read_chain(sim::Table::from_file(path), depth + 1);
    out.memory = other.memory;
    out.memory_scaled = true;
    out.memory_points = std::move(other.memory_points);
    out.memory_like = std::move(other.memory_like);
    for (auto& [name, points] : out.memory_points)
        for (Point<Memory>& p : points)
            p.seconds *= memory_seconds(p.query, out.memory, out.taken) /
                         memory_seconds(p.query, other.memory, other.taken);
}

/// A profile with those that it starts from: what it leaves out is theirs, else a roofline's.
Profile::Impl read_chain(sim::Table in, int depth) {
    Profile::Impl out = roofline_profile();
    out.transfers.clear();  // what nobody names is answered by the device's table, then as typical
    out.source = nlohmann::ordered_json::object();
    start_from(in, "base", "topologies/profiles", depth, out);
    start_from(in, "kernels", "topologies/profiles/kernels", depth, out);
    auto inherited = std::move(out.source);
    out.name = in.text("name");
    if (in.has("measured_on") || out.taken.peak.empty())
        out.taken = read_hardware(in.table("measured_on"), out.measured);
    out.launch_gap_s = in.time("launch_gap", Seconds{out.launch_gap_s}).si();
    out.host_issue_s = in.time("host_issue", Seconds{out.host_issue_s}).si();
    scale_memory(in, depth, out);
    out.scaling_error = in.number("scaling_error", 0, 1, out.scaling_error);
    if (in.has("gemm")) read_gemm(in.table("gemm"), out);
    if (in.has("grouped")) read_grouped(in.table("grouped"), out);
    if (in.has("attention")) read_attention(in.table("attention"), out);
    if (in.has("memory")) read_memory(in.table("memory"), out);
    if (in.has("contention")) {
        auto contention = in.table("contention");
        out.gemm_contention = read_contention(contention.table("gemm"));
        out.attention_contention = read_contention(contention.table("attention"));
        out.memory_contention = read_contention(contention.table("memory"));
    }
    for (sim::Table& transfer : in.tables("transfer"))
        out.transfers[transfer.text("collective")] = read_transfer(transfer);
    if (in.has("transfers"))
        out.table = TransferTable::load(
            sim::find_data(in, "transfers", "topologies/profiles/transfers").string());
    else
        in.ignore("transfers");
    out.source = read_source(in.table("source"));
    out.source.update(inherited);
    in.finish();
    return out;
}

}  // namespace

Profile::Impl read_profile(const std::string& name) {
    return read_chain(sim::Table::from_file(sim::find_data("profile", "topologies/profiles", name)),
                      0);
}

}  // namespace moesim::topologies
