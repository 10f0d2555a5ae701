#include "analysis/breakdown.hpp"

#include <algorithm>

namespace moesim::analysis {

using sim::Kind;
using sim::TaskGraph;
using sim::TaskId;

std::string_view name(Part part) {
    static constexpr std::array<std::string_view, kParts> names{
        "compute",    "exposed_ep", "exposed_tp", "exposed_cp", "exposed_pp",
        "exposed_dp", "imbalance",  "host",       "bubble",     "optimizer"};
    return names[static_cast<std::size_t>(part)];
}

std::string_view name(Phase phase) {
    static constexpr std::array<std::string_view, kPhases> names{
        "forward", "input_gradient", "weight_gradient", "backward", "pair", "bubble", "optimizer"};
    return names[static_cast<std::size_t>(phase)];
}

namespace {

Part exposed(Kind kind) {
    switch (kind) {
        case Kind::ep:
            return Part::exposed_ep;
        case Kind::tp:
            return Part::exposed_tp;
        case Kind::cp:
            return Part::exposed_cp;
        case Kind::pp:
            return Part::exposed_pp;
        case Kind::dp:
            return Part::exposed_dp;
        default:
            return Part::bubble;
    }
}

Phase phase_of(sim::UnitKind kind) {
    switch (kind) {
        case sim::UnitKind::forward:
            return Phase::forward;
        case sim::UnitKind::input_gradient:
            return Phase::input_gradient;
        case sim::UnitKind::weight_gradient:
            return Phase::weight_gradient;
        case sim::UnitKind::backward:
            return Phase::backward;
        case sim::UnitKind::pair:
            return Phase::pair;
        case sim::UnitKind::optimizer:
            break;
    }
    return Phase::optimizer;
}

struct Interval {
    double begin, end;
};

/// Total length of a union of intervals sorted by begin.
double covered(const std::vector<Interval>& sorted) {
    double sum = 0, until = 0;
    for (const Interval& i : sorted)
        if (i.end > until) sum += i.end - std::max(i.begin, until), until = i.end;
    return sum;
}

/// One rank class; its members are booked one by one.
class Booking {
public:
    Booking(const TaskGraph& graph, const sim::Timeline& line, std::uint32_t rank_class)
        : graph_{graph}, line_{line}, width_{graph.rank_classes[rank_class].width} {
        for (sim::StreamId s = 0; s < graph.streams.size(); ++s)
            if (graph.streams[s].rank_class == rank_class) {
                (graph.streams[s].compute ? compute_ : transfers_).push_back(s);
                mine_.push_back(s);
            }
        std::vector<TaskId> all;
        for (const sim::StreamId s : transfers_)
            all.insert(all.end(), graph.stream_tasks[s].begin(), graph.stream_tasks[s].end());
        std::sort(all.begin(), all.end(), [&](TaskId a, TaskId b) {
            return line_.start[line_.first[a]] < line_.start[line_.first[b]];
        });
        all.erase(std::unique(all.begin(), all.end()), all.end());
        flights_ = std::move(all);
    }

    MemberTimes member(std::uint32_t m) {
        MemberTimes out;
        double at = 0;
        const auto& order = graph_.stream_tasks[compute_.front()];
        for (const TaskId id : order) {
            const std::uint32_t p = line_.first[id] + m;
            const TaskGraph::Task& task = graph_.tasks[id];
            if (line_.ready[p] > at)
                follow(out, last_before(id, compute_.front(), m), m, at, line_.ready[p]);
            add(out, Part::host, line_.start[p] - std::max(at, line_.ready[p]));
            const Part busy = task.label.kind == Kind::optimizer ? Part::optimizer : Part::compute;
            const std::vector<double>& seconds = graph_.values[task.values];
            const double worked = seconds[seconds.size() == 1 ? 0 : m];
            add(out, Part::host, line_.end[p] - line_.start[p] - worked);
            add(out, busy, worked);
            at = line_.end[p];
        }
        tail(out, m, at);
        phases(out, m);
        flights(out);
        return out;
    }

private:
    static void add(MemberTimes& out, Part part, double seconds) {
        out.parts[static_cast<std::size_t>(part)] += seconds;
    }

    /// The participant of a task that is this rank's member m; kNone when it takes no part.
    [[nodiscard]] std::uint32_t participant(TaskId id, std::uint32_t m,
                                            sim::StreamId& stream) const {
        std::uint32_t at = line_.first[id];
        for (const sim::StreamId s : graph_.streams_of(graph_.tasks[id])) {
            if (std::find(mine_.begin(), mine_.end(), s) != mine_.end()) {
                stream = s;
                return at + m;
            }
            at += graph_.streams[s].width;
        }
        return sim::kNone;
    }

    [[nodiscard]] double end_for(TaskId id, std::uint32_t m) const {
        const std::uint32_t first = line_.first[id];
        const bool one_by_one = !graph_.tasks[id].transfer && line_.first[id + 1] - first == width_;
        return one_by_one ? line_.end[first + m]
                          : *std::max_element(line_.end.begin() + first,
                                              line_.end.begin() + line_.first[id + 1]);
    }

