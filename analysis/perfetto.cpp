#include "analysis/perfetto.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <optional>

#include "analysis/report/ports.hpp"
#include "analysis/report/spans.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kBuckets = 1000, kFewRanks = 6;

/// A rank class and the member of it that is shown as a process.
struct Process {
    std::uint32_t rank_class, member;
};

std::vector<std::uint32_t> shown_classes(const scenarios::Lowered& lowered) {
    const std::vector<std::uint32_t> all = representatives(lowered, SIZE_MAX);
    if (all.size() <= kFewRanks) return all;
    return {all[0], all[1], all[all.size() / 2], all.back()};
}

class Writer {
public:
    Writer(const Simulated& run, std::size_t most) : run_{run}, graph_{run.lowered.graph} {
        for (const std::uint32_t c : shown_classes(run.lowered)) {
            processes_.push_back({c, 0});
            const std::uint32_t slowest = slowest_member(run, c);
            if (slowest != 0) processes_.push_back({c, slowest});
        }
        for (const std::string& op : graph_.ops) ops_.push_back(ordered_json(op).dump());
        for (const sim::Unit& unit : graph_.units) units_.push_back(unit_name(unit));
        choose_end(most);
    }

    std::string write() {
        out_ +=
            "{\"displayTimeUnit\":\"ms\",\"otherData\":" + other().dump() + ",\"traceEvents\":[\n";
        for (std::size_t i = 0; i < processes_.size(); ++i) write(processes_[i], i + 1);
        if (out_.ends_with(",\n")) out_.resize(out_.size() - 2);
        return out_ + "\n]}\n";
    }

private:
    /// Of a run with too many events, as much of its begin as has about `most`.
    void choose_end(std::size_t most) {
        std::size_t events = processes_.size() * 2 * kBuckets;
        for (const Process& p : processes_)
            for (sim::StreamId s = 0; s < graph_.streams.size(); ++s)
                if (graph_.streams[s].rank_class == p.rank_class)
                    events += graph_.stream_tasks[s].size();
        const double share = static_cast<double>(most) / static_cast<double>(events);
        end_ = share < 1 ? run_.line.makespan * share : INFINITY;
    }

    [[nodiscard]] ordered_json other() const {
        std::string ranks;
        for (const Process& p : processes_)
            if (p.member == 0)
                ranks += (ranks.empty() ? "" : ", ") + graph_.rank_classes[p.rank_class].name;
        ordered_json out{
            {"scenario", run_.scenario.name},
            {"step_time_s", run_.line.makespan},
            {"shown", fmt::format("{} of {} rank classes: {}", shown_classes(run_.lowered).size(),
                                  graph_.rank_classes.size(), ranks)},
            {"fold", run_.lowered.fold}};
        if (std::isfinite(end_))
            out["cut"] = fmt::format("tasks that begin in the first {:.6g} s", end_);
        return out;
    }

    void write(const Process& p, std::size_t pid) {
        const auto& cls = graph_.rank_classes[p.rank_class];
        const std::string member = cls.width == 1 ? ""
                                                  : fmt::format(", member {}{}", p.member,
                                                                p.member == 0 ? "" : " (slowest)");
        meta("process_name", pid, 0, {{"name", cls.name + member}});
        meta("process_sort_index", pid, 0, {{"sort_index", pid}});
        std::size_t tid = 1;
        name_thread(pid, tid, "schedule");
        for (const UnitSpan& u : unit_spans(graph_, run_.line, p.rank_class, p.member))
            if (u.begin < end_)
                event(pid, tid, u.begin, u.end, ordered_json(units_[u.unit]).dump(), "unit", "");
        for (sim::StreamId s = 0; s < graph_.streams.size(); ++s) {
            if (graph_.streams[s].rank_class != p.rank_class || graph_.stream_tasks[s].empty())
                continue;
            name_thread(pid, ++tid, stream_title(graph_, s));
            for (const TaskSpan& t : task_spans(graph_, run_.line, s, p.member, -1, end_)) {
                const sim::Label& label = graph_.tasks[t.task].label;
                event(pid, tid, t.begin, t.end, ops_[label.op], sim::name(label.kind), args(label));
            }
        }
        if (p.member != 0) return;
        counter("NIC out", nic_out(run_, p.rank_class), pid);
        counter("NVLink out", nvlink_out(run_, p.rank_class), pid);
    }

    [[nodiscard]] std::string args(const sim::Label& label) const {
        std::string out;
        if (label.layer >= 0) out += fmt::format(",\"layer\":{}", label.layer);
        if (label.micro_batch >= 0) out += fmt::format(",\"micro_batch\":{}", label.micro_batch);
        if (label.unit != sim::kNone) out += fmt::format(",\"unit\":\"{}\"", units_[label.unit]);
        return out.empty() ? out : out.substr(1);
    }

    void meta(std::string_view what, std::size_t pid, std::size_t tid, const ordered_json& values) {
        fmt::format_to(std::back_inserter(out_),
                       "{{\"ph\":\"M\",\"pid\":{},\"tid\":{},\"name\":\"{}\",\"args\":{}}},\n", pid,
                       tid, what, values.dump());
    }
    void name_thread(std::size_t pid, std::size_t tid, const std::string& name) {
        meta("thread_name", pid, tid, {{"name", name}});
        meta("thread_sort_index", pid, tid, {{"sort_index", tid}});
    }

    /// Begin and end are rounded to nanoseconds each, so that what touched still touches.
    void event(std::size_t pid, std::size_t tid, double begin, double end, std::string_view name,
               std::string_view category, const std::string& values) {
        const auto ns = [](double s) { return std::llround(std::max(0.0, s) * 1e9); };
        const long long from = ns(begin), dur = std::max(0LL, ns(end) - from);
        fmt::format_to(
            std::back_inserter(out_),
            "{{\"ph\":\"X\",\"pid\":{},\"tid\":{},\"ts\":{}.{:03},\"dur\":{}.{:03},\"name\":{},"
            "\"cat\":\"{}\",\"args\":{{{}}}}},\n",
            pid, tid, from / 1000, from % 1000, dur / 1000, dur % 1000, name, category, values);
    }

    void counter(std::string_view port, std::optional<sim::LinkId> link, std::size_t pid) {
        if (!link) return;
        const double capacity = graph_.links[*link].capacity.si();
        const std::string title =
            ordered_json(fmt::format("{}, % of {:.4g} GB/s", port, capacity / 1e9)).dump();
        const std::vector<double> rates = link_rate(graph_, run_.line, *link, kBuckets);
        double last = -1;
        for (std::size_t b = 0; b < rates.size(); ++b) {
            const double at = run_.line.makespan * static_cast<double>(b) / kBuckets;
            if (at >= end_ || rates[b] == last) continue;
            last = rates[b];
            fmt::format_to(std::back_inserter(out_),
                           "{{\"ph\":\"C\",\"pid\":{},\"ts\":{:.3f},\"name\":{},"
                           "\"args\":{{\"percent\":{:.2f}}}}},\n",
                           pid, at * 1e6, title, 100 * last / capacity);
        }
    }

    const Simulated& run_;
    const sim::TaskGraph& graph_;
    std::vector<Process> processes_;
    std::vector<std::string> ops_, units_;  // ops_ quoted for JSON; a unit's name needs no escape
    double end_ = INFINITY;
    std::string out_;
};

}  // namespace

std::string perfetto_json(const Simulated& run, std::size_t most) {
    return Writer{run, most}.write();
}

}  // namespace moesim::analysis
