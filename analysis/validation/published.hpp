#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesim::analysis {

/// One measured run of other people: its fields by column, and its metrics.
struct Published {
    struct Metric {
        double value = 0;
        std::string unit;
    };
    std::string id;
    int line = 0;                               // of its first row
    std::map<std::string, std::string> fields;  // by column of its first row
    std::map<std::string, Metric> metrics;      // by name

    [[nodiscard]] const std::string& field(const std::string& name) const;
    /// The whole number in a field; nothing when it is empty.
    /// Throws sim::InputError naming file, line and column when it is something else.
    [[nodiscard]] std::optional<long> count(const std::string& name) const;

    std::filesystem::path file;
};

/// Configurations of a table of published results, in order of first appearance: rows with one
/// `config_id` are metrics of one run. Needed columns: config_id model gpus gpu_type metric value
/// unit; known ones: source layers dense_layers tp pp vpp ep etp cp fsdp micro_batch global_batch
/// seq_len precision routing schedule_overlap framework gpus_per_nvlink_domain inter_node_net
/// notes. Throws sim::InputError.
std::vector<Published> read_published(const std::filesystem::path& csv);

/// Settings by `config_id`: DIR/config_recipe.csv names a row of DIR/recipes.csv for each.
/// Throws sim::InputError, also for a recipe that is named and not there.
std::map<std::string, std::map<std::string, std::string>> read_recipes(
    const std::filesystem::path& dir);

}  // namespace moesim::analysis
