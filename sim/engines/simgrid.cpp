#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <limits>
#include <stdexcept>

#include "sim/engines/resolver.hpp"
#include "sim/registry.hpp"

namespace moesim::sim {
namespace {

namespace s4u = simgrid::s4u;
namespace routing = simgrid::kernel::routing;

// SimGrid counts whole bytes; thousandths keep the rounding of a 10 MB flow below 1e-10.
constexpr double kUnitsPerByte = 1000;

/// A network zone in which destination host k is reached over the links of path k, whatever the
/// source: any path per flow in memory that grows with the number of paths.
///
///     source ---[links of path k]--- host k
class PathZone final : public routing::NetZoneImpl {
public:
    explicit PathZone(const std::string& name) : NetZoneImpl{name} {}

    void add(const routing::NetPoint* host,
             std::vector<simgrid::kernel::resource::StandardLinkImpl*> path) {
        const auto id = static_cast<std::size_t>(host->id());
        if (path_.size() <= id) path_.resize(id + 1);
        path_[id] = std::move(path);
    }

    void get_local_route(const routing::NetPoint*, const routing::NetPoint* dst,
                         routing::Route* into, double*) override {
        for (auto* link : path_[static_cast<std::size_t>(dst->id())])
            into->link_list_.push_back(link);
    }

private:
    std::vector<std::vector<simgrid::kernel::resource::StandardLinkImpl*>> path_;
};

/// What the engine must simulate as flows: demands on links that transfers of different streams can
/// load at the same time. The rest cannot meet anybody, so its time is the uncontended one,
/// exactly.
struct Flows {
    std::vector<bool> shared_path;  // [paths]
    std::vector<std::vector<TaskId>>
        owned;                         // [streams] transfers with flows, by their first stream
    std::vector<std::uint32_t> owner;  // [tasks]
};

Flows find_flows(const TaskGraph& graph) {
    constexpr std::uint32_t unseen = kNone, many = kNone - 1;
    std::vector<std::uint32_t> only(graph.links.size(),
                                    unseen);              // the one stream that loads a link
    std::vector<TaskId> last(graph.links.size(), kNone);  // that loaded a link
    for (TaskId id = 0; id < graph.tasks.size(); ++id) {
        const TaskGraph::Task& task = graph.tasks[id];
        for (const Demand& demand : graph.demands_of(task))
            for (const LinkId link : graph.paths[demand.path]) {
                if (last[link] == id) only[link] = many;  // two demands of one transfer meet
                last[link] = id;
                const auto streams = graph.streams_of(task);
                if (only[link] == unseen) only[link] = streams.front();
                // The first stream serialises its transfers; one more stream may run beside it.
                if (std::find(streams.begin(), streams.end(), only[link]) == streams.end())
                    only[link] = many;
            }
    }
    Flows flows;
    for (const auto& path : graph.paths)
        flows.shared_path.push_back(
            std::any_of(path.begin(), path.end(), [&](LinkId l) { return only[l] == many; }));
    flows.owned.resize(graph.streams.size());
    flows.owner.assign(graph.tasks.size(), kNone);
    for (TaskId id = 0; id < graph.tasks.size(); ++id) {
        const auto demands = graph.demands_of(graph.tasks[id]);
        if (std::none_of(demands.begin(), demands.end(),
                         [&](const Demand& d) { return flows.shared_path[d.path]; }))
            continue;
        flows.owner[id] = graph.streams_of(graph.tasks[id]).front();
        flows.owned[flows.owner[id]].push_back(id);
    }
    return flows;
}

/// One simulation, inside the child process.
class Run {
public:
    Run(const TaskGraph& graph, double* ends)
        : graph_{graph},
          ends_{ends},
          flows_{find_flows(graph)},
          start_(graph.tasks.size(), -1),
          resolver_{graph, [this](TaskId id, double start) { known(id, start); }} {}

    std::uint64_t simulate() {
        std::string arguments[] = {
            "moesim",
            "--log=xbt_cfg.thresh:warning",
            "--cfg=network/model:CM02",
            "--cfg=network/crosstraffic:0",
            "--cfg=network/TCP-gamma:0",
            "--cfg=surf/precision:1e-12",
            "--cfg=debug/verbose-exit:0",
            "--cfg=contexts/stack-size:256",
#ifdef __SANITIZE_ADDRESS__
            "--cfg=contexts/factory:thread",
#endif
        };
        std::vector<char*> argv;
        for (std::string& a : arguments) argv.push_back(a.data());
        int argc = static_cast<int>(argv.size());
        argv.push_back(nullptr);
        s4u::Engine engine{&argc, argv.data()};
        std::signal(SIGINT, SIG_DFL);  // the engine would list its actors at Ctrl-C
        build(engine);
        for (std::size_t s = 0; s < flows_.owned.size(); ++s)
            known_.push_back(s4u::Semaphore::create(0));
        resolver_.begin();
        for (std::size_t s = 0; s < flows_.owned.size(); ++s)
            if (!flows_.owned[s].empty())
                s4u::Actor::create("stream", source_, [this, s] { play(s); });
        engine.run();
        if (!resolver_.done())
            throw std::runtime_error("the simulation stopped before its last task");
        return activities_;
    }

private:
    void build(s4u::Engine&) {
        auto* zone = new PathZone{"paths"};  // owned by the engine
        s4u::NetZone* face = zone->get_iface();
        std::vector<simgrid::kernel::resource::StandardLinkImpl*> links;
        for (std::size_t l = 0; l < graph_.links.size(); ++l) {
            s4u::Link* link = face->create_link("l" + std::to_string(l),
                                                graph_.links[l].capacity.si() * kUnitsPerByte);
            link->set_latency(0.0)->seal();
            links.push_back(zone->get_link_by_name_or_null(link->get_name()));
        }
        source_ = face->create_host("source", 1e9)->seal();
        zone->add(source_->get_netpoint(), {});
        for (std::size_t p = 0; p < graph_.paths.size(); ++p) {
            targets_.push_back(face->create_host("p" + std::to_string(p), 1e9)->seal());
            std::vector<simgrid::kernel::resource::StandardLinkImpl*> path;
            for (const LinkId l : graph_.paths[p]) path.push_back(links[l]);
            zone->add(targets_.back()->get_netpoint(), std::move(path));
        }
        face->seal();
    }

