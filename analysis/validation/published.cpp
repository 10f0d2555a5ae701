#include "analysis/validation/published.hpp"

#include <fmt/format.h>

#include <charconv>

#include "analysis/validation/csv_table.hpp"
#include "sim/input.hpp"

namespace moesim::analysis {
namespace {

std::map<std::string, std::string> fields_of(const CsvTable& table, const CsvTable::Row& row,
                                             const std::vector<std::string>& columns) {
    std::map<std::string, std::string> out;
    for (const std::string& column : columns) out[column] = table.text(row, column);
    return out;
}

const std::vector<std::string> kFields{"source",
                                       "model",
                                       "layers",
                                       "dense_layers",
                                       "gpus",
                                       "gpu_type",
                                       "framework",
                                       "tp",
                                       "pp",
                                       "vpp",
                                       "ep",
                                       "etp",
                                       "cp",
                                       "fsdp",
                                       "notes",
                                       "micro_batch",
                                       "precision",
                                       "routing",
                                       "global_batch",
                                       "seq_len",
                                       "schedule_overlap",
                                       "inter_node_net",
                                       "gpus_per_nvlink_domain",
                                       "model_notes"};

const std::vector<std::string> kRecipeFields{"recipe_id",
                                             "tp",
                                             "pp",
                                             "vpp",
                                             "ep",
                                             "etp",
                                             "cp",
                                             "micro_batch",
                                             "global_batch",
                                             "seq_len",
                                             "precision",
                                             "dispatcher",
                                             "dispatcher_sms",
                                             "hybridep_domain_ranks",
                                             "ep_overlap",
                                             "wgrad_delay",
                                             "recompute",
                                             "cuda_graph",
                                             "tp_overlap",
                                             "sequence_parallel",
                                             "dist_optimizer",
                                             "overlap_grad_reduce",
                                             "overlap_param_gather",
                                             "grad_reduce_dtype",
                                             "fsdp_kind",
                                             "p2p_overlap",
                                             "layers_per_stage",
                                             "mtp_layers",
                                             "optimizer_states",
                                             "fp8_recipe",
                                             "fp8_param_gather",
                                             "bf16_layers",
                                             "routing",
                                             "offload",
                                             "router_fusion",
                                             "permute_fusion",
                                             "shared_expert_overlap",
                                             "attention_backend",
                                             "cross_entropy_fusion",
                                             "env_notes",
                                             "notes",
                                             "overlap_param_gather_with_optim_step"};

}  // namespace

const std::string& Published::field(const std::string& name) const {
    static const std::string none;
    const auto at = fields.find(name);
    return at == fields.end() ? none : at->second;
}

std::optional<long> Published::count(const std::string& name) const {
    const std::string& text = field(name);
    if (text.empty()) return std::nullopt;
    long value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || value < 0 || value > 1'000'000'000)
        throw sim::InputError{
            fmt::format("{}:{}: error: column '{}': expected a whole number, found '{}'",
                        file.string(), line, name, text.substr(0, 60))};
    return value;
}

std::vector<Published> read_published(const std::filesystem::path& csv) {
    const CsvTable table = CsvTable::read(csv);
    table.require({"config_id", "model", "gpus", "gpu_type", "metric", "value", "unit"});
    std::vector<Published> out;
    std::map<std::string, std::size_t> known;
    for (const CsvTable::Row& row : table.rows()) {
        const std::string& id = table.text(row, "config_id");
        if (id.empty()) table.fail(row, "config_id", "is empty");
        const auto [at, fresh] = known.emplace(id, out.size());
        if (fresh) out.push_back({id, row.line, fields_of(table, row, kFields), {}, csv});
        const std::string& metric = table.text(row, "metric");
        if (metric.empty()) table.fail(row, "metric", "is empty");
        Published& config = out[at->second];
        const double value = table.number(row, "value", -1e300, 1e300);
        if (!config.metrics.emplace(metric, Published::Metric{value, table.text(row, "unit")})
                 .second)
            table.fail(row, "metric", fmt::format("'{}' has two values of {}", id, metric));
    }
    if (out.empty())
        throw sim::InputError{fmt::format("{}: error: no row below the header", csv.string())};
    return out;
}

std::map<std::string, std::map<std::string, std::string>> read_recipes(
    const std::filesystem::path& dir) {
    const CsvTable recipes = CsvTable::read(dir / "recipes.csv");
    recipes.require({"recipe_id"});
    std::map<std::string, std::map<std::string, std::string>> by_id;
    for (const CsvTable::Row& row : recipes.rows())
        if (!by_id.emplace(recipes.text(row, "recipe_id"), fields_of(recipes, row, kRecipeFields))
                 .second)
            recipes.fail(row, "recipe_id", "stands there twice");
    const CsvTable links = CsvTable::read(dir / "config_recipe.csv");
    links.require({"config_id", "recipe_id"});
    std::map<std::string, std::map<std::string, std::string>> out;
    for (const CsvTable::Row& row : links.rows()) {
        const auto recipe = by_id.find(links.text(row, "recipe_id"));
        if (recipe == by_id.end())
            links.fail(row, "recipe_id",
                       fmt::format("no recipe '{}' in recipes.csv", links.text(row, "recipe_id")));
        out[links.text(row, "config_id")] = recipe->second;
    }
    return out;
}

}  // namespace moesim::analysis
