#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "scenarios/layer_costs.hpp"
#include "sim/paths.hpp"

namespace {

using namespace moesim;
using scenarios::Segment;
using Sets = std::vector<std::string>;

constexpr double kRows = 8192;

scenarios::Scenario mixtral(const Sets& sets = {}) {
    sim::Table table =
        sim::Table::from_file(sim::find_data("scenario", "scenarios", "mixtral-8x7b-h100-64"));
    for (const char* usual : {"step.precision=bf16", "step.dispatcher=alltoall"}) table.set(usual);
    for (const std::string& s : sets) table.set(s);
    return scenarios::read_scenario(table, 0);
}

scenarios::SegmentCost layer(const scenarios::Scenario& s, Segment segment, int experts = 2) {
    const scenarios::LayerCosts costs{s, experts, kRows, 1};
    for (const auto& stage : scenarios::stage_items(s))
        for (const scenarios::Item& item : stage)
            if (item.moe_layer >= 0) return costs.get(item, segment, false);
    FAIL("no MoE layer");
    return {};
}

double issue(const scenarios::Scenario& s, Segment segment, int experts = 2) {
    return layer(s, segment, experts).issue;
}

}  // namespace

// 72 kernels of the router, 3 of which stay: 69 operators instead of 28 (69 x 20 / 28 = 48 of the
// 20 backward). Source of both: recipe bf16.
TEST_CASE("host: a router that is not fused is issued operator by operator") {
    const auto fused = mixtral(), unfused = mixtral({"step.unfused=[\"router\"]"});
    const double op = fused.host.op_s;
    CHECK(issue(unfused, Segment::attention_forward) - issue(fused, Segment::attention_forward) ==
          Approx((69 - 28) * op));
    CHECK(issue(unfused, Segment::attention_input) - issue(fused, Segment::attention_input) ==
          Approx((48 - 20) * op));
    CHECK(issue(unfused, Segment::ffn_forward) == Approx(issue(fused, Segment::ffn_forward)));
}

TEST_CASE(
    "host: each further expert is a group more in both products, a kernel in their gradients") {
    const auto s = mixtral();
    CHECK(issue(s, Segment::ffn_forward, 4) - issue(s, Segment::ffn_forward, 2) ==
          Approx(2 * 2 * s.host.group_s));
    CHECK(issue(s, Segment::ffn_weight, 4) - issue(s, Segment::ffn_weight, 2) ==
          Approx(2 * 2 * s.host.kernel_s));
}

TEST_CASE("host: before it is fused, quantization makes six calls for each expert's operand") {
    const auto one = mixtral({"step.precision=mxfp8", "step.dispatcher=hybridep"}),
               many = mixtral({"step.precision=mxfp8", "step.dispatcher=hybridep",
                               "step.unfused=[\"quantize\"]"});
    CHECK(issue(many, Segment::ffn_forward) - issue(one, Segment::ffn_forward) ==
          Approx(2 * (6 - 1) * 2 * one.host.kernel_s));
}

TEST_CASE("host: captured kernels cost one launch of their graph") {
    const auto s = mixtral({"step.cuda_graphs=true"});
    CHECK(issue(s, Segment::ffn_forward) == Approx(s.host.graph_s));
    const auto attention = mixtral({"step.cuda_graphs=[\"attn\",\"moe_router\"]"});
    CHECK(issue(attention, Segment::attention_forward) == Approx(attention.host.graph_s));
    CHECK(issue(attention, Segment::ffn_forward) == Approx(issue(mixtral(), Segment::ffn_forward)));
}

// FP8 GEMMs want multiples of 16 rows: a copy before the first product of an expert and one after
// the second, unless the dispatcher has left room.
TEST_CASE("host: rows are padded by copies where the dispatcher does not pad") {
    const auto pads = [](const char* precision, const char* dispatcher) {
        return layer(mixtral({std::string{"step.precision="} + precision,
                              std::string{"step.dispatcher="} + dispatcher}),
                     Segment::ffn_forward)
            .kernels.contains("pad");
    };
    CHECK(pads("fp8_tensor", "alltoall"));
    CHECK_FALSE(pads("fp8_tensor", "hybridep"));
    CHECK_FALSE(pads("bf16", "alltoall"));
}

TEST_CASE("host: only experts with biases add them") {
    CHECK_FALSE(layer(mixtral(), Segment::ffn_forward).kernels.contains("expert_bias"));
    const auto biased = mixtral({"model=gpt-oss-20b"});
    const auto forward = layer(biased, Segment::ffn_forward);
    CHECK(forward.kernels.contains("expert_bias"));
    CHECK(forward.kernels.contains("clamp"));
    // 28 and 40 bytes per element: written out beside the recipe.
    CHECK(layer(biased, Segment::ffn_input).kernels.at("expert_bias_backward") >
          forward.kernels.at("expert_bias"));
}
