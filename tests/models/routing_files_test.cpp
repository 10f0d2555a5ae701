#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "models/shares.hpp"
#include "tests/models/routing_support.hpp"

using namespace moesim;
using tests::routing;
using tests::routing_complaint;
using tests::routing_shape;

namespace {

using Vectors = std::vector<std::vector<double>>;

std::string measured(const std::string& file, const std::string& more = "") {
    return "kind = \"measured\"\nfile = \"" + file + "\"\n" + more;
}

/// The complaint about a file of this text, or "accepted".
std::string says(const std::string& name, const std::string& text) {
    const tests::SampleFolder folder;
    return routing_complaint(measured(folder.write(name, text)), routing_shape(2, 1, 1));
}

}  // namespace

TEST_CASE("measured files: expert counts of every spelling give the same shares") {
    const tests::SampleFolder folder;
    const std::string text =
        GENERATE(as<std::string>{}, "layer,expert,count\n3,0,3\n3,1,1\n4,0,1\n4,1,1\n",
                 "layer_id,expert_id,count\n3,0,3\n3,1,1\n4,0,1\n4,1,1\n",
                 "count,expert,layer\n3,0,3\n1,1,3\n1,0,4\n1,1,4\n",
                 "domain,layer,expert,count\r\nx,3,0,3\r\nx,3,1,1\r\nx,4,0,1\r\nx,4,1,1\r\n",
                 "model,domain,layer,selection,expert,count\nm,x,3,topk,0,3\nm,x,3,topk,1,1\n"
                 "m,x,4,topk,0,1\nm,x,4,topk,1,1\nm,x,3,top1,0,9\nm,x,3,top1,1,9\n");
    const auto source = routing(measured(folder.write("a.csv", text)), routing_shape(2, 1, 2));
    CHECK(source->layer(0).share == Vectors{{0.75, 0.25}});
    CHECK(source->layer(1).share == Vectors{{0.5, 0.5}});
    CHECK(source->kinds() == 1);
}

TEST_CASE("measured files: one of several models is asked for by name") {
    const tests::SampleFolder folder;
    const auto file =
        folder.write("a.csv",
                     "model,domain,layer,selection,expert,count\nm,x,0,topk,0,3\n"
                     "m,x,0,topk,1,1\nn,y,0,topk,0,1\nn,y,0,topk,1,1\nn,y,0,top1,0,0\n"
                     "n,y,0,top1,1,4\n");
    const auto shape = routing_shape(2, 1, 1);
    CHECK_THAT(routing_complaint(measured(file), shape), Catch::Contains("file_model"));
    CHECK(routing(measured(file, "file_model = \"m\"\n"), shape)->layer(0).share ==
          Vectors{{0.75, 0.25}});
    CHECK(routing(measured(file, "file_model = \"n\"\nselection = \"top1\"\n"), shape)
              ->layer(0)
              .share == Vectors{{0, 1}});
    CHECK_THAT(routing_complaint(measured(file, "file_model = \"o\"\n"), shape),
               Catch::Contains("models: m, n"));
}

TEST_CASE("measured files: recorded statistics in JSON") {
    const tests::SampleFolder folder;
    const auto shares = [&](const std::string& text) {
        const auto source = routing(measured(folder.write("a.json", text)), routing_shape(2, 1, 2));
        return Vectors{source->layer(0).share[0], source->layer(1).share[0]};
    };
    const Vectors want{{0.75, 0.25}, {0.5, 0.5}};
    // [layers][experts], and two steps of it
    CHECK(shares(R"({"logical_count": [[3, 1], [2, 2]]})") == want);
    CHECK(shares(R"({"rank": 0, "logical_count": [[[1, 1], [2, 0]], [[2, 0], [0, 2]]]})") == want);
    // <iteration>_<layer>, other keys passed over
    CHECK(shares(R"({"50_0": [1, 1], "51_0": [2, 0], "50_1": [1, 1], "note": "x"})") == want);
    // slots of layer 0: experts 0 1 0; of layer 1: 1 0 1
    CHECK(shares(R"({"records": [{"global_physical_count": [[2, 1, 1], [1, 2, 1]]}],
                     "last_physical_to_logical_map": [[0, 1, 0], [1, 0, 1]]})") == want);
}

