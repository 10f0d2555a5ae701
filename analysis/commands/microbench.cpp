#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/command.hpp"
#include "analysis/microbench/options.hpp"
#include "analysis/microbench/plan.hpp"
#include "analysis/microbench/trace_file.hpp"
#include "analysis/output.hpp"
#include "sim/input.hpp"

namespace moesim::analysis {
namespace {

namespace fs = std::filesystem;

/// The benchmark, where a build put it: beside this program. It is there only when nvcc was.
std::optional<fs::path> benchmark() {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    const fs::path program = self.parent_path() / "moesim-microbench";
    if (error || ::access(program.c_str(), X_OK) != 0) return std::nullopt;
    return program;
}

/// moesim microbench: runs the CUDA benchmark, or says what it would do and how to get it.
class Microbench final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.footer(
            "Needs an NVIDIA GPU and a build with CUDA's nvcc. Where nothing else is at hand, only "
            "the CUDA\n"
            "toolkit: bash analysis/microbench/run.sh builds and runs it alone. Then\n"
            "moesim calibrate --importer trace FILE --device NAME -o PROFILE.toml");
        app.add_option("--ops", ops_, "only these, by comma: gemm, attention, rmsnorm, ...");
        app.add_option("--device", device_, "index of the CUDA device");
        app.add_option("--out", out_, "the trace to write or to go on with");
        app.add_option("--budget", budget_, "seconds after which no measurement is begun; 440");
        app.add_option("--arch", arch_, "dry run: compute capability to plan for; 90");
        app.add_flag("--dry-run", dry_run_,
                     "what would be measured, and for how long; needs no GPU");
        app.add_option("--json", json_, "dry run: file for the plan, or - for standard output");
    }

    int run(const Session& session) override {
        const std::vector<std::string> words = arguments();
        const microbench::Options options = checked(words);
        if (!dry_run_ && json_.empty()) {
            if (const auto program = benchmark()) return execute(*program, words);
            say(how_to_get_it());
        }
        const auto all = microbench::plan(options.capability > 0 ? options.capability : 90);
        const auto cases = microbench::chosen(all, options.ops);
        const auto left = missing(cases);
        if (!json_.empty()) write_json(json_, plan_json(left));
        if (!session.quiet) say(microbench::plan_text(left, cases.size() - left.size(), dry_run_));
        return 0;
    }

private:
    [[nodiscard]] std::vector<std::string> arguments() const {
        std::vector<std::string> words;
        const auto add = [&](const char* option, const std::string& value) {
            if (!value.empty()) words.insert(words.end(), {option, value});
        };
        add("--ops", ops_);
        add("--device", device_);
        add("--out", out_);
        add("--budget", budget_);
        add("--arch", arch_);
        if (dry_run_) words.emplace_back("--dry-run");
        return words;
    }

    static microbench::Options checked(const std::vector<std::string>& words) {
        try {
            return microbench::parse_options(words);
        } catch (const std::runtime_error& e) {
            throw sim::InputError(std::string("moesim microbench: error: ") + e.what());
        }
    }

    [[nodiscard]] std::vector<microbench::Case> missing(
        const std::vector<microbench::Case>& cases) const {
        try {
            return microbench::left_of(cases, out_);
        } catch (const std::runtime_error& e) {
            throw sim::InputError(e.what());
        }
    }

    static std::string how_to_get_it() {
        return "The benchmark is not built here: CMake found no nvcc. On a machine with an NVIDIA "
               "GPU and\n"
               "the CUDA toolkit: bash analysis/microbench/run.sh\n\nIt would measure\n";
    }

    static nlohmann::ordered_json plan_json(const std::vector<microbench::Case>& cases) {
        nlohmann::ordered_json out{{"schema", "moesim.microbench/1"},
                                   {"cases", nlohmann::json::array()}};
        double seconds = 0;
        for (const auto& one : cases) {
            seconds += microbench::seconds_to_measure(one);
            out["cases"].push_back(microbench::describe(one));
        }
        out["estimated_s"] = seconds;
        return out;
    }

    /// Becomes the benchmark; returns only by throwing.
    static int execute(const fs::path& program, const std::vector<std::string>& words) {
        std::vector<std::string> all{program.string()};
        all.insert(all.end(), words.begin(), words.end());
        std::vector<char*> argv;
        for (std::string& word : all) argv.push_back(word.data());
        argv.push_back(nullptr);
        ::execv(program.c_str(), argv.data());
        throw sim::InputError(program.string() + ": cannot be run: " + std::strerror(errno));
    }

    std::string ops_, device_, out_, budget_, arch_, json_;
    bool dry_run_ = false;
};

const sim::Register<Command, Microbench> entry{
    "microbench", "CUDA microbenchmarks that a device profile is calibrated from"};

}  // namespace
}  // namespace moesim::analysis
