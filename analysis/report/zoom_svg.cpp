#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "analysis/report/svg.hpp"
#include "analysis/report/timeline_svg.hpp"

namespace moesim::analysis {

namespace {

constexpr double kLeft = 66, kTop = 4, kTall = 58, kLow = 12, kSize = 9.5, kLeading = 10.5;

/// An op's name without the remark in brackets.
std::string short_name(const std::string& op) { return op.substr(0, op.find(" (")); }

/// `text` in lines of at most `room` pixels; a word that is longer stands alone and is cut.
std::vector<std::string> wrapped(const std::string& text, double room, bool& cut) {
    std::istringstream words{text};
    std::vector<std::string> lines;
    for (std::string word; words >> word;) {
        const std::string joined = lines.empty() ? word : lines.back() + " " + word;
        if (!lines.empty() && text_width(joined) * kSize <= room)
            lines.back() = joined;
        else
            lines.push_back(word);
    }
    for (std::string& line : lines) {
        cut = cut || text_width(line) * kSize > room;
        line = fitted(line, room, kSize);
    }
    return lines;
}

/// Words in a box: upright where they fit, else standing on end, else none.
void write_words(Svg& svg, double x, double y, double w, double tall, const std::string& text) {
    bool cut = false;
    std::vector<std::string> lines = wrapped(text, w - 3, cut);
    if (!cut && kLeading * static_cast<double>(lines.size()) <= tall) {
        double at = y + tall / 2 - kLeading * static_cast<double>(lines.size() - 1) / 2 + 3;
        for (const std::string& line : lines) {
            svg.text(x + w / 2, at, line, "box", "middle");
            at += kLeading;
        }
        return;
    }
    cut = false;
    lines = wrapped(text, tall - 4, cut);
    if (kLeading * static_cast<double>(lines.size()) > w) return;
    double at = x + w / 2 - kLeading * static_cast<double>(lines.size() - 1) / 2 + 3;
    for (const std::string& line : lines) {
        svg.upright(at, y + tall / 2, line, "box");
        at += kLeading;
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
    std::string title;
    double tall;
    std::vector<TaskSpan> spans;
};

/// A row per stream; all stage-to-stage streams make two low ones, out and in.
std::vector<Row> rows_of(const Simulated& run, std::uint32_t rank_class, const UnitSpan& unit) {
    std::vector<Row> out;
    Row sent{"pp, out", kLow, {}}, received{"pp, in", kLow, {}};
    const auto& graph = run.lowered.graph;
    for (sim::StreamId s = 0; s < graph.streams.size(); ++s) {
        if (graph.streams[s].rank_class != rank_class) continue;
        std::vector<TaskSpan> spans = task_spans(graph, run.line, s, 0, unit.begin, unit.end);
        if (spans.empty()) continue;
        const auto& first = graph.tasks[spans.front().task];
        if (first.label.kind != sim::Kind::pp) {
            out.push_back({graph.streams[s].name, kTall, std::move(spans)});
            continue;
        }
        Row& row = graph.streams_of(first).front() == s ? sent : received;
        row.spans.insert(row.spans.end(), spans.begin(), spans.end());
    }
    for (Row* row : {&sent, &received})
        if (!row->spans.empty()) out.push_back(std::move(*row));
    return out;
}

}  // namespace

std::string task_class(const Simulated& run, const sim::Label& label) {
    if (label.kind != sim::Kind::compute) return "c-" + std::string{sim::name(label.kind)};
    const std::string& op = run.lowered.graph.ops[label.op];
    if (op.find("weight") != std::string::npos) return "c-weight-gradient";
    if (op.find("gradient") != std::string::npos || op.find("input") != std::string::npos)
        return "c-input-gradient";
    return "c-forward";
}

std::vector<html::Key> task_keys(const Simulated& run, std::uint32_t rank_class,
                                 const std::vector<UnitSpan>& units) {
    std::set<std::string> seen;
    for (const UnitSpan& unit : units)
        for (const Row& row : rows_of(run, rank_class, unit))
            for (const TaskSpan& span : row.spans)
                seen.insert(task_class(run, run.lowered.graph.tasks[span.task].label));
    std::vector<html::Key> out{{"c-forward", "forward"},
                               {"c-input-gradient", "input gradient"},
                               {"c-weight-gradient", "weight gradient"},
                               {"c-ep", "expert exchange"},
                               {"c-tp", "tensor parallel"},
                               {"c-cp", "context parallel"},
                               {"c-pp", "stage to stage"},
                               {"c-dp", "data parallel"}};
    std::erase_if(out, [&](const html::Key& key) { return seen.count(key.cls) == 0; });
    return out;
}

std::string zoom_svg(const Simulated& run, std::uint32_t rank_class, const UnitSpan& unit) {
    const std::vector<Row> rows = rows_of(run, rank_class, unit);
    const double duration = std::max(unit.end - unit.begin, 1e-12);
    const double right = kChartWidth - 16, scale = (right - kLeft) / duration;
    double bottom = kTop;
    for (const Row& row : rows) bottom += row.tall + 4;
    Svg svg{kChartWidth, bottom + 34, unit_name(run.lowered.graph.units[unit.unit])};
    double y = kTop;
    for (const Row& row : rows) {
        svg.text(kLeft - 8, y + row.tall / 2 + 4, fitted(row.title, kLeft - 10, 11), "name", "end");
        svg.rect(kLeft, y, right - kLeft, row.tall, "idle");
        for (const TaskSpan& span : row.spans) {
            const double from = kLeft + std::max(0.0, span.begin - unit.begin) * scale;
            const double to = std::min(right, kLeft + (span.end - unit.begin) * scale);
            const sim::Label& label = run.lowered.graph.tasks[span.task].label;
            svg.rect(from, y, std::max(0.3, to - from - 0.6), row.tall, task_class(run, label),
                     tip(run, span));
            if (row.tall == kTall)
                write_words(svg, from, y, to - from, kTall,
                            short_name(run.lowered.graph.ops[label.op]));
        }
        y += row.tall + 4;
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
