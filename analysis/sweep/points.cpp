#include "analysis/sweep/points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "analysis/sweep/screen.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

constexpr double kMostPoints = 1e6;
constexpr std::size_t kTries = 100;  // points read to learn the scenario's defaults

std::string key_of(const std::string& assignment) {
    return assignment.substr(0, assignment.find('='));
}
std::string value_of(const std::string& assignment) {
    return assignment.substr(assignment.find('=') + 1);
}

sim::Table changed(const sim::Table& scenario, const Assignments& point) {
    sim::Table out = scenario.clone();
    for (const std::string& assignment : point) out.set(assignment);
    return out;
}

/// Everything that a scenario says or takes for granted; empty when not even one point is a plan.
ordered_json defaults(const sim::Table& scenario, const std::vector<Assignments>& points,
                      std::uint64_t seed) {
    try {
        return scenarios::read_scenario(scenario.clone(), seed).resolved;
    } catch (const sim::RuleError&) {
    }
    for (std::size_t i = 0; i < std::min(points.size(), kTries); ++i) try {
            return scenarios::read_scenario(changed(scenario, points[i]), seed).resolved;
        } catch (const sim::RuleError&) {
        }
    return ordered_json::object();
}

/// The value at a dotted key; null when there is none.
const ordered_json* at(const ordered_json& object, const std::string& key) {
    const ordered_json* out = &object;
    for (std::size_t from = 0; from <= key.size();) {
        const std::size_t dot = std::min(key.find('.', from), key.size());
        if (!out->is_object()) return nullptr;
        const auto found = out->find(key.substr(from, dot - from));
        if (found == out->end()) return nullptr;
        out = &*found;
        from = dot + 1;
    }
    return out;
}

std::vector<std::string> known_keys(const ordered_json& object, const std::string& path = "") {
    std::vector<std::string> out;
    for (const auto& [key, value] : object.items()) {
        const std::string name = path.empty() ? key : path + "." + key;
        if (value.is_object()) {
            const auto below = known_keys(value, name);
            out.insert(out.end(), below.begin(), below.end());
        } else if (value.is_number() || value.is_string() || value.is_boolean()) {
            out.push_back(name);
        }
    }
    return out;
}

std::optional<Term> term(const ordered_json& value) {
    if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
    if (value.is_number()) return value.get<double>();
    if (value.is_string()) return value.get<std::string>();
    return std::nullopt;
}

/// Refuses names that stand for nothing, before the first point is looked at.
void check_names(const Condition& condition, const std::vector<SweepAxis>& axes,
                 const ordered_json& given) {
    std::vector<std::string> known = known_keys(given);
    for (const SweepAxis& axis : axes) known.push_back(axis.key);
    for (const Condition::Name& name : condition.names()) {
        if (std::find(known.begin(), known.end(), name.name) != known.end()) continue;
        const std::string near = sim::nearest(name.name, known);
        condition.text().refuse(name.from, name.to, fmt::format("unknown key '{}'", name.name),
                                near.empty() ? "a key that is varied, or one of the scenario"
                                             : fmt::format("did you mean '{}'?", near));
    }
}

bool holds(const Condition& condition, const Assignments& point, const ordered_json& given) {
    const auto lookup = [&](const std::string& name) -> Term {
        for (auto a = point.rbegin(); a != point.rend(); ++a)
            if (key_of(*a) == name) return term(json_of(value_of(*a))).value_or(Term{value_of(*a)});
        const ordered_json* value = at(given, name);
        return value == nullptr ? Term{0.0} : term(*value).value_or(Term{0.0});
    };
    return condition.number(lookup) != 0;
}

/// "scenario.toml:3:1: error: parallel.expert: 8 experts ..." -> "parallel.expert: 8 experts ..."
std::string sentence(const std::string& complaint) {
    const std::string first = complaint.substr(0, complaint.find('\n'));
    const std::string mark = "error: ";
    const std::size_t from = first.find(mark);
    return from == std::string::npos ? first : first.substr(from + mark.size());
}

}  // namespace

std::vector<Assignments> combinations(const sim::Table& scenario,
                                      const std::vector<SweepAxis>& axes,
                                      const std::vector<Condition>& where, std::uint64_t seed,
                                      std::size_t& excluded) {
    double count = 1;
    for (const SweepAxis& axis : axes) count *= static_cast<double>(axis.values.size());
    if (count > kMostPoints)
        throw sim::InputError{fmt::format(
            "--vary: error: {:.3g} points are more than anybody looks at\nhelp: at most {:.0f}",
            count, kMostPoints)};
    std::vector<Assignments> all{{}};
    for (const SweepAxis& axis : axes) {
        std::vector<Assignments> longer;
        for (const Assignments& point : all)
            for (const std::string& value : axis.values) {
                longer.push_back(point);
                longer.back().push_back(axis.key + "=" + value);
            }
        all = std::move(longer);
    }
    excluded = 0;
    if (where.empty()) return all;
    const ordered_json given = defaults(scenario, all, seed);
    for (const Condition& condition : where) check_names(condition, axes, given);
    std::vector<Assignments> out;
    for (Assignments& point : all)
        if (std::all_of(where.begin(), where.end(),
                        [&](const Condition& c) { return holds(c, point, given); }))
            out.push_back(std::move(point));
    excluded = all.size() - out.size();
    return out;
}

ordered_json set_json(const Assignments& point) {
    ordered_json out = ordered_json::object();
    for (const std::string& assignment : point)
        out[key_of(assignment)] = json_of(value_of(assignment));
    return out;
}

ordered_json evaluate(const sim::Table& scenario, const Assignments& point, std::uint64_t seed,
                      const std::string& engine) {
    ordered_json out{{"feasible", false}, {"reason", nullptr},        {"step", nullptr},
                     {"memory", nullptr}, {"communication", nullptr}, {"training", nullptr},
                     {"engine", engine}};
    try {
        const auto plan = scenarios::read_scenario(changed(scenario, point), seed);
        if (engine == "screen") {
            out.update(screen(plan));
            out["engine"] = "replay";
        } else {
            RunOptions options;
            options.engine = engine;
            out.update(brief_json(simulate(plan, options), options));
        }
        const ordered_json& memory = out["memory"];
        out["feasible"] = memory["fits"];
        if (!memory["fits"].get<bool>())
            out["reason"] = fmt::format("does not fit: {:.1f} of {:.1f} GB on {}",
                                        memory["peak_bytes"].get<double>() / 1e9,
                                        memory["capacity_bytes"].get<double>() / 1e9,
                                        memory["hottest_rank"].get<std::string>());
    } catch (const sim::RuleError& e) {
        out["reason"] = sentence(e.what());
    }
    return out;
}

}  // namespace moesim::analysis
