#include "analysis/sweep/sweep.hpp"

#include <unistd.h>

#include <cstdio>

#include "analysis/command.hpp"
#include "analysis/jobs.hpp"
#include "analysis/output.hpp"

namespace moesim::analysis {
namespace {

/// Numbered texts of an array of the scenario, or of an option given several times.
std::vector<OptionText> texts_of(const std::string& name, const std::vector<std::string>& texts) {
    std::vector<OptionText> out;
    for (const std::string& text : texts) out.push_back({name, text});
    return out;
}

std::vector<std::string> engines() {
    std::vector<std::string> out = sim::Registry<sim::Engine>::names();
    out.emplace_back("screen");
    return out;
}

/// moesim sweep SCENARIO: every combination of some keys' values, screened and ranked.
class SweepCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("scenario", file_, "a scenario (TOML); its [sweep] table is read too")
            ->required();
        app.add_option("--set", sets_, "key.path=value, over what the scenario says");
        app.add_option("--vary", vary_, "key.path=a,b,c or 1..8 or 1..64*2: every combination");
        app.add_option("--where", where_, "\"parallel.tensor * parallel.pipeline <= 64\"");
        engine_option_ = app.add_option("--engine", engine_,
                                        "screen (replay of a few micro-batches) or an engine")
                             ->check(CLI::IsMember(engines()));
        top_option_ = app.add_option("--top", top_, "the best so many again with simgrid")
                          ->check(CLI::Range(0, 1000000));
        app.add_option("--jobs", jobs_, "processes at once")->check(CLI::Range(1, 1024));
        app.add_option("--json", json_, "file for the result, or - for standard output");
        app.add_option("--out", folder_,
                       "folder for sweep.json, .csv, .html, and a journal to go on from");
    }

    int run(const Session& session) override {
        sim::Table table = sim::Table::from_file(file_);
        for (const std::string& assignment : sets_) table.set(assignment);
        Sweep sweep{table, sets_};
        read_table(table.clone(), sweep);
        for (const OptionText& text : texts_of("--vary", vary_))
            sweep.axes.push_back(read_axis(text));
        for (const OptionText& text : texts_of("--where", where_))
            sweep.where.push_back(Condition::parse(text));
        if (sweep.axes.empty())
            throw sim::InputError{
                "--vary: error: nothing to vary\nhelp: --vary "
                "parallel.pipeline=1..16*2, or [sweep] in the scenario"};
        if (engine_option_->count() > 0) sweep.engine = engine_;
        if (top_option_->count() > 0) sweep.top = top_;
        sweep.seed = session.seed;
        sweep.jobs = jobs_ > 0 ? jobs_ : cores();
        if (!folder_.empty()) sweep.journal = std::filesystem::path{folder_} / "journal.jsonl";
        if (!session.quiet && isatty(STDERR_FILENO))
            sweep.progress = [](std::size_t done, std::size_t all) {
                std::fprintf(stderr, "\r  %zu of %zu", done, all);
                if (done == all) std::fprintf(stderr, "\r                    \r");
            };
        const nlohmann::ordered_json result = run_sweep(sweep);
        if (!json_.empty()) write_json(json_, result);
        if (!folder_.empty()) {
            const std::filesystem::path folder{folder_};
            write_file(folder / "sweep.json", result.dump(2) + "\n");
            write_file(folder / "sweep.csv", sweep_csv(result));
            write_file(folder / "sweep.html",
                       sweep_html(result, std::filesystem::path{file_}.stem().string()));
        }
        say(sweep_summary(result));
        return result["feasible"].get<std::size_t>() > 0 ? 0 : 1;
    }

private:
    static void read_table(sim::Table scenario, Sweep& sweep) {
        if (!scenario.has("sweep")) return;
        sim::Table in = scenario.table("sweep");
        for (const OptionText& text : texts_of("sweep.vary", in.texts("vary")))
            sweep.axes.push_back(read_axis(text));
        const std::vector<std::string> where =
            in.is_text("where") ? std::vector{in.text("where")} : in.texts("where");
        for (const OptionText& text : texts_of("sweep.where", where))
            sweep.where.push_back(Condition::parse(text));
        sweep.engine = in.choice("engine", engines(), sweep.engine);
        sweep.top =
            static_cast<int>(std::min<std::int64_t>(in.count("top", 0, sweep.top), 1000000));
        in.finish();
    }

    std::string file_, engine_ = "screen", json_, folder_;
    std::vector<std::string> sets_, vary_, where_;
    CLI::Option *engine_option_ = nullptr, *top_option_ = nullptr;
    int top_ = 5, jobs_ = 0;
};

const sim::Register<Command, SweepCommand> entry{"sweep",
                                                 "many plans tried, the best and their trade-offs"};

}  // namespace
}  // namespace moesim::analysis
