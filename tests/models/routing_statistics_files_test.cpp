#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "models/safetensors.hpp"
#include "models/shares.hpp"
#include "tests/models/routing_support.hpp"

using namespace moesim;
using tests::routing;
using tests::routing_complaint;
using tests::routing_shape;

namespace {

using Vectors = std::vector<std::vector<double>>;

template <class T>
std::string bytes_of(const std::vector<T>& values) {
    std::string out(values.size() * sizeof(T), '\0');
    if (!out.empty()) std::memcpy(out.data(), values.data(), out.size());
    return out;
}

/// A file as the format has it: the header's length, the header, the data.
std::string file_of(const std::string& header, const std::string& data) {
    return bytes_of(std::vector<std::uint64_t>{header.size()}) + header + data;
}

struct Tensor {
    std::string name;
    std::vector<std::size_t> shape;
    std::vector<std::int64_t> values;
};

std::string safetensors(const std::vector<Tensor>& tensors) {
    nlohmann::ordered_json header{{"__metadata__", {{"format", "pt"}}}};
    std::string data;
    for (const Tensor& t : tensors) {
        const std::size_t begin = data.size();
        data += bytes_of(t.values);
        header[t.name] = {
            {"dtype", "I64"}, {"shape", t.shape}, {"data_offsets", {begin, data.size()}}};
    }
    return file_of(header.dump(), data);
}

std::string measured(const std::string& path) {
    return "kind = \"measured\"\nfile = \"" + path + "\"\n";
}

/// What a file of these bytes is told, after its name.
std::string complaint(const std::string& bytes) {
    const tests::SampleFolder folder;
    try {
        models::read_safetensors(folder.write("a.safetensors", bytes));
    } catch (const sim::InputError& error) {
        const std::string text = error.what();
        return text.substr(text.find("safetensors: ") + 13);
    }
    return "accepted";
}

std::string one(const std::string& about, const std::string& data = "") {
    return complaint(file_of("{\"0_0\": " + about + "}", data));
}

}  // namespace

TEST_CASE("TensorRT-LLM statistics: ranks and iterations are summed, layers by number") {
    const tests::SampleFolder folder;
    folder.write("meta_info.json", R"({"num_experts": 2, "num_experts_per_token": 1})");
    folder.write("rank0.safetensors", safetensors({{"50_3", {2}, {1, 1}}, {"50_4", {2}, {1, 0}}}));
    // rank 10 holds another iteration of layer 3, rank 2 of layer 4
    folder.write("rank10.safetensors", safetensors({{"51_3", {2}, {2, 0}}}));
    folder.write("rank2.safetensors", safetensors({{"51_4", {2}, {0, 1}}}));
    folder.write("rank0_raw.safetensors", safetensors({{"50_3", {2, 1}, {0, 1}}}));
    const auto source = routing(measured(folder.path()), routing_shape(2, 1, 2));
    CHECK(source->layer(0).share == Vectors{{0.75, 0.25}});
    CHECK(source->layer(1).share == Vectors{{0.5, 0.5}});
    // one file alone
    const auto single =
        routing(measured(folder.path() + "/rank0.safetensors"), routing_shape(2, 1, 2));
    CHECK(single->layer(1).share == Vectors{{1, 0}});
}

