#include "models/router_switches.hpp"

#include <catch2/catch.hpp>

using namespace moesim;

namespace {

models::Model switched(const std::string& keys, const std::string& name = "deepseek-v3") {
    auto model = models::load_model(name);
    models::switch_routers(
        sim::Table::from_text("[routing]\n" + keys, "test.toml").table("routing"), model);
    return model;
}
const models::MoeFfn& experts(const models::Model& model) {
    return *model.layer(model.layer_count() - 1).moe;
}

}  // namespace

TEST_CASE("router switches: what is absent stays as the model has it") {
    CHECK(experts(switched("")) == experts(models::load_model("deepseek-v3")));
    CHECK(switched("").published_active);
    CHECK(experts(switched("score = \"softmax\"\n")).router == "softmax");
    CHECK(experts(switched("score = \"softmax\"\n")).top_k == 8);
}

TEST_CASE("router switches: top-k, groups and shared experts change, with their published counts") {
    const auto four = switched("top_k = 4\n");
    CHECK(experts(four).top_k == 4);
    CHECK(experts(four).group_limit == 4);
    CHECK_FALSE(four.published_active);
    CHECK(four.published_total);
    const auto free = switched("groups = 1\n");
    CHECK(experts(free).group_limit == 1);
    const auto none = switched("shared_experts = 0\n");
    CHECK(experts(none).shared_width == 0);
    CHECK_FALSE(none.published_total);
    const auto mixtral = switched("shared_experts = 2\n", "mixtral-8x7b");
    CHECK(experts(mixtral).shared_width == 14336);  // that of a routed expert
    CHECK(experts(switched("groups = 8\nper_group = 1\n")).per_group == 1);
}

TEST_CASE("router switches: what does not fit the experts is refused at its key") {
    CHECK_THROWS_WITH(switched("top_k = 300\n"), Catch::Contains("300 of 256 experts"));
    CHECK_THROWS_WITH(switched("groups = 7\n"), Catch::Contains("routing.groups"));
    CHECK_THROWS_WITH(switched("per_group = 2\n"), Catch::Contains("routing.per_group"));
    CHECK_THROWS_AS(switched("score = \"sigmod\"\n"), sim::InputError);
}
