#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace moesim::analysis {

/// A result for a document: headline, where time goes, communication, memory, what dominates,
/// variants, as Markdown tables (GitHub's). What users wrote stays text.
std::string summary_markdown(const nlohmann::ordered_json& result);

}  // namespace moesim::analysis
