#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "models/random.hpp"
#include "models/trace.hpp"
#include "tests/models/routing_support.hpp"

using namespace moesim;
using tests::routing;
using tests::routing_complaint;
using tests::routing_shape;
using tests::sum;

namespace {

using Vectors = std::vector<std::vector<double>>;

const std::string kHead = "token,request,phase,token_index,layer,e0,e1\n";

/// Three tokens, two requests, two layers, four experts, top-2:
///            layer 0   layer 1
///   0 (p)    0 1       2 3
///   1 (p)    1 2       2 0
///   2 (q)    0 3       1 3
const std::string kThree = kHead +
                           "0,p,prefill,0,0,0,1\n0,p,prefill,0,1,2,3\n"
                           "1,p,decode,1,0,1,2\n1,p,decode,1,1,2,0\n"
                           "2,q,prefill,0,0,0,3\n2,q,prefill,0,1,1,3\n";

std::string trace(const std::string& file, const std::string& more = "") {
    return "kind = \"trace\"\nfile = \"" + file + "\"\n" + more;
}

/// The complaint about a file of this text for four experts, top-2 and two layers.
std::string says(const std::string& name, const std::string& text) {
    const tests::SampleFolder folder;
    return routing_complaint(trace(folder.write(name, text)), routing_shape(4, 2, 2));
}

std::string line(int step, int rank, int layer, const std::string& indices, int tokens,
                 const std::string& more = "\"block\": \"decoder\"") {
    return "{\"step\": " + std::to_string(step) + ", \"stage\": \"pre_dispatch\", " + more +
           ", \"layer\": " + std::to_string(layer) + ", \"rank\": " + std::to_string(rank) +
           ", \"num_tokens\": " + std::to_string(tokens) +
           ", \"topk\": 2, \"top_indices\": " + indices + "}\n";
}

}  // namespace

TEST_CASE("trace: requests are kinds with their own loads") {
    const tests::SampleFolder folder;
    const auto source = routing(trace(folder.write("t.csv", kThree)), routing_shape(4, 2, 2));
    CHECK(source->kinds() == 2);
    CHECK(source->layer(0).share == Vectors{{0.25, 0.5, 0.25, 0}, {0.5, 0, 0, 0.5}});
    CHECK(source->layer(1).share == Vectors{{0.25, 0, 0.5, 0.25}, {0, 0.5, 0, 0.5}});
    // p has two of the three tokens: 6,000 of 9,000 sources, standard deviation 45
    const auto kinds = source->kind_of_source(0, 9000);
    CHECK(std::abs(std::count(kinds.begin(), kinds.end(), 0) - 6000) < 4 * 45);
}

TEST_CASE("trace: touches, togetherness and transitions are those of the tokens") {
    const tests::SampleFolder folder;
    const auto source = routing(trace(folder.write("t.csv", kThree)), routing_shape(4, 2, 2));
    REQUIRE(source->exact_touches());
    // domains {0, 1}, {2, 3}: token 0 touches the first in layer 0, token 1 both
    CHECK(source->touches(0, 0, {0, 0, 1, 1}, 2) == std::vector<double>{1, 0.5});
    CHECK(source->touches(0, 1, {0, 0, 1, 1}, 2) == std::vector<double>{1, 1});
    CHECK(source->touches(1, 0, {0, 0, 1, 1}, 2) == std::vector<double>{0.5, 1});
    const models::Pairs& together = *source->together(0);
    CHECK(together.at(0, 1) == 1);
    CHECK(together.at(1, 0) == 1);
    CHECK(together.at(1, 1) == 2);
    CHECK(together.at(2, 3) == 0);
    CHECK(sum(together.count) == 3 * 4);
    const models::Pairs& follows = *source->follows(0);
    CHECK(follows.at(1, 2) == 2);  // tokens 0 and 1
    CHECK(follows.at(0, 3) == 2);  // tokens 0 and 2
    CHECK(follows.at(2, 1) == 0);
    CHECK(sum(follows.count) == 3 * 4);
    CHECK(source->follows(1) == nullptr);
}

