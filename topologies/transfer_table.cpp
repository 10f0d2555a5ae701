#include "topologies/transfer_table.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "sim/paths.hpp"

namespace moesim::topologies {
namespace {

constexpr double kMost = 1e18;
constexpr double kSame = 1.03;  // sizes as near as this are one
constexpr double kOctave = 0.6931471805599453;
constexpr double kPerOctave = 0.1;  // assumed: what an octave beyond the entries adds to the error
constexpr double kOtherDevice = 0.1;  // assumed: what inheriting a share of the rate may miss
constexpr int kAxes = 3;              // nodes, ranks, SMs

double between(double a, double b, double weight) {
    return std::exp((1 - weight) * std::log(a) + weight * std::log(b));
}

}  // namespace

TransferTable::Entry TransferTable::read(sim::Table& in) {
    Entry out;
    const auto small = [&in](const char* key, int least) {
        const std::int64_t value = in.count(key, least, least);
        if (value > 1 << 24) in.fail(key, "is more than any cluster has");
        return static_cast<int>(value);
    };
    out.nodes = small("nodes", 1);
    out.ranks = small("ranks", 0);
    out.sms = small("sms", 0);
    out.bytes = in.numbers("bytes", 1, kMost);
    out.seconds = in.numbers("us", 1e-3, 1e12);
    if (out.bytes.empty()) in.fail("bytes", "is empty");
    if (out.seconds.size() != out.bytes.size()) in.fail("us", "needs one value for each of bytes");
    for (std::size_t i = 1; i < out.bytes.size(); ++i)
        if (out.bytes[i] <= out.bytes[i - 1]) in.fail("bytes", "must ascend");
    for (double& t : out.seconds) t *= 1e-6;
    out.startup_s = *std::min_element(out.seconds.begin(), out.seconds.end());
    if (in.has("startup")) {
        const double given = in.time("startup").si();
        if (given > out.startup_s) in.fail("startup", "is more than the least of us");
        out.startup_s = given;
    }
    out.slowdown = in.number("slowdown", 1, 10, 1.2);
    out.error = in.number("error", 0, 1);
    in.number("worst", 0, 10, 0);  // of the rows held out; for the reader of the file
    const std::vector<std::string> grounds{"measured", "interpolated", "extrapolated", "roofline"};
    const std::string ground = in.choice("evidence", grounds, "measured");
    out.evidence =
        static_cast<Evidence>(std::find(grounds.begin(), grounds.end(), ground) - grounds.begin());
    return out;
}

TransferTable TransferTable::load(const std::string& name) {
    auto in =
        sim::Table::from_file(sim::find_data("transfers", "topologies/profiles/transfers", name));
    TransferTable out;
    if (in.has("base")) {
        out = load(sim::find_data(in, "base", "topologies/profiles/transfers").string());
        for (auto& [collective, entries] : out.entries_)
            for (Entry& e : entries) {
                e.evidence = std::max(e.evidence, Evidence::extrapolated);
                e.error = std::min(0.5, std::hypot(e.error, kOtherDevice));
            }
    } else {
        in.ignore("base");
    }
    auto on = in.table("measured_on");
    on.text("device");
    const double nvlink = on.rate("nvlink").si(), nic = on.rate("nic").si();
    std::set<std::string> own;
    for (sim::Table& transfer : in.tables("transfer")) {
        const std::string collective = transfer.text("collective");
        if (transfer.has("as")) {
            const std::string other = transfer.text("as");
            if (!out.entries_.contains(other)) transfer.fail("as", "no entry above has this name");
            out.entries_[collective] = out.entries_[other];
        } else {
            if (own.insert(collective).second) out.entries_[collective].clear();
            out.entries_[collective].push_back(read(transfer));
            out.entries_[collective].back().nvlink = nvlink;
            out.entries_[collective].back().nic = nic;
        }
    }
    auto source = in.table("source");
    for (const std::string& key : source.keys()) out.source_[key] = source.text(key);
    in.finish();
    return out;
}

std::size_t TransferTable::points() const {
    std::size_t sum = 0;
    for (const auto& [name, entries] : entries_)
        for (const Entry& entry : entries) sum += entry.bytes.size();
    return sum;
}

TransferTable::Found TransferTable::at(const Entry& entry, double bytes) {
    Found out{0,         entry.startup_s, entry.slowdown, entry.error,
              entry.sms, entry.evidence,  entry.nvlink,   entry.nic};
    const std::vector<double>&x = entry.bytes, &y = entry.seconds;
    const auto next =
        static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), bytes) - x.begin());
    if (next == 0) {
        out.seconds = out.startup_s + (y.front() - out.startup_s) * bytes / x.front();
    } else if (next == x.size()) {
        out.seconds = out.startup_s + (y.back() - out.startup_s) * bytes / x.back();
        const double octaves = std::log(bytes / x.back()) / kOctave;
        if (bytes > x.back() * kSame) out.evidence = std::max(out.evidence, Evidence::interpolated);
        if (octaves > 2) {
            out.evidence = std::max(out.evidence, Evidence::extrapolated);
            out.error += kPerOctave * (octaves - 2);
        }
    } else {
        const double weight = std::log(bytes / x[next - 1]) / std::log(x[next] / x[next - 1]);
        out.seconds = between(y[next - 1], y[next], weight);
        if (bytes > x[next - 1] * kSame && bytes < x[next] / kSame)
            out.evidence = std::max(out.evidence, Evidence::interpolated);
    }
    return out;
}

