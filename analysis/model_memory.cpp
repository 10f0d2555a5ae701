#include "analysis/model_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "analysis/result.hpp"
#include "models/counts.hpp"
#include "sim/registry.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {
namespace {

using Degrees = std::map<std::string, long>;

[[noreturn]] void refuse(const std::string& what, const std::string& hint = {}) {
    throw sim::InputError{
        fmt::format("error: --parallel: {}{}", what, hint.empty() ? "" : "\nhelp: " + hint)};
}

/// "tp=8,ep=64" as degrees of [parallel].
Degrees parse_degrees(const std::string& text) {
    static const std::map<std::string, std::string> kShort{
        {"tp", "tensor"}, {"cp", "context"},  {"pp", "pipeline"},      {"dp", "data"},
        {"ep", "expert"}, {"vpp", "virtual"}, {"etp", "expert_tensor"}};
    std::vector<std::string> known;
    for (const auto& [word, degree] : kShort) known.insert(known.end(), {word, degree});
    Degrees out;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const std::string part = text.substr(begin, end - begin);
        begin = end + 1;
        const std::size_t equals = part.find('=');
        const std::string shown = sim::printable(part, 60);
        if (equals == std::string::npos)
            refuse(fmt::format("'{}' is no degree", shown),
                   "tensor=1,pipeline=16,expert=64,data=128");
        std::string key = part.substr(0, equals);
        if (const auto found = kShort.find(key); found != kShort.end()) key = found->second;
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            const std::string near = sim::nearest(key, known);
            refuse(fmt::format("unknown degree '{}'", sim::printable(key, 60)),
                   near.empty() ? fmt::format("known: {}", fmt::join(known, ", "))
                                : fmt::format("did you mean '{}'?", near));
        }
        long value = 0;
        const char* const last = part.data() + part.size();
        const auto read = std::from_chars(part.data() + equals + 1, last, value);
        if (read.ec != std::errc{} || read.ptr != last || value < 1 || value > 100'000'000)
            refuse(fmt::format("'{}' is no degree", shown), "a whole number from 1 to 1e8");
        if (!out.emplace(key, value).second) refuse(fmt::format("{} comes twice", key));
    }
    return out;
}

long degree(const Degrees& degrees, const char* key) {
    const auto found = degrees.find(key);
    return found == degrees.end() ? 1 : found->second;
}

const models::MoeFfn* experts_of(const models::Model& model) {
    for (const int kind : model.layers)
        if (const auto& moe = model.kinds[static_cast<std::size_t>(kind)].moe) return &*moe;
    return nullptr;
}

/// Rows that a rank receives on average, and the most that dropless routing can send it:
/// all tokens of the group choose experts of one rank.
void check_load(const models::MoeFfn& moe, const Degrees& degrees, double load) {
    const double ranks = static_cast<double>(degree(degrees, "expert"));
    const double most =
        ranks * std::min<double>(moe.top_k, moe.experts / ranks) / std::max(1, moe.top_k);
    if (!(load >= 1) || load > std::max(1.0, most))
        throw sim::InputError{
            fmt::format("error: --load: {:g} times the mean rows; with {:g} ranks a dropless layer "
                        "can send one "
                        "of them 1 to {:g} times the mean",
                        load, ranks, std::max(1.0, most))};
}