TEST_CASE("trace: phases and groups choose what a kind is") {
    const tests::SampleFolder folder;
    const auto file = folder.write("t.csv", kThree);
    const auto shape = routing_shape(4, 2, 2);
    CHECK(routing(trace(file, "group = \"all\"\n"), shape)->layer(0).share ==
          Vectors{{2. / 6, 2. / 6, 1. / 6, 1. / 6}});
    CHECK(routing(trace(file, "phase = \"decode\"\n"), shape)->layer(0).share ==
          Vectors{{0, 0.5, 0.5, 0}});
    CHECK_THAT(routing_complaint(trace(file, "group = \"rank\"\n"), shape),
               Catch::Contains("knows no rank"));
    // the order of lines does not matter, layer by layer or token by token
    const auto other = folder.write("u.csv", kHead +
                                                 "2,q,prefill,0,1,1,3\n1,p,decode,1,1,2,0\n"
                                                 "0,p,prefill,0,1,2,3\n0,p,prefill,0,0,0,1\n"
                                                 "1,p,decode,1,0,1,2\n2,q,prefill,0,0,0,3\n");
    CHECK(routing(trace(other), shape)->follows(0)->count ==
          routing(trace(file), shape)->follows(0)->count);
}

TEST_CASE(
    "trace: capacity and other modifiers leave pair counts, but touches are no longer exact") {
    const tests::SampleFolder folder;
    const auto source = routing(trace(folder.write("t.csv", kThree), "capacity_factor = 1\n"),
                                routing_shape(4, 2, 2));
    CHECK_FALSE(source->exact_touches());
    CHECK(source->together(0)->at(1, 1) == 2);
    CHECK(source->assigned(0, 0, 1000)->dropped_share > 0);
}

TEST_CASE("trace: a router trace of several ranks, steps and micro-batches") {
    const tests::SampleFolder folder;
    folder.write("router_trace_rank0.jsonl",
                 line(0, 0, 0, "[[0, 1], [1, 2]]", 2) + line(0, 0, 1, "[[2, 3], [2, 0]]", 2) +
                     line(0, 0, 0, "[[0, 1]]", 1) + line(0, 0, 1, "[[3, 1]]", 1));
    folder.write("router_trace_rank10.jsonl",
                 line(0, 10, 0, "[[0, 3]]", 1) + line(0, 10, 1, "[[1, 3]]", 1));
    folder.write("notes.txt", "not a trace");
    const auto shape = routing_shape(4, 2, 2);
    const auto batches = routing(trace(folder.path()), shape);
    CHECK(batches->kinds() == 3);
    CHECK(batches->layer(0).share ==
          Vectors{{0.25, 0.5, 0.25, 0}, {0.5, 0.5, 0, 0}, {0.5, 0, 0, 0.5}});
    const auto ranks = routing(trace(folder.path(), "group = \"rank\"\n"), shape);
    CHECK(ranks->layer(0).share == Vectors{{2. / 6, 3. / 6, 1. / 6, 0}, {0.5, 0, 0, 0.5}});
    CHECK(routing(trace(folder.path(), "group = \"step\"\n"), shape)->kinds() == 1);
    // tokens keep their places across layers: 1 then 2 twice in rank 0's first batch
    CHECK(ranks->follows(0)->at(1, 2) == 2);
    CHECK(ranks->follows(0)->at(1, 3) == 2);
}

TEST_CASE("trace: MTP layers come after the decoder's, and other fields are passed over") {
    const tests::SampleFolder folder;
    const auto file =
        folder.write("t.jsonl", line(0, 0, 0, "[[1, 2]]", 1, "\"block\": \"mtp\", \"mtp_idx\": 0") +
                                    line(0, 0, 7, "[[0, 3]]", 1,
                                         "\"block\": \"decoder\", \"hs_shape\": [1, 8], "
                                         "\"hs_offset\": 0, \"x\": {\"layer\": "
                                         "9}, \"y\": null, \"z\": 0.5"));
    const auto source = routing(trace(file), routing_shape(4, 2, 2));
    CHECK(source->layer(0).share == Vectors{{0.5, 0, 0, 0.5}});
    CHECK(source->layer(1).share == Vectors{{0, 0.5, 0.5, 0}});
    REQUIRE(source->follows(0) != nullptr);
    CHECK(source->follows(0)->at(3, 1) == 1);
}

