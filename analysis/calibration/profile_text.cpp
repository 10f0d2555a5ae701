#include <fmt/format.h>

#include <cmath>

#include "analysis/calibration/calibration.hpp"

namespace moesim::analysis {
namespace {

using topologies::GemmForm;
using topologies::ResidualGrid;

/// "[a, b, ...]" in lines that end before column 100.
std::string wrapped(const std::vector<std::string>& items) {
    std::string out = "[", line;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string word = items[i] + (i + 1 < items.size() ? "," : "");
        if (line.size() + word.size() + 1 > 98) {
            out += line + "\n ";
            line.clear();
        }
        line += (line.empty() ? "" : " ") + word;
    }
    return out + line + "]";
}

std::string sizes_text(const std::vector<double>& sizes) {
    std::vector<std::string> words;
    for (const double size : sizes) words.push_back(fmt::format("{:.0f}", size));
    return wrapped(words);
}

std::string residual_text(const std::string& table, const ResidualGrid& grid,
                          const std::array<std::string, 3>& names) {
    if (grid.empty()) return "";
    std::string out =
        fmt::format("\n[{}.residual]   # measured / form; the last list runs fastest\n", table);
    for (std::size_t d = 0; d < 3; ++d)
        out += fmt::format("{} = {}\n", names[d], sizes_text(grid.axes()[d]));
    std::vector<std::string> words;
    for (const double v : grid.log_ratio()) words.push_back(fmt::format("{:.3f}", std::exp(v)));
    return out + "ratio = " + wrapped(words) + "\n";
}

std::string held_out_text(const Calibration& c, const std::string& op) {
    const auto found = c.quality.find(op);
    if (found == c.quality.end()) return "";
    const Quality& q = found->second;
    return fmt::format("held_out = {{ shapes = {}, median = {:.3f}, p90 = {:.3f} }}\n", q.shapes,
                       q.median, q.p90);
}

std::string form_text(const Calibration& c, const std::string& table, const std::string& format,
                      const GemmForm& form, const std::array<std::string, 3>& axes) {
    std::string out = fmt::format(
        "\n[{0}.{1}]\n"
        "tiles = \"any\"\n"
        "share = {2:.4g}\nextra_depth = {3:.4g}\nfloor = \"{4:.3g} us\"\nquantisation = {5:.3g}\n"
        "tile_cost = {6:.4g}\nstream_share = {7:.3g}\nerror = {8:.3f}\n",
        table, format, form.share, form.extra_depth, form.floor_s * 1e6, form.quantisation,
        form.tile_cost, form.stream_share, form.error);
    out += fmt::format("weight_gradient_rate = {:.3g}\nweight_gradient_error = {:.3g}\n",
                       form.weight_gradient_rate, form.weight_gradient_error);
    if (form.weight_gradient_measured) out += "weight_gradient_measured = true\n";
    out += held_out_text(c, table + "." + format);
    return out + residual_text(table + "." + format, form.residual, axes);
}

std::string rate_text(double per_second, const char* unit, double scale) {
    return fmt::format("\"{:.6g} {}\"", per_second / scale, unit);
}

}  // namespace

std::string profile_text(const Calibration& c, const std::string& name, const std::string& device,
                         const std::map<std::string, std::string>& source) {
    std::string out =
        fmt::format("# Written by `moesim calibrate`; do not edit.\n\nname = \"{}\"\n", name);
    for (const auto& [key, seconds] : c.launch_s)
        out += fmt::format("{} = \"{:.3g} us\"\n", key, seconds * 1e6);
    out += fmt::format("\n[measured_on]\ndevice = \"{}\"\nsms = {:.0f}\nmemory_bandwidth = {}\n",
                       device, c.on.sms, rate_text(c.on.bandwidth, "TB/s", 1e12));
    out += "peak = {";
    bool first = true;
    for (const auto& [format, rate] : c.on.peak) {
        out += fmt::format("{} {} = {}", first ? "" : ",", format, rate_text(rate, "TFLOPS", 1e12));
        first = false;
    }
    out += " }\n";
    for (const auto& [format, form] : c.gemm)
        out += form_text(c, "gemm", format, form, {"rows", "columns", "depth"});
    for (const auto& [format, form] : c.grouped)
        out += form_text(c, "grouped", format, form, {"rows", "groups", "weight"});
    if (c.attention.share > 0) {
        out += fmt::format(
            "\n[attention]\nshare = {:.4g}\nextra_sequence = {:.4g}\nfloor = \"{:.3g} us\"\n"
            "error = {:.3f}\nbackward_rate = {:.3g}\nbackward_error = {:.3g}\n",
            c.attention.share, c.attention.extra_sequence, c.attention.floor_s * 1e6,
            c.attention.error, c.attention.backward_rate, c.attention.backward_error);
        if (c.attention.backward_measured) out += "backward_measured = true\n";
        out += held_out_text(c, "attention");
        out += residual_text("attention", c.attention.residual, {"sequence", "heads", "head_dims"});
    }
    if (!c.memory_points.empty()) {
        out += fmt::format("\n[memory]\nshare = {:.3g}\nfloor = \"{:.3g} us\"\nerror = {:.3f}\n",
                           c.memory.share, c.memory.floor_s * 1e6, c.memory.error);
        out += held_out_text(c, "memory") + "point = [\n";
        for (const auto& p : c.memory_points)
            out +=
                fmt::format("  {{name = \"{}\", bytes = {:.0f}, us = {:.4g}, error = {:.3f}}},\n",
                            p.query.name, p.query.bytes, p.seconds * 1e6, p.error);
        out += "]\n";
    }
    if (!c.contention.empty()) {
        out += "\n[contention]\n";
        for (const auto& [op, k] : c.contention)
            out +=
                fmt::format("{} = {{ factor = {:.3f}, error = {:.3f} }}\n", op, k.factor, k.error);
    }
    out += "\n[source]\n";
    for (const auto& [key, text] : source) out += fmt::format("{} = {}\n", key, text);
    return out;
}

}  // namespace moesim::analysis
