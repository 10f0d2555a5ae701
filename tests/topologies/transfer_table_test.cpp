#include "topologies/transfer_table.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "sim/paths.hpp"

using namespace moesim;
using namespace moesim::topologies;

namespace {

/// A file that goes when the test does.
struct File {
    explicit File(const std::string& text)
        : path{std::filesystem::temp_directory_path() / "moesim-transfer-table-test.toml"} {
        std::ofstream{path} << text;
    }
    ~File() { std::filesystem::remove(path); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    std::filesystem::path path;
};

TransferTable table(const std::string& entries) {
    const File file{
        "[measured_on]\ndevice = \"h100-sxm\"\nnvlink = \"100 GB/s\"\nnic = \"10 GB/s\"\n" +
        entries};
    return TransferTable::load(file.path.string());
}

std::string complaint(const std::string& entries) {
    try {
        table(entries);
    } catch (const sim::InputError& e) {
        return e.what();
    }
    return "";
}

const char* const kTwo = R"([[transfer]]
collective = "x.move"
ranks = 8
bytes = [1000, 100_000_000]
us    = [10, 2010]
error = 0.05
)";

/// Seconds on ports of the rates that were measured.
double seconds(const TransferCost& c, const TransferQuery& q, double nvlink = 100e9,
               double nic = 10e9) {
    return c.startup_s +
           std::max(q.nvlink_bytes / (nvlink * c.nvlink_share), q.nic_bytes / (nic * c.nic_share));
}

TransferQuery inside(double bytes) {
    TransferQuery q;
    q.collective = "x.move";
    q.nvlink_bytes = bytes;
    q.ranks = 8;
    return q;
}

}  // namespace

TEST_CASE("transfer table: a knot comes back as it was measured") {
    const TransferTable t = table(kTwo);
    const TransferQuery q = inside(1e8);
    const TransferCost c = *t.answer(q);
    CHECK(seconds(c, q) == Approx(2010e-6).epsilon(1e-9));
    CHECK(c.startup_s == Approx(10e-6));
    CHECK(c.nvlink_share == Approx(0.5));  // 100 MB in 2 ms of 100 GB/s
    CHECK(c.evidence == Evidence::measured);
    CHECK(c.rel_error == Approx(0.05));
}

TEST_CASE("transfer table: on ports of half the rate the share stays") {
    const TransferQuery q = inside(1e8);
    CHECK(seconds(*table(kTwo).answer(q), q, 50e9) == Approx(10e-6 + 4e-3));
}

TEST_CASE("transfer table: beyond the last knot the rate holds, below the first the time") {
    const TransferTable t = table(kTwo);
    const TransferQuery far = inside(2e9);
    CHECK(seconds(*t.answer(far), far) == Approx(10e-6 + 20 * 2e-3));
    CHECK(t.answer(far)->evidence == Evidence::extrapolated);
    CHECK(t.answer(far)->rel_error > 0.05);
    const TransferQuery small = inside(10);
    CHECK(seconds(*t.answer(small), small) == Approx(10e-6).epsilon(1e-3));
}

TEST_CASE("transfer table: no bytes at all is a startup and nothing else") {
    const TransferCost c = *table(kTwo).answer(inside(0));
    CHECK(std::isfinite(c.nvlink_share));
    CHECK(c.nvlink_share > 0);
    CHECK(c.startup_s == Approx(10e-6));
}

TEST_CASE("transfer table: between entries of 4 and 16 SMs time is interpolated") {
    const TransferTable t = table(R"([[transfer]]
collective = "x.move"
sms = 4
bytes = [1000, 1_000_000]
us = [10, 400]
error = 0.1
[[transfer]]
collective = "x.move"
sms = 16
bytes = [1000, 1_000_000]
us = [10, 100]
error = 0.1
)");
    TransferQuery q = inside(1e6);
    q.sms = 8;  // half way in the logarithm: the geometric mean of 400 and 100
    CHECK(seconds(*t.answer(q), q) == Approx(200e-6));
    CHECK(t.answer(q)->evidence == Evidence::interpolated);
    q.sms = 32;
    CHECK(seconds(*t.answer(q), q) == Approx(100e-6));
    CHECK(t.answer(q)->evidence == Evidence::extrapolated);
    q.sms = 0;  // not said: the most that was measured
    CHECK(seconds(*t.answer(q), q) == Approx(100e-6));
}

