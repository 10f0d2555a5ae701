#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "analysis/importers/importer.hpp"
#include "analysis/importers/lines.hpp"
#include "models/csv_rows.hpp"

namespace moesim::analysis {
namespace {

/// What DeepEP's tests/test_intranode.py, test_internode.py and test_low_latency.py print:
///
///     [config] num_tokens=4096, hidden=7168, num_topk=8, ...
///     [tuning] Best dispatch (FP8): SMs 24, NVL chunk 20, RDMA chunk 8: 153.12 GB/s (RDMA), 213.45
///         GB/s (NVL), t: 2123.4 us
///     [tuning] Best combine: SMs 24, ...: 46.1 GB/s (RDMA), 80.2 GB/s (NVL), 5012.12 us
///     [rank 0] Dispatch bandwidth: 95.12 GB/s, avg_t=79.00 us | Combine bandwidth: 103.1 GB/s, ...
///
/// Taken are the best lines and those of rank 0 (low latency). Bytes follow from rate and time, so
/// that the share of a link's rate comes out whatever the test counted. Source: deepseek-ai/DeepEP,
/// tests/.
class DeepEp final : public Importer {
public:
    void read(const std::string& path, std::string_view text, const ImportOptions&,
              Import& out) const override {
        std::size_t found = 0;
        int ranks = 0;
        Lines in{text};
        while (in.next()) {
            const std::string_view line = in.line();
            const std::string where = fmt::format("{}:{}", path, in.number());
            if (const auto n = after(line, "num_ranks=")) ranks = static_cast<int>(*n);
            if (line.find("GB/s") == std::string_view::npos) continue;
            ++out.read;
            if (line.find("[tuning] Best") != std::string_view::npos) {
                const bool dispatch = line.find("dispatch") != std::string_view::npos;
                found +=
                    add(line, dispatch ? "deepep.dispatch" : "deepep.combine", ranks, where, out);
            } else if (line.find("[rank 0]") != std::string_view::npos) {
                const std::size_t middle = std::min(line.find('|'), line.size());
                found +=
                    add(line.substr(0, middle), "deepep_low_latency.dispatch", ranks, where, out);
                if (middle < line.size())
                    found +=
                        add(line.substr(middle), "deepep_low_latency.combine", ranks, where, out);
            } else {
                out.reject("not the best setting, or of another rank", where);
            }
        }
        if (found == 0)
            models::fail_file(path, "no result of a DeepEP test in it",
                              "expected are lines such as '[tuning] Best dispatch (FP8): ... GB/s "
                              "(RDMA), ... us'");
    }

private:
    /// The number right after `key`.
    static std::optional<double> after(std::string_view line, std::string_view key) {
        const std::size_t at = line.find(key);
        if (at == std::string_view::npos) return {};
        std::string_view rest = line.substr(at + key.size());
        rest = rest.substr(0, std::min(rest.find_first_not_of("0123456789."), rest.size()));
        const double value = positive_number(rest);
        return std::isnan(value) ? std::nullopt : std::optional{value};
    }

    /// The number right before `unit`, behind blanks.
    static std::optional<double> before(std::string_view line, std::string_view unit) {
        const std::size_t at = line.find(unit);
        if (at == std::string_view::npos || at == 0) return {};
        std::string_view head = line.substr(0, at);
        while (!head.empty() && head.back() == ' ') head.remove_suffix(1);
        const std::size_t from = head.find_last_not_of("0123456789.");
        const double value =
            positive_number(head.substr(from == std::string_view::npos ? 0 : from + 1));
        return std::isnan(value) ? std::nullopt : std::optional{value};
    }

    static std::size_t add(std::string_view line, const char* collective, int ranks,
                           const std::string& where, Import& out) {
        const auto rate = before(line, "GB/s");
        const auto us = before(line, " us");
        if (!rate || !us) {
            out.reject("no rate or no time in the line: cut off?", where);
            return 0;
        }
        out.measurements.push_back(
            {CollectiveCall{collective, *rate * 1e3 * *us, ranks, 1}, *us * 1e-6, false, false});
        return 1;
    }
};

const sim::Register<Importer, DeepEp> entry{"deepep", "output of DeepEP's tests"};

}  // namespace
}  // namespace moesim::analysis