TEST_CASE("measured files: wrong JSON is refused with its place") {
    CHECK_THAT(says("a.json", "{\"logical_count\": [[3, 1],\n [2, nan]]}"),
               Catch::Contains("a.json:2:") && Catch::Contains("not JSON"));
    CHECK_THAT(says("a.json", "{\"logical_count\": [[3, 1"), Catch::Contains("a.json:1:"));
    CHECK_THAT(says("a.json", "{\"logical_count\": [[3, -1]]}"),
               Catch::Contains("/logical_count/0/1: -1 is not a count"));
    CHECK_THAT(says("a.json", "{\"logical_count\": [[3, 1], [2]]}"),
               Catch::Contains("layer 1: 1 experts"));
    CHECK_THAT(says("a.json", "{\"logical_count\": [[3, \"1\"]]}"), Catch::Contains("string"));
    CHECK_THAT(says("a.json", "{\"logical_count\": []}"), Catch::Contains("an empty list"));
    CHECK_THAT(says("a.json", "{\"logical_count\": [[0, 0]]}"), Catch::Contains("sum"));
    CHECK_THAT(says("a.json", "{\"logical_count\": [[1e999, 0]]}"), Catch::Contains("not JSON"));
    CHECK_THAT(says("a.json", "{\"num_experts\": 256}"), Catch::Contains("no expert counts"));
    CHECK_THAT(says("a.json", "[1, 2]"), Catch::Contains("expected an object"));
    CHECK_THAT(says("a.json", ""), Catch::Contains("empty"));
}

TEST_CASE("measured files: wrong CSV is refused with its place") {
    CHECK_THAT(says("a.csv", "layer,expert,tokens\n0,0,1\n"), Catch::Contains("a.csv:1:14: error"));
    CHECK_THAT(says("a.csv", "layer,expert\n0,0\n"), Catch::Contains("no such column"));
    CHECK_THAT(says("a.csv", "layer,layer_id,expert,count\n0,0,0,1\n"), Catch::Contains("twice"));
    CHECK_THAT(says("a.csv", "layer,expert,count\n0,0,-3\n0,1,1\n"),
               Catch::Contains("a.csv:2:5: error: count"));
    CHECK_THAT(says("a.csv", "layer,expert,count\n0,0,inf\n0,1,1\n"), Catch::Contains(":2:5:"));
    CHECK_THAT(says("a.csv", "layer,expert,count\n0,0,nan\n0,1,1\n"), Catch::Contains(":2:5:"));
    CHECK_THAT(says("a.csv", "layer,expert,count\n0,0,3\n0,1"), Catch::Contains("cut off"));
    CHECK_THAT(says("a.csv", "layer,expert,count\n0,-1,3\n"), Catch::Contains(":2:3:"));
    CHECK_THAT(says("a.csv", "layer,expert,count\n0,0,3\n0,0,3\n"), Catch::Contains("twice"));
    CHECK_THAT(says("a.csv", ""), Catch::Contains("no loads"));
    CHECK_THAT(says("a.csv", "layer,expert,count\n"), Catch::Contains("no loads"));
    CHECK_THAT(says("a.csv", std::string("PK\x03\x04\0\0abc", 9)), Catch::Contains("not a text"));
}

TEST_CASE("measured files: one's own counts must fit the model unless more is asked for") {
    const tests::SampleFolder folder;
    const auto two = folder.write("two.csv", "layer,expert,count\n0,0,3\n0,1,1\n");
    CHECK_THAT(routing_complaint(measured(two), routing_shape(4, 1, 1)),
               Catch::Contains("routing.toml:2:8: error: file: 2 experts, the model has 4") &&
                   Catch::Contains("resample"));
    CHECK(routing(measured(two, "resample = \"nearest\"\n"), routing_shape(4, 1, 1))
              ->layer(0)
              .share[0]
              .size() == 4);
    CHECK_THAT(routing_complaint(measured(two), routing_shape(2, 1, 3)),
               Catch::Contains("the model has 3 MoE layers"));
    CHECK(
        routing(measured(two, "layers = \"nearest\"\n"), routing_shape(2, 1, 3))->layer(2).share ==
        Vectors{{0.75, 0.25}});
    const auto gap = folder.write("gap.csv", "layer,expert,count\n3,0,3\n3,1,1\n5,0,1\n5,1,1\n");
    CHECK_THAT(routing_complaint(measured(gap), routing_shape(2, 1, 2)),
               Catch::Contains("layer 4 is missing"));
    // a recorder that leaves the MTP layer out: it takes the last layer's loads
    auto mtp = routing_shape(2, 1, 2);
    mtp.mtp_layers = 1;
    CHECK(routing(measured(two), mtp)->layer(1).share == Vectors{{0.75, 0.25}});
    CHECK_THAT(routing_complaint(measured("nowhere.csv"), mtp),
               Catch::Contains("routing.toml:2:8") && Catch::Contains("no such file"));
}

TEST_CASE("measured: drift moves the loads and the bias balances them again") {
    const auto shape = routing_shape(64, 8, 16);
    const auto still = routing("kind = \"measured\"\n", shape);
    const auto moved = routing("kind = \"measured\"\ndrift = { step = 10000 }\n", shape);
    CHECK(moved->layer(0).share != still->layer(0).share);
    const auto balanced =
        routing("kind = \"measured\"\nbias_balanced = true\ndrift = { step = 10000 }\n", shape);
    for (std::size_t e = 0; e < 64; ++e) {
        double mixture = 0;
        for (const auto& domain : balanced->layer(7).share) mixture += domain[e] / 5;
        CHECK(mixture * 64 == Approx(1).epsilon(1e-6));
    }
}
