#include <fmt/format.h>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

namespace moesim::analysis {

using html::kText;
using nlohmann::ordered_json;

std::string inputs_section(const View& view) {
    const ScenarioText& in = view.input;
    html::Table table{{{"key", kText}, {"value", kText}, {"", kText}}};
    std::size_t defaults = 0;
    for (const auto& [key, value] : flattened(view.result["scenario"])) {
        const bool given = in.given.count(key) > 0;
        defaults += given ? 0 : 1;
        table.row({fmt::format("<code>{}</code>", html::escape(key)),
                   html::escape(leaf_text(value)), given ? "" : "default"},
                  given ? "" : "default");
    }
    std::string body = table.str();
    if (!in.sets.empty()) {
        body += "<h3>On the command line</h3>\n<pre>";
        for (const std::string& set : in.sets) body += "--set " + html::escape(set) + "\n";
        body += "</pre>\n";
    }
    if (!in.text.empty())
        body += fmt::format("<h3>{}</h3>\n<pre>{}</pre>\n", html::escape(in.file),
                            html::escape(in.text));
    return html::section(
        "inputs", "Assumptions and defaults",
        fmt::format("The scenario as it was run, SI units. {} keys are defaults that "
                    "the file does not give.",
                    defaults),
        body);
}

std::string provenance_section(const View& view) {
    html::Table table{{{"", kText}, {"", kText}}};
    for (const auto& [key, value] : flattened(view.result["profile"]))
        table.row({html::escape(spoken(key)), html::escape(leaf_text(value))});
    const ordered_json& engine = view.result["engine"];
    table.row({"engine", fmt::format("{}: {} tasks, {} activities",
                                     html::escape(engine["name"].get<std::string>()),
                                     html::count(engine["tasks"].get<double>()),
                                     html::count(engine["activities"].get<double>()))});
    table.row({"fold", html::escape(engine["fold"].get<std::string>())});
    table.row({"program", "moesim " + html::escape(view.result["version"].get<std::string>()) +
                              ", " + html::escape(view.result["schema"].get<std::string>())});
    return html::section("provenance", "Where the costs come from",
                         "The cost profile of the device and its sources, in its own words.",
                         table.str());
}

}  // namespace moesim::analysis
