#include <catch2/catch.hpp>

#include <numeric>

#include "topologies/cluster.hpp"
#include "topologies/collective.hpp"

using namespace moesim;
using namespace moesim::topologies;

namespace {

using Dispatchers = sim::Registry<Dispatcher>;

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

/// Two nodes of four; one kind of token that makes half a row on every rank, touches a rank with
/// probability 0.4 and a node with 0.9.
struct Group {
    GroupShape shape;
    Copies copies;
    std::vector<int> kinds = std::vector<int>(8, 0);

    Group() {
        for (int r = 0; r < 8; ++r) {
            shape.node.push_back(r / 4);
            shape.local.push_back(r % 4);
        }
        shape.nodes = 2;
        copies = {{std::vector<double>(8, 0.5)},
                  {std::vector<double>(8, 0.4)},
                  {std::vector<double>(2, 0.9)}};
    }
    [[nodiscard]] PortLoads of(const std::string& name, double tokens = 100) const {
        return Dispatchers::make(name)->loads(shape, copies, kinds, tokens);
    }
};

}  // namespace

TEST_CASE("dispatchers: alltoall sends every row to its rank") {
    const PortLoads load = Group{}.of("alltoall");
    // 100 tokens x 0.5 rows: to 4 ranks of the other node, to 3 of the own.
    CHECK(load.nic_out[0] == Approx(100 * 0.5 * 4));
    CHECK(load.nvlink_out[0] == Approx(100 * 0.5 * 3));
}

TEST_CASE("dispatchers: PXN keeps the NIC bytes and changes rails over NVLink") {
    const PortLoads load = Group{}.of("alltoall_pxn");
    CHECK(load.nic_out[0] == Approx(100 * 0.5 * 4));
    // Own node 3 x 50; beyond it 3 of 4 rows start by a hop to the rail of their destination.
    CHECK(load.nvlink_out[0] == Approx(100 * 0.5 * 3 + 100 * 0.5 * 3));
    const Group g;
    const Flows flows =
        Dispatchers::make("alltoall_pxn")->flows(g.shape, g.copies, g.kinds, 1).front();
    for (std::size_t s = 0; s < 8; ++s)
        for (std::size_t d = 0; d < 8; ++d)
            if (s / 4 != d / 4 && s % 4 != d % 4) CHECK(flows.at(s, d) == 0);  // no other rail
}

TEST_CASE("dispatchers: deepep and hybridep cross the network once per node") {
    for (const char* name : {"deepep", "hybridep"}) {
        const PortLoads load = Group{}.of(name);
        CHECK(load.nic_out[0] == Approx(100 * 0.9));
        // A rank forwards what arrives from its rail-mate and sends its own: 0.4 x 3 each.
        CHECK(load.nvlink_out[0] == Approx(100 * 0.4 * 3 * 2));
    }
}

TEST_CASE("dispatchers: a group that lacks a rail is relayed by another rank of the node") {
    Group g;
    g.shape.node = {0, 0, 0, 0, 1, 1, 1, 2};
    g.shape.local = {0, 1, 2, 3, 0, 1, 2, 3};
    g.shape.nodes = 3;
    g.copies.node = {{0.9, 0.9, 0.9}};
    const PortLoads load = g.of("deepep");
    CHECK(sum(load.nic_out) == Approx(8 * 100 * 0.9 * 2));
    CHECK(sum(load.nic_in) == Approx(sum(load.nic_out)));
    CHECK(load.nic_in[7] == Approx(7 * 100 * 0.9));  // alone in its node
}

TEST_CASE("dispatchers: deepep_ll sends rows, nvlink one copy per GPU") {
    CHECK(Group{}.of("deepep_ll").nic_out[3] == Approx(100 * 0.5 * 4));
    CHECK(Group{}.of("nvlink").nic_out[3] == Approx(100 * 0.4 * 4));
    CHECK(Group{}.of("nvlink").nvlink_out[3] == Approx(100 * 0.4 * 3));
}

TEST_CASE("dispatchers: hierarchical goes inside the node first, then along rails") {
    const Group g;
    const auto dispatcher = Dispatchers::make("hierarchical");
    const auto phases = dispatcher->flows(g.shape, g.copies, g.kinds, 100);
    REQUIRE(phases.size() == 2);
    const PortLoads inside = port_loads(g.shape, phases[0]),
                    across = port_loads(g.shape, phases[1]);
    CHECK(sum(inside.nic_out) == 0);
    CHECK(sum(across.nvlink_out) == 0);
    // 8 destinations of 50 rows; 6 of them on other rails than the source.
    CHECK(inside.nvlink_out[0] == Approx(6 * 50));
    // A rank holds its rail's rows of all four: those of the other node's rail-mate cross.
    CHECK(across.nic_out[0] == Approx(4 * 50));
    CHECK(dispatcher->local_copies() == 2);
}

TEST_CASE("dispatchers: allgather moves every token to every rank, whatever the routing") {
    Group g;
    const PortLoads load = g.of("allgather");
    // A ring of 8 passes 7 x 100 tokens; 4 rings share the crossing.
    CHECK(load.nic_out[0] == Approx(700.0 / 4));
    CHECK(load.nvlink_out[0] == Approx(700.0 * 3 / 4));
    g.copies.rows.front()[0] = 8;
    CHECK(g.of("allgather").nic_in == load.nic_in);
}

TEST_CASE("dispatchers: what is sent is received, on both fabrics, by each of them") {
    Group g;
    for (std::size_t r = 0; r < 8; ++r) {
        g.copies.rows.front()[r] = 0.1 * static_cast<double>(r + 1);
        g.copies.gpu.front()[r] = 0.05 * static_cast<double>(r + 1);
    }
    for (const std::string& name : Dispatchers::names()) {
        INFO(name);
        const PortLoads load = g.of(name);
        CHECK(sum(load.nic_out) == Approx(sum(load.nic_in)));
        CHECK(sum(load.nvlink_out) == Approx(sum(load.nvlink_in)));
        CHECK(sum(load.nic_out) > 0);
        const PortLoads twice = g.of(name, 200);
        CHECK(sum(twice.nic_out) == Approx(2 * sum(load.nic_out)));
    }
}

TEST_CASE("dispatchers: on the wire a copy has the metadata of its kernels") {
    // h 7168: FP8 with scales 7392 B, BF16 14336 B; top-8.
    CHECK(Dispatchers::make("deepep")->wire_bytes(7392, 8) == 7472);  // + 8 + 64, to 16 B
    CHECK(Dispatchers::make("deepep")->wire_bytes(14336, 8) == 14416);
    CHECK(Dispatchers::make("deepep_ll")->wire_bytes(7392, 8) == 7408);  // + 16
    CHECK(Dispatchers::make("hybridep")->wire_bytes(7392, 8) == 7424);   // + 32
    CHECK(Dispatchers::make("alltoall")->wire_bytes(14336, 8) == 14336);
}

TEST_CASE("dispatchers: auto is HybridEP in a rack, DeepEP on boards") {
    CHECK(pick_dispatcher(load_cluster("gb200-nvl72"), 64) == "hybridep");
    CHECK(pick_dispatcher(load_cluster("deepseek-h800-2048"), 64) == "deepep");
    CHECK(pick_dispatcher(load_cluster("node-hgx-h100"), 8) == "deepep");
    CHECK(pick_dispatcher(load_cluster("node-hgx-h100"), 1) == "alltoall");
}
