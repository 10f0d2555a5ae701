#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace moesim::analysis {

/// One line on standard error that is drawn anew as work goes on, and gone at the end:
///     comparing  [##########----------]  6 of 12  EPLB
/// Only on a terminal, only after half a second, and never when output is quiet.
class Progress {
public:
    Progress(std::string title, std::size_t all);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// So many are done; `now` names what is being worked on.
    void show(std::size_t done, const std::string& now = {});
    void next(const std::string& now = {}) { show(done_ + 1, now); }

    /// The line for a terminal of so many columns, without what moves the cursor.
    static std::string line(const std::string& title, std::size_t done, std::size_t all,
                            const std::string& now, std::size_t columns);

private:
    std::string title_;
    std::size_t all_, done_ = 0;
    bool on_, drawn_ = false;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace moesim::analysis
