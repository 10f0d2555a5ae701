#include "scenarios/recipe.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "sim/paths.hpp"

namespace moesim::scenarios {
namespace {

constexpr double kMost = 1e6;

const std::vector<std::string> kClasses{"attention", "latent", "dense", "shared",
                                        "routed",    "router", "head"};
const std::vector<std::string> kNeeds{"", "mla", "gqa", "moe", "dense", "shared"};
const std::vector<std::string> kRecompute{"", "layernorm", "mla_up_proj", "moe_act"};

/// [module][part] of the segments that a recipe can list; the segment is named "module.part".
const std::vector<std::pair<std::string, std::vector<std::string>>> kSegments{
    {"attention", {"forward", "input_gradient", "weight_gradient"}},
    {"moe", {"forward", "input_gradient", "weight_gradient"}},
    {"dense", {"forward", "input_gradient", "weight_gradient"}},
    {"head", {"forward", "input_gradient", "weight_gradient"}},
    {"embedding", {"forward", "weight_gradient"}},
    {"dispatch", {"stream"}},
    {"combine", {"stream"}},
    {"dispatch_gradient", {"stream"}},
    {"combine_gradient", {"stream"}}};

MemoryOp read_op(sim::Table& in, const std::string& segment) {
    MemoryOp out;
    out.segment = segment;
    out.name = in.text("name");
    const std::string elements = in.text("elements");
    try {
        out.elements = Expression::parse(elements);
    } catch (const std::invalid_argument& error) {
        in.fail("elements", error.what(), "a sum of products such as \"A*h + U*h\" or \"T*h/128\"");
    }
    out.bytes_per_element = in.number("bytes", 0, kMost);
    out.launches = static_cast<int>(in.number("launches", 1, 1000, 1));
    out.needs = in.choice("needs", kNeeds, "");
    out.recompute = in.choice("recompute", kRecompute, "");
    return out;
}

void read_ops(sim::Table in, Recipe& out) {
    for (const auto& [module, parts] : kSegments) {
        auto table = in.table(module);
        for (const std::string& part : parts)
            for (sim::Table& op : table.tables(part))
                out.memory.push_back(read_op(op, module + '.' + part));
    }
}

WireFormat read_wire(sim::Table in, std::string_view key) {
    auto table = in.table(key);
    return {table.number("bytes", 0.1, 16), table.number("scale_bytes", 0, 4, 0)};
}

}  // namespace

Recipe load_recipe(const std::string& name) {
    const auto path = sim::find_data("precision recipe", "scenarios/recipes", name);
    auto in = sim::Table::from_file(path);
    Recipe out;
    out.name = path.stem().string();
    auto gemm = in.table("gemm");
    for (const std::string& cls : kClasses) out.gemm[cls] = gemm.text(cls);
    auto wire = in.table("wire");
    out.dispatch = read_wire(wire, "dispatch");
    out.combine = read_wire(wire, "combine");
    out.dispatch_gradient = read_wire(wire, "dispatch_gradient");
    out.combine_gradient = read_wire(wire, "combine_gradient");
    auto storage = in.table("storage");
    const auto bytes = [&](std::string_view key) { return storage.number(key, 0, 64); };
    out.weight_bytes = bytes("weight");
    out.gradient_bytes = bytes("gradient");
    out.master_bytes = bytes("master");
    out.moment_bytes = bytes("moments");
    out.linear_input_bytes = bytes("linear_input");
    out.reduce_bytes = wire.number("reduce", 0.1, 16);
    out.gather_bytes = wire.number("gather", 0.1, 16);
    out.row_padding = static_cast<int>(in.count("row_padding", 1));
    read_ops(in.table("op"), out);
    in.ignore("source");
    in.finish();
    out.resolved = in.resolved();
    return out;
}

}  // namespace moesim::scenarios
