#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace moesim::models {

/// Expert loads per (layer, domain), as measured.
struct ShareTable {
    std::vector<std::string> domains;                     // in order of first mention
    std::vector<int> layers;                              // ascending
    std::vector<std::vector<std::vector<double>>> share;  // [layers][domains][experts], sums to 1

    [[nodiscard]] int experts() const { return static_cast<int>(share[0][0].size()); }
};

/// Which rows of a table with more columns are wanted.
struct ShareFilter {
    std::string model;      // of the column `model`; "" when there is but one
    std::string selection;  // of the column `selection`; "" means "topk"
};

/// Reads expert loads. '#' begins a comment line; columns are found by the header, in any order:
///
///     layer, expert, count        or layer_id, expert_id (SGLang's CSV); or share in place of
///     count domain                      optional: the kind of text; without it all is one domain,
///     "all" model, selection            optional: rows of one model and selection are read (the
///     filter)
///
/// Every vector is scaled to sum 1. A .json file is read by read_share_json(). Throws
/// sim::InputError (path:line:column, column name) unless every domain has every layer and every
/// layer the same experts 0 .. E-1, once each, and for an unknown column, a negative number or NaN.
ShareTable read_share_table(const std::filesystem::path& path, const ShareFilter& filter = {});

/// Reads expert counts from JSON, one domain "all", in one of these forms:
///
///     {"logical_count": [[[..]]]}      [steps][layers][experts] or [layers][experts]: SGLang's
///                                      recorder and its start placement
///     {"records": [{"global_physical_count": [[..]]}], "last_physical_to_logical_map": [[..]]}
///                                      SGLang's per-pass records, slots summed to their experts
///     {"3_0": [..], "3_1": [..], ..}   <iteration>_<layer>: the tensors of TensorRT-LLM's
///                                      rank<r>.safetensors as lists
///
/// Steps, passes and iterations are summed. Throws sim::InputError with the place of a syntax error
/// (path:line:column) or the JSON pointer of a wrong value.
///
/// Leading layers in which nothing was counted are dense ones: SGLang numbers all layers of a
/// model.
ShareTable read_share_json(const std::filesystem::path& path);

/// Reads TensorRT-LLM's expert statistics, one domain "all": a folder of rank<r>.safetensors,
/// summed over ranks and iterations, with its meta_info.json when there is one; or one such file.
/// Throws sim::InputError at the file and tensor. Source: TensorRT-LLM, expert_statistic.py.
ShareTable read_share_statistics(const std::filesystem::path& path);

/// Counts per layer as a table of the one domain "all". Throws sim::InputError unless all layers
/// have as many experts and a sum above 0.
using LayerCounts = std::map<int, std::vector<double>>;  // layer -> [experts]
ShareTable share_table(const std::filesystem::path& path, const LayerCounts& counts);

/// How the vectors of a layer are carried over to another number of experts.
///   linear  log-share interpolated between neighbours: smooth, but the part of an expert's load
///           that differs between domains shrinks, since neighbours by mean share differ in it
///   nearest log-share of the nearest measured expert: keeps the spread within every domain
enum class Resample { linear, nearest };

/// Load vectors for another number of experts, by rank. [domains][experts], each sums to 1.
///
/// Experts are ordered by their mean share over the domains; target expert i sits in that order at
/// (i + 1/2) Es/Et and takes every domain's share there, so the hot experts of one domain
/// stay hot or cold in the others as measured. The result is in that order, coldest first; for the
/// same number of experts it is the input itself, in its own order.
std::vector<std::vector<double>> resample(const std::vector<std::vector<double>>& share,
                                          int experts, Resample how);

/// The vectors tilted as a load-balancing bias does once it has settled. [domains][experts]
///
/// Finds b such that sum_d w_d share_d(e) exp(b_e) / Z_d = 1 / E for every expert e (Z_d makes each
/// domain sum to 1), by alternating scaling to 1e-10, and returns share_d(e) exp(b_e) / Z_d:
/// uniform over the mixture, each domain still skewed. weight  [domains], sums to 1 Source:
/// arXiv:2408.15664 (bias moved until expert loads are equal over the batch); that the tilt is a
/// common factor per expert is assumed. Shares below 1e-12 count as 1e-12.
std::vector<std::vector<double>> tilt_to_uniform(std::vector<std::vector<double>> share,
                                                 const std::vector<double>& weight);

}  // namespace moesim::models