TransferTable::Found TransferTable::blend(const Found& a, const Found& b, double weight) {
    Found out = weight < 0.5 ? a : b;
    out.seconds = between(a.seconds, b.seconds, weight);
    out.startup_s = between(a.startup_s, b.startup_s, weight);
    out.slowdown = between(a.slowdown, b.slowdown, weight);
    out.error = std::max(a.error, b.error);
    out.evidence = std::max({a.evidence, b.evidence, Evidence::interpolated});
    return out;
}

/// Entries of one collective are a grid over nodes, ranks and SMs, not always a full one: axis by
/// axis, the two nearest values that exist below the choice made so far.
TransferTable::Found TransferTable::find(std::vector<const Entry*> entries,
                                         const TransferQuery& query, double bytes, int axis) {
    if (axis == kAxes) return at(*entries.front(), bytes);
    const auto value = [axis](const Entry& e) {
        return axis == 0 ? e.nodes : axis == 1 ? e.ranks : e.sms;
    };
    const int asked = axis == 0 ? query.nodes : axis == 1 ? query.ranks : query.sms;
    int below = 0, above = 0;
    for (const Entry* e : entries) {
        const int v = value(*e);
        if (v <= asked || asked == 0) below = std::max(below, v);
        if (v >= asked && (above == 0 || v < above)) above = v;
    }
    if (asked == 0) above = below;  // not said: the most that was measured
    const auto only = [&](int wanted) {
        std::vector<const Entry*> some;
        for (const Entry* e : entries)
            if (value(*e) == wanted) some.push_back(e);
        return some;
    };
    if (below != 0 && above != 0 && below != above) {
        const double weight = std::log(1.0 * asked / below) / std::log(1.0 * above / below);
        return blend(find(only(below), query, bytes, axis + 1),
                     find(only(above), query, bytes, axis + 1), weight);
    }
    const int nearest = below != 0 ? below : above;
    Found out = find(only(nearest), query, bytes, axis + 1);
    if (asked != 0 && nearest != 0 && asked != nearest) {
        out.evidence = std::max(out.evidence, Evidence::extrapolated);
        out.error += kPerOctave * std::abs(std::log(1.0 * asked / nearest)) / kOctave;
    }
    return out;
}

std::optional<TransferCost> TransferTable::answer(const TransferQuery& query) const {
    const auto found = entries_.find(query.collective);
    if (found == entries_.end()) return std::nullopt;
    std::vector<const Entry*> inside, across;
    for (const Entry& e : found->second) (e.nodes > 1 ? across : inside).push_back(&e);
    TransferCost out;
    const auto share = [](double bytes, const Found& f, double rate) {
        if (bytes <= 0) return 1.0;
        return bytes / (std::max(f.seconds - f.startup_s, bytes / rate) * rate);
    };
    const auto take = [&](const Found& f) {
        out.startup_s = f.startup_s;
        out.slowdown = query.contended ? f.slowdown : 1;
        out.sms = f.sms;
        out.rel_error = std::min(0.5, f.error);
        out.evidence = f.evidence;
    };
    const bool by_port = query.bytes <= 0;
    out.nvlink_share = out.nic_share = 0;
    if (!inside.empty()) {
        const Found f = find(inside, query, by_port ? query.nvlink_bytes : query.bytes, 0);
        out.nvlink_share = share(query.nvlink_bytes, f, f.nvlink);
        take(f);
    }
    if (query.nodes > 1 && !across.empty()) {
        const Found f = find(across, query, by_port ? query.nic_bytes : query.bytes, 0);
        out.nic_share = share(query.nic_bytes, f, f.nic);
        // A measured whole holds both legs; what is known of NVLink alone stands beside it.
        if (!by_port || inside.empty()) out.nvlink_share = share(query.nvlink_bytes, f, f.nvlink);
        take(f);
    }
    return out;
}

}  // namespace moesim::topologies
