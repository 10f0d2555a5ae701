#include <fmt/format.h>

#include <map>

#include "scenarios/placements/json_input.hpp"
#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

constexpr int kMostExpert = 1 << 20;

std::vector<int> read_row(const JsonInput& in) {
    std::vector<int> out;
    for (const JsonInput& expert : in.items()) out.push_back(expert.whole(0, kMostExpert));
    if (out.empty()) in.fail("the row is empty");
    return out;
}

std::vector<std::vector<int>> read_rows(const JsonInput& in) {
    std::vector<std::vector<int>> out;
    for (const JsonInput& row : in.items()) out.push_back(read_row(row));
    if (out.empty()) in.fail("there are no layers");
    return out;
}

/// Layers by their number in the model, so that dense layers may be missing between them.
std::vector<std::vector<int>> read_assignments(const JsonInput& in) {
    std::map<int, std::vector<int>> by_layer;
    for (const std::string& key : in.keys()) {
        const JsonInput row = in.at(key);
        if (key.empty() || key.size() > 6 || key.find_first_not_of("0123456789") != key.npos)
            row.fail("expected the number of a layer as key");
        if (!by_layer.emplace(std::stoi(key), read_row(row)).second)
            row.fail("another key is the same layer");
    }
    if (by_layer.empty()) in.fail("there are no layers");
    std::vector<std::vector<int>> out;
    for (auto& [layer, row] : by_layer) out.push_back(std::move(row));
    return out;
}

std::vector<std::vector<int>> read_map(const JsonInput& in) {
    if (in.is_array()) return read_rows(in);
    for (const char* key : {"physical_to_logical_map", "phy2log"})
        if (in.has(key)) return read_rows(in.at(key));
    if (in.has("initial_global_assignments")) {
        auto out = read_assignments(in.at("initial_global_assignments"));
        if (in.has("num_slots")) {
            const JsonInput slots = in.at("num_slots");
            const int n = slots.whole(1, kMostExpert);
            for (const auto& row : out)
                if (static_cast<int>(row.size()) != n)
                    slots.fail(fmt::format("{} slots, a layer has {}", n, row.size()));
        }
        return out;
    }
    in.fail("found none of physical_to_logical_map, phy2log, initial_global_assignments",
            in.has("logical_count") ? "logical_count holds loads: place them with \"eplb\""
                                    : "or give the rows of slots alone, [[...], ...]");
}

/// A placement from a JSON file, which must fit layer by layer. It has a row for each layer that is
/// placed, or for each of the model's decoder layers (SGLang: rows of dense layers are not looked
/// at); MTP modules may be missing, they take the last row.
///
///   {"physical_to_logical_map": [[slots], ...]}           SGLang, vLLM
///   {"phy2log": [[slots], ...]}                           what moesim place writes
///   {"num_slots": n, "initial_global_assignments": {"3": [slots], ...}}   TensorRT-LLM (its YAML
///   as JSON)
///   [[slots], ...]
///
/// Sources: sglang, eplb/expert_location.py; vLLM, EPLB state; TensorRT-LLM,
/// examples/wide_ep/ep_load_balancer. Left out: PyTorch pickles, YAML.
class Given final : public PlacementStrategy {
public:
    explicit Given(sim::Table& in) : path_{in.text("file")} {
        const auto beside = in.file().parent_path() / path_;
        if (path_.is_relative() && std::filesystem::exists(beside)) path_ = beside;
        if (!std::filesystem::exists(path_))
            in.fail("file", fmt::format("there is no file '{}'", path_.string()));
        rows_ = read_map(JsonInput::from_file(path_));
    }

    std::string refuse(const PlacementInput& input) const override {
        if (std::string why = unusable(input, true); !why.empty()) return why;
        const std::size_t experts = input.weight.front().size();
        const std::vector<std::size_t> rows = rows_of(input);
        if (rows.empty())
            return fmt::format("{} has {} layers, the loads have {}", path_.string(), rows_.size(),
                               input.weight.size());
        for (const std::size_t l : rows) {
            if (rows_[l].size() != static_cast<std::size_t>(input.slots))
                return fmt::format("row {} of {} has {} slots, expected {}", l, path_.string(),
                                   rows_[l].size(), input.slots);
            std::vector<bool> held(experts);
            for (const int e : rows_[l]) {
                if (static_cast<std::size_t>(e) >= experts)
                    return fmt::format("row {} of {} holds expert {} of {}", l, path_.string(), e,
                                       experts);
                held[static_cast<std::size_t>(e)] = true;
            }
            for (std::size_t e = 0; e < experts; ++e)
                if (!held[e])
                    return fmt::format("row {} of {} leaves expert {} without a slot", l,
                                       path_.string(), e);
        }
        return {};
    }

    Placement place(const PlacementInput& input) const override {
        std::vector<std::vector<int>> slots;
        for (const std::size_t row : rows_of(input)) slots.push_back(rows_[row]);
        return Placement::from_slots(std::move(slots),
                                     static_cast<int>(input.weight.front().size()));
    }

    bool replicates() const override { return true; }

private:
    /// The row of each layer; empty when their number fits neither way.
    [[nodiscard]] std::vector<std::size_t> rows_of(const PlacementInput& input) const {
        const std::size_t layers = input.weight.size(), rows = rows_.size();
        const auto decoder = static_cast<std::size_t>(input.decoder_layers);
        std::size_t mtp = 0;
        for (const int number : input.layer_number) mtp += number >= input.decoder_layers ? 1 : 0;
        const bool by_number =
            !input.layer_number.empty() && (rows == decoder || rows == decoder + mtp);
        if (!by_number && rows != layers && rows + mtp != layers) return {};
        std::vector<std::size_t> out;
        for (std::size_t l = 0; l < layers; ++l)
            out.push_back(std::min(by_number ? static_cast<std::size_t>(input.layer_number[l]) : l,
                                   rows - 1));
        return out;
    }

    std::filesystem::path path_;
    std::vector<std::vector<int>> rows_;  // [layers][slots]
};

const sim::Register<PlacementStrategy, Given, sim::Table&> entry{
    "given", "a placement file of SGLang, vLLM or TensorRT-LLM, as JSON"};

}  // namespace
}  // namespace moesim::scenarios