TEST_CASE("trace: a wrong CSV is refused with its place") {
    CHECK(says("t.csv", kThree) == "accepted");
    CHECK_THAT(says("t.csv", ""), Catch::Contains("an empty trace"));
    CHECK_THAT(says("t.csv", kHead), Catch::Contains("no tokens"));
    CHECK_THAT(says("t.csv", "token,layer,e0\n0,0,1\n"), Catch::Contains("1 choices a token"));
    CHECK_THAT(says("t.csv", "token,layer,e0,gate\n0,0,1,0\n"), Catch::Contains("t.csv:1:16"));
    CHECK_THAT(says("t.csv", "token,layer,e1,e0\n0,0,1,0\n"), Catch::Contains("t.csv:1:13"));
    CHECK_THAT(says("t.csv", "layer,e0,e1\n0,1,0\n"), Catch::Contains("no column 'token'"));
    CHECK_THAT(says("t.csv", kHead + "0,p,prefill,0,0,0,4\n"),
               Catch::Contains("t.csv:2:19: error: e1: '4'"));
    CHECK_THAT(says("t.csv", kHead + "0,p,prefill,0,0,0,-1\n"), Catch::Contains("t.csv:2:19"));
    CHECK_THAT(says("t.csv", kHead + "0,p,prefill,0,0,2,2\n"), Catch::Contains("expert 2 twice"));
    CHECK_THAT(says("t.csv", kHead + "0,p,prefill,0,0,2,1\n0,p,prefill,0,0,2,1\n"),
               Catch::Contains("has layer 0 already"));
    CHECK_THAT(says("t.csv", kHead + "0,p,prefill,0,0,2,1\n0,q,prefill,0,1,2,1\n"),
               Catch::Contains("is of 'p' above"));
    CHECK_THAT(says("t.csv", kHead + "0,p,prefill,0,0,2,1\n1,p,prefill,1,1,2,1\n"),
               Catch::Contains("t.csv:3:1") && Catch::Contains("token 1 has no row for layer 0"));
    // cut off: inside a field, after it, before the newline
    CHECK_THAT(says("t.csv", kThree.substr(0, kThree.size() - 4)), Catch::Contains("cut off"));
    CHECK_THAT(says("t.csv", kThree.substr(0, kThree.size() - 1)), Catch::Contains("cut off"));
    CHECK_THAT(says("t.csv", kThree.substr(0, kThree.size() - 20)), Catch::Contains("cut off"));
    CHECK_THAT(says("t.csv", std::string("a\0b", 3)), Catch::Contains("not a text file"));
}

TEST_CASE("trace: a wrong router trace is refused with its line and pointer") {
    const std::string good = line(0, 0, 0, "[[0, 1]]", 1), next = line(0, 0, 1, "[[0, 1]]", 1);
    CHECK(says("t.jsonl", good + next) == "accepted");
    CHECK(says("t.jsonl", good + "\n" + next.substr(0, next.size() - 1)) == "accepted");
    CHECK_THAT(says("t.jsonl", good + next.substr(0, next.size() / 2)),
               Catch::Contains("t.jsonl:2:") && Catch::Contains("cut off"));
    CHECK_THAT(says("t.jsonl", good), Catch::Contains("the model has 2 MoE layers"));
    CHECK_THAT(says("t.jsonl", good + line(0, 0, 1, "[[0, 1], [0, 4]]", 2)),
               Catch::Contains("t.jsonl:2: error: /top_indices/1/1: expert 4"));
    CHECK_THAT(says("t.jsonl", line(0, 0, 0, "[[0, -1]]", 1)),
               Catch::Contains("/top_indices/0/1: expert -1"));
    CHECK_THAT(says("t.jsonl", line(0, 0, 0, "[[3, 3]]", 1)), Catch::Contains("expert 3 twice"));
    CHECK_THAT(says("t.jsonl", line(0, 0, 0, "[[0, 1, 2]]", 1)),
               Catch::Contains("/top_indices/0: 3 choices"));
    CHECK_THAT(says("t.jsonl", line(0, 0, 0, "[[0, 1.5]]", 1)), Catch::Contains("/top_indices"));
    CHECK_THAT(says("t.jsonl", line(0, 0, 0, "[0, 1]", 1)), Catch::Contains("/top_indices"));
    CHECK_THAT(says("t.jsonl", line(0, 0, 0, "[[0, 1]]", 2)), Catch::Contains("/num_tokens: 2"));
    CHECK_THAT(says("t.jsonl", line(0, 0, -1, "[[0, 1]]", 1)), Catch::Contains("/layer"));
    CHECK_THAT(says("t.jsonl", line(0, 0, 0, "[[0, 1]]", 1, "\"block\": \"encoder\"")),
               Catch::Contains("/block"));
    CHECK_THAT(says("t.jsonl", "{\"step\": 0}\n"), Catch::Contains("no such field"));
    CHECK_THAT(says("t.jsonl", "[1]\n"), Catch::Contains("expected an object"));
    CHECK_THAT(says("t.jsonl", "17\n"), Catch::Contains("expected an object"));
    CHECK_THAT(says("t.jsonl", ""), Catch::Contains("an empty trace"));
    CHECK_THAT(says("t.jsonl", good + line(0, 0, 1, "[[0, 1], [1, 2]]", 2)),
               Catch::Contains("2 tokens in layer 1, 1 in layer 0"));
    const tests::SampleFolder folder;
    CHECK_THAT(routing_complaint(trace(folder.path()), routing_shape(4, 2, 2)),
               Catch::Contains("no router_trace_rank*.jsonl"));
    CHECK_THAT(routing_complaint("kind = \"trace\"\n", routing_shape(4, 2, 2)),
               Catch::Contains("file"));
}

