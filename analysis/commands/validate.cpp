#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "analysis/command.hpp"
#include "analysis/jobs.hpp"
#include "analysis/output.hpp"
#include "analysis/validation/claims.hpp"
#include "analysis/validation/papers.hpp"
#include "analysis/validation/validation.hpp"

namespace moesim::analysis {
namespace {

/// moesim validate: published results replayed, ours beside theirs.
class Validate final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("--csv", csv_, "published results, one metric per row (README, Validation)");
        app.add_option("--recipes", recipes_, "folder with recipes.csv and config_recipe.csv");
        app.add_flag("--claims", claims_, "claims that are going round, each with our number");
        app.add_option("--json", json_, "file for the result, or - for standard output");
        app.add_option("--max-error", max_error_,
                       "exit status 1 when the mean absolute error is beyond (0.15: 15 %)");
        app.add_option("--jobs", jobs_, "processes at once")->check(CLI::Range(1, 1024));
        app.add_option("--only", only_, "configurations whose id begins with this");
        app.add_option("--engine", options_.run.engine, "simgrid or replay")
            ->check(CLI::IsMember(sim::Registry<sim::Engine>::names()));
    }

    int run(const Session& session) override {
        if (claims_) return judge();
        if (csv_.empty()) return replay();
        std::vector<Published> published = read_published(csv_);
        std::erase_if(published, [&](const Published& p) { return !p.id.starts_with(only_); });
        std::map<std::string, std::map<std::string, std::string>> recipes;
        if (!recipes_.empty()) recipes = read_recipes(recipes_);
        options_.jobs = jobs_ > 0 ? jobs_ : cores();
        if (!session.quiet && isatty(STDERR_FILENO))
            options_.progress = [](std::size_t done, std::size_t all) {
                std::fprintf(stderr, "\r  %zu of %zu", done, all);
                if (done == all) std::fprintf(stderr, "\r                    \r");
            };
        const nlohmann::ordered_json result = validate(published, recipes, options_);
        if (!json_.empty()) write_json(json_, result);
        say(validation_summary(result));
        const auto& mape = result["summary"]["mape"];
        return max_error_ >= 0 && (!mape.is_number() || mape.get<double>() > max_error_) ? 1 : 0;
    }

private:
    int judge() const {
        if (!csv_.empty()) throw sim::InputError{"--claims: error: --csv is another question"};
        const nlohmann::ordered_json result =
            judge_claims(options_.run, jobs_ > 0 ? jobs_ : cores());
        if (!json_.empty()) write_json(json_, result);
        say(claims_summary(result));
        return 0;
    }

    int replay() const {
        RunOptions options;  // the default engine: these are single scenarios
        const nlohmann::ordered_json result = replay_papers(options, jobs_ > 0 ? jobs_ : cores());
        if (!json_.empty()) write_json(json_, result);
        say(papers_summary(result));
        return result["red"].get<int>() > 0 ? 1 : 0;
    }

    std::string csv_, recipes_, json_, only_;
    double max_error_ = -1;
    int jobs_ = 0;
    bool claims_ = false;
    ValidationOptions options_;
};

const sim::Register<Command, Validate> entry{"validate", "published results beside ours"};

}  // namespace
}  // namespace moesim::analysis
