#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

namespace moesim::analysis {

/// What a sweep has computed so far, in a file that survives being killed at any moment: a line
/// that says which sweep, then one line per answer, each written at once. A torn last line is cut.
class Journal {
public:
    using Key = std::pair<std::size_t, std::string>;  // point, engine

    /// Opens or makes the file. `digest` names the sweep. Throws sim::InputError when the file is
    /// of another sweep or no journal, when it cannot be written, or while another process has it.
    Journal(const std::filesystem::path& file, const std::string& digest);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    [[nodiscard]] const std::map<Key, std::string>& answers() const { return answers_; }
    /// Adds an answer (JSON in one line).
    void add(std::size_t point, const std::string& engine, const std::string& answer);

private:
    void read(const std::string& digest);
    void write(const std::string& line) const;

    std::filesystem::path file_;
    int descriptor_ = -1;
    std::map<Key, std::string> answers_;
};

}  // namespace moesim::analysis
