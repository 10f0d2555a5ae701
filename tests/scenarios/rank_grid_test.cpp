#include "scenarios/rank_grid.hpp"

#include <catch2/catch.hpp>

#include <set>

#include "analysis/result.hpp"
#include "scenarios/builder.hpp"
#include "small.hpp"

using namespace moesim;
using scenarios::Axis;
using scenarios::RankGrid;
using scenarios::small;

namespace {

using Ints = std::vector<int>;

/// tensor 2, context 2, data 4, pipeline 2; experts: expert_tensor 1, expert 4, expert data 4.
RankGrid grid(const std::string& order, const std::string& experts = "") {
    std::string text = "order = \"" + order + "\"\n";
    if (!experts.empty()) text += "expert_order = \"" + experts + "\"\n";
    sim::Table in = sim::Table::from_text(text, "order.toml");
    scenarios::Parallel p;
    p.tensor = p.context = p.pipeline = 2;
    p.data = p.expert = 4;
    const RankGrid out = RankGrid::read(in, p);
    out.check(in);
    in.finish();
    return out;
}

double step_s(const std::vector<std::string>& sets, const char* engine = "simgrid") {
    return analysis::simulate(small(sets), {engine, true}).line.makespan;
}

/// Copies of a dispatch that leave the node, mean over the ranks.
double over_nics(const std::vector<std::string>& sets) {
    const scenarios::Scenario s = small(sets);
    const scenarios::Builder b{s, true};
    return scenarios::mean(b.loads().get(0, 0, 0, false).ports.nic_out);
}

}  // namespace

TEST_CASE("rank grid: strides are the products of the degrees before") {
    const RankGrid usual = grid("tp-cp-ep-dp-pp");
    CHECK(usual.stride(Axis::context) == 2);
    CHECK(usual.stride(Axis::data) == 4);
    CHECK(usual.stride(Axis::expert) == 1);
    CHECK(usual.stride(Axis::expert_data) == 4);
    CHECK(usual.stride(Axis::pipeline) == 16);
    CHECK(usual.members({Axis::context, Axis::data}) == Ints{0, 2, 4, 6, 8, 10, 12, 14});
    CHECK(usual.groups({Axis::context, Axis::data}) == Ints{0, 1});
    CHECK(usual.groups({Axis::expert}) == Ints{0, 4, 8, 12});

    // Data before experts: an expert group steps over the 4 that hold the same experts.
    const RankGrid spread = grid("tp-cp-dp-ep-pp");
    CHECK(spread.stride(Axis::data) == 4);
    CHECK(spread.members({Axis::expert}) == Ints{0, 4, 8, 12});
    CHECK(spread.members({Axis::expert_data}) == Ints{0, 1, 2, 3});

    // The pipeline first: its ranks stand side by side, everything else two apart.
    const RankGrid first = grid("pp-tp-cp-ep-dp");
    CHECK(first.stride(Axis::pipeline) == 1);
    CHECK(first.members({Axis::tensor}) == Ints{0, 2});
    CHECK(first.members({Axis::expert}) == Ints{0, 2, 4, 6});
    CHECK(first.gpu(1, 3, 2) == 1 + 3 * 8 + 2 * 2);

    // tp 2 x cp 2 before it in one grid, ep 4 in the other: both 4.
    const RankGrid middle = grid("tp-cp-ep-pp-dp");
    CHECK(middle.stride(Axis::pipeline) == 4);
    CHECK(middle.members({Axis::data}) == Ints{0, 8, 16, 24});
    CHECK(middle.members({Axis::expert_data}) == Ints{0, 8, 16, 24});

    // An order of its own for the experts.
    CHECK(grid("tp-cp-ep-dp-pp", "tp-dp-ep-pp").members({Axis::expert}) == Ints{0, 4, 8, 12});
}

TEST_CASE("rank grid: both grids number every GPU once, on the same pipeline rank") {
    for (const char* order : {"tp-cp-ep-dp-pp", "tp-cp-ep-pp-dp", "pp-dp-ep-cp-tp",
                              "dp-tp-cp-ep-pp", "cp-ep-tp-dp-pp"}) {
        CAPTURE(order);
        const RankGrid g = grid(order);
        std::set<int> gpus;
        for (int rank = 0; rank < 2; ++rank) {
            std::set<int> attention, experts;
            for (const int gpu : g.groups({}))
                attention.insert(gpu + rank * g.stride(Axis::pipeline));
            for (int group = 0; group < 4; ++group)
                for (int member = 0; member < 4; ++member)
                    experts.insert(g.gpu(rank, group, member));
            CHECK(attention == experts);
            gpus.insert(experts.begin(), experts.end());
        }
        CHECK(gpus.size() == 32);
        CHECK(*gpus.rbegin() == 31);
    }
}

