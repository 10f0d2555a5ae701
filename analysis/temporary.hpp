#pragma once

#include <string>

namespace moesim::analysis {

/// A file on its way: removed when this goes, unless it was renamed to what it shall be, and also
/// when the process is interrupted.
class Temporary {
public:
    /// `target`: what it shall be called; the file itself is NAME.PID.tmp beside it.
    explicit Temporary(const std::string& target);
    ~Temporary();
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const std::string& target() const { return target_; }
    void done();  // it has been renamed

private:
    std::string target_, path_;
    int slot_ = -1;
};

/// From now on Ctrl-C, a closed terminal and `kill` remove every Temporary, say so in a line, and
/// end the process by that signal, so that a shell sees 130, 129 or 143. Processes that this one
/// starts end without a word.
void clean_up_when_interrupted();

}  // namespace moesim::analysis
