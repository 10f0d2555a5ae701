#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "analysis/calibration/calibration.hpp"
#include "analysis/command.hpp"
#include "analysis/output.hpp"
#include "sim/source.hpp"
#include "topologies/device.hpp"

namespace moesim::analysis {
namespace {

/// One FILE of the command line: "FILE", or "KIND=FILE" for another importer.
struct Input {
    std::string kind, path;
};

Input input_of(const std::string& word, const std::string& kind) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos &&
        sim::Registry<Importer>::entries().contains(word.substr(0, equals)))
        return {word.substr(0, equals), word.substr(equals + 1)};
    return {kind, word};
}

[[noreturn]] void refuse(const std::string& option, const std::string& what,
                         const std::string& hint) {
    throw sim::InputError{sim::complaint("moesim calibrate", option + ": " + what, hint)};
}

/// A TOML string.
std::string in_quotes(const std::string& text) {
    return nlohmann::json(sim::printable(text, 1000)).dump();
}

/// moesim calibrate: measurements become a cost profile.
class Calibrate final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("--importer", kind_, "what the files are; `moesim list` has them")
            ->required();
        app.add_option("files", files_, "measurements; KIND=FILE for another importer")->required();
        app.add_option("--device", device_, "device that was measured (a name or a TOML file)")
            ->required();
        app.add_option("-o,--output", output_, "the profile to write (TOML)")->required();
        app.add_option("--system", options_.system, "name of the device in tables of several");
        app.add_option("--rules", options_.rules, "TOML file with rules that classify kernels");
        app.add_option("--name", name_, "of the profile; the output's file name otherwise");
        app.add_option("--source", source_, "where the measurements are from, for [source]");
        app.add_option("--transfers", transfers_, "file for measured collectives (TOML)");
        app.add_option("--nvlink", nvlink_, "nominal rate of a port in a node, as in \"450 GB/s\"");
        app.add_option("--nic", nic_, "nominal rate of a port between nodes");
        app.add_option("--json", json_, "file for rows and errors, or - for standard output");
    }

    int run(const Session&) override {
        const topologies::Device device = topologies::load_device(device_);
        const Import import = read_files();
        if (import.measurements.empty())
            refuse("files", fmt::format("none of {} rows can be used", import.read),
                   rejected_text(import));
        const Calibration found = calibrate(import.measurements, topologies::hardware_of(device));
        const bool kernels = !found.gemm.empty() || !found.memory_points.empty() ||
                             found.attention.share > 0 || !found.grouped.empty();
        const bool collectives = std::any_of(
            import.measurements.begin(), import.measurements.end(),
            [](const auto& m) { return std::holds_alternative<CollectiveCall>(m.what); });
        if (collectives && transfers_.empty())
            refuse("--transfers", "collectives were measured and have no file to go to",
                   "--transfers topologies/profiles/transfers/NAME.toml");
        if (!kernels && !collectives)
            refuse("files", "too few measurements of any op to fit anything",
                   "20 shapes of a product or of attention, one size of a memory-bound kernel");
        if (name_.empty()) name_ = std::filesystem::path{output_}.stem().string();
        std::map<std::string, std::string> source;
        for (const std::string& line : source_) {
            const std::size_t equals = line.find('=');
            if (equals == std::string::npos || equals == 0)
                refuse("--source", "'" + line + "' is not KEY=TEXT", "gemm=\"cuBLAS 12.4\"");
            source[line.substr(0, equals)] = in_quotes(line.substr(equals + 1));
        }
        if (source.empty()) source["files"] = in_quotes(fmt::format("{}", fmt::join(files_, ", ")));
        if (kernels) write_file(output_, profile_text(found, name_, device.name, source));
        if (collectives) {
            for (const auto& [option, rate] : {std::pair{"--nvlink", nvlink_}, {"--nic", nic_}})
                if (rate.empty())
                    refuse(option, "is needed for collectives", "--nvlink \"450 GB/s\"");
            auto check = sim::Table::from_text(
                "nvlink = " + in_quotes(nvlink_) + "\nnic = " + in_quotes(nic_) + "\n",
                "moesim calibrate");
            (void)check.rate("nvlink");
            (void)check.rate("nic");
            write_file(transfers_,
                       transfers_text(import.measurements, device.name, nvlink_, nic_, source));
        }
        if (!json_.empty()) write_json(json_, json(import, found));
        say(text(import, found));
        return 0;
    }

private:
    Import read_files() const {
        const auto& kinds = sim::Registry<Importer>::entries();
        Import import;
        for (const std::string& word : files_) {
            const Input input = input_of(word, kind_);
            if (!kinds.contains(input.kind)) {
                const auto names = sim::Registry<Importer>::names();
                const std::string near = sim::nearest(input.kind, names);
                refuse("--importer", "no importer is called '" + input.kind + "'",
                       near.empty() ? fmt::format("one of {}", fmt::join(names, ", "))
                                    : "did you mean '" + near + "'?");
            }
            const auto importer = kinds.at(input.kind).make();
            const std::string content =
                importer->wants_text() ? read_measurement_file(input.path) : std::string{};
            importer->read(input.path, content, options_, import);
        }
        return import;
    }

    static std::string rejected_text(const Import& import) {
        std::string out;
        for (const auto& [reason, r] : import.rejected)
            out += fmt::format("{}{} rows: {} (first in {})", out.empty() ? "" : "\n", r.rows,
                               reason, r.first);
        return out;
    }

    static std::string text(const Import& import, const Calibration& found) {
        std::string out =
            fmt::format("rows read {}, used {}\n", import.read, import.measurements.size());
        for (const auto& [reason, r] : import.rejected)
            out += fmt::format("  rejected {:>7}  {} (first in {})\n", r.rows, reason, r.first);
        out += "\nerror on shapes that were held out\n";
        out += fmt::format("  {:<44} {:>7} {:>8} {:>8}\n", "op", "shapes", "median", "p90");
        for (const auto& [op, q] : found.quality)
            out += fmt::format("  {:<44} {:>7} {:>6.1f} % {:>6.1f} %\n", op, q.shapes,
                               q.median * 100, q.p90 * 100);
        for (const auto& [format, cast] : found.cast_s_per_element)
            out += fmt::format("cast in {} products: {:.2f} ps per input element\n", format,
                               cast * 1e12);
        for (const auto& [format, around] : found.around_s_per_element)
            out +=
                fmt::format("around {} experts: {:.2f} ps per row and hidden, {:.2f} per width\n",
                            format, around[0] * 1e12, around[1] * 1e12);
        return out;
    }

    static nlohmann::ordered_json json(const Import& import, const Calibration& found) {
        nlohmann::ordered_json out;
        out["rows"] = {{"read", import.read}, {"used", import.measurements.size()}};
        out["rejected"] = nlohmann::ordered_json::array();
        for (const auto& [reason, r] : import.rejected)
            out["rejected"].push_back({{"reason", reason}, {"rows", r.rows}, {"first", r.first}});
        for (const auto& [op, q] : found.quality)
            out["held_out"][op] = {{"shapes", q.shapes}, {"median", q.median}, {"p90", q.p90}};
        return out;
    }

    std::string kind_, device_, output_, name_, json_, transfers_, nvlink_, nic_;
    std::vector<std::string> files_, source_;
    ImportOptions options_;
};

const sim::Register<Command, Calibrate> entry{"calibrate", "measurements become a cost profile"};

}  // namespace
}  // namespace moesim::analysis
