#include "analysis/command.hpp"
#include "analysis/comparison.hpp"
#include "analysis/jobs.hpp"
#include "analysis/output.hpp"
#include "analysis/progress.hpp"
#include "analysis/report_folder.hpp"
#include "analysis/stopwatch.hpp"
#include "analysis/sweep/axis.hpp"

namespace moesim::analysis {
namespace {

/// moesim compare: scenarios and their variants on the same routing, ranked.
class Compare final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("scenarios", files_, "scenarios (TOML), the first is the base")->required();
        app.add_option("--set", sets_, "key.path=value, over what the scenarios say");
        app.add_option("--vary", vary_, "key.path=a,b,c or 1..8: variants, every combination");
        app.add_option("--seeds", seeds_, "seeds to compare over")->check(CLI::Range(1, 1000));
        app.add_option("--jobs", jobs_, "processes at once")->check(CLI::Range(1, 1024));
        app.add_option("--json", json_, "file for the result, or - for standard output");
        app.add_option("--out", folder_, "folder for result.json, report.html, tables");
        app.add_option("--engine", options_.engine, "simgrid or replay")
            ->check(CLI::IsMember(sim::Registry<sim::Engine>::names()));
    }

    int run(const Session& session) override {
        Stopwatch watch;
        std::vector<std::vector<scenarios::Scenario>> by_seed;
        for (int i = 0; i < seeds_; ++i)
            by_seed.push_back(read(session.seed + static_cast<std::uint64_t>(i)));
        check_target(json_);
        if (!folder_.empty()) check_folder(folder_);
        CommandTimes times;
        times.reading_s = watch.lap();
        Progress progress{"comparing", by_seed.size() * by_seed.front().size()};
        const nlohmann::ordered_json result =
            compare(by_seed, options_, jobs_ > 0 ? jobs_ : cores(),
                    [&progress](std::size_t done, std::size_t) { progress.show(done); });
        times.variants_s = watch.lap();
        if (!json_.empty()) write_json(json_, result);
        if (!folder_.empty()) write_report(by_seed.front().front(), result, times);
        say(comparison_summary(result));
        return result["memory"]["fits"].get<bool>() ? 0 : 1;
    }

private:
    /// The report is about the base, with its variants first; its processes handed back results
    /// only, so the base is simulated once more for its timeline.
    void write_report(const scenarios::Scenario& base, const nlohmann::ordered_json& result,
                      const CommandTimes& times) const {
        sim::Table table = sim::Table::from_file(files_.front());
        for (const std::string& assignment : sets_) table.set(assignment);
        nlohmann::ordered_json shown = result;
        shown["variants"].erase(0);
        const Simulated run = simulate(base, options_);
        write_report_folder(folder_, run, result, shown,
                            {table.file().filename().string(), table.source_text(), sets_,
                             given_keys(table, run.scenario.resolved)},
                            times);
    }

    std::vector<scenarios::Scenario> read(std::uint64_t seed) const {
        std::vector<scenarios::Scenario> all;
        for (const std::string& file : files_) {
            sim::Table table = sim::Table::from_file(file);
            for (const std::string& assignment : sets_) table.set(assignment);
            for (scenarios::Scenario& s : scenarios::read_variants(table, seed))
                all.push_back(std::move(s));
            if (!vary_.empty()) combine(table, 0, "", seed, all);
        }
        return all;
    }

    void combine(const sim::Table& table, std::size_t at, const std::string& name,
                 std::uint64_t seed, std::vector<scenarios::Scenario>& all) const {
        if (at == vary_.size()) {
            sim::Table named = table.clone();
            named.set("name=\"" + name + "\"");
            all.push_back(scenarios::read_scenario(named, seed));
            return;
        }
        const SweepAxis axis = read_axis({"--vary", vary_[at]});
        for (const std::string& value : axis.values) {
            const std::string assignment = axis.key + "=" + value;
            sim::Table changed = table.clone();
            changed.set(assignment);
            std::string label = assignment;
            std::replace(label.begin(), label.end(), '"', '\'');
            combine(changed, at + 1, name + (name.empty() ? "" : ", ") + label, seed, all);
        }
    }

    std::vector<std::string> files_, sets_, vary_;
    std::string json_, folder_;
    int seeds_ = 1, jobs_ = 0;
    RunOptions options_;
};

const sim::Register<Command, Compare> entry{"compare",
                                            "scenarios side by side on the same routing"};

}  // namespace
}  // namespace moesim::analysis
