#include "scenarios/rank_grid.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim::scenarios {
namespace {

constexpr const char* kDefault = "tp-cp-ep-dp-pp";

/// A word of an order and the axis that it is in each grid; pipeline in both.
struct Word {
    const char* name;
    bool attention, expert;
    Axis in_attention, in_expert;
};
constexpr Word kWords[] = {{"tp", true, true, Axis::tensor, Axis::expert_tensor},
                           {"cp", true, false, Axis::context, Axis::context},
                           {"ep", false, true, Axis::expert, Axis::expert},
                           {"dp", true, true, Axis::data, Axis::expert_data},
                           {"pp", true, true, Axis::pipeline, Axis::pipeline}};

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> out{""};
    for (const char c : text)
        if (c == '-')
            out.emplace_back();
        else
            out.back() += c;
    return out;
}

/// Indices into kWords. wanted: the words that must be there.
std::vector<std::size_t> read_order(const sim::Table& in, const char* key, const std::string& text,
                                    const std::vector<std::string>& known) {
    std::vector<std::size_t> out;
    for (const std::string& word : split(text)) {
        if (std::find(known.begin(), known.end(), word) == known.end()) {
            const std::string near = word == "cp" ? "" : sim::nearest(word, known);
            in.fail(key, fmt::format("'{}' is no axis", word),
                    fmt::format("{}known: {}",
                                near.empty() ? "" : fmt::format("did you mean '{}'?\n", near),
                                fmt::join(known, ", ")));
        }
        const auto at =
            static_cast<std::size_t>(std::find_if(std::begin(kWords), std::end(kWords),
                                                  [&](const Word& w) { return word == w.name; }) -
                                     std::begin(kWords));
        if (std::find(out.begin(), out.end(), at) != out.end())
            in.fail(key, fmt::format("'{}' is there twice", word),
                    "each axis once, the fastest first");
        out.push_back(at);
    }
    for (const std::string& word : known) {
        const bool there = std::any_of(out.begin(), out.end(),
                                       [&](std::size_t i) { return word == kWords[i].name; });
        if (!there)
            in.fail(key, fmt::format("axis '{}' is missing", word),
                    fmt::format("each of {} once, the fastest first", fmt::join(known, ", ")));
    }
    return out;
}

}  // namespace

RankGrid RankGrid::read(sim::Table& in, const Parallel& p) {
    RankGrid grid;
    const auto set = [&](Axis axis, int degree) {
        grid.degree_[static_cast<std::size_t>(axis)] = degree;
    };
    set(Axis::tensor, p.tensor);
    set(Axis::context, p.context);
    set(Axis::data, p.data);
    set(Axis::expert_tensor, p.expert_tensor);
    set(Axis::expert, p.expert);
    // A remainder is refused later, at the key to change.
    const double left = 1.0 * p.tensor * p.context * p.data / p.expert / p.expert_tensor;
    set(Axis::expert_data, static_cast<int>(std::clamp(left, 1.0, 1e9)));
    set(Axis::pipeline, p.pipeline);

    const auto order =
        read_order(in, "order", in.text("order", kDefault), {"tp", "cp", "ep", "dp", "pp"});
    auto experts = order;
    if (in.has("expert_order")) {
        experts = read_order(in, "expert_order", in.text("expert_order"), {"tp", "ep", "dp", "pp"});
    } else {
        in.ignore("expert_order");
    }
    // Too many ranks for an int are refused later, too.
    double attention = 1, expert = 1;
    const auto stride = [](double product) { return static_cast<int>(std::min(product, 1e9)); };
    for (const std::size_t i : order)
        if (const Word& word = kWords[i]; word.attention) {
            grid.stride_[static_cast<std::size_t>(word.in_attention)] = stride(attention);
            attention *= grid.degree(word.in_attention);
        }
    for (const std::size_t i : experts)
        if (const Word& word = kWords[i]; word.expert) {
            if (word.in_expert == Axis::pipeline)
                grid.expert_pipeline_ = stride(expert);
            else
                grid.stride_[static_cast<std::size_t>(word.in_expert)] = stride(expert);
            expert *= grid.degree(word.in_expert);
        }
    return grid;
}

void RankGrid::check(const sim::Table& in) const {
    if (degree(Axis::pipeline) == 1 || stride(Axis::pipeline) == expert_pipeline_) return;
    in.fail(in.has("expert_order") ? "expert_order" : "order",
            fmt::format("the pipeline steps by {} GPUs in the attention grid and by {} in the "
                        "expert grid, but both share it",
                        stride(Axis::pipeline), expert_pipeline_),
            "pp last or first, or axes before it whose degrees have the same product in both");
}

int RankGrid::gpu(int pipeline, int group, int member) const {
    const int tensor = degree(Axis::expert_tensor);
    return pipeline * stride(Axis::pipeline) + group * stride(Axis::expert_data) +
           member % tensor * stride(Axis::expert_tensor) + member / tensor * stride(Axis::expert);
}

std::vector<int> RankGrid::lattice(const Axes& axes) const {
    std::vector<int> out{0};
    for (const Axis axis : axes) {
        const std::size_t so_far = out.size();
        for (int i = 1; i < degree(axis); ++i)
            for (std::size_t j = 0; j < so_far; ++j) out.push_back(out[j] + i * stride(axis));
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<int> RankGrid::members(const Axes& axes) const { return lattice(axes); }

std::vector<int> RankGrid::groups(const Axes& axes) const {
    Axes others{Axis::tensor, Axis::context, Axis::data};
    if (!axes.empty() && axes.front() >= Axis::expert_tensor)
        others = {Axis::expert_tensor, Axis::expert, Axis::expert_data};
    std::erase_if(others,
                  [&](Axis a) { return std::find(axes.begin(), axes.end(), a) != axes.end(); });
    return lattice(others);
}

int RankGrid::within(const Axes& axes, int gpus) const { return count(axes, gpus); }

int RankGrid::count(std::span<const Axis> axes, int gpus) const {
    if (gpus <= 0 || axes.empty()) return gpus > 0 ? 1 : 0;
    const int step = stride(axes.front());
    int out = 0;
    for (int i = 0; i < degree(axes.front()) && i * step < gpus; ++i)
        out += count(axes.subspan(1), gpus - i * step);
    return out;
}

}  // namespace moesim::scenarios
