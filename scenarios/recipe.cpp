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
const std::vector<std::string> kNeeds{"",      "mla",   "gqa",        "qk_norm",
                                      "moe",   "dense", "shared",     "expert_bias",
                                      "mixer", "ffn",   "rows_padded"};
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
    out.fusion = in.choice("fusion", {"", "router", "permute"}, "");
    out.unfused = static_cast<int>(in.number("unfused", 1, 1000, out.launches));
    out.per_expert = in.flag("per_expert", false);
    out.module = in.choice("host", {"operator", "module"}, "operator") == "module";
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

WireFormat read_wire(sim::Table in, std::string_view key, const WireFormat* base) {
    auto table = in.table(key);
    if (base == nullptr)
        return {table.number("bytes", 0.1, 16), table.number("scale_bytes", 0, 4, 0)};
    const bool said = in.has(key);
    return {table.number("bytes", 0.1, 16, base->bytes),
            table.number("scale_bytes", 0, 4, said ? 0 : base->scale_bytes)};
}

Quantize read_quantize(sim::Table in, std::string_view key) {
    if (!in.has(key)) {
        in.ignore(key);
        return {};
    }
    auto table = in.table(key);
    return {table.text("name"), table.number("bytes", 0, kMost),
            static_cast<int>(table.number("launches", 1, 1000, 1))};
}

/// Reads a file that may have a base; `depth` ends rings.
Recipe read_recipe(const std::filesystem::path& path, int depth) {
    auto in = sim::Table::from_file(path);
    Recipe out;
    const bool based = in.has("base");
    if (based) {
        if (depth > 8) in.fail("base", "recipes are based on one another in a ring");
        out = read_recipe(sim::find_data(in, "base", "scenarios/recipes"), depth + 1);
    } else {
        in.ignore("base");
    }
    out.name = path.stem().string();
    auto gemm = in.table("gemm");
    for (const std::string& cls : kClasses)
        out.gemm[cls] = based ? gemm.text(cls, out.gemm[cls]) : gemm.text(cls);
    auto wire = in.table("wire");
    for (const auto& [key, format] :
         {std::pair{"dispatch", &out.dispatch}, std::pair{"combine", &out.combine},
          std::pair{"dispatch_gradient", &out.dispatch_gradient},
          std::pair{"combine_gradient", &out.combine_gradient}})
        *format = read_wire(wire, key, based ? format : nullptr);
    auto storage = in.table("storage");
    const auto number = [&](sim::Table& table, std::string_view key, double least, double most,
                            double& value) {
        value = based ? table.number(key, least, most, value) : table.number(key, least, most);
    };
    number(storage, "weight", 0, 64, out.weight_bytes);
    number(storage, "gradient", 0, 64, out.gradient_bytes);
    number(storage, "master", 0, 64, out.master_bytes);
    number(storage, "moments", 0, 64, out.moment_bytes);
    number(storage, "linear_input", 0, 64, out.linear_input_bytes);
    out.workspace_bytes = storage.number("workspace", 0, 1e12, out.workspace_bytes);
    number(wire, "reduce", 0.1, 16, out.reduce_bytes);
    number(wire, "gather", 0.1, 16, out.gather_bytes);
    out.row_padding = static_cast<int>(based ? in.count("row_padding", 1, out.row_padding)
                                             : in.count("row_padding", 1));
    auto quantize = in.table("quantize");
    out.cast_input = read_quantize(quantize, "input");
    out.cast_gradient = read_quantize(quantize, "gradient");
    read_ops(in.table("op"), out);
    in.ignore("source");
    in.finish();
    nlohmann::ordered_json resolved = out.resolved;
    if (resolved.is_null()) resolved = nlohmann::ordered_json::object();
    resolved.update(in.resolved(), true);
    out.resolved = resolved;
    return out;
}

}  // namespace

Recipe load_recipe(const std::string& name) {
    return read_recipe(sim::find_data("precision recipe", "scenarios/recipes", name), 0);
}

}  // namespace moesim::scenarios
