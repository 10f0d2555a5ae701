#include "analysis/report.hpp"

#include <fmt/format.h>

#include "analysis/report/chart_library.hpp"
#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

struct Chapter {
    const char *id, *title;
    std::string (*write)(const View&);
};
constexpr Chapter kChapters[] = {
    {"variants", "Variants", variants_section},
    {"time", "Where time goes", breakdown_section},
    {"phases", "Schedule", phases_section},
    {"dominates", "What dominates", dominates_section},
    {"timeline", "Timeline", timeline_section},
    {"communication", "Communication", communication_section},
    {"load", "Expert load", load_section},
    {"memory", "Memory", memory_section},
    {"topology", "Topology", topology_section},
    {"kernels", "Kernels", kernels_section},
    {"evidence", "Evidence", ops_section},
    {"inputs", "Assumptions", inputs_section},
    {"provenance", "Cost sources", provenance_section},
};

void collect(sim::Table table, const ordered_json& resolved, const std::string& path,
             std::set<std::string>& out) {
    for (const auto& [key, value] : resolved.items()) {
        if (!table.has(key)) continue;
        const std::string here = path.empty() ? key : path + "." + key;
        if (value.is_object() && !value.empty() && table.is_table(key))
            collect(table.table(key), value, here, out);
        else
            out.insert(here);
    }
}

}  // namespace

std::set<std::string> given_keys(const sim::Table& table, const ordered_json& resolved) {
    std::set<std::string> out;
    collect(table.clone(), resolved, "", out);
    return out;
}

std::string report_html(const Simulated& run, const ordered_json& result,
                        const ScenarioText& input) {
    const View view{run, result, input};
    std::string body, links;
    for (const Chapter& chapter : kChapters) {
        const std::string section = chapter.write(view);
        if (section.empty()) continue;
        links += fmt::format("<a href=\"#{}\">{}</a>", chapter.id, chapter.title);
        body += section;
    }
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; script-src "
        "'unsafe-inline'\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}"
        "<nav>{}</nav>\n{}{}</body>\n</html>\n",
        html::escape(run.scenario.name), style_sheet(), headline_section(view), links, body,
        chart_library().empty() ? "" : fmt::format("<script>{}</script>\n", chart_library()));
}

}  // namespace moesim::analysis