TEST_CASE("TensorRT-LLM statistics: what does not fit together is refused at the file") {
    const tests::SampleFolder folder;
    const auto says = [&] {
        return routing_complaint(measured(folder.path()), routing_shape(2, 1, 2));
    };
    CHECK_THAT(says(), Catch::Contains("no rank<number>.safetensors"));
    folder.write("rank0.safetensors", safetensors({{"50_3", {2}, {1, 1}}, {"51_4", {2}, {1, 1}}}));
    CHECK_THAT(says(), Catch::Contains("iteration 50 has no layer 4"));
    folder.write("rank0.safetensors",
                 safetensors({{"50_3", {2}, {1, 1}}, {"50_4", {3}, {1, 1, 1}}}));
    CHECK_THAT(says(), Catch::Contains("rank0.safetensors: error: 50_4: 3 experts, expected 2"));
    folder.write("rank0.safetensors", safetensors({{"50_3", {2}, {1, -1}}, {"50_4", {2}, {1, 1}}}));
    CHECK_THAT(says(), Catch::Contains("50_3: value 1 is -1, not a count"));
    folder.write("rank0.safetensors", safetensors({{"50_3", {2}, {1, 1}}, {"50_4", {2}, {0, 0}}}));
    CHECK_THAT(says(), Catch::Contains("layer 4: counts do not sum"));
    folder.write("rank0.safetensors", safetensors({{"50_3", {1, 2}, {1, 1}}}));
    CHECK_THAT(says(), Catch::Contains("2 dimensions"));
    folder.write("rank0.safetensors", safetensors({{"layer3", {2}, {1, 1}}}));
    CHECK_THAT(says(), Catch::Contains("a tensor called 'layer3'"));
    // 2 experts in the file, 256 in the model: at the key, as for every other format
    folder.write("rank0.safetensors", safetensors({{"50_3", {2}, {1, 1}}, {"50_4", {2}, {1, 1}}}));
    CHECK(says() == "accepted");
    CHECK_THAT(routing_complaint(measured(folder.path()), routing_shape(256, 8, 2)),
               Catch::Contains("routing.toml:2:8: error: file: 2 experts, the model has 256"));
    folder.write("meta_info.json", R"({"num_experts": 3})");
    CHECK_THAT(says(), Catch::Contains("50_3: 2 experts, expected 3"));
    folder.write("meta_info.json", R"({"num_experts": "3"})");
    CHECK_THAT(says(), Catch::Contains("meta_info.json: error: /num_experts"));
}

TEST_CASE("TensorRT-LLM raw statistics: a trace with co-activation and transitions") {
    const tests::SampleFolder folder;
    // two tokens of rank 0 and one of rank 1, two layers, the header not in order
    folder.write("rank0_raw.safetensors",
                 safetensors({{"7_4", {2, 2}, {2, 3, 0, 3}}, {"7_3", {2, 2}, {0, 1, 0, 2}}}));
    folder.write("rank1_raw.safetensors", safetensors({{"7_3", {1, 2}, {3, 2}},
                                                       {"7_4", {1, 2}, {1, 2}},
                                                       {"8_3", {0, 2}, {}},
                                                       {"8_4", {0, 2}, {}}}));
    const std::string text = "kind = \"trace\"\nfile = \"" + folder.path() + "\"\n";
    const auto source = routing(text, routing_shape(4, 2, 2));
    CHECK(source->kinds() == 2);  // rank 0 and rank 1; nobody had tokens in iteration 8
    CHECK(source->layer(0).share == Vectors{{0.5, 0.25, 0.25, 0}, {0, 0, 0.5, 0.5}});
    CHECK(source->together(0)->at(0, 1) == 1);
    CHECK(source->together(0)->at(0, 2) == 1);
    CHECK(source->together(0)->at(1, 2) == 0);
    CHECK(source->follows(0)->at(0, 3) == 2);  // both tokens of rank 0
    CHECK(source->follows(0)->at(3, 1) == 1);
    CHECK_THAT(routing_complaint(text, routing_shape(4, 3, 2)),
               Catch::Contains("7_3: shape [2, 2], expected [tokens, 3]"));
    CHECK_THAT(routing_complaint(text, routing_shape(3, 2, 2)),
               Catch::Contains("chose expert 3, the model has 0 to 2"));
    folder.write("rank1_raw.safetensors",
                 safetensors({{"7_3", {1, 2}, {3, 3}}, {"7_4", {1, 2}, {1, 2}}}));
    CHECK_THAT(routing_complaint(text, routing_shape(4, 2, 2)),
               Catch::Contains("token 0 chose expert 3 twice"));
    folder.write("rank1_raw.safetensors", safetensors({{"7_3", {1, 2}, {3, 2}}}));
    CHECK_THAT(routing_complaint(text, routing_shape(4, 2, 2)),
               Catch::Contains("0 tokens in layer 4, 1 in layer 3"));
}

