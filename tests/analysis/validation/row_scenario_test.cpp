#include "analysis/validation/row_scenario.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include "analysis/validation/row_settings.hpp"
#include "sim/input.hpp"

using namespace moesim::analysis;

namespace {

Published row() {
    Published p;
    p.id = "x-1";
    p.fields = {{"model", "Mixtral-8x7B"},
                {"gpus", "64"},
                {"gpu_type", "H100"},
                {"tp", "2"},
                {"pp", "4"},
                {"ep", "8"},
                {"micro_batch", "1"},
                {"seq_len", "4096"},
                {"global_batch", "256"},
                {"precision", "BF16"},
                {"framework", "Megatron-Core"}};
    return p;
}

bool says(const RowScenario& s, const std::string& assignment) {
    return std::find(s.assignments.begin(), s.assignments.end(), assignment) != s.assignments.end();
}

}  // namespace

TEST_CASE("row_scenario: data parallelism follows from GPUs and the other degrees") {
    Published p = row();
    p.fields["dp"] = "999";
    const RowScenario s = row_scenario(p, {});
    CHECK(s.refused.empty());
    CHECK(says(s, "parallel.data=8"));  // 64 / (2 x 4)
    CHECK(says(s, "step.schedule=\"1f1b\""));
    CHECK(says(s, "routing.kind=\"balanced\""));
    CHECK_FALSE(s.assumed.empty());
}

TEST_CASE("row_scenario: a recipe goes before the row") {
    const RowScenario s = row_scenario(
        row(), {{"dispatcher", "DeepEP"},
                {"dispatcher_sms", "20"},
                {"tp", "1"},
                {"layers_per_stage", "3-4-4-4-4-4-4-5"},
                {"recompute", "selective: moe_act, mlp"},
                {"cuda_graph", "transformer_engine: attn, moe_router (shared expert inside)"},
                {"ep_overlap", "yes"},
                {"overlap_grad_reduce", "no (flag absent)"},
                {"dist_optimizer", "yes"},
                {"grad_reduce_dtype", "bf16"}});
    CHECK(says(s, "parallel.tensor=1"));
    CHECK(says(s, "parallel.data=16"));
    CHECK(says(s, "parallel.virtual=2"));  // eight entries on four stages
    CHECK(says(s, "step.schedule=\"interleaved\""));
    CHECK(says(s, "step.dispatcher=\"deepep\""));
    CHECK(says(s, "step.recompute=[\"moe_act\", \"mlp\"]"));
    CHECK(says(s, "step.cuda_graphs=[\"attn\", \"moe_router\"]"));
    CHECK(says(s, "step.overlap=[\"ep\"]"));
    CHECK(says(s, "step.gradient_format=\"bf16\""));
}

TEST_CASE("row_scenario: rows without a layout are refused, words for numbers are errors") {
    Published p = row();
    p.fields["pp"] = "";
    CHECK_FALSE(row_scenario(p, {}).refused.empty());
    p = row();
    p.fields["gpus"] = "60";  // not a multiple of 2 x 4
    CHECK_FALSE(row_scenario(p, {}).refused.empty());
    p.fields["gpus"] = "many";
    CHECK_THROWS_AS(row_scenario(p, {}), moesim::sim::InputError);
}

TEST_CASE("row_settings: precisions of the published tables") {
    CHECK(precision_of("FP8-CS (per-tensor current scaling)") == "\"fp8_tensor\"");
    CHECK(precision_of("MXFP8 (value in parentheses)") == "\"mxfp8\"");
    CHECK(precision_of("delayed (hybrid), amax history 1024") == "\"fp8_delayed\"");
    CHECK(precision_of("blockwise (e4m3)") == "\"fp8_block\"");
    CHECK_FALSE(precision_of("INT3").has_value());
    CHECK(precision_class("FP8 blockwise") == "fp8");
    CHECK(precision_class("NVFP4") == "nvfp4");
}

TEST_CASE("row_settings: layer splits are numbers joined by dashes") {
    CHECK(layers_of("4-4-1") == std::vector<int>{4, 4, 1});
    CHECK_FALSE(layers_of("all").has_value());
    CHECK_FALSE(layers_of("4--1").has_value());
    CHECK_FALSE(layers_of("").has_value());
}
