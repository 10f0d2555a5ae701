#include <fmt/format.h>

#include "analysis/result.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

std::string summary(const ordered_json& r) {
    const auto& step = r["step"];
    const double time = step["time_s"];
    std::string out = fmt::format("{}\n\n", r["scenario"]["name"].get<std::string>());
    out += fmt::format("  step time          {:.4f} s   {:.1f} tokens/s per GPU, {:.1f} TFLOPS per GPU\n",
                       time, step["tokens_per_s_per_gpu"].get<double>(),
                       step["tflops_per_gpu"].get<double>());
    out += fmt::format("  MFU (BF16 peak)    {:.2f} % causal, {:.2f} % non-causal\n",
                       100 * step["mfu"].get<double>(), 100 * step["mfu_noncausal"].get<double>());
    out += fmt::format("  communication      {:.1f} % of the step in flight, {:.1f} % exposed\n",
                       100 * r["communication"]["share"].get<double>(),
                       100 * r["communication"]["exposed_share"].get<double>());
    out += fmt::format("  memory             {:.1f} of {:.1f} GB on the hottest rank ({}){}\n",
                       r["memory"]["peak_bytes"].get<double>() / 1e9,
                       r["memory"]["capacity_bytes"].get<double>() / 1e9,
                       r["memory"]["hottest_rank"].get<std::string>(),
                       r["memory"]["fits"].get<bool>() ? "" : "  DOES NOT FIT");
    out += fmt::format("  expert load        max/mean {:.3f} on average, {:.3f} at worst\n\n",
                       r["load"]["max_over_mean_mean"].get<double>(),
                       r["load"]["max_over_mean_worst"].get<double>());
    const auto table = [&](const char* title, const ordered_json& parts) {
        out += fmt::format("  {:<30}{:>12}{:>10}\n", title, "seconds", "share");
        for (const auto& [key, value] : parts.items())
            if (value.get<double>() > 0)
                out += fmt::format("    {:<28}{:>12.4f}{:>9.1f}%\n", key, value.get<double>(),
                                   100 * value.get<double>() / time);
    };
    table("where a rank's time goes", step["breakdown_s"]);
    table("what its schedule spends", step["phases_s"]);
    if (r.contains("training")) {
        const auto& t = r["training"];
        out += fmt::format("\n  training           {:.0f} steps, {:.1f} days, {:.3f} M GPU hours, {:.2f} M USD\n",
                           t["steps"].get<double>(), t["days"].get<double>(),
                           t["gpu_hours"].get<double>() / 1e6, t["cost_usd"].get<double>() / 1e6);
    }
    out += "\n  evidence          ";
    for (const auto& [key, value] : r["evidence"].items())
        if (value.get<double>() > 0)
            out += fmt::format(" {} {:.0f} %", key, 100 * value.get<double>());
    out += "\n";
    if (r.contains("variants"))
        for (const auto& v : r["variants"])
            out += fmt::format("  variant {:<40} {:.4f} s  x {:.4f}\n",
                               v["name"].get<std::string>(), v["step"]["time_s"].get<double>(),
                               v["vs_base"]["step_time_ratio"].get<double>());
    return out;
}

ordered_json versus(const ordered_json& variant, const ordered_json& base) {
    ordered_json why = ordered_json::array();
    const double step = base["step"]["time_s"];
    for (const auto& [key, value] : variant["step"]["breakdown_s"].items()) {
        const double change = value.get<double>() - base["step"]["breakdown_s"][key].get<double>();
        if (std::abs(change) >= 0.002 * step)
            why.push_back(fmt::format("{} {:+.4f} s ({:+.1f} % of the base step)", key, change,
                                      100 * change / step));
    }
    return {{"step_time_ratio", variant["step"]["time_s"].get<double>() / step}, {"why", why}};
}

}  // namespace moesim::analysis
