#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/topologies/clusters.hpp"

using namespace moesim::topologies;
using Catch::Contains;

namespace {

/// A cluster around an XML text, or the message with which it is refused.
struct Built {
    std::string complaint;
    std::optional<Cluster> cluster;
};

Built built(const std::string& xml) {
    const auto path = std::filesystem::temp_directory_path() / "moesim_nccl_test.xml";
    std::ofstream{path, std::ios::binary} << xml;
    Built out;
    try {
        out.cluster = cluster_from(
            "kind = \"nccl_xml\"\ndevice = \"h800-sxm\"\nlink = \"25 GB/s\"\n"
            "hop = \"1 us\"\npcie_hop = \"2 us\"\nfile = \"" +
            path.string() + "\"\n");
    } catch (const moesim::sim::InputError& e) {
        out.complaint = e.what();
    }
    std::filesystem::remove(path);
    return out;
}

std::string gpu(const std::string& bus, const std::string& inside) {
    return "<pci busid=\"" + bus +
           "\" class=\"0x030200\" link_speed=\"32.0 GT/s PCIe\" link_width=\"16\">\n<gpu dev=\"0\" "
           "sm=\"90\" rank=\"0\" gdr=\"1\">" +
           inside + "</gpu></pci>\n";
}
const std::string kUp = "<nvlink target=\"0000:05:00.0\" count=\"18\" tclass=\"0x068000\"/>";
const std::string kNic =
    "<pci busid=\"0000:02:00.0\" class=\"0x020000\" link_speed=\"32.0 GT/s PCIe\" "
    "link_width=\"16\"><nic><net name=\"mlx5_0\" dev=\"0\" speed=\"400000\" "
    "port=\"1\"/></nic></pci>\n";

std::string server(const std::string& inside) {
    return "<?xml version=\"1.0\"?>\n<!-- dump --><system version=\"1\"><cpu numaid=\"0\">\n"
           "<pci busid=\"0000:00:01.0\" class=\"0x060400\" link_speed=\"32.0 GT/s PCIe\" "
           "link_width=\"16\">\n" +
           inside + "</pci></cpu></system>\n";
}

}  // namespace

TEST_CASE("nccl_xml: NVLinks to switches join one stage, PCIe is behind") {
    const Built b = built(server(gpu("0000:01:00.0", kUp) + gpu("0000:03:00.0", kUp) + kNic));
    CHECK(b.complaint == "");
    REQUIRE(b.cluster);
    CHECK(b.cluster->gpus() == 2);
    CHECK(b.cluster->hops(0, 1) == 2);
    CHECK(b.cluster->latency(0, 1).si() == Approx(2e-6));
    const auto& port = b.cluster->links().at(static_cast<std::size_t>(b.cluster->nvlink_out(0)));
    CHECK(port.capacity.si() == 18 * 25e9);
    // 32 GT/s x 16 lanes / 8 x 128/130
    const auto& pcie = b.cluster->links().at(static_cast<std::size_t>(b.cluster->nic_out(0)));
    CHECK(pcie.cls == "pcie");
    CHECK(pcie.capacity.si() == Approx(64e9 * 128 / 130));
    int nics = 0;
    for (const auto& l : b.cluster->links())
        nics += b.cluster->place(l.from) == Place::nic && l.capacity.si() == 50e9 ? 1 : 0;
    CHECK(nics == 1);
}

TEST_CASE("nccl_xml: peers are one NVLink apart, or as far as PCIe makes them") {
    const auto to = [](const std::string& bus) {
        return "<nvlink target=\"" + bus + "\" count=\"4\" tclass=\"0x030200\"/>";
    };
    const Built pair = built(server(gpu("a", to("b")) + gpu("b", to("a")) + gpu("c", "")));
    REQUIRE(pair.cluster);
    CHECK(pair.cluster->hops(0, 1) == 1);
    CHECK(pair.cluster->hops(0, 2) == 2);  // up to the PCIe switch, and down
    CHECK(pair.cluster->latency(0, 2).si() == Approx(4e-6));
}

TEST_CASE("nccl_xml: what is no such file is refused with its line") {
    CHECK_THAT(built("").complaint, Contains(".xml:1: error: no element"));
    CHECK_THAT(built("<system>").complaint, Contains("<system> does not end"));
    CHECK_THAT(built("<graphs/>").complaint, Contains("<graphs>, not <system>"));
    CHECK_THAT(built("<system></cpu>").complaint, Contains("</cpu> ends <system>"));
    CHECK_THAT(built("<system a=1/>").complaint, Contains("expected a quoted value of 'a'"));
    CHECK_THAT(built("<system a=\"1\" a=\"2\"/>").complaint, Contains("'a' twice"));
    CHECK_THAT(built("<system a=\"&boom;\"/>").complaint, Contains("an entity"));
    CHECK_THAT(built("<!DOCTYPE x><system/>").complaint, Contains("document type"));
    CHECK_THAT(built("<system/><system/>").complaint, Contains("second root"));
    CHECK_THAT(built("<system/>").complaint, Contains("no <gpu>"));
    CHECK_THAT(
        built(server("\n" + gpu("a", "<nvlink target=\"z\" count=\"4\" tclass=\"0x030200\"/>")))
            .complaint,
        Contains("no GPU at bus id 'z'"));
    CHECK_THAT(built(server(gpu("a", "") + gpu("a", ""))).complaint, Contains("'a' twice"));
    for (const char* count : {"0", "-1", "nan", "1e30", "x", ""})
        CHECK_THAT(built(server(gpu("a", "<nvlink target=\"z\" count=\"" + std::string{count} +
                                             "\" tclass=\"0x068000\"/>")))
                       .complaint,
                   Contains("count: expected a number"));
    std::string deep;
    for (int i = 0; i < 100000; ++i) deep += "<pci>";
    CHECK_THAT(built(deep).complaint, Contains("elements deep"));
    CHECK_THAT(built(std::string("<system>\0</system>", 18)).complaint, Contains("error"));
}