    void known(TaskId id, double start) {
        const std::uint32_t owner = flows_.owner[id];
        if (owner == kNone) {
            end(id, start + graph_.alone_seconds(graph_.tasks[id]));
            return;
        }
        start_[id] = start;
        known_[owner]->release();
    }

    void end(TaskId id, double when) {
        ends_[id] = when;
        resolver_.finish(id, when);
    }

    void play(std::size_t stream) {
        std::vector<s4u::CommPtr> comms;
        for (const TaskId id : flows_.owned[stream]) {
            known_[stream]->acquire();  // a stream's transfers become known in its order
            const TaskGraph::Task& task = graph_.tasks[id];
            const double begin = start_[id] + task.latency;
            s4u::this_actor::sleep_until(begin);
            double apart = task.least;  // the slowest of what cannot meet other traffic
            comms.clear();
            for (const Demand& demand : graph_.demands_of(task)) {
                if (!flows_.shared_path[demand.path]) {
                    apart = std::max(apart, demand.wire_seconds);
                    continue;
                }
                double narrowest = std::numeric_limits<double>::infinity();
                for (const LinkId l : graph_.paths[demand.path])
                    narrowest = std::min(narrowest, graph_.links[l].capacity.si());
                const double units = demand.wire_seconds * narrowest * kUnitsPerByte;
                comms.push_back(s4u::Comm::sendto_async(source_, targets_[demand.path],
                                                        static_cast<std::uint64_t>(units + 0.5)));
            }
            activities_ += comms.size() + 1;
            const double clock = s4u::Engine::get_clock();
            for (const s4u::CommPtr& comm : comms) comm->wait();
            // The clock may lag `begin` by a rounding; what the flows took is the difference.
            const double took = s4u::Engine::get_clock() - clock;
            end(id, begin + std::max(took, apart));
        }
    }

    const TaskGraph& graph_;
    double* ends_;
    Flows flows_;
    std::vector<double> start_;             // [tasks] of transfers with flows, -1 until known
    std::vector<s4u::SemaphorePtr> known_;  // [streams] transfers whose start is known
    s4u::Host* source_ = nullptr;
    std::vector<s4u::Host*> targets_;
    std::uint64_t activities_ = 0;
    Resolver resolver_;
};

/// Memory that a child process fills for its parent.
class Shared {
public:
    explicit Shared(std::size_t doubles)
        : size_{doubles * sizeof(double)},
          data_{mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)} {
        if (data_ == MAP_FAILED) throw std::runtime_error("no memory to hand results over");
    }
    ~Shared() { munmap(data_, size_); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    [[nodiscard]] double* get() const { return static_cast<double*>(data_); }

private:
    std::size_t size_;
    void* data_;
};

/// Every demand a fluid flow that shares its links max-min fairly with whatever else is in flight
/// (SimGrid, network model CM02 without cross traffic). SimGrid allows one engine per process, so a
/// run lives in a child process that hands back when each transfer ended.
class SimGrid final : public Engine {
public:
    [[nodiscard]] Timeline run(const TaskGraph& graph) const override {
        const std::size_t n = graph.tasks.size();
        const Shared shared{n + 1};
        Resolver* self = nullptr;  // throws before the fork when the graph cannot run
        Resolver resolver{graph, [&](TaskId id, double) { self->finish(id, shared.get()[id]); }};
        self = &resolver;
        std::fflush(nullptr);
        const pid_t child = fork();
        if (child < 0) throw std::runtime_error("cannot start the engine's process");
        if (child == 0) {
            int status = 1;
            try {
                shared.get()[n] = static_cast<double>(Run{graph, shared.get()}.simulate());
                status = 0;
            } catch (const std::exception& e) {
                std::fprintf(stderr, "engine: %s\n", e.what());
            }
            _exit(status);
        }
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            throw std::runtime_error("the engine's process did not finish");
        resolver.begin();
        Timeline line = resolver.take();
        line.activities = static_cast<std::uint64_t>(shared.get()[n]);
        return line;
    }
};

const Register<Engine, SimGrid> entry{"simgrid",
                                      "flows share links max-min fairly (SimGrid, CM02)"};

}  // namespace
}  // namespace moesim::sim
