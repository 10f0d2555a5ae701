#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/calibration/calibration.hpp"
#include "topologies/nearest_points.hpp"

namespace moesim::analysis {
namespace {

using topologies::Memory;
using topologies::Point;

struct Row {
    double bytes, seconds;
    bool held;
};

constexpr double kShare = 0.8;  // of the bandwidth: the form that points correct

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<long>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// One point per octave of bytes: the median of time over form, at the median size.
std::vector<Point<Memory>> condensed(const std::string& name, const std::vector<Row>& rows,
                                     const Calibration& out) {
    std::map<long, std::vector<const Row*>> octaves;
    for (const Row& row : rows)
        if (!row.held) octaves[std::lround(std::log2(row.bytes))].push_back(&row);
    std::vector<Point<Memory>> points;
    for (const auto& [octave, members] : octaves) {
        std::vector<double> bytes, ratio;
        for (const Row* row : members) {
            bytes.push_back(row->bytes);
            ratio.push_back(row->seconds /
                            topologies::memory_seconds({name, row->bytes, 1}, out.memory, out.on));
        }
        Point<Memory> p;
        p.query = {name, median(bytes), 1};
        p.seconds = median(ratio) * topologies::memory_seconds(p.query, out.memory, out.on);
        points.push_back(p);
    }
    return points;
}

}  // namespace

/// Each kernel keeps one point per octave; held-out sizes are predicted as a profile would.
void fit_memory(const std::vector<Measurement>& all, Calibration& out) {
    std::map<std::string, std::vector<Row>> by_name;
    for (const Measurement& m : all)
        if (const auto* q = std::get_if<Memory>(&m.what); q && !m.contended)
            by_name[q->name].push_back({q->bytes, m.seconds, held_out(std::array{q->bytes})});
    if (by_name.empty()) return;
    out.memory.share = kShare;
    out.memory.floor_s = 2e-6;
    std::vector<double> all_p, all_s;
    for (const auto& [name, rows] : by_name) {
        const auto points = condensed(name, rows, out);
        if (points.empty()) continue;
        std::vector<double> held_p, held_s;
        for (const Row& row : rows) {
            if (!row.held) continue;
            topologies::NearestPoints near;
            for (const Point<Memory>& p : points) {
                const double off = std::log(row.bytes / p.query.bytes);
                near.add(
                    off * off, 0,
                    std::log(p.seconds / topologies::memory_seconds(p.query, out.memory, out.on)),
                    p.error);
            }
            held_p.push_back(topologies::memory_seconds({name, row.bytes, 1}, out.memory, out.on) *
                             near.ratio());
            held_s.push_back(row.seconds);
        }
        const Quality q = quality(held_p, held_s);
        out.quality["memory." + name] = q;
        for (Point<Memory> p : points) {
            p.error = std::max(0.03, q.sigma);
            out.memory_points.push_back(p);
        }
        all_p.insert(all_p.end(), held_p.begin(), held_p.end());
        all_s.insert(all_s.end(), held_s.begin(), held_s.end());
    }
    out.quality["memory"] = quality(all_p, all_s);
    out.memory.error = std::max(0.1, out.quality["memory"].sigma);
}

}  // namespace moesim::analysis
