#include "analysis/validation/papers.hpp"

#include <fmt/format.h>

#include "analysis/jobs.hpp"
#include "sim/paths.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

double ours(sim::Table& value, const ordered_json& result) {
    if (value.has("result")) {
        const std::string pointer = value.text("result");
        try {
            return result.at(ordered_json::json_pointer{pointer}).get<double>();
        } catch (const ordered_json::exception&) {
            value.fail("result", fmt::format("no number at '{}' of the result", pointer));
        }
    }
    double sum = 0;
    const ordered_json& phases = result["step"]["phases_s"];
    const auto parts = value.texts("parts");
    if (parts.empty()) value.fail("parts", "expected phases of the step, or `result`");
    for (const std::string& part : parts) {
        if (!phases.contains(part)) value.fail("parts", fmt::format("no phase '{}'", part));
        sum += phases[part].get<double>();
    }
    return sum;
}

}  // namespace

ordered_json replay_paper(sim::Table table, const std::string& name, const RunOptions& options) {
    const auto scenario = sim::find_data(table, "scenario", "scenarios");
    sim::Table run = sim::Table::from_file(scenario);
    for (const std::string& assignment : table.texts("set")) run.set(assignment);
    const ordered_json result =
        result_json(simulate(scenarios::read_scenario(run, 0), options), options);
    ordered_json out{{"paper", name}, {"source", table.text("source")}, {"values", {}}};
    for (sim::Table& value : table.tables("value")) {
        const double published = value.number("published", 1e-300, 1e300);
        const double predicted = ours(value, result);
        const double off = predicted / published - 1;
        const double least = value.number("least", -1, 0), most = value.number("most", 0, 10);
        out["values"].push_back({{"name", value.text("name")},
                                 {"published", published},
                                 {"ours", predicted},
                                 {"rel_error", off},
                                 {"least", least},
                                 {"most", most},
                                 {"within", off >= least && off <= most}});
    }
    table.finish();
    return out;
}

ordered_json replay_papers(const RunOptions& options, int jobs) {
    std::vector<std::function<std::string()>> work;
    for (const std::string& paper : sim::list_folders("tests/papers")) {
        const std::string kind = "tests/papers/" + paper;
        for (const std::string& figure : sim::list_data(kind))
            work.emplace_back([kind, paper, figure, &options] {
                const auto file = sim::find_data("paper", kind, figure);
                return replay_paper(sim::Table::from_file(file), paper + "/" + figure, options)
                    .dump();
            });
    }
    ordered_json out{{"schema", "moesim.papers/1"}, {"papers", ordered_json::array()}};
    int red = 0;
    for (const std::string& text : run_jobs(work, jobs)) {
        out["papers"].push_back(ordered_json::parse(text));
        for (const ordered_json& value : out["papers"].back()["values"])
            red += !value["within"].get<bool>();
    }
    out["red"] = red;
    return out;
}

std::string papers_summary(const ordered_json& replayed) {
    std::string out;
    for (const ordered_json& paper : replayed["papers"]) {
        out += fmt::format("  {}\n  {}\n", paper["paper"].get<std::string>(),
                           paper["source"].get<std::string>());
        for (const ordered_json& v : paper["values"])
            out += fmt::format(
                "    {:<30.30}{:>12.5g}{:>12.5g}{:>+9.1f} %   {:>+5.0f} to {:+.0f} "
                "%{}\n",
                v["name"].get<std::string>(), v["published"].get<double>(), v["ours"].get<double>(),
                100 * v["rel_error"].get<double>(), 100 * v["least"].get<double>(),
                100 * v["most"].get<double>(), v["within"].get<bool>() ? "" : "  RED");
        out += "\n";
    }
    const int red = replayed["red"];
    return out + (red == 0 ? "  every value is within its tolerance\n"
                           : fmt::format("  {} beyond their tolerance\n", red));
}

}  // namespace moesim::analysis
