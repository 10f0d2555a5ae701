#include "topologies/cluster.hpp"

#include <filesystem>
#include <optional>

#include "sim/paths.hpp"
#include "topologies/cluster_impl.hpp"
#include "topologies/fabric.hpp"
#include "topologies/faults.hpp"

namespace moesim::topologies {

const std::string& Cluster::name() const { return impl_->name; }
int Cluster::gpus() const { return static_cast<int>(impl_->gpus.size()); }
int Cluster::nodes() const { return impl_->node_count; }
int Cluster::gpus_per_node() const { return gpus() / nodes(); }
int Cluster::hosts() const {
    return gpus() / (impl_->gpus_per_host > 0 ? impl_->gpus_per_host : gpus_per_node());
}
int Cluster::node_of(int gpu) const { return impl_->node_of(gpu); }
const Device& Cluster::device() const { return impl_->devices.front(); }
const Device& Cluster::device(int gpu) const {
    return impl_
        ->devices[static_cast<std::size_t>(impl_->device_of[static_cast<std::size_t>(gpu)])];
}
double Cluster::speed(int gpu) const { return impl_->speed_of[static_cast<std::size_t>(gpu)]; }
bool Cluster::uniform() const { return impl_->is_uniform; }
int Cluster::hardware(int gpu) const { return impl_->hardware_of[static_cast<std::size_t>(gpu)]; }
Ecmp Cluster::ecmp() const { return impl_->ecmp; }
const std::vector<PhysicalLink>& Cluster::links() const { return impl_->links; }
const std::string& Cluster::label(std::uint32_t vertex) const { return impl_->labels.at(vertex); }
Place Cluster::place(std::uint32_t vertex) const { return impl_->places.at(vertex); }
const nlohmann::ordered_json& Cluster::resolved() const { return impl_->resolved; }

int Cluster::nvlink_out(int gpu) const {
    return impl_->ports[static_cast<std::size_t>(gpu)].nvlink_out;
}
int Cluster::nvlink_in(int gpu) const {
    return impl_->ports[static_cast<std::size_t>(gpu)].nvlink_in;
}
int Cluster::nic_out(int gpu) const { return impl_->ports[static_cast<std::size_t>(gpu)].nic_out; }
int Cluster::nic_in(int gpu) const { return impl_->ports[static_cast<std::size_t>(gpu)].nic_in; }

Cluster load_cluster(const std::string& name) {
    const auto path = sim::find_data("cluster", "topologies/clusters", name);
    auto in = sim::Table::from_file(path);
    return build_cluster(in, path.stem().string());
}

Cluster load_cluster(sim::Table& in, std::string_view key) {
    std::filesystem::path path;
    std::optional<sim::Table> file;
    if (in.is_table(key)) {
        sim::Table changes = in.table(key);
        path = sim::find_data(changes, "name", "topologies/clusters");
        file = sim::Table::from_file(path);
        file->merge(changes, {"name"});
    } else {
        path = sim::find_data(in, key, "topologies/clusters");
        file = sim::Table::from_file(path);
    }
    if (in.has("faults"))
        file->table("faults").merge(in.table("faults"));
    else
        in.ignore("faults");
    return build_cluster(*file, path.stem().string());
}

Cluster build_cluster(sim::Table& in, const std::string& name) {
    using Kinds = sim::Registry<Fabric, sim::Table&>;
    const std::string kind = in.choice("kind", Kinds::names());
    // A device may be a path; a mere name is checked here so that the message points at it.
    std::string device = in.text("device");
    if (!device.ends_with(".toml"))
        device = in.choice("device", sim::list_data("topologies/devices"));
    in.flag("in_network_reduction", false);  // switches that add (SHARP); asked of resolved()
    in.ignore("source");
    const auto fabric = Kinds::make(kind, in);
    Cluster::Builder builder{name, load_device(device)};
    read_ecmp(in, builder.impl());
    read_given(in, builder.impl());
    if (!in.has("faults")) in.ignore("faults");
    sim::Table faults = in.has("faults") ? in.table("faults") : in;
    const auto broken = in.has("faults") ? std::optional<Faults>{faults} : std::nullopt;
    const std::vector<MixedNodes> mixed = read_mixed(in);
    in.finish();

    fabric->build(builder);
    mix(builder.impl(), mixed);
    if (broken) broken->apply(builder.impl());
    check_connected(builder.impl(), in, broken ? &faults : nullptr);
    return std::move(builder).finish(in.resolved());
}

}  // namespace moesim::topologies
