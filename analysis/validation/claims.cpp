#include "analysis/validation/claims.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "analysis/jobs.hpp"
#include "analysis/sweep/condition.hpp"
#include "models/counts.hpp"
#include "models/zoo.hpp"
#include "sim/paths.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

constexpr const char* kFolder = "scenarios/claims";
constexpr long kSequence = 4096;
constexpr double kAny = std::numeric_limits<double>::infinity();

using Named = std::map<std::string, ordered_json>;

ordered_json counts_of(const std::string& model_file) {
    const models::Model model = models::load_model(model_file);
    const models::Parameters p = models::parameters(model);
    const models::Flops f = models::flops_per_token(model, kSequence);
    return {{"parameters", p.total},
            {"active", p.active_with_embedding},
            {"forward_flops", f.forward_causal},
            {"training_flops", f.training_causal},
            {"layers", model.layer_count()}};
}

/// The results of the scenario and its variants, by name.
void simulate_all(const sim::Table& table, const RunOptions& options, Named& named) {
    std::vector<scenarios::Scenario> all = scenarios::read_variants(table, 0);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string name = i == 0 ? "base" : all[i].name;
        ordered_json result = result_json(simulate(std::move(all[i]), options), options);
        ordered_json ops = ordered_json::object();
        for (const ordered_json& op : result["ops"]) {
            std::string key = op["op"];
            std::replace(key.begin(), key.end(), ' ', '_');
            ops[key] = op["member_seconds"];
        }
        result["op"] = std::move(ops);
        named[name] = std::move(result);
    }
}

/// What "base.step.time_s" stands for; refused at its place in the text.
double value_of(const Condition& condition, const std::string& name, const Named& named) {
    const auto refuse = [&](std::string_view what) {
        for (const Condition::Name& n : condition.names())
            if (n.name == name) condition.text().refuse(n.from, n.to, what);
        throw sim::InputError{fmt::format("error: {}: {}", name, what)};
    };
    const std::size_t dot = std::min(name.find('.'), name.size());
    const auto found = named.find(name.substr(0, dot));
    if (found == named.end()) refuse("nothing simulated has this name");
    const ordered_json* value = &found->second;
    for (std::size_t from = dot + 1; from <= name.size();) {
        const std::size_t to = std::min(name.find('.', from), name.size());
        const std::string key = name.substr(from, to - from);
        if (!value->is_object() || !value->contains(key))
            refuse(fmt::format("no '{}' in the result", key));
        value = &(*value)[key];
        from = to + 1;
    }
    if (value->is_boolean()) return value->get<bool>() ? 1 : 0;
    if (!value->is_number()) refuse("no number in the result");
    return value->get<double>();
}

ordered_json judge_figure(sim::Table& in, const Named& named) {
    const std::string when = in.text("when", "");
    const Condition value = Condition::parse(
        {fmt::format("{}: {}.value", in.file().filename().string(), in.path()), in.text("value")});
    const double stated = in.number("stated", -1e300, 1e300);
    const double least = in.number("least", -1e300, kAny, -kAny);
    const double most = in.number("most", -kAny, 1e300, kAny);
    if (!in.has("least") && !in.has("most"))
        in.fail("", "no bounds within which the claim holds", "least, most or both");
    if (least > most) in.fail("most", fmt::format("{} is below least = {}", most, least));
    const double found =
        value.number([&](const std::string& name) { return value_of(value, name, named); });
    if (!std::isfinite(found)) in.fail("value", "comes to no number");
    return {{"when", when},
            {"stated", stated},
            {"simulated", found},
            {"least", std::isfinite(least) ? ordered_json(least) : ordered_json(nullptr)},
            {"most", std::isfinite(most) ? ordered_json(most) : ordered_json(nullptr)},
            {"why", in.text("why", "")},
            {"holds", found >= least && found <= most}};
}

std::string verdict(const ordered_json& figures) {
    const auto holding = std::count_if(figures.begin(), figures.end(), [](const ordered_json& f) {
        return f["holds"].get<bool>();
    });
    if (figures.empty()) return "cannot be checked";
    if (holding == 0) return "does not hold";
    return holding == static_cast<long>(figures.size()) ? "holds" : "holds under conditions";
}

