#include "topologies/profile_points.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::topologies {
namespace {

const Profile::Impl& typical() {
    static const Profile::Impl impl = roofline_profile();
    return impl;
}

double beside(bool contended, Contention contention) { return contended ? contention.factor : 1; }

const std::string& format_of(const Profile::Impl& impl, const std::string& format) {
    const auto like = impl.gemm_like.find(format);
    return like == impl.gemm_like.end() ? format : like->second;
}

/// Whether the product is answered by a form fitted to grouped ones.
const GemmForm* grouped_form(const Profile::Impl& impl, const Gemm& q) {
    if (q.groups <= 1) return nullptr;
    const auto found = impl.grouped.find(format_of(impl, q.format));
    return found == impl.grouped.end() ? nullptr : &found->second;
}

}  // namespace

double logarithm(double size) { return std::log(std::max(size, 1e-9)); }

Sizes logarithms(Sizes sizes) {
    for (double& size : sizes) size = logarithm(size);
    return sizes;
}

Sizes attention_logarithms(const AttentionCore& q) {
    return logarithms(
        {q.batch * q.heads, q.sequence, q.qk_dim, q.v_dim, q.heads / std::max(1.0, q.kv_heads)});
}

ResidualGrid::Sizes dense_sizes(const Gemm& q) {
    const Product p = product(q);
    return {p.rows, p.columns, p.depth};
}

ResidualGrid::Sizes grouped_sizes(const Gemm& q) { return {q.m, q.groups, q.in * q.out}; }

ResidualGrid::Sizes attention_sizes(const AttentionCore& q) {
    return {q.sequence, q.batch * q.heads, q.qk_dim + q.v_dim};
}

const GemmForm& form_of(const Profile::Impl& impl, const Gemm& q) {
    if (const GemmForm* grouped = grouped_form(impl, q)) return *grouped;
    const std::string& format = format_of(impl, q.format);
    if (const auto found = impl.gemm.find(format); found != impl.gemm.end()) return found->second;
    const bool narrow =
        format.find("fp8") != std::string::npos || format.find("fp4") != std::string::npos;
    return typical().gemm.at(narrow ? "fp8" : "bf16");
}

ResidualGrid::Sizes residual_sizes(const Profile::Impl& impl, const Gemm& q) {
    return grouped_form(impl, q) ? grouped_sizes(q) : dense_sizes(q);
}

double gemm_alone(const Profile::Impl& impl, const Gemm& q, const Hardware& on) {
    const GemmForm& form = form_of(impl, q);
    const double seconds =
        gemm_seconds(q, form, on) * std::exp(form.residual.at(residual_sizes(impl, q)));
    const auto dense = impl.gemm.find(format_of(impl, q.format));
    if (grouped_form(impl, q) == nullptr || dense == impl.gemm.end()) return seconds;
    // Products of several weights are no faster than one product of all their rows. Tables of whole
    // expert blocks leave open which share of their time is traffic.
    Gemm one = q;
    if (q.pass != Pass::weight_gradient) {
        one.m *= one.groups;
        one.groups = 1;
    }
    return std::max(seconds, gemm_seconds(one, dense->second, on) *
                                 std::exp(dense->second.residual.at(dense_sizes(one))));
}

double attention_alone(const Profile::Impl& impl, const AttentionCore& q, const Hardware& on) {
    return attention_seconds(q, impl.attention, on) *
           std::exp(impl.attention.residual.at(attention_sizes(q)));
}

void prepare_points(Profile::Impl& impl) {
    for (Point<Gemm>& p : impl.gemm_points) {
        const Product shape = product(p.query);
        p.log_size = logarithms({shape.rows, shape.columns, shape.depth, p.query.groups, 1});
        p.log_ratio = std::log(p.seconds / (gemm_alone(impl, p.query, p.on.value_or(impl.taken)) *
                                            beside(p.contended, impl.gemm_contention)));
        if (p.query.pass == Pass::weight_gradient) impl.weight_points.insert(p.query.format);
    }
    for (Point<AttentionCore>& p : impl.attention_points) {
        p.log_size = attention_logarithms(p.query);
        p.log_ratio = std::log(p.seconds / (attention_alone(impl, p.query, impl.taken) *
                                            beside(p.contended, impl.attention_contention)));
        impl.backward_points = impl.backward_points || p.query.pass != Pass::forward;
    }
    for (auto& [name, points] : impl.memory_points)
        for (Point<Memory>& p : points) {
            p.log_size[0] = logarithm(p.query.bytes);
            p.log_ratio = std::log(p.seconds / (memory_seconds(p.query, impl.memory, impl.taken) *
                                                beside(p.contended, impl.memory_contention)));
        }
}

}  // namespace moesim::topologies
