#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"
#include "analysis/report/timeline_svg.hpp"

namespace moesim::analysis {

std::string timeline_section(const View& view) {
    const std::vector<std::uint32_t> shown = representatives(view.run.lowered, 16);
    std::string body = html::legend(unit_keys(view.run, shown)) +
                       html::figure(step_svg(view.run, shown, view.time_axis()),
                                    "The whole step, member 0 of one rank class per pipeline rank. "
                                    "Grey: no unit runs.");
    const std::uint32_t middle = shown[shown.size() / 2];
    const std::vector<UnitSpan> steady = steady_units(view.run, middle, 2);
    if (!steady.empty()) {
        body += fmt::format("<h3>Inside {} of {}</h3>\n",
                            steady.size() > 1 ? "two steady units" : "one unit",
                            html::escape(view.run.lowered.graph.rank_classes[middle].name));
        body += html::legend(task_keys());
        for (const UnitSpan& unit : steady)
            body += html::figure(
                zoom_svg(view.run, middle, unit),
                fmt::format("{}, {} from {}. Point at a box for its figures.",
                            html::escape(unit_name(view.run.lowered.graph.units[unit.unit])),
                            html::seconds(unit.end - unit.begin), html::seconds(unit.begin)));
    }
    return html::section("timeline", "Timeline",
                         "What each rank does when. All streams are in timeline.json.gz, which opens "
                         "in Perfetto.",
                         body);
}

}  // namespace moesim::analysis