TEST_CASE("trace: layers that the trace lacks are refused or taken by depth") {
    const tests::SampleFolder folder;
    const auto file = folder.write("t.csv", kThree);
    CHECK_THAT(routing_complaint(trace(file), routing_shape(4, 2, 4)),
               Catch::Contains("the model has 4 MoE layers"));
    const auto four = routing(trace(file, "layers = \"nearest\"\n"), routing_shape(4, 2, 4));
    CHECK(four->layer(1).share == four->layer(0).share);
    CHECK(four->layer(2).share == four->layer(3).share);
    CHECK(four->follows(0) == nullptr);  // the same layer of the trace
    CHECK(four->follows(1) != nullptr);
    CHECK(four->exact_touches());
    CHECK_THAT(routing_complaint(trace(file), routing_shape(3, 2, 2)), Catch::Contains("e1: '3'"));
    CHECK_THAT(routing_complaint(trace(file), routing_shape(4, 1, 2)),
               Catch::Contains("2 choices a token, the model takes 1"));
}

TEST_CASE("trace: a million rows load in a blink", "[speed]") {
    const bool csv = GENERATE(true, false);
    const tests::SampleFolder folder;
    models::Random random{std::uint64_t{1}};
    std::string text = csv ? "token,request,phase,token_index,layer,e0,e1,e2,e3,e4,e5,e6,e7\n" : "";
    constexpr int tokens = 17'242, layers = 58;  // 1,000,036 rows
    const auto choices = [&] {
        const auto first = static_cast<int>(random.below(32));
        std::string out;
        for (int i = 0; i < 8; ++i) out += (i > 0 ? "," : "") + std::to_string(first + 32 * i);
        return out;
    };
    if (csv)
        for (int t = 0; t < tokens; ++t)
            for (int l = 0; l < layers; ++l)
                text += std::to_string(t) + ",r" + std::to_string(t / 1000) + ",prefill," +
                        std::to_string(t % 1000) + "," + std::to_string(l) + "," + choices() + "\n";
    else
        for (int l = 0; l < layers; ++l) {
            text += "{\"step\":0,\"block\":\"decoder\",\"layer\":" + std::to_string(l) +
                    ",\"rank\":0,\"num_tokens\":" + std::to_string(tokens) +
                    ",\"topk\":8,\"top_indices\":[";
            for (int t = 0; t < tokens; ++t) text += (t > 0 ? ",[" : "[") + choices() + "]";
            text += "]}\n";
        }
    const auto file = folder.write(csv ? "t.csv" : "t.jsonl", text);
    const auto begin = std::chrono::steady_clock::now();
    const auto source = routing(trace(file), routing_shape(256, 8, layers));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    INFO((csv ? "CSV " : "JSON lines ") << took.count() << " s for " << text.size() << " bytes");
    CHECK(source->resolved()["tokens"] == tokens);
    CHECK(took.count() < 30);  // 2 s when built for speed and alone; sanitizers are slower
}
