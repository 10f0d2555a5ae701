#include "topologies/cluster.hpp"

#include "sim/paths.hpp"
#include "topologies/cluster_impl.hpp"
#include "topologies/fabric.hpp"

namespace moesim::topologies {

const std::string& Cluster::name() const { return impl_->name; }
int Cluster::gpus() const { return static_cast<int>(impl_->gpus.size()); }
int Cluster::nodes() const { return impl_->node_count; }
int Cluster::gpus_per_node() const { return gpus() / nodes(); }
int Cluster::hosts() const {
    return gpus() / (impl_->gpus_per_host > 0 ? impl_->gpus_per_host : gpus_per_node());
}
int Cluster::node_of(int gpu) const { return impl_->node_of(gpu); }
const Device& Cluster::device() const { return impl_->device; }
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
    if (!in.is_table(key))
        return load_cluster(sim::find_data(in, key, "topologies/clusters").string());
    sim::Table changes = in.table(key);
    const auto path = sim::find_data(changes, "name", "topologies/clusters");
    auto file = sim::Table::from_file(path);
    file.merge(changes, {"name"});
    return build_cluster(file, path.stem().string());
}

Cluster build_cluster(sim::Table& in, const std::string& name) {
    using Kinds = sim::Registry<Fabric, sim::Table&>;
    const std::string kind = in.choice("kind", Kinds::names());
    // A device may be a path; a mere name is checked here so that the message points at it.
    std::string device = in.text("device");
    if (!device.ends_with(".toml"))
        device = in.choice("device", sim::list_data("topologies/devices"));
    in.ignore("source");
    const auto fabric = Kinds::make(kind, in);
    in.finish();

    Cluster::Builder builder{name, load_device(device)};
    fabric->build(builder);
    return std::move(builder).finish(in.resolved());
}

}  // namespace moesim::topologies
