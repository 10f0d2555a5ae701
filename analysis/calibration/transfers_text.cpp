#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "analysis/calibration/calibration.hpp"

namespace moesim::analysis {

/// One entry per collective, ranks and nodes; of equal sizes the median.
std::string transfers_text(const std::vector<Measurement>& all, const std::string& device,
                           const std::string& nvlink, const std::string& nic,
                           const std::map<std::string, std::string>& source) {
    std::map<std::tuple<std::string, int, int>, std::map<double, std::vector<double>>> entries;
    for (const Measurement& m : all)
        if (const auto* call = std::get_if<CollectiveCall>(&m.what))
            entries[{call->collective, call->nodes, call->ranks}][call->bytes].push_back(m.seconds);
    if (entries.empty()) return "";
    std::string out = fmt::format(
        "# Written by `moesim calibrate`; do not edit. us: the whole call.\n\n"
        "[measured_on]\ndevice = \"{}\"\nnvlink = \"{}\"\nnic = \"{}\"\n",
        device, nvlink, nic);
    for (auto& [what, sizes] : entries) {
        const auto& [collective, nodes, ranks] = what;
        out += fmt::format("\n[[transfer]]\ncollective = \"{}\"\n", collective);
        if (nodes > 1) out += fmt::format("nodes = {}\n", nodes);
        if (ranks > 0) out += fmt::format("ranks = {}\n", ranks);
        std::string bytes, us;
        for (auto& [size, seconds] : sizes) {
            std::sort(seconds.begin(), seconds.end());
            bytes += fmt::format("{}{:.0f}", bytes.empty() ? "" : ", ", size);
            us +=
                fmt::format("{}{:.5g}", us.empty() ? "" : ", ", seconds[seconds.size() / 2] * 1e6);
        }
        out += fmt::format("bytes = [{}]\nus = [{}]\nerror = 0.1\n", bytes, us);
    }
    out += "\n[source]\nerror = \"assumed: one sample of each size\"\n";
    for (const auto& [key, text] : source) out += fmt::format("{} = {}\n", key, text);
    return out;
}

}  // namespace moesim::analysis
