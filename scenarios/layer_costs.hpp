#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"

namespace moesim::scenarios {

/// The parts of a layer's work between two exchanges.
enum class Segment : std::uint8_t {
    attention_forward,
    ffn_forward,
    ffn_input,
    ffn_weight,
    attention_input,
    attention_weight,
    shared_forward,  // the shared expert, where it is not part of the ffn segments
    shared_input,
    shared_weight
};
inline constexpr int kSegments = 9;
std::string_view name(Segment segment);

/// Seconds of a segment on one rank as a function of the routed rows that it received.
struct SegmentCost {
    std::vector<double>
        seconds;       // at rows = 0, step, 2 step, ...; one value when rows do not matter
    double step = 0;   // rows between two values
    double gap = 0;    // between kernels, not in `seconds`
    double issue = 0;  // the host's, to launch all kernels that are in no graph
    std::array<double, 4> ground{};  // seconds by Evidence at the mean rows; their sum is the total
    double rel_error = 0;            // of the total at the mean rows, kernels erring together
    std::map<std::string, double> kernels;  // seconds by kernel at the mean rows
    /// part: of the rows, in kernels of their own; what does not depend on rows is divided evenly.
    [[nodiscard]] double at(double rows, double part = 1) const;
    [[nodiscard]] bool depends_on_rows() const { return seconds.size() > 1; }
};

/// What a stage is made of, in the order of the forward pass.
struct Item {
    enum class Type : std::uint8_t { embedding, layer, mtp_projection, head } type;
    int layer = -1;              // decoder layer, counting MTP layers on
    int kind = -1;               // Model::kinds
    int moe_layer = -1;          // among MoE layers; -1: dense
    int stage = -1, index = -1;  // where it stands
};

/// Items of every pipeline stage: embedding first, head (and MTP modules, each with a head) last.
std::vector<std::vector<Item>> stage_items(const Scenario& scenario);

/// Segment costs of a scenario, computed once per (item, segment, contended).
/// contended: transfers run beside; alone: the device belongs to the segment.
class LayerCosts {
public:
    LayerCosts(const Scenario& scenario, int experts_per_rank, double mean_rows,
               double unique_per_row);
    [[nodiscard]] const SegmentCost& get(const Item& item, Segment segment, bool contended) const;
    /// Work on the communication stream before a transfer ("dispatch.stream", ...), seconds.
    [[nodiscard]] double stream_seconds(const std::string& segment, double rows,
                                        double unique) const;

private:
    struct Impl;
    std::shared_ptr<const Impl> impl_;
    mutable std::map<std::array<int, 4>, SegmentCost> known_;
};

}  // namespace moesim::scenarios
