#include "analysis/report_folder.hpp"

#include <sys/resource.h>

#include <nlohmann/json.hpp>

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
                         const nlohmann::ordered_json& result, const ScenarioText& input,
                         const CommandTimes& times) {
    Stopwatch watch;
    write_file(folder / "result.json", result.dump(2) + "\n");
    for (const auto& [name, text] : csv_tables(result)) write_file(folder / name, text);
    const double tables = watch.lap();
    write_file(folder / "report.html", report_html(run, result, input));
    const double report = watch.lap();
    write_file(folder / "timeline.json.gz", gzip(perfetto_json(run)));
    const double timeline = watch.lap();
    const nlohmann::ordered_json timing = {{"schema", "moesim.timing/1"},
                                           {"reading_s", times.reading_s},
                                           {"lowering_s", run.wall.lowering_s},
                                           {"engine_s", run.wall.engine_s},
                                           {"analysis_s", run.wall.booking_s + times.result_s},
                                           {"variants_s", times.variants_s},
                                           {"tables_s", tables},
                                           {"report_s", report},
                                           {"timeline_s", timeline},
                                           {"peak_rss_bytes", peak_rss_bytes()}};
    write_file(folder / "timing.json", timing.dump(2) + "\n");
}

}  // namespace moesim::analysis
