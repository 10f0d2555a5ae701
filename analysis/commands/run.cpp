#include "analysis/command.hpp"
#include "analysis/output.hpp"
#include "analysis/progress.hpp"
#include "analysis/report_folder.hpp"
#include "analysis/sensitivity.hpp"
#include "analysis/stopwatch.hpp"

namespace moesim::analysis {
namespace {

/// Participants of tasks up to which a report's sensitivity is worked out unasked: it lowers the
/// scenario half a dozen times.
constexpr std::size_t kModest = 20'000'000;

/// moesim run SCENARIO.toml: one scenario, and its variants beside it.
class Run final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("scenario", file_, "a scenario (TOML)")->required();
        app.add_option("--set", sets_, "key.path=value, over what the scenario says");
        app.add_option("--out", folder_, "folder for result.json, report.html, timeline, tables");
        app.add_option("--json", json_, "file for the result, or - for standard output");
        app.add_flag(
            "--sensitivity", sensitivity_,
            "what 10 % more of everything would bring; with --out, unless the run is huge");
        app.add_option("--engine", options_.engine, "simgrid or replay")
            ->check(CLI::IsMember(sim::Registry<sim::Engine>::names()));
        app.add_option("--fold", fold_, "auto: simulate equal ranks once; off: every rank")
            ->check(CLI::IsMember({"auto", "off"}));
    }

    int run(const Session& session) override {
        options_.fold = fold_ == "auto";
        Stopwatch watch;
        CommandTimes times;
        sim::Table table = sim::Table::from_file(file_);
        for (const std::string& assignment : sets_) table.set(assignment);
        std::vector<scenarios::Scenario> all = scenarios::read_variants(table, session.seed);
        times.reading_s = watch.lap();
        check_target(json_);
        if (!folder_.empty()) check_folder(folder_);
        Progress progress{"simulating", all.size() + 2};
        progress.show(0, all.front().name);
        const Simulated base = simulate(std::move(all.front()), options_);
        watch.lap();
        nlohmann::ordered_json result = result_json(base, options_);
        times.result_s = watch.lap();
        for (std::size_t i = 1; i < all.size(); ++i) {
            progress.next(all[i].name);
            nlohmann::ordered_json variant =
                result_json(simulate(std::move(all[i]), options_), options_);
            variant["vs_base"] = versus(variant, result);
            variant["name"] = variant["scenario"]["name"];
            result["variants"].push_back(std::move(variant));
        }
        times.variants_s = watch.lap();
        progress.next("sensitivity");
        if (sensitivity_ || (!folder_.empty() && base.line.end.size() <= kModest))
            result["sensitivity"] = sensitivity_json(base, options_);
        times.sensitivity_s = watch.lap();
        if (!json_.empty()) write_json(json_, result);
        progress.next("writing");
        if (!folder_.empty())
            write_report_folder(folder_, base, result, result,
                                {table.file().filename().string(), table.source_text(), sets_,
                                 given_keys(table, base.scenario.resolved)},
                                times);
        say(summary(result));
        return result["memory"]["fits"].get<bool>() ? 0 : 1;
    }

private:
    bool sensitivity_ = false;
    std::string file_, folder_, json_, fold_ = "auto";
    std::vector<std::string> sets_;
    RunOptions options_;
};

const sim::Register<Command, Run> entry{"run", "simulate a scenario"};

}  // namespace
}  // namespace moesim::analysis
