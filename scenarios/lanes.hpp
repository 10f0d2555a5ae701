#pragma once

#include <array>
#include <cassert>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/rank_grid.hpp"
#include "sim/task_graph.hpp"
#include "topologies/fabric_load.hpp"

namespace moesim::scenarios {

/// A simulated rank, or several that share a program: its streams and ports.
struct Lane {
    std::uint32_t rank_class = 0;
    int gpu = 0;  // representative
    sim::StreamId compute = 0, ep = 0, tp = 0, dp = 0;
    sim::StreamId cp = 0;                               // with context parallelism only
    std::map<std::pair<int, int>, sim::StreamId> pp{};  // by (peer pipeline rank, what)
};

/// Tasks of one step of a program: one per lane (consecutive ids), or one shared by all lanes.
struct Step {
    sim::TaskId first = sim::kNone;
    bool shared = false;
    struct Other {
        sim::TaskId first = sim::kNone;
        bool shared = false;
    };
    std::array<Other, 5> others{};  // joined to it: what waits for the step waits for all of them

    [[nodiscard]] sim::TaskId of(std::size_t lane) const { return at(first, shared, lane); }
    void add_to(std::vector<sim::TaskId>& ids, std::size_t lane) const {
        if (first != sim::kNone) ids.push_back(of(lane));
        for (const Other& o : others)
            if (o.first != sim::kNone) ids.push_back(at(o.first, o.shared, lane));
    }
    /// A step that is done when both are.
    [[nodiscard]] Step with(const Step& b) const {
        if (first == sim::kNone) return b;
        Step out = *this;
        out.join(b.first, b.shared);
        for (const Other& o : b.others) out.join(o.first, o.shared);
        return out;
    }

private:
    static sim::TaskId at(sim::TaskId first, bool shared, std::size_t lane) {
        return first == sim::kNone || shared ? first : first + static_cast<sim::TaskId>(lane);
    }
    void join(sim::TaskId id, bool is_shared) {
        if (id == sim::kNone || id == first) return;
        for (Other& o : others) {
            if (o.first == id) return;
            if (o.first != sim::kNone) continue;
            o = {id, is_shared};
            return;
        }
        assert(false && "a step joins at most six");
    }
};

/// The lanes of one expert-parallel group on one pipeline rank.
struct Group {
    int rank = 0;     // pipeline
    int replica = 0;  // expert-parallel group on that rank, of those simulated
    int number = 0;   // the same among all that there are
    std::vector<Lane> lanes;
    std::uint32_t unit = sim::kNone;  // what is being written down
    Step hold{};                      // compute waits for it: a transfer that blocks
};

/// Who sends to whom at the same time: all groups of a pipeline rank along some axes, or all its
/// ranks to their counterparts on another pipeline rank.
struct Traffic {
    RankGrid::Axes axes;
    topologies::Pattern pattern = topologies::Pattern::ring;
    int ahead = 0;  // pipeline ranks to the receivers, 0: inside the groups
    auto operator<=>(const Traffic&) const = default;
};

/// A collective over the ranks of a stage along an axis, every rank in one of them.
struct Ring {
    sim::Kind kind;
    sim::StreamId Lane::*stream;
    std::string collective;  // in the profile
    const char* title;
    double bytes;  // that the collective is asked for: of all ranks together
    double sent;   // by each rank
    int ranks;
    Axis axis;
    int layer = -1, micro_batch = -1;
    double beside = 0;  // share of its time during which compute runs beside it
    double tile = 1;    // part of a kernel that moves 1 / tile as much, at its rate
};

/// Ranks of a collective, how many of them share a node, and along which axes they stand.
struct Among {
    int ranks = 1, per_node = 1;
    RankGrid::Axes axes{};  // empty: all ranks
};

}  // namespace moesim::scenarios
