#include "analysis/report/chart_library.hpp"

// As C++ the script would be a literal of half a million characters; the assembler reads it as it
// is. MOESIM_CHART_LIBRARY: the file's name, as a literal.
__asm__(
    ".pushsection .rodata\n"
    "moesim_chart_library_begin:\n"
    ".incbin " MOESIM_CHART_LIBRARY
    "\n"
    "moesim_chart_library_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
__attribute__((visibility("hidden"))) extern const char moesim_chart_library_begin[];
__attribute__((visibility("hidden"))) extern const char moesim_chart_library_end[];
}

namespace moesim::analysis {

std::string_view chart_library() { return {moesim_chart_library_begin, moesim_chart_library_end}; }

}  // namespace moesim::analysis
