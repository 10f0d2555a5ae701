#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <optional>

#include "topologies/fabric.hpp"
#include "topologies/fabrics/parts.hpp"
#include "topologies/xml.hpp"

namespace moesim::topologies {
namespace {

constexpr int kMostChips = 1024;  // GPUs of one file
constexpr const char* kSwitchClass = "0x068000";

/// The inside of one server as NCCL writes it (NCCL_TOPO_DUMP_FILE):
///
///   <system><cpu numaid="0">
///     <pci busid="0000:00:01.0" class="0x060400" link_speed="32.0 GT/s PCIe" link_width="16">
///       <pci busid="0000:01:00.0" class="0x030200" ...>
///         <gpu dev="0" sm="90"><nvlink target="0000:05:00.0" count="18" tclass="0x068000"/></gpu>
///       </pci>
///       <pci class="0x020000" ...><nic><net name="mlx5_0" dev="0" speed="400000"/></nic></pci>
///
///   gpu-0 ==nvlink x count== [nvswitch-0] ==== gpu-1     or straight to a peer, or none
///     |pcie                                     |
///   [pci 0000:00:01.0] --- [cpu-0] ----- [cpu-1] ...     the tree of <pci> below every <cpu>
///
/// gpu-0 -> gpu-1: over NVLink where both have it, else over PCIe. NVLinks to switches (tclass
/// 0x068000) all lead to one stage, as NCCL takes them. Keys: file (next to the cluster file), link
/// (rate of one NVLink), hop, pcie_hop, cpu (rate between sockets). NICs carry <net speed> in
/// Mbit/s. Source: the repository NVIDIA/nccl, src/graph/xml.cc and topo.cc.
class NcclXml final : public Fabric {
public:
    explicit NcclXml(sim::Table& in)
        : link_{read_cable(in, "link", "hop")}, pcie_hop_{in.time("pcie_hop", link_.hop)} {
        if (pcie_hop_.si() < 0) in.fail("pcie_hop", "must not be negative");
        cpu_ = in.rate("cpu", BytesPerSecond{32e9});
        if (!(cpu_.si() > 0)) in.fail("cpu", "must be more than zero");
        std::filesystem::path file = in.text("file");
        if (file.is_relative()) file = in.file().parent_path() / file;
        file_ = file.string();
        const XmlElement root = parse_xml(sim::read_text_file(file, 16u << 20), file_);
        if (root.name != "system") fail(root, fmt::format("<{}>, not <system>", root.name));
        int cpu = 0;
        for (const XmlElement& child : root.children)
            if (child.name == "cpu") {
                const int at = place({child.line, "cpu", fmt::format("cpu-{}", cpu++), -1, {}});
                for (const XmlElement& below : child.children) walk(below, at);
            }
        if (gpus_.empty()) fail(root, "no <gpu> in this file");
        for (const auto& [from, target, cls, count, line] : wires_)
            if (cls != kSwitchClass && !gpu_at_.contains(target))
                throw sim::InputError(
                    fmt::format("{}:{}: error: no GPU at bus id '{}'", file_, line, target));
    }

    void build(Cluster::Builder& cluster) const override {
        std::vector<Vertex> vertex(places_.size());
        for (const int p : gpus_) vertex[static_cast<std::size_t>(p)] = cluster.add_gpu(0);
        for (std::size_t p = 0; p < places_.size(); ++p) {
            if (places_[p].kind == "gpu") continue;
            vertex[p] = places_[p].kind == "net" ? cluster.add_nic(0)
                                                 : cluster.add_scale_up_switch(0, places_[p].name);
        }
        std::optional<Vertex> last_cpu;
        for (std::size_t p = 0; p < places_.size(); ++p) {
            if (places_[p].above >= 0)
                cluster.connect(vertex[p], vertex[static_cast<std::size_t>(places_[p].above)],
                                "pcie", *places_[p].up);
            if (places_[p].kind != "cpu") continue;
            if (last_cpu) cluster.connect(*last_cpu, vertex[p], "pcie", {cpu_, pcie_hop_});
            last_cpu = vertex[p];
        }
        std::optional<Vertex> hub;
        for (const Wire& w : wires_) {
            const auto from = static_cast<std::size_t>(w.from);
            const Cable cable{link_.rate, link_.hop, w.count};
            if (w.cls == kSwitchClass) {
                if (!hub) hub = cluster.add_nvswitch(0);
                cluster.connect(vertex[from], *hub, "nvlink", cable);
            } else if (const int peer = gpu_at_.at(w.target); w.from < peer) {
                cluster.connect(vertex[from], vertex[static_cast<std::size_t>(peer)], "nvlink",
                                cable);
            }
        }
    }

private:
    struct Stand {
        int line;
        std::string kind, name;
        int above;
        std::optional<Cable> up;
    };
    struct Wire {
        int from;
        std::string target, cls;
        int count, line;
    };