TEST_CASE("transfer table: over nodes the network entry sets the NIC, the other NVLink") {
    const TransferTable t = table(std::string{kTwo} + R"([[transfer]]
collective = "x.move"
ranks = 16
nodes = 2
bytes = [1000, 10_000_000]
us = [50, 2050]
error = 0.2
)");
    TransferQuery q = inside(1e8);
    q.nodes = 2;
    q.ranks = 16;
    q.nic_bytes = 1e7;
    const TransferCost c = *t.answer(q);
    CHECK(c.nic_share == Approx(0.5));  // 10 MB in 2 ms of 10 GB/s
    CHECK(c.nvlink_share == Approx(0.5));
    CHECK(c.startup_s == Approx(50e-6));
    CHECK(c.rel_error == Approx(0.2));
}

TEST_CASE("transfer table: another name for an entry, and a name that is not there") {
    const TransferTable t =
        table(std::string{kTwo} + "[[transfer]]\ncollective = \"x.back\"\nas = \"x.move\"\n");
    TransferQuery q = inside(1e8);
    q.collective = "x.back";
    CHECK(t.answer(q).has_value());
    q.collective = "x.unknown";
    CHECK_FALSE(t.answer(q).has_value());
}

TEST_CASE("transfer table: slips are refused at their place") {
    const auto with = [](const std::string& lines) {
        return complaint("[[transfer]]\ncollective = \"x\"\nerror = 0.1\n" + lines);
    };
    CHECK_THAT(with("bytes = [1, 2]\nus = [1]\n"), Catch::Contains("one value for each"));
    CHECK_THAT(with("bytes = [2, 1]\nus = [1, 2]\n"), Catch::Contains("must ascend"));
    CHECK_THAT(with("bytes = [1]\nus = [0]\n"), Catch::Contains("transfer.0.us.0"));
    CHECK_THAT(with("bytes = [1]\nus = [5]\nstartup = \"6 us\"\n"), Catch::Contains("more than"));
    CHECK_THAT(with("bytes = [1]\nus = [5]\nnods = 2\n"), Catch::Contains("nodes"));
    CHECK_THAT(complaint("[[transfer]]\ncollective = \"x\"\nas = \"y\"\n"),
               Catch::Contains("no entry above"));
    CHECK(with("bytes = [1]\nus = [5]\n").empty());
}

TEST_CASE("transfer table: every file that comes along is read and answers within reason") {
    for (const std::string& name : sim::list_data("topologies/profiles/transfers")) {
        INFO(name);
        const TransferTable t = TransferTable::load(name);
        CHECK(t.points() > 5);
        for (const char* collective : {"nccl.all_reduce", "nccl.alltoall", "p2p"})
            for (const double bytes : {1.0, 1e6, 1e12})
                for (const int nodes : {1, 2, 1000}) {
                    TransferQuery q;
                    q.collective = collective;
                    q.nvlink_bytes = bytes;
                    q.nic_bytes = nodes > 1 ? bytes : 0;
                    q.nodes = nodes;
                    q.ranks = 8 * nodes;
                    const auto c = t.answer(q);
                    if (!c) continue;
                    CHECK(c->nvlink_share >= 0);
                    CHECK(c->nvlink_share <= 1 + 1e-9);
                    CHECK(c->nic_share <= 1 + 1e-9);
                    CHECK(std::isfinite(c->startup_s));
                }
    }
}