/// "C7" -> 7, for the order.
int number_of(const ordered_json& claim) {
    const std::string id = claim["id"];
    const std::size_t digits = id.find_first_of("0123456789");
    return digits == std::string::npos ? 0 : std::atoi(id.c_str() + digits);
}

std::string amount(const ordered_json& value) {
    return value.is_null() ? "" : fmt::format("{:.4g}", value.get<double>());
}

std::string wrapped(const std::string& text, const std::string& indent) {
    std::string out, row = indent;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        if (row.size() > indent.size() && row.size() + 1 + word.size() > 79) {
            out += row + "\n";
            row = indent;
        }
        row += (row.size() > indent.size() ? " " : "") + word;
        at = end + 1;
    }
    return out + row + "\n";
}

}  // namespace

ordered_json judge_claim(sim::Table table, const RunOptions& options) {
    sim::Table in = table.table("claim");
    ordered_json out{{"id", in.text("id")},
                     {"says", in.text("says")},
                     {"source", in.text("source")},
                     {"doubt", in.text("doubt", "")},
                     {"figures", ordered_json::array()}};
    Named named;
    sim::Table models = in.table("models");
    for (const std::string& name : models.keys())
        named[name] = counts_of(models::find_model(models, name).string());
    std::vector<sim::Table> figures = in.tables("figure");
    const std::string why = in.text("why", "");
    if (figures.empty() && why.empty())
        in.fail("", "no figure, and no reason why there is none", "[[claim.figure]], or why");
    const bool simulated = table.has("model");
    if (simulated) simulate_all(table, options, named);
    for (sim::Table& figure : figures) out["figures"].push_back(judge_figure(figure, named));
    if (simulated)
        in.finish();
    else
        table.finish();  // the claim is all there is
    out["verdict"] = verdict(out["figures"]);
    out["reason"] = why;
    return out;
}

ordered_json judge_claims(const RunOptions& options, int jobs) {
    std::vector<std::function<std::string()>> work;
    for (const std::string& name : sim::list_data(kFolder))
        work.emplace_back([name, &options] {
            const auto file = sim::find_data("claim", kFolder, name);
            return judge_claim(sim::Table::from_file(file), options).dump();
        });
    std::vector<ordered_json> claims;
    for (const std::string& text : run_jobs(work, jobs))
        claims.push_back(ordered_json::parse(text));
    std::stable_sort(
        claims.begin(), claims.end(),
        [](const ordered_json& a, const ordered_json& b) { return number_of(a) < number_of(b); });
    ordered_json out{{"schema", "moesim.claims/1"},
                     {"version", MOESIM_VERSION},
                     {"claims", claims},
                     {"verdicts", ordered_json::object()}};
    for (const char* v : {"holds", "holds under conditions", "does not hold", "cannot be checked"})
        out["verdicts"][v] = std::count_if(
            claims.begin(), claims.end(), [&](const ordered_json& c) { return c["verdict"] == v; });
    return out;
}

std::string claims_summary(const ordered_json& judged) {
    std::string out;
    for (const ordered_json& claim : judged["claims"]) {
        out += wrapped(
            fmt::format("{}  {}", claim["id"].get<std::string>(), claim["says"].get<std::string>()),
            "  ");
        for (const ordered_json& f : claim["figures"])
            out += fmt::format("      {:<34.34} stated {:>8}  here {:>8}  {}\n",
                               f["when"].get<std::string>(), amount(f["stated"]),
                               amount(f["simulated"]), f["holds"].get<bool>() ? "yes" : "no");
        if (const std::string doubt = claim["doubt"]; !doubt.empty())
            out += wrapped("doubtful: " + doubt, "      ");
        const std::string reason = claim["reason"];
        out += wrapped(
            "-> " + claim["verdict"].get<std::string>() + (reason.empty() ? "" : ": " + reason),
            "      ");
    }
    out += "\n";
    for (const auto& [verdict, count] : judged["verdicts"].items())
        out += fmt::format("  {:>3}  {}\n", count.get<int>(), verdict);
    return out;
}

}  // namespace moesim::analysis
