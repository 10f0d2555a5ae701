#include "topologies/host.hpp"

#include "sim/paths.hpp"

namespace moesim::topologies {

Host load_host(const std::string& name) {
    const auto path = sim::find_data("host", "topologies/hosts", name);
    auto in = sim::Table::from_file(path);
    Host out;
    out.name = path.stem().string();
    out.op_s = in.time("op").si();
    out.kernel_s = in.time("kernel").si();
    out.linear_s = in.time("linear").si();
    out.module_s = in.time("module").si();
    out.group_s = in.time("group").si();
    out.graph_s = in.time("graph").si();
    out.read_back_s = in.time("read_back").si();
    in.ignore("source");
    in.finish();
    return out;
}

}  // namespace moesim::topologies
