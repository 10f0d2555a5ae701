#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "analysis/microbench/measurement.hpp"

namespace moesim::microbench {

/// All complete rows of a trace, in the order written. A last line without its end is what a killed
/// run left, and is passed over; so is a comment. A file that is not there holds no rows.
/// Throws std::runtime_error "path:line: what" for a file that is no trace.
std::vector<Measurement> read_trace(const std::filesystem::path& path);

/// A trace that grows row by row and knows what it holds already.
class TraceFile {
public:
    /// Takes up the file where it ends: an incomplete last line is cut off, a new file gets its
    /// two first lines. Throws std::runtime_error when it is no trace or cannot be written.
    explicit TraceFile(std::filesystem::path path);

    /// Measured with an answer before: ok, or refused by the library. What failed or came out wrong
    /// is tried again.
    [[nodiscard]] bool has(const std::string& device, const Case& what) const;

    /// Tried before without an answer: to be taken last, since it may have brought the device down.
    [[nodiscard]] bool failed(const std::string& device, const Case& what) const;

    /// Adds a row with one write, so that a killed run leaves whole lines (or a last half one).
    void append(const Measurement& row);

private:
    std::filesystem::path path_;
    std::set<std::string> done_, failed_;
};

/// The cases that a trace (of one device) does not hold yet; all when `path` is empty or not there.
std::vector<Case> left_of(const std::vector<Case>& cases, const std::filesystem::path& path);

/// "NVIDIA H100 80GB HBM3" -> "nvidia-h100-80gb-hbm3.csv".
std::string file_name(const std::string& device);

}  // namespace moesim::microbench
