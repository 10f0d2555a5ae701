#pragma once

#include <string>

#include "analysis/result.hpp"

namespace moesim::analysis {

/// The timeline in the Chrome trace event format (JSON), which Perfetto opens; times in
/// microseconds.
///
/// A process per rank class: its first member and, where members differ, the one that computes
/// longest; all pipeline ranks when there are few, else the first two, the middle and the last. A
/// thread per stream, and one for the units of the schedule; events of a thread do not overlap. A
/// counter per process and port (NIC, NVLink): per cent of what it can carry away from the GPU. At
/// most about `most` events: of a longer run the begin is shown. "otherData" says what is left out.
/// Source: "Trace Event Format" (the Chromium project's document), complete, metadata and counter
/// events.
std::string perfetto_json(const Simulated& run, std::size_t most = 150'000);

}  // namespace moesim::analysis
