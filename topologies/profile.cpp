#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "topologies/kernel_forms.hpp"
#include "topologies/nearest_points.hpp"
#include "topologies/profile_data.hpp"

namespace moesim::topologies {
namespace {

constexpr double kOtherState2 = 0.2 * 0.2;  // a point taken in the other state counts as this far
constexpr double kOtherPass2 = 0.15 * 0.15;
constexpr double kHit = 0.03;  // as near as this is the point itself
constexpr double kOctave = 0.6931471805599453;

double square(double x) { return x * x; }
double log_distance2(double a, double b) {
    return square(std::log(std::max(a, 1e-9) / std::max(b, 1e-9)));
}

/// Seconds, error and evidence from the form, the points around the query and the contention.
/// `form_error` is the residual of the form at its own points.
Cost answer(const NearestPoints& near, double alone, double form_error, Contention contention,
            bool contended) {
    Cost out;
    out.seconds = alone * (contended ? contention.factor : 1);
    if (near.empty()) {
        out.rel_error = std::hypot(0.3, contended ? contention.error : 0);
        return out;
    }
    out.seconds *= near.ratio();
    const double octaves = near.distance() / kOctave;
    const bool hit = near.distance() < kHit;
    out.evidence = hit && !near.converted() ? Evidence::measured
                   : octaves <= 1           ? Evidence::interpolated
                                            : Evidence::extrapolated;
    out.rel_error = hit ? near.error() : form_error * std::max(1.0, octaves);
    if (near.converted()) out.rel_error = std::hypot(out.rel_error, contention.error);
    out.rel_error = std::min(out.rel_error, 0.5);
    return out;
}

/// The same on grounds one step weaker: `error` is what the step adds.
Cost inferred(Cost cost, double error) {
    cost.evidence = std::max(cost.evidence, Evidence::extrapolated);
    cost.rel_error = std::min(0.5, std::hypot(cost.rel_error, error));
    return cost;
}

double log_ratio(double measured, double alone, bool contended, Contention contention) {
    return std::log(measured / (alone * (contended ? contention.factor : 1)));
}

constexpr double kOtherDevice = 0.15;  // assumed: what scaling by peaks and bandwidth may miss

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

const GemmForm& form_of(const Profile::Impl& impl, const std::string& format) {
    if (const auto found = impl.gemm.find(format); found != impl.gemm.end()) return found->second;
    const bool narrow =
        format.find("fp8") != std::string::npos || format.find("fp4") != std::string::npos;
    return typical().gemm.at(narrow ? "fp8" : "bf16");
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
    if (name.empty()) {
        impl->taken = impl->asked;
        impl->measured = device.name;
    }
    Profile out;
    out.impl_ = std::move(impl);
    return out;
}

Cost Profile::gemm(const Gemm& q, bool contended) const {
    const GemmForm& form = form_of(*impl_, q.format);
    const double alone = gemm_seconds(q, form, impl_->asked);
    const auto [rows, columns, depth] = product(q);
    const bool weight = q.pass == Pass::weight_gradient;
    const bool weight_points = std::any_of(
        impl_->gemm_points.begin(), impl_->gemm_points.end(), [&](const Point<Gemm>& p) {
            return p.query.format == q.format && p.query.pass == Pass::weight_gradient;
        });
    NearestPoints near;
    for (const Point<Gemm>& p : impl_->gemm_points) {
        if (p.query.format != q.format) continue;
        // Without a measured weight gradient, that of the forward product of the same shape stands
        // in.
        if (weight_points && weight != (p.query.pass == Pass::weight_gradient)) continue;
        const auto shape = product(p.query);
        const double distance2 =
            log_distance2(rows, shape.rows) + log_distance2(columns, shape.columns) +
            log_distance2(depth, shape.depth) + 0.25 * log_distance2(q.groups, p.query.groups) +
            (p.query.pass == q.pass ? 0 : kOtherPass2);
        near.add(distance2, p.contended == contended ? 0 : kOtherState2,
                 log_ratio(p.seconds, gemm_seconds(p.query, form, impl_->taken), p.contended,
                           impl_->gemm_contention),
                 p.error);
    }
    Cost out = answer(near, alone, form.error, impl_->gemm_contention, contended);
    if (near.empty()) return out;
    if (weight && !weight_points) out = inferred(out, form.weight_gradient_error);
    return impl_->same_device() ? out : inferred(out, kOtherDevice);
}

Cost Profile::attention(const AttentionCore& q, bool contended) const {
    const AttentionForm& form = impl_->attention;
    const double alone = attention_seconds(q, form, impl_->asked);
    const bool backward = q.pass != Pass::forward;
    const auto is_backward = [](const Point<AttentionCore>& p) {
        return p.query.pass != Pass::forward;
    };
    const bool backward_points =
        std::any_of(impl_->attention_points.begin(), impl_->attention_points.end(), is_backward);
    NearestPoints near;
    for (const Point<AttentionCore>& p : impl_->attention_points) {
        if (backward_points ? backward != is_backward(p) : is_backward(p)) continue;
        const double distance2 =
            0.25 * log_distance2(q.batch * q.heads, p.query.batch * p.query.heads) +
            log_distance2(q.sequence, p.query.sequence) + log_distance2(q.qk_dim, p.query.qk_dim) +
            log_distance2(q.v_dim, p.query.v_dim) +
            0.01 * log_distance2(q.heads / std::max(1.0, q.kv_heads),
                                 p.query.heads / std::max(1.0, p.query.kv_heads)) +
            (q.causal == p.query.causal ? 0 : square(0.3));
        near.add(distance2, p.contended == contended ? 0 : kOtherState2,
                 log_ratio(p.seconds, attention_seconds(p.query, form, impl_->taken), p.contended,
                           impl_->attention_contention),
                 p.error);
    }
    Cost out = answer(near, alone, form.error, impl_->attention_contention, contended);
    if (near.empty()) return out;
    if (backward && !backward_points) out = inferred(out, form.backward_error);
    return impl_->same_device() ? out : inferred(out, kOtherDevice);
}

Cost Profile::memory(const Memory& q, bool contended) const {
    const auto like = impl_->memory_like.find(q.name);
    const auto found =
        impl_->memory_points.find(like == impl_->memory_like.end() ? q.name : like->second);
    NearestPoints near;
    if (found != impl_->memory_points.end())
        for (const Point<Memory>& p : found->second)
            near.add(log_distance2(q.bytes, p.query.bytes),
                     p.contended == contended ? 0 : kOtherState2,
                     log_ratio(p.seconds, memory_seconds(p.query, impl_->memory, impl_->taken),
                               p.contended, impl_->memory_contention),
                     p.error);
    Cost out = answer(near, memory_seconds(q, impl_->memory, impl_->asked), impl_->memory.error,
                      impl_->memory_contention, contended);
    if (near.empty()) return out;
    if (like != impl_->memory_like.end()) out = inferred(out, 0.2);
    return impl_->same_device() ? out : inferred(out, kOtherDevice);
}

TransferCost Profile::transfer(const std::string& collective, double bytes, bool contended) const {
    auto found = impl_->transfers.find(collective);
    const bool own = found != impl_->transfers.end();
    if (!own) {
        found = typical().transfers.find(collective);
        if (found == typical().transfers.end()) found = typical().transfers.find("nccl.alltoall");
    }
    const TransferForm& form = found->second;
    TransferCost out = form.cost;
    out.nic_share = at(form.bytes, form.nic_share, std::max(bytes, 1.0));
    out.nvlink_share = at(form.bytes, form.nvlink_share, std::max(bytes, 1.0));
    if (!contended) out.slowdown = 1;
    if (!impl_->same_device()) out.evidence = std::max(out.evidence, Evidence::extrapolated);
    const bool inside = bytes >= form.bytes.front() / 2 && bytes <= form.bytes.back() * 2;
    if (!inside) out.evidence = std::max(out.evidence, Evidence::extrapolated);
    return out;
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
    out["points"] = {{"gemm", impl_->gemm_points.size()},
                     {"attention", impl_->attention_points.size()},
                     {"memory", memory},
                     {"transfer", impl_->transfers.size()}};
    out["source"] = impl_->source;
    return out;
}

}  // namespace moesim::topologies