std::string toml_string(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string quoted_list(const std::string& words) {
    std::string out;
    for (std::size_t begin = 0; begin < words.size();) {
        const std::size_t end = std::min(words.find(',', begin), words.size());
        out += fmt::format("{}{}", out.empty() ? "" : ", ",
                           toml_string(words.substr(begin, end - begin)));
        begin = end + 1;
    }
    return "[" + out + "]";
}

/// The plan as a scenario: two rounds of micro-batches through the pipeline, so that as many are in
/// flight as its schedule allows.
std::string scenario_text(const models::Model& model, const std::string& path,
                          const ModelPlan& plan, const Degrees& degrees) {
    const long pipeline = degree(degrees, "pipeline"), data = degree(degrees, "data");
    const long gpus = degree(degrees, "tensor") * degree(degrees, "context") * pipeline * data;
    if (gpus > 1'000'000) refuse(fmt::format("{} ranks", gpus), "at most a million");
    std::string out = fmt::format(
        "model = {}\ncluster = {{ name = \"node-hgx-h100\", device = {}, gpus = {} }}\ngpus = {}\n"
        "profile = \"\"\n[parallel]\n",
        toml_string(path), toml_string(plan.device), std::max(gpus, 2L), gpus);
    for (const auto& [key, value] : degrees) out += fmt::format("{} = {}\n", key, value);
    out += fmt::format("[batch]\nglobal = {}\nmicro = {}\nsequence = {}\n",
                       2 * pipeline * data * plan.micro_batch, plan.micro_batch, plan.sequence);
    out += fmt::format("[step]\nprecision = {}\n", toml_string(plan.recipe));
    std::string schedule = plan.schedule;
    if (schedule.empty() && degree(degrees, "virtual") > 1) schedule = "interleaved";
    if (!schedule.empty()) out += fmt::format("schedule = {}\n", toml_string(schedule));
    if (!plan.optimizer.empty())
        out += fmt::format("optimizer = {}\n", toml_string(plan.optimizer));
    if (!plan.recompute.empty())
        out += fmt::format("recompute = {}\n", quoted_list(plan.recompute));
    const models::MoeFfn* const moe = experts_of(model);
    if (moe == nullptr) return out;
    check_load(*moe, degrees, plan.load);
    if (plan.load == 1) return out + "[routing]\nkind = \"balanced\"\n";
    const double tokens =
        static_cast<double>(plan.micro_batch) * static_cast<double>(plan.sequence) /
        static_cast<double>(degree(degrees, "tensor") * degree(degrees, "context"));
    return out + fmt::format("[routing]\nkind = \"rows\"\nforward = [{:.17g}]\n",
                             std::max(1.0, tokens * moe->real_choices() * plan.load));
}

/// Both sides of one dispatch, rows in the format in which they travel.
double dispatch_buffers(const scenarios::Scenario& s, double load) {
    const models::MoeFfn* const moe = experts_of(s.model);
    if (moe == nullptr || s.parallel.expert == 1) return 0;
    const double rows = s.tokens_per_rank() * moe->real_choices();
    return rows * (1 + load) * moe->payload(s.model.hidden) *
           (s.recipe.dispatch.bytes + s.recipe.dispatch.scale_bytes);
}

}  // namespace

nlohmann::ordered_json model_memory(const models::Model& model, const std::string& path,
                                    const ModelPlan& plan) {
    const Degrees degrees = parse_degrees(plan.parallel);
    if (!(plan.load >= 1)) throw sim::InputError{"error: --load: expected a number from 1"};
    sim::Table table =
        sim::Table::from_text(scenario_text(model, path, plan, degrees), "the plan, as a scenario");
    const Simulated run =
        simulate(scenarios::read_scenario(std::move(table), 0), {.engine = "replay", .fold = true});
    MemoryPeak peak = memory_peak(run.lowered, run.line);
    auto& buffers = peak.by_class[static_cast<std::size_t>(scenarios::MemoryClass::buffers)];
    if (buffers <= scenarios::workspaces(run.scenario)) {
        const double more = dispatch_buffers(run.scenario, plan.load);
        buffers += more;
        peak.bytes += more;
    }
    const double capacity = run.scenario.cluster.device().memory.si();
    nlohmann::ordered_json out;
    out["peak_bytes"] = peak.bytes;
    out["capacity_bytes"] = capacity;
    out["fits"] = peak.bytes <= capacity;
    out["hottest_rank"] = run.lowered.graph.rank_classes[peak.rank_class].name;
    for (std::size_t i = 0; i < peak.by_class.size(); ++i)
        out["by_class"][std::string{scenarios::name(static_cast<scenarios::MemoryClass>(i))}] =
            peak.by_class[i];
    out["device"] = run.scenario.cluster.device().name;
    out["load_max_over_mean"] = plan.load;
    for (const char* key : {"gpus", "parallel", "batch", "step"})
        out["plan"][key] = run.scenario.resolved.at(key);
    return out;
}

}  // namespace moesim::analysis
