#include "analysis/tables.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

std::string number(double v) { return fmt::format("{}", v); }

std::string line(const std::vector<std::string>& fields) {
    std::string out;
    for (std::size_t i = 0; i < fields.size(); ++i)
        out += (i > 0 ? "," : "") + csv_field(fields[i]);
    return out + "\n";
}

std::string per_rank(const ordered_json& ranks, const char* key) {
    std::vector<std::string> head{"rank", "pipeline_rank", "members", "stands_for"};
    for (const auto& [part, value] : ranks[0][key].items()) head.push_back(part + "_s");
    std::string out = line(head);
    for (const ordered_json& r : ranks) {
        std::vector<std::string> fields{r["rank"].get<std::string>(), r["pipeline_rank"].dump(),
                                        r["members"].dump(), number(r["stands_for"].get<double>())};
        for (const auto& [part, value] : r[key].items())
            fields.push_back(number(value.get<double>()));
        out += line(fields);
    }
    return out;
}

std::string kernels(const ordered_json& seconds) {
    double sum = 0;
    for (const auto& [name, s] : seconds.items()) sum += s.get<double>();
    std::string out = line({"kernel", "seconds", "share"});
    for (const auto& [name, s] : seconds.items())
        out += line({name, number(s.get<double>()), number(sum > 0 ? s.get<double>() / sum : 0)});
    return out;
}

std::string links(const ordered_json& all) {
    std::string out =
        line({"class", "capacity_bytes_per_s", "utilisation_mean", "utilisation_max"});
    for (const ordered_json& l : all)
        out += line({l["class"].get<std::string>(), number(l["capacity_bytes_per_s"].get<double>()),
                     number(l["utilisation_mean"].get<double>()),
                     number(l["utilisation_max"].get<double>())});
    return out;
}

std::string ops(const ordered_json& all) {
    static constexpr const char* kEvidence[] = {"measured", "interpolated", "extrapolated",
                                                "roofline"};
    std::vector<std::string> head{"op", "member_seconds", "rel_error"};
    for (const char* name : kEvidence) head.push_back(std::string{name} + "_share");
    std::string out = line(head);
    for (const ordered_json& op : all) {
        std::vector<std::string> fields{op["op"].get<std::string>(),
                                        number(op["member_seconds"].get<double>()),
                                        number(op["rel_error"].get<double>())};
        for (const char* name : kEvidence)
            fields.push_back(number(op["evidence"].value(name, 0.0)));
        out += line(fields);
    }
    return out;
}

std::string critical_path(const ordered_json& ops) {
    std::string out = line({"op", "kind", "seconds"});
    for (const ordered_json& op : ops)
        out += line({op["op"].get<std::string>(), op["kind"].get<std::string>(),
                     number(op["seconds"].get<double>())});
    return out;
}

std::string sensitivity(const ordered_json& all) {
    std::string out = line({"change", "step_time_s", "step_time_ratio"});
    for (const ordered_json& s : all)
        out += line({s["change"].get<std::string>(), number(s["step_time_s"].get<double>()),
                     number(s["step_time_ratio"].get<double>())});
    return out;
}

std::string variants(const ordered_json& result) {
    std::string out = line(
        {"name", "step_time_s", "step_time_ratio", "mfu", "exposed_share", "peak_bytes", "fits"});
    const auto add = [&](const std::string& name, const ordered_json& r, double ratio) {
        out += line({name, number(r["step"]["time_s"].get<double>()), number(ratio),
                     number(r["step"]["mfu"].get<double>()),
                     number(r["communication"]["exposed_share"].get<double>()),
                     number(r["memory"]["peak_bytes"].get<double>()),
                     r["memory"]["fits"].get<bool>() ? "true" : "false"});
    };
    add(result["scenario"]["name"].get<std::string>(), result, 1);
    for (const ordered_json& v : result["variants"])
        add(v["name"].get<std::string>(), v, v["vs_base"]["step_time_ratio"].get<double>());
    return out;
}

}  // namespace

std::string csv_field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string{text};
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + '"';
}

std::map<std::string, std::string> csv_tables(const ordered_json& result) {
    std::map<std::string, std::string> out{
        {"breakdown.csv", per_rank(result["ranks"], "breakdown_s")},
        {"phases.csv", per_rank(result["ranks"], "phases_s")},
        {"kernels.csv", kernels(result["kernels_s"])},
        {"links.csv", links(result["links"])},
        {"ops.csv", ops(result["ops"])},
        {"critical_path.csv", critical_path(result["critical_path"]["ops"])}};
    if (result.contains("sensitivity")) out["sensitivity.csv"] = sensitivity(result["sensitivity"]);
    if (result.contains("variants")) out["variants.csv"] = variants(result);
    return out;
}

}  // namespace moesim::analysis
