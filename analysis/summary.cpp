#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "analysis/planning/training.hpp"
#include "analysis/result.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

/// The key of the largest value.
std::string largest(const nlohmann::ordered_json& values) {
    std::string out;
    double most = -1;
    for (const auto& [name, value] : values.items())
        if (value.get<double>() > most) most = value.get<double>(), out = name;
    return out;
}

constexpr int kColumns = 80, kBar = 30;

/// Bold, dim and red on a terminal that wants them; nothing elsewhere.
class Ink {
public:
    explicit Ink(bool colour) : colour_{colour} {}
    [[nodiscard]] std::string bold(const std::string& text) const { return wrap("1", text); }
    [[nodiscard]] std::string dim(const std::string& text) const { return wrap("2", text); }
    [[nodiscard]] std::string bad(const std::string& text) const { return wrap("31", text); }
    [[nodiscard]] std::string good(const std::string& text) const { return wrap("32", text); }

private:
    [[nodiscard]] std::string wrap(const char* code, const std::string& text) const {
        return colour_ && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
    }
    bool colour_;
};

bool terminal_has_colour() {
    const char* none = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) != 0 && (none == nullptr || *none == '\0') &&
           (term == nullptr || std::string_view{term} != "dumb");
}

std::string spoken(std::string text) {
    for (char& c : text)
        if (c == '_') c = ' ';
    return text;
}

/// 235240 -> "235,240"; 2357471 -> "2.36 M".
std::string amount(double v) {
    if (v >= 1e9) return fmt::format("{:.2f} G", v / 1e9);
    if (v >= 1e6) return fmt::format("{:.2f} M", v / 1e6);
    if (v >= 1e4) return fmt::format("{:.1f} k", v / 1e3);
    return fmt::format("{:.0f}", v);
}

std::string line(const char* title, const std::string& text) {
    return fmt::format("  {:<15}{}\n", title, text);
}

/// A sentence in indented lines that end before column 80.
std::string wrapped(const std::string& sentence) {
    std::string out, row = " ";
    for (std::size_t at = 0; at < sentence.size();) {
        const std::size_t end = std::min(sentence.find(' ', at), sentence.size());
        const std::string word = sentence.substr(at, end - at);
        if (row.size() > 1 && row.size() + 1 + word.size() > 79) {
            out += row + "\n";
            row = " ";
        }
        row += " " + word;
        at = end + 1;
    }
    return out + row + "\n";
}

std::string headline(const ordered_json& r, const Ink& ink) {
    const auto& step = r["step"];
    const auto& memory = r["memory"];
    const double time = step["time_s"];
    std::string out = line("step time", ink.bold(time >= 2 ? fmt::format("{:.3f} s", time)
                                                           : fmt::format("{:.3f} ms", time * 1e3)));
    if (const auto& u = r["uncertainty"]; u.is_object() && u["step_time_low_s"].is_number()) {
        const double low = u["step_time_low_s"], high = u["step_time_high_s"];
        const auto text = [&](double v) {
            return time >= 2 ? fmt::format("{:.2f}", v) : fmt::format("{:.2f}", v * 1e3);
        };
        out +=
            line("  interval", fmt::format("{} to {} {} at {:.0f} %", text(low), text(high),
                                           time >= 2 ? "s" : "ms", 100 * u["level"].get<double>()));
    }
    out += line("throughput", fmt::format("{:.1f} tokens/s and {:.1f} TFLOPS per GPU",
                                          step["tokens_per_s_per_gpu"].get<double>(),
                                          step["tflops_per_gpu"].get<double>()));
    out += line("MFU, BF16 peak",
                fmt::format("{:.2f} % causal, {:.2f} % non-causal", 100 * step["mfu"].get<double>(),
                            100 * step["mfu_noncausal"].get<double>()));
    out +=
        line("communication", fmt::format("{:.1f} % of the step in flight, {:.1f} % exposed",
                                          100 * r["communication"]["share"].get<double>(),
                                          100 * r["communication"]["exposed_share"].get<double>()));
    const bool fits = memory["fits"].get<bool>();
    out += line("memory",
                fmt::format("{:.1f} of {:.1f} GB on {}{}", memory["peak_bytes"].get<double>() / 1e9,
                            memory["capacity_bytes"].get<double>() / 1e9,
                            memory["hottest_rank"].get<std::string>(),
                            fits ? ""
                                 : ", " + ink.bad(fmt::format("does not fit, {} take most",
                                                              largest(memory["by_class"])))));
    out += line("expert load", fmt::format("max/mean {:.3f} on average, {:.3f} at worst",
                                           r["load"]["max_over_mean_mean"].get<double>(),
                                           r["load"]["max_over_mean_worst"].get<double>()));
    if (r.contains("sensitivity")) {
        std::vector<std::pair<double, std::string>> gains;
        for (const auto& s : r["sensitivity"])
            if (s["change"] != "even_load")
                gains.emplace_back(s["step_time_ratio"].get<double>() - 1, s["change"]);
        std::stable_sort(gains.begin(), gains.end());
        std::string text;
        for (std::size_t i = 0; i < std::min<std::size_t>(3, gains.size()); ++i)
            text += fmt::format("{}{} {:+.1f} %", text.empty() ? "" : ", ", gains[i].second,
                                100 * gains[i].first);
        out += line("10 % better", text + " of the step");
    }
    if (r.contains("training")) {
        const auto& t = r["training"];
        out +=
            line("training",
                 fmt::format("{:.1f} days, {} steps, {} GPU hours, {} USD", t["days"].get<double>(),
                             amount(t["steps"].get<double>()), amount(t["gpu_hours"].get<double>()),
                             amount(t["cost_usd"].get<double>())));
        if (const std::string words = failure_words(t); !words.empty())
            out += line("  failures", words);
    }
    std::string grounds;
    for (const auto& [key, value] : r["evidence"].items())
        if (value.get<double>() >= 0.005)
            grounds += fmt::format("{}{} {:.0f}%", grounds.empty() ? "" : ", ", key,
                                   100 * value.get<double>());
    out += line("evidence", grounds);
    if (r.contains("warnings"))
        for (const auto& warning : r["warnings"])
            out += ink.bad(wrapped("warning: " + warning.get<std::string>()));
    return out;
}

