#include "sim/engines/resolver.hpp"
#include "sim/registry.hpp"

namespace moesim::sim {
namespace {

/// The longest path through the graph, every transfer at its uncontended time. Exact where no two
/// transfers in flight share a link; a lower bound elsewhere.
class Replay final : public Engine {
public:
    [[nodiscard]] Timeline run(const TaskGraph& graph) const override {
        Resolver* self = nullptr;
        Resolver resolver{graph, [&](TaskId id, double start) {
                              self->finish(id, start + graph.alone_seconds(graph.tasks[id]));
                          }};
        self = &resolver;
        resolver.begin();
        return resolver.take();
    }
};

const Register<Engine, Replay> entry{"replay", "longest path, transfers at their uncontended time"};

}  // namespace
}  // namespace moesim::sim
