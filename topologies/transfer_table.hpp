#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "topologies/kernel.hpp"

namespace moesim::topologies {

/// Measured times of collectives, by size, ranks, nodes and SMs.
///
/// A query is answered from the entries around it: along sizes straight lines between knots
/// (log-log), along nodes, ranks and SMs likewise between the two nearest entries; beyond the
/// largest size at the rate of the last knot, below the smallest at its time. The least time of an
/// entry is its startup unless it says otherwise; what is more becomes the achieved share of the
/// nominal rate, so that a table answers for ports of another rate too. A table may stand on
/// another (`base`), whose collectives it inherits as extrapolated.
class TransferTable {
public:
    /// Reads topologies/profiles/transfers/NAME.toml (or a path). Throws sim::InputError.
    static TransferTable load(const std::string& name);

    /// Nothing when no entry is about this collective. Beyond one node without an entry of several
    /// nodes, nic_share is 0: the caller's to fill.
    [[nodiscard]] std::optional<TransferCost> answer(const TransferQuery& query) const;
    [[nodiscard]] std::size_t points() const;
    [[nodiscard]] const std::map<std::string, std::string>& source() const { return source_; }

private:
    struct Entry {
        int nodes = 1, ranks = 0, sms = 0;   // 0: says nothing about it
        std::vector<double> bytes, seconds;  // equally long; bytes ascending
        double startup_s = 0, slowdown = 1, error = 0;
        Evidence evidence = Evidence::measured;
        double nvlink = 1, nic = 1;  // nominal bytes/s of the ports measured
    };
    struct Found {
        double seconds = 0, startup_s = 0, slowdown = 1, error = 0;
        int sms = 0;
        Evidence evidence = Evidence::measured;
        double nvlink = 1, nic = 1;
    };
    static Entry read(sim::Table& in);
    static Found at(const Entry& entry, double bytes);
    static Found blend(const Found& a, const Found& b, double weight);
    static Found find(std::vector<const Entry*> entries, const TransferQuery& query, double bytes,
                      int axis);

    std::map<std::string, std::vector<Entry>> entries_;
    std::map<std::string, std::string> source_;
};

}  // namespace moesim::topologies