std::string shares(const char* title, const ordered_json& parts, double time, const Ink& ink) {
    const bool long_step = time >= 2;
    std::string out =
        fmt::format("\n  {}{}\n", ink.bold(fmt::format("{:<26}", title)),
                    ink.dim(fmt::format("{:>10}{:>9}", long_step ? "s" : "ms", "share")));
    for (const auto& [key, value] : parts.items()) {
        const double v = value.get<double>();
        if (v <= 0) continue;
        const auto length = static_cast<std::size_t>(std::lround(kBar * v / time));
        out +=
            fmt::format("    {:<24}{:>10.3f}{:>7.1f} %  {}\n", spoken(key), long_step ? v : v * 1e3,
                        100 * v / time, ink.dim(std::string(length, '#')));
        while (out.ends_with(" \n")) out.erase(out.size() - 2, 1);
    }
    return out;
}

std::string variants(const ordered_json& r, const Ink& ink) {
    std::string out = fmt::format("\n  {}{}\n", ink.bold(fmt::format("{:<48}", "variants")),
                                  ink.dim(fmt::format("{:>12}{:>14}", "step", "against base")));
    for (const auto& v : r["variants"]) {
        const double ratio = v["vs_base"]["step_time_ratio"], time = v["step"]["time_s"];
        std::string name = sim::printable(v["name"].get<std::string>(), 43);
        std::size_t letters = 0;
        for (const char c : name) letters += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
        name.append(46 - std::min<std::size_t>(46, letters), ' ');
        const std::string change = fmt::format("{:>+12.2f} %", 100 * (ratio - 1));
        out += fmt::format(
            "    {}{:>12}{}\n", name,
            time >= 2 ? fmt::format("{:.3f} s", time) : fmt::format("{:.3f} ms", time * 1e3),
            ratio > 1.00005   ? ink.bad(change)
            : ratio < 0.99995 ? ink.good(change)
                              : change);
        if (!v["vs_base"]["why"].empty())
            out += "      " +
                   ink.dim(sim::printable(spoken(v["vs_base"]["why"][0].get<std::string>()), 70)) +
                   "\n";
        if (!v["memory"]["fits"].get<bool>()) out += "      " + ink.bad("does not fit") + "\n";
    }
    return out;
}

}  // namespace

std::string summary(const ordered_json& r) { return summary(r, terminal_has_colour()); }

std::string summary(const ordered_json& r, bool colour) {
    const Ink ink{colour};
    const double time = r["step"]["time_s"];
    const std::string name = r["scenario"]["name"].get<std::string>();
    std::string out = ink.bold(sim::printable(name, kColumns - 3)) + "\n\n" + headline(r, ink);
    out += shares("where a rank's time goes", r["step"]["breakdown_s"], time, ink);
    out += shares("what its schedule spends", r["step"]["phases_s"], time, ink);
    if (r.contains("variants") && !r["variants"].empty()) out += variants(r, ink);
    return out;
}

}  // namespace moesim::analysis
