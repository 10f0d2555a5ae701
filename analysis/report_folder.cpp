#include "analysis/report_folder.hpp"

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "analysis/markdown.hpp"
#include "analysis/output.hpp"
#include "analysis/perfetto.hpp"
#include "analysis/stopwatch.hpp"
#include "analysis/tables.hpp"

namespace moesim::analysis {

namespace {

double peak_rss_bytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

}  // namespace

void write_report_folder(const std::filesystem::path& folder, const Simulated& run,
                         const nlohmann::ordered_json& result, const nlohmann::ordered_json& shown,
                         const ScenarioText& input, const CommandTimes& times) {
    Stopwatch watch;
    std::map<std::string, std::string> files = csv_tables(shown);
    files["result.json"] = result.dump(2) + "\n";
    files["summary.md"] = summary_markdown(shown);
    const double tables = watch.lap();
    files["report.html"] = report_html(run, shown, input);
    const double report = watch.lap();
    files["timeline.json.gz"] = gzip(perfetto_json(run));
    const double timeline = watch.lap();
    const nlohmann::ordered_json timing = {{"schema", "moesim.timing/1"},
                                           {"reading_s", times.reading_s},
                                           {"lowering_s", run.wall.lowering_s},
                                           {"engine_s", run.wall.engine_s},
                                           {"analysis_s", run.wall.booking_s + times.result_s},
                                           {"variants_s", times.variants_s},
                                           {"sensitivity_s", times.sensitivity_s},
                                           {"tables_s", tables},
                                           {"report_s", report},
                                           {"timeline_s", timeline},
                                           {"peak_rss_bytes", peak_rss_bytes()}};
    files["timing.json"] = timing.dump(2) + "\n";
    write_files(folder, files);
}

}  // namespace moesim::analysis
