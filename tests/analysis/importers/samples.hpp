#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "analysis/importers/importer.hpp"
#include "sim/input.hpp"

namespace moesim::analysis::samples {

/// What an importer makes of a text.
inline Import imported(const std::string& kind, const std::string& text,
                       const ImportOptions& options = {}, const std::string& path = "sample") {
    Import out;
    sim::Registry<Importer>::entries().at(kind).make()->read(path, text, options, out);
    return out;
}

/// The complaint of an importer about a text; "" when it has none.
inline std::string complaint(const std::string& kind, const std::string& text,
                             const std::string& path = "sample") {
    try {
        (void)imported(kind, text, {}, path);
    } catch (const sim::InputError& e) {
        return e.what();
    }
    return "";
}

template <class What>
const What& only(const Import& import) {
    REQUIRE(import.measurements.size() == 1);
    return std::get<What>(import.measurements.front().what);
}

}  // namespace moesim::analysis::samples