    [[noreturn]] void fail(const XmlElement& at, const std::string& what) const {
        throw sim::InputError(fmt::format("{}:{}: error: {}", file_, at.line, what));
    }

    int place(Stand stand) {
        places_.push_back(std::move(stand));
        return static_cast<int>(places_.size() - 1);
    }

    /// The leading number of an attribute, more than zero.
    double number(const XmlElement& at, const std::string& key, double most) const {
        const std::string text = at.get(key);
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || !(value > 0) || !(value <= most))
            fail(at, fmt::format("{}: expected a number from above 0 to {:g}, found '{}'", key,
                                 most, text.substr(0, 40)));
        return value;
    }

    /// GT/s x lanes / 8, less the line code: 8b/10b up to 5 GT/s, 128b/130b from 8 on.
    Cable pcie(const XmlElement& at) const {
        if (at.get("link_speed").empty() || at.get("link_width").empty() ||
            at.get("link_width") == "0")
            return {cpu_, pcie_hop_};  // a bridge that does not say
        const double speed = number(at, "link_speed", 1e3), lanes = number(at, "link_width", 64);
        const double code = speed < 8 ? 0.8 : 128.0 / 130;
        return {BytesPerSecond{speed * 1e9 * lanes / 8 * code}, pcie_hop_};
    }

    void walk(const XmlElement& at, int above) {
        if (at.name == "pci") {
            const bool leaf = !at.children.empty() && at.children[0].name == "gpu";
            if (leaf) {
                add_gpu(at, above);
                return;
            }
            const int here = place({at.line, "pci", "pci-" + at.get("busid"), above, pcie(at)});
            for (const XmlElement& below : at.children) walk(below, here);
        } else if (at.name == "nic") {
            for (const XmlElement& net : at.children)
                if (net.name == "net")
                    place({net.line, "net", net.get("name"), above,
                           Cable{BytesPerSecond{number(net, "speed", 1e8) * 1e6 / 8}, pcie_hop_}});
        } else if (at.name == "gpu") {
            fail(at, "a <gpu> that is not alone inside a <pci>");
        }
    }

    void add_gpu(const XmlElement& pci, int above) {
        if (gpus_.size() == kMostChips) fail(pci, fmt::format("more than {} GPUs", kMostChips));
        const int here = place({pci.line, "gpu", "", above, pcie(pci)});
        gpus_.push_back(here);
        if (!gpu_at_.emplace(pci.get("busid"), here).second)
            fail(pci, fmt::format("bus id '{}' twice", pci.get("busid")));
        for (const XmlElement& wire : pci.children[0].children)
            if (wire.name == "nvlink")
                wires_.push_back({here, wire.get("target"), wire.get("tclass"),
                                  static_cast<int>(number(wire, "count", 64)), wire.line});
    }

    Cable link_;
    Seconds pcie_hop_;
    BytesPerSecond cpu_{0};
    std::string file_;
    std::vector<Stand> places_;
    std::vector<int> gpus_;  // into places_
    std::map<std::string, int> gpu_at_;
    std::vector<Wire> wires_;
};

const sim::Register<Fabric, NcclXml, sim::Table&> entry{
    "nccl_xml", "the inside of one server from NCCL's topology XML"};

}  // namespace
}  // namespace moesim::topologies
