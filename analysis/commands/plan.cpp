#include "analysis/planning/plan.hpp"

#include <unistd.h>

#include <cstdio>

#include "analysis/command.hpp"
#include "analysis/jobs.hpp"
#include "analysis/output.hpp"

namespace moesim::analysis {
namespace {

/// moesim plan SCENARIO: the best degrees, micro-batch and recomputation for a model, a cluster and
/// a batch.
class Plan final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("scenario", file_, "a scenario (TOML); its [parallel] is searched anew")
            ->required();
        app.add_option("--set", sets_, "key.path=value, over what the scenario says");
        app.add_option("--vary", vary_, "key.path=a,b,c: values to search instead of our own");
        app.add_option("--where", where_, "\"parallel.tensor * parallel.pipeline <= 64\"");
        app.add_option("--top", top_, "layouts to simulate in full")->check(CLI::Range(1, 10000));
        app.add_option("--engine", engine_, "of those; simgrid unless told")
            ->check(CLI::IsMember(sim::Registry<sim::Engine>::names()));
        app.add_option("--jobs", jobs_, "processes at once")->check(CLI::Range(1, 1024));
        app.add_option("--json", json_, "file for the result, or - for standard output");
        app.add_option("--out", folder_, "folder for plan.json, plan.csv and plan.html");
    }

    int run(const Session& session) override {
        sim::Table table = sim::Table::from_file(file_);
        for (const std::string& assignment : sets_) table.set(assignment);
        Sweep sweep{table, sets_};
        if (table.has("plan")) {
            sim::Table in = table.clone().table("plan");
            for (const std::string& text : in.texts("vary"))
                sweep.axes.push_back(read_axis({"plan.vary", text}));
            for (const std::string& text : in.texts("where"))
                sweep.where.push_back(Condition::parse({"plan.where", text}));
            in.finish();
        }
        for (const std::string& text : vary_) sweep.axes.push_back(read_axis({"--vary", text}));
        for (const std::string& text : where_)
            sweep.where.push_back(Condition::parse({"--where", text}));
        sweep.engine = engine_;
        sweep.top = top_;
        sweep.seed = session.seed;
        sweep.jobs = jobs_ > 0 ? jobs_ : cores();
        if (!session.quiet && isatty(STDERR_FILENO))
            sweep.progress = [](std::size_t done, std::size_t all) {
                std::fprintf(stderr, "\r  %zu of %zu", done, all);
                if (done == all) std::fprintf(stderr, "\r                    \r");
            };
        const nlohmann::ordered_json result = find_plans(sweep);
        if (!json_.empty()) write_json(json_, result);
        if (!folder_.empty()) {
            const std::filesystem::path folder{folder_};
            write_file(folder / "plan.json", result.dump(2) + "\n");
            write_file(folder / "plan.csv", sweep_csv(result));
            write_file(folder / "plan.html",
                       sweep_html(result, std::filesystem::path{file_}.stem().string()));
        }
        say(plan_summary(result));
        return result["points"].empty() ? 1 : 0;
    }

private:
    std::string file_, engine_ = "simgrid", json_, folder_;
    std::vector<std::string> sets_, vary_, where_;
    int top_ = 10, jobs_ = 0;
};

const sim::Register<Command, Plan> entry{"plan", "the best plans for a model, a cluster, a batch"};

}  // namespace
}  // namespace moesim::analysis