TEST_CASE("rank grid: members of a group within a node are counted") {
    // Data 4 at stride 4, context 2 at stride 2: 0 2 4 6 in a node of 8.
    CHECK(grid("tp-cp-ep-dp-pp").within({Axis::context, Axis::data}, 8) == 4);
    CHECK(grid("dp-tp-cp-ep-pp").within({Axis::data}, 8) == 4);
    CHECK(grid("tp-cp-dp-ep-pp").within({Axis::expert}, 8) == 2);
    CHECK(grid("tp-cp-dp-ep-pp").within({Axis::expert}, 4) == 1);
    CHECK(grid("tp-cp-dp-ep-pp").within({Axis::expert}, 1000) == 4);
}

TEST_CASE("rank grid: an order that puts the pipeline on two GPUs at once is refused") {
    // Before pp stand tp x dp = 8 attention ranks, but tp x dp = 4 expert ranks.
    CHECK_THROWS_WITH(grid("tp-dp-pp-cp-ep"),
                      Catch::Contains("order: the pipeline steps by 8 GPUs in the attention grid "
                                      "and by 4 in the expert grid"));
    CHECK_THROWS_WITH(grid("tp-cp-ep-dp-pp", "tp-ep-pp-dp"), Catch::Contains("expert_order: the "));
    CHECK_THROWS_WITH(grid("tp-cp-ep-dp"), Catch::Contains("axis 'pp' is missing"));
    CHECK_THROWS_WITH(grid("tp-cp-ep-dp-pp-tp"), Catch::Contains("'tp' is there twice"));
    CHECK_THROWS_WITH(grid("tp-cp-epp-dp-pp"), Catch::Contains("did you mean 'ep'?"));
}

TEST_CASE("rank grid: the usual order is what it is without the key") {
    CHECK(step_s({"parallel.order=\"tp-cp-ep-dp-pp\""}) == step_s({}));
}

TEST_CASE("rank grid: expert groups across nodes send what one node would have kept") {
    // EP8 of 16 ranks of a stage, nodes of 8. In the usual order a group fills a node. With dp
    // before ep it stands on every second GPU: 4 members in each of 2 nodes. DeepEP then sends one
    // copy per token to the other node when it has an expert there: C = 1 - C(128, 8) / C(256, 8)
    // of tokens.
    const std::vector<std::string> usual{"parallel.expert=8",
                                         "routing={kind=\"balanced\",groups=1,group_limit=1}"};
    auto spread = usual;
    spread.emplace_back("parallel.order=\"tp-cp-dp-ep-pp\"");
    CHECK(over_nics(usual) == 0);
    double none = 1;  // that all 8 choices fall into this node's 128 of 256
    for (int i = 0; i < 8; ++i) none *= (128.0 - i) / (256 - i);
    CHECK(over_nics(spread) == Approx(1024 * (1 - none)).epsilon(1e-6));
    // Their gradients, in return, are reduced inside a node.
    CHECK(step_s(spread, "replay") < step_s(usual, "replay"));
}

TEST_CASE("rank grid: stages side by side pass on over NVLink") {
    const auto seconds = [](const char* order) {
        const auto lowered = scenarios::lower(
            small({std::string{"parallel.order="} + order, "routing={kind=\"balanced\"}"}), true);
        for (const sim::TaskGraph::Task& task : lowered.graph.tasks)
            if (task.label.kind == sim::Kind::pp) {
                const auto demands = lowered.graph.demands_of(task);
                return std::pair{lowered.graph.links[lowered.graph.paths[demands[0].path][0]].cls,
                                 demands[0].bytes};
            }
        return std::pair{std::string{}, 0.0};
    };
    const auto [far, bytes] = seconds("tp-cp-ep-dp-pp");
    const auto [near, same] = seconds("pp-tp-cp-ep-dp");
    CHECK(far == "nic");
    CHECK(near == "nvlink");
    CHECK(bytes == Approx(1024.0 * 7168 * 2));
    CHECK(same == bytes);
}

TEST_CASE("rank grid: folding is exact in every order when balanced") {
    // expert 2 = tensor 2: both grids have as many ranks before the pipeline in every order.
    const char* order = GENERATE("tp-cp-ep-pp-dp", "pp-tp-cp-ep-dp", "dp-ep-cp-tp-pp");
    const std::vector<std::string> plan{"parallel.tensor=2", "parallel.data=8", "parallel.expert=2",
                                        "routing={kind=\"balanced\"}",
                                        std::string{"parallel.order="} + order};
    const scenarios::Scenario s = small(plan);
    CHECK(analysis::simulate(s, {"simgrid", true}).line.makespan ==
          Approx(analysis::simulate(s, {"simgrid", false}).line.makespan).epsilon(1e-6));
}
