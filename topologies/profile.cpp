#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "topologies/kernel_forms.hpp"
#include "topologies/nearest_points.hpp"
#include "topologies/profile_points.hpp"

namespace moesim::topologies {
namespace {

constexpr double kOtherState2 = 0.2 * 0.2;  // a point taken in the other state counts as this far
constexpr double kOtherPass2 = 0.15 * 0.15;
constexpr double kHit = 0.03;  // as near as this is the point itself
constexpr double kOctave = 0.6931471805599453;

double square(double x) { return x * x; }

constexpr double kLikeFormat = 0.1;  // assumed: what taking another format's form may miss

/// What is known of a form besides its points.
struct Known {
    double seconds = 0;     // form times residual, alone
    double form_error = 0;  // of that, at the measurements it was fitted to
    bool fitted = false;    // has a residual grid
    double outside = 0;     // octaves from that grid
};

/// Seconds, error and evidence from form and grid, the points around the query and the contention.
Cost answer(const NearestPoints& near, const Known& known, Contention contention, bool contended) {
    Cost out;
    out.seconds = known.seconds * (contended ? contention.factor : 1);
    out.rel_error = 0.3;
    bool converted = contended;
    if (known.fitted) {
        out.evidence = known.outside <= 1 ? Evidence::interpolated : Evidence::extrapolated;
        out.rel_error = known.form_error * std::max(1.0, known.outside);
    }
    if (!near.empty()) {
        out.seconds *= near.ratio();
        const double octaves = near.distance() / kOctave;
        const bool hit = near.distance() < kHit;
        const Evidence ground = hit && !near.converted() ? Evidence::measured
                                : octaves <= 1           ? Evidence::interpolated
                                                         : Evidence::extrapolated;
        const double error = hit ? near.error() : known.form_error * std::max(1.0, octaves);
        if (ground <= out.evidence) converted = near.converted();
        if (ground < out.evidence || error < out.rel_error) out.rel_error = error;
        out.evidence = std::min(out.evidence, ground);
    }
    if (converted) out.rel_error = std::hypot(out.rel_error, contention.error);
    out.rel_error = std::min(out.rel_error, 0.5);
    return out;
}

/// The same on grounds one step weaker: `error` is what the step adds.
Cost inferred(Cost cost, double error) {
    cost.evidence = std::max(cost.evidence, Evidence::extrapolated);
    cost.rel_error = std::min(0.5, std::hypot(cost.rel_error, error));
    return cost;
}

constexpr double kOtherSpan = 0.2;  // assumed: what taking a window for chunks may miss

double at(const std::vector<double>& xs, const std::vector<double>& ys, double x) {
    if (x <= xs.front()) return ys.front();
    for (std::size_t i = 1; i < xs.size(); ++i)
        if (x <= xs[i])
            return ys[i - 1] +
                   (ys[i] - ys[i - 1]) * std::log(x / xs[i - 1]) / std::log(xs[i] / xs[i - 1]);
    return ys.back();
}

const Profile::Impl& typical() {
    static const Profile::Impl impl = roofline_profile();
    return impl;
}

}  // namespace

bool Profile::Impl::same_device() const {
    const auto close = [](double a, double b) { return std::abs(a / b - 1) < 0.02; };
    return close(asked.sms, taken.sms) && close(asked.bandwidth, taken.bandwidth) &&
           close(asked.peak_of("bf16"), taken.peak_of("bf16"));
}

Profile Profile::load(const std::string& name, const Device& device) {
    auto impl = std::make_shared<Impl>(name.empty() ? roofline_profile() : read_profile(name));
    impl->asked = hardware_of(device);
    if (impl->table.points() == 0 && !device.transfers.empty())
        impl->table = TransferTable::load(device.transfers);
    if (name.empty()) {
        impl->taken = impl->asked;
        impl->measured = device.name;
    }
    prepare_points(*impl);
    Profile out;
    out.impl_ = std::move(impl);
    return out;
}

Cost Profile::gemm(const Gemm& q, bool contended) const {
    const Profile::Impl& impl = *impl_;
    const GemmForm& form = form_of(impl, q);
    const bool weight = q.pass == Pass::weight_gradient;
    const bool weight_points = impl.weight_points.contains(q.format);
    const auto [rows, columns, depth] = product(q);
    const Sizes at = logarithms({rows, columns, depth, q.groups});
    NearestPoints near;
    for (const Point<Gemm>& p : impl.gemm_points) {
        if (p.query.format != q.format) continue;
        // Without a measured weight gradient, that of the forward product of the same shape stands
        // in.
        if (weight_points && weight != (p.query.pass == Pass::weight_gradient)) continue;
        const double distance2 = square(at[0] - p.log_size[0]) + square(at[1] - p.log_size[1]) +
                                 square(at[2] - p.log_size[2]) +
                                 0.25 * square(at[3] - p.log_size[3]) +
                                 (p.query.pass == q.pass ? 0 : kOtherPass2);
        near.add(distance2, p.contended == contended ? 0 : kOtherState2, p.log_ratio, p.error);
    }
    const bool fitted = !form.residual.empty();
    Cost out = answer(near,
                      {gemm_alone(impl, q, impl.asked), form.error, fitted,
                       form.residual.outside(residual_sizes(impl, q))},
                      impl.gemm_contention, contended);
    if (near.empty() && !fitted) return out;
    if (weight && !weight_points) out = inferred(out, form.weight_gradient_error);
    if (impl.gemm_like.contains(q.format)) out = inferred(out, kLikeFormat);
    return impl.same_device() ? out : inferred(out, impl.scaling_error);
}

Cost Profile::attention(const AttentionCore& q, bool contended) const {
    if (q.window > 0) return inferred(attention(without_window(q), contended), kOtherSpan);
    const Profile::Impl& impl = *impl_;
    const AttentionForm& form = impl.attention;
    const bool backward = q.pass != Pass::forward;
    const Sizes at = attention_logarithms(q);
    NearestPoints near;
    for (const Point<AttentionCore>& p : impl.attention_points) {
        const bool of_backward = p.query.pass != Pass::forward;
        if (impl.backward_points ? backward != of_backward : of_backward) continue;
        const double distance2 =
            0.25 * square(at[0] - p.log_size[0]) + square(at[1] - p.log_size[1]) +
            square(at[2] - p.log_size[2]) + square(at[3] - p.log_size[3]) +
            0.01 * square(at[4] - p.log_size[4]) + (q.causal == p.query.causal ? 0 : square(0.3));
        near.add(distance2, p.contended == contended ? 0 : kOtherState2, p.log_ratio, p.error);
    }
    const bool fitted = !form.residual.empty();
    Cost out = answer(near,
                      {attention_alone(impl, q, impl.asked), form.error, fitted,
                       form.residual.outside(attention_sizes(q))},
                      impl.attention_contention, contended);
    if (near.empty() && !fitted) return out;
    if (backward && !impl.backward_points) out = inferred(out, form.backward_error);
    return impl.same_device() ? out : inferred(out, impl.scaling_error);
}

Cost Profile::memory(const Memory& q, bool contended) const {
    const Profile::Impl& impl = *impl_;
    const auto like = impl.memory_like.find(q.name);
    const auto found =
        impl.memory_points.find(like == impl.memory_like.end() ? q.name : like->second);
    NearestPoints near;
    if (found != impl.memory_points.end()) {
        const double at = logarithm(q.bytes);
        for (const Point<Memory>& p : found->second)
            near.add(square(at - p.log_size[0]), p.contended == contended ? 0 : kOtherState2,
                     p.log_ratio, p.error);
    }
    Cost out = answer(near, {memory_seconds(q, impl.memory, impl.asked), impl.memory.error},
                      impl.memory_contention, contended);
    if (near.empty()) return out;
    if (like != impl.memory_like.end()) out = inferred(out, 0.2);
    const bool own = impl.same_device() && !impl.memory_scaled;
    return own ? out : inferred(out, impl.scaling_error);
}

TransferCost Profile::transfer(const std::string& collective, double bytes, bool contended) const {
    TransferQuery query;
    query.collective = collective;
    query.nic_bytes = query.nvlink_bytes = bytes;
    query.contended = contended;
    return transfer(query);
}

TransferCost Profile::transfer(const TransferQuery& query) const {
    const double bytes =
        query.bytes > 0 ? query.bytes : std::max(query.nic_bytes, query.nvlink_bytes);
    const auto from = [&](const TransferForm& form) {
        TransferCost out = form.cost;
        out.nic_share = at(form.bytes, form.nic_share, std::max(bytes, 1.0));
        out.nvlink_share = at(form.bytes, form.nvlink_share, std::max(bytes, 1.0));
        if (!query.contended) out.slowdown = 1;
        const bool inside = bytes >= form.bytes.front() / 2 && bytes <= form.bytes.back() * 2;
        if (!inside) out.evidence = std::max(out.evidence, Evidence::extrapolated);
        return out;
    };
    const auto weaker = [&](TransferCost cost) {
        if (!impl_->same_device()) cost.evidence = std::max(cost.evidence, Evidence::extrapolated);
        return cost;
    };
    if (const auto own = impl_->transfers.find(query.collective); own != impl_->transfers.end())
        return weaker(from(own->second));
    auto known = typical().transfers.find(query.collective);
    if (known == typical().transfers.end()) known = typical().transfers.find("nccl.alltoall");
    const TransferCost assumed = from(known->second);
    std::optional<TransferCost> out = impl_->table.answer(query);
    if (!out) return assumed;
    if (out->nvlink_share <= 0) out->nvlink_share = assumed.nvlink_share;
    if (out->nic_share <= 0) {
        out->nic_share = assumed.nic_share;
        if (query.nodes > 1) {  // what the network does is not in the table
            out->startup_s = std::max(out->startup_s, assumed.startup_s);
            out->evidence = assumed.evidence;
            out->rel_error = assumed.rel_error;
        }
    }
    return weaker(*out);
}

double Profile::launch_gap_s() const { return impl_->launch_gap_s; }
double Profile::host_issue_s() const { return impl_->host_issue_s; }
const std::string& Profile::name() const { return impl_->name; }

nlohmann::ordered_json Profile::provenance() const {
    std::size_t memory = 0;
    for (const auto& [name, points] : impl_->memory_points) memory += points.size();
    nlohmann::ordered_json out;
    out["name"] = impl_->name.empty() ? "roofline" : impl_->name;
    out["measured_on"] = impl_->measured;
    out["same_device"] = impl_->same_device();
    if (!impl_->base.empty()) out["base"] = impl_->base;
    out["points"] = {{"gemm", impl_->gemm_points.size()},
                     {"attention", impl_->attention_points.size()},
                     {"memory", memory},
                     {"transfer", impl_->transfers.size() + impl_->table.points()}};
    for (const auto& [key, text] : impl_->table.source()) out["transfers"][key] = text;
    for (const auto& [op, v] : impl_->validation)
        out["held_out"][op] = {
            {"shapes", v.shapes}, {"median_rel_error", v.median}, {"p90_rel_error", v.p90}};
    out["source"] = impl_->source;
    return out;
}

}  // namespace moesim::topologies