    /// Of what a task waits for on this rank, the one that ends last; kNone when nothing.
    [[nodiscard]] TaskId last_before(TaskId id, sim::StreamId stream, std::uint32_t m) const {
        TaskId last = sim::kNone;
        double end = -1;
        const auto consider = [&](TaskId before) {
            const double e = end_for(before, m);
            sim::StreamId ignored = 0;
            // Other ranks' work is a wait for ranks, not something of this rank.
            if (e > end && participant(before, m, ignored) != sim::kNone) end = e, last = before;
        };
        for (const TaskId before : graph_.after_of(graph_.tasks[id])) consider(before);
        const auto& order = graph_.stream_tasks[stream];
        const auto here = std::lower_bound(order.begin(), order.end(), id);
        if (here != order.begin() && here != order.end()) consider(*(here - 1));
        return last;
    }

    /// Books [from, to), at whose end `cause` (or nothing) let the rank go on.
    void follow(MemberTimes& out, TaskId cause, std::uint32_t m, double from, double to) const {
        while (to > from) {
            if (cause == sim::kNone || !graph_.tasks[cause].transfer ||
                line_.end[line_.first[cause]] <= from)
                return add(out, Part::bubble, to - from);
            sim::StreamId stream = 0;
            const std::uint32_t p = participant(cause, m, stream);
            const Kind kind = graph_.tasks[cause].label.kind;
            const auto back_to = [&](double time, Part part) {
                const double t = std::clamp(time, from, to);
                add(out, part, to - t);
                to = t;
            };
            back_to(line_.end[p], Part::bubble);
            back_to(line_.start[p], exposed(kind));
            back_to(line_.ready[p], kind == Kind::pp ? Part::bubble : Part::imbalance);
            cause = last_before(cause, stream, m);
        }
    }

    /// After the last task of the compute stream: what is in flight last, then waiting for the end.
    void tail(MemberTimes& out, std::uint32_t m, double from) const {
        TaskId last = sim::kNone;
        for (const TaskId id : flights_)
            if (last == sim::kNone || line_.end[line_.first[id]] > line_.end[line_.first[last]])
                last = id;
        follow(out, last, m, from, line_.makespan);
    }

    /// A unit spans from its first compute task to its last task (stage-to-stage transfers left
    /// out), at most to the begin of the next unit.
    void phases(MemberTimes& out, std::uint32_t m) {
        struct Span {
            std::uint32_t unit;
            double begin, end;
        };
        std::vector<Span> spans;
        std::vector<std::size_t> of_unit(graph_.units.size(), SIZE_MAX);
        std::vector<Interval> optimizer;
        const auto visit = [&](TaskId id, double begin, double end) {
            const std::uint32_t unit = graph_.tasks[id].label.unit;
            if (unit == sim::kNone || graph_.tasks[id].label.kind == Kind::pp) return;
            if (graph_.units[unit].kind == sim::UnitKind::optimizer) {
                optimizer.push_back({begin, end});
                return;
            }
            if (of_unit[unit] == SIZE_MAX) {
                of_unit[unit] = spans.size();
                spans.push_back({unit, begin, end});
            }
            Span& span = spans[of_unit[unit]];
            span.end = std::max(span.end, end);
        };
        for (const TaskId id : graph_.stream_tasks[compute_.front()])
            visit(id, line_.start[line_.first[id] + m], line_.end[line_.first[id] + m]);
        for (const TaskId id : flights_)
            visit(id, line_.start[line_.first[id]], line_.end[line_.first[id]]);
        std::sort(spans.begin(), spans.end(),
                  [](const Span& a, const Span& b) { return a.begin < b.begin; });
        double units = 0;
        for (std::size_t i = 0; i < spans.size(); ++i) {
            const double end =
                i + 1 < spans.size() ? std::min(spans[i].end, spans[i + 1].begin) : spans[i].end;
            const double seconds = std::max(0.0, end - spans[i].begin);
            out.phases[static_cast<std::size_t>(phase_of(graph_.units[spans[i].unit].kind))] +=
                seconds;
            units += seconds;
        }
        std::sort(optimizer.begin(), optimizer.end(),
                  [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
        const double updating = covered(optimizer);
        out.phases[static_cast<std::size_t>(Phase::optimizer)] = updating;
        out.phases[static_cast<std::size_t>(Phase::bubble)] = line_.makespan - units - updating;
    }

    void flights(MemberTimes& out) const {
        std::vector<Interval> any;
        std::array<std::vector<Interval>, sim::kKinds> by_kind;
        for (const TaskId id : flights_) {
            const Interval i{line_.start[line_.first[id]], line_.end[line_.first[id]]};
            any.push_back(i);
            by_kind[static_cast<std::size_t>(graph_.tasks[id].label.kind)].push_back(i);
        }
        out.in_flight = covered(any);
        for (std::size_t k = 0; k < by_kind.size(); ++k) out.busy[k] = covered(by_kind[k]);
    }

    const TaskGraph& graph_;
    const sim::Timeline& line_;
    std::uint32_t width_;
    std::vector<sim::StreamId> compute_, transfers_, mine_;
    std::vector<TaskId> flights_;  // transfers of this rank by start
};

}  // namespace

std::vector<std::vector<MemberTimes>> book(const TaskGraph& graph, const sim::Timeline& line) {
    std::vector<std::vector<MemberTimes>> out;
    for (std::uint32_t c = 0; c < graph.rank_classes.size(); ++c) {
        Booking booking{graph, line, c};
        out.emplace_back();
        for (std::uint32_t m = 0; m < graph.rank_classes[c].width; ++m)
            out.back().push_back(booking.member(m));
    }
    return out;
}

}  // namespace moesim::analysis
