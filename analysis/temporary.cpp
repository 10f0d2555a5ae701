#include "analysis/temporary.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

namespace moesim::analysis {

namespace {

// What a signal handler may touch: fixed memory, no allocation. A slot whose first byte is zero is
// free; paths longer than that are not cleaned up.
constexpr std::size_t kSlots = 64, kLongest = 4096;
char slots[kSlots][kLongest];
pid_t owner = 0;

extern "C" void interrupted(int signal) {
    if (getpid() != owner) _exit(128 + signal);
    for (const auto& slot : slots)
        if (slot[0] != '\0') unlink(slot);
    static const char words[] = "\nmoesim: interrupted; files that were not complete are gone\n";
    [[maybe_unused]] const auto n = write(STDERR_FILENO, words, sizeof words - 1);
    std::signal(signal, SIG_DFL);
    raise(signal);
}

}  // namespace

Temporary::Temporary(const std::string& target)
    : target_{target}, path_{fmt::format("{}.{}.tmp", target, ::getpid())} {
    if (path_.size() >= kLongest) return;
    for (std::size_t i = 0; i < kSlots; ++i) {
        if (slots[i][0] != '\0') continue;
        slot_ = static_cast<int>(i);
        std::memcpy(slots[i] + 1, path_.c_str() + 1, path_.size());
        slots[i][0] = path_[0];  // last: half a path must not be taken for one
        return;
    }
}

Temporary::~Temporary() {
    if (!path_.empty()) unlink(path_.c_str());
    if (slot_ >= 0) slots[slot_][0] = '\0';
}

void Temporary::done() { path_.clear(); }

void clean_up_when_interrupted() {
    owner = getpid();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction action {};
        sigaction(signal, nullptr, &action);
        if (action.sa_handler == SIG_IGN) continue;  // nohup, a shell's background job
        action = {};
        action.sa_handler = interrupted;
        sigemptyset(&action.sa_mask);
        for (const int other : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&action.sa_mask, other);
        sigaction(signal, &action, nullptr);
    }
}

}  // namespace moesim::analysis
