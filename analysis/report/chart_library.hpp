#pragma once

#include <string_view>

namespace moesim::analysis {

/// The script that draws the report's interactive charts, as it was bundled when this program was
/// built (see report/charts/); empty when npm was not there. It holds no "</script".
std::string_view chart_library();

}  // namespace moesim::analysis
