#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "analysis/report/svg.hpp"
#include "analysis/report/timeline_svg.hpp"

namespace moesim::analysis {

namespace {

constexpr double kLeft = 96, kTop = 4, kTall = 46, kSize = 9.5, kLeading = 10.5;

/// Compute boxes by direction, transfers by kind. Ops are named after what they do to whom.
std::string task_class(const Simulated& run, const sim::Label& label) {
    if (label.kind != sim::Kind::compute) return "c-" + std::string{sim::name(label.kind)};
    const std::string& op = run.lowered.graph.ops[label.op];
    if (op.find("weight") != std::string::npos) return "c-weight-gradient";
    if (op.find("gradient") != std::string::npos || op.find("input") != std::string::npos)
        return "c-input-gradient";
    return "c-forward";
}

/// An op's name without the remark in brackets.
std::string short_name(const std::string& op) { return op.substr(0, op.find(" (")); }

/// Words of `text` one below the other, as many as fit into the box.
void write_words(Svg& svg, double x, double y, double w, const std::string& text) {
    std::istringstream words{text};
    std::vector<std::string> lines;
    for (std::string word; words >> word;) {
        const std::string joined = lines.empty() ? word : lines.back() + " " + word;
        if (!lines.empty() && text_width(joined) * kSize <= w - 3)
            lines.back() = joined;
        else
            lines.push_back(word);
    }
    for (std::string& line : lines) line = fitted(line, w - 3, kSize);
    if (lines.empty() || lines.front().empty() || lines.size() > 4) return;
    y += kTall / 2 - kLeading * static_cast<double>(lines.size() - 1) / 2 + 3;
    for (const std::string& line : lines) {
        svg.text(x + w / 2, y, line, "box", "middle");
        y += kLeading;
    }
}

std::string tip(const Simulated& run, const TaskSpan& span) {
    const auto& graph = run.lowered.graph;
    const sim::Label& label = graph.tasks[span.task].label;
    std::string out = fmt::format("{}: {} from {}", graph.ops[label.op],
                                  html::seconds(span.end - span.begin), html::seconds(span.begin));
    if (label.layer >= 0) out += fmt::format(", layer {}", label.layer);
    if (label.micro_batch >= 0) out += fmt::format(", micro-batch {}", label.micro_batch);
    return out;
}

struct Row {
    sim::StreamId stream;
    std::vector<TaskSpan> spans;
};

std::vector<Row> rows_of(const Simulated& run, std::uint32_t rank_class, const UnitSpan& unit) {
    std::vector<Row> out;
    const auto& graph = run.lowered.graph;
    for (sim::StreamId s = 0; s < graph.streams.size(); ++s) {
        if (graph.streams[s].rank_class != rank_class) continue;
        std::vector<TaskSpan> spans = task_spans(graph, run.line, s, 0, unit.begin, unit.end);
        if (!spans.empty()) out.push_back({s, std::move(spans)});
    }
    return out;
}

}  // namespace

std::vector<html::Key> task_keys() {
    return {{"c-forward", "forward"},
            {"c-input-gradient", "input gradient"},
            {"c-weight-gradient", "weight gradient"},
            {"c-ep", "expert exchange"},
            {"c-tp", "tensor parallel"},
            {"c-pp", "stage to stage"},
            {"c-dp", "data parallel"}};
}

std::string zoom_svg(const Simulated& run, std::uint32_t rank_class, const UnitSpan& unit) {
    const std::vector<Row> rows = rows_of(run, rank_class, unit);
    const double duration = std::max(unit.end - unit.begin, 1e-12);
    const double right = kChartWidth - 16, scale = (right - kLeft) / duration;
    const double bottom = kTop + static_cast<double>(rows.size()) * (kTall + 4);
    Svg svg{kChartWidth, bottom + 34, unit_name(run.lowered.graph.units[unit.unit])};
    double y = kTop;
    for (const Row& row : rows) {
        svg.text(kLeft - 8, y + kTall / 2 + 4,
                 fitted(stream_title(run.lowered.graph, row.stream), kLeft - 10, 11), "name", "end");
        svg.rect(kLeft, y, right - kLeft, kTall, "idle");
        for (const TaskSpan& span : row.spans) {
            const double from = kLeft + std::max(0.0, span.begin - unit.begin) * scale;
            const double to = std::min(right, kLeft + (span.end - unit.begin) * scale);
            const sim::Label& label = run.lowered.graph.tasks[span.task].label;
            svg.rect(from, y, std::max(0.3, to - from - 0.6), kTall, task_class(run, label),
                     tip(run, span));
            write_words(svg, from, y, to - from, short_name(run.lowered.graph.ops[label.op]));
        }
        y += kTall + 4;
    }
    const std::vector<double> at = ticks(duration * 1e3, 9);
    for (const double t : at) {
        const double x = kLeft + t * 1e-3 * scale;
        svg.line(x, bottom, x, bottom + 4, "grid");
        svg.text(x, bottom + 16, tick_text(t, at.size() > 1 ? at[1] : 1), "tick", "middle");
    }
    svg.text(right, bottom + 30, "milliseconds from the unit's begin", "tick", "end");
    return svg.str();
}

}  // namespace moesim::analysis
