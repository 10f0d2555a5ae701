#include "analysis/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "analysis/output.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {

namespace {

constexpr std::size_t kBar = 24;
constexpr double kPatience = 0.5;  // seconds

void draw(const std::string& text) {
    [[maybe_unused]] const auto n = ::write(STDERR_FILENO, text.data(), text.size());
}

std::size_t columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool wanted() {
    const char* term = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) != 0 && !is_quiet() &&
           !(term != nullptr && std::string_view{term} == "dumb");
}

}  // namespace

Progress::Progress(std::string title, std::size_t all)
    : title_{std::move(title)}, all_{all}, on_{wanted()} {}

Progress::~Progress() {
    if (drawn_) draw("\r\x1b[K");
}

std::string Progress::line(const std::string& title, std::size_t done, std::size_t all,
                           const std::string& now, std::size_t columns) {
    const std::size_t full = all > 0 ? kBar * std::min(done, all) / all : kBar;
    std::string out = fmt::format("{}  [{}{}]  {} of {}", title, std::string(full, '#'),
                                  std::string(kBar - full, '-'), done, all);
    if (out.size() + 8 < columns && !now.empty())
        out += "  " + sim::printable(now, columns - out.size() - 6);
    return out.substr(0, columns > 1 ? columns - 1 : 1);
}

void Progress::show(std::size_t done, const std::string& now) {
    done_ = done;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
    if (!on_ || passed.count() < kPatience) return;
    draw("\r" + line(title_, done_, all_, now, columns()) + "\x1b[K");
    drawn_ = true;
}

}  // namespace moesim::analysis