TEST_CASE("safetensors: every length is checked before it is used") {
    CHECK(complaint("abc") == "error: 3 bytes, a safetensors file begins with 8");
    CHECK_THAT(complaint(bytes_of(std::vector<std::uint64_t>{~0ULL}) + "{}"),
               Catch::Contains("a header of 18446744073709551615 bytes in a file of 10"));
    CHECK_THAT(complaint(bytes_of(std::vector<std::uint64_t>{3}) + "{}"),
               Catch::Contains("a header of 3 bytes in a file of 10"));
    CHECK_THAT(complaint(file_of("{", "")), Catch::Contains("the header is not JSON"));
    CHECK_THAT(complaint(file_of("[]", "")), Catch::Contains("not a JSON object"));
    CHECK_THAT(complaint(file_of(R"({"a": {}, "a": {}})", "")), Catch::Contains("a: given twice"));
    const std::string eight(8, '\0');
    CHECK(one(R"({"dtype": "I64", "shape": [1], "data_offsets": [0, 8]})", eight) == "accepted");
    CHECK(one(R"({"dtype": "I64", "shape": [], "data_offsets": [0, 8]})", eight) == "accepted");
    CHECK_THAT(one(R"({"dtype": "I64", "shape": [1], "data_offsets": [0, 8]})", "1234"),
               Catch::Contains("0_0: data from byte 0 to 8 of 4") && Catch::Contains("cut off"));
    CHECK_THAT(one(R"({"dtype": "I64", "shape": [1], "data_offsets": [8, 0]})", eight),
               Catch::Contains("data from byte 8 to 0"));
    CHECK_THAT(one(R"({"dtype": "I64", "shape": [2], "data_offsets": [0, 8]})", eight),
               Catch::Contains("2 values in 8 bytes"));
    // 2^32 x 2^32 is 0 in 64 bits
    CHECK_THAT(one(R"({"dtype": "U8", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]})"),
               Catch::Contains("more values than the file's"));
    CHECK_THAT(one(R"({"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]})", eight),
               Catch::Contains("values of type BF16"));
    CHECK_THAT(one(R"({"dtype": "I64", "shape": [-1], "data_offsets": [0, 8]})", eight),
               Catch::Contains("-1 is no size"));
    CHECK_THAT(one(R"({"dtype": "I64", "shape": [1]})", eight), Catch::Contains("data_offsets"));
    CHECK_THAT(one("5"), Catch::Contains("expected dtype"));
    CHECK_THAT(one(R"({"dtype": "F64", "shape": [1], "data_offsets": [0, 8]})",
                   bytes_of(std::vector<double>{std::nan("")})),
               Catch::Contains("value 0 is nan, not a count"));
    CHECK_THAT(one(R"({"dtype": "F64", "shape": [1], "data_offsets": [0, 8]})",
                   bytes_of(std::vector<double>{0.5})),
               Catch::Contains("value 0 is 0.5, not a count"));
}

TEST_CASE("measured files: SGLang counts of all layers have zeros where the dense ones are") {
    const tests::SampleFolder folder;
    const auto file = folder.write("a.json", R"({"logical_count": [[0, 0], [3, 1], [2, 2]]})");
    const auto source = routing(measured(file), routing_shape(2, 1, 2));
    CHECK(source->layer(0).share == Vectors{{0.75, 0.25}});
    // but a layer in which nothing was counted among others is a hole
    CHECK_THAT(routing_complaint(
                   measured(folder.write("b.json", R"({"logical_count": [[3, 1], [0, 0]]})")),
                   routing_shape(2, 1, 2)),
               Catch::Contains("layer 1: counts do not sum"));
}

TEST_CASE("measured: pairs of experts are what domains have in common, and absent for one domain") {
    const tests::SampleFolder folder;
    // Two domains of equal weight, top 1 of 2: (3/4, 1/4) and (1/4, 3/4) in layer 0, (1, 0) and
    // (0, 1) in layer 1.
    const auto file = folder.write("a.csv",
                                   "domain,layer,expert,count\nx,0,0,3\nx,0,1,1\ny,0,0,1\n"
                                   "y,0,1,3\nx,1,0,1\nx,1,1,0\ny,1,0,0\ny,1,1,1\n");
    const auto source = routing(measured(file), routing_shape(2, 1, 2));
    REQUIRE(source->together(0));
    CHECK(source->together(0)->at(0, 1) == Approx(0.75 * 0.25));
    CHECK(source->together(0)->at(1, 0) == Approx(0.75 * 0.25));
    CHECK(source->together(0)->at(0, 0) == Approx(0.5));
    // (3/4 x 1 + 1/4 x 0) / 2
    CHECK(source->follows(0)->at(0, 0) == Approx(0.375));
    CHECK(source->follows(0)->at(0, 1) == Approx(0.125));
    CHECK(source->follows(1) == nullptr);
    const auto one = folder.write("b.csv", "layer,expert,count\n0,0,3\n0,1,1\n");
    CHECK(routing(measured(one), routing_shape(2, 1, 1))->together(0) == nullptr);
}
