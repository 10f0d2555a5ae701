#include "analysis/sweep/workers.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "sim/input.hpp"

namespace moesim::analysis {
namespace {

constexpr char kDone = 'd', kWrongInput = 'i', kFailed = 'f';

/// All of `size` bytes; false at the end of the pipe or when nobody reads it.
bool write_all(int pipe, const void* data, std::size_t size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t n = ::write(pipe, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}
bool read_all(int pipe, void* data, std::size_t size) {
    char* at = static_cast<char*>(data);
    while (size > 0) {
        const ssize_t n = ::read(pipe, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

struct Worker {
    pid_t pid = -1;
    int orders = -1, answers = -1;  // our ends
    std::size_t item = 0;
    bool busy = false;
};

/// The life of a worker: an item's number comes in, kind, length and text go out.
[[noreturn]] void serve(int orders, int answers,
                        const std::function<std::string(std::size_t)>& work) {
    std::uint64_t item = 0;
    while (read_all(orders, &item, sizeof item)) {
        char kind = kDone;
        std::string text;
        try {
            text = work(item);
        } catch (const sim::InputError& e) {
            kind = kWrongInput;
            text = e.what();
        } catch (const std::exception& e) {
            kind = kFailed;
            text = e.what();
        }
        const std::uint64_t size = text.size();
        if (!write_all(answers, &kind, 1) || !write_all(answers, &size, sizeof size) ||
            !write_all(answers, text.data(), text.size()))
            break;
    }
    _exit(0);
}

/// Workers that end with this: their orders stop, and they are waited for.
class Pool {
public:
    explicit Pool(std::size_t count, const std::function<std::string(std::size_t)>& work) {
        for (std::size_t i = 0; i < count; ++i) start(work);
    }
    ~Pool() {
        for (const Worker& w : workers_) {
            ::close(w.orders);
            ::close(w.answers);
        }
        for (const Worker& w : workers_)
            while (::waitpid(w.pid, nullptr, 0) < 0 && errno == EINTR) {
            }
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    std::vector<Worker>& workers() { return workers_; }

private:
    void start(const std::function<std::string(std::size_t)>& work) {
        std::array<int, 2> orders{}, answers{};
        if (::pipe(orders.data()) != 0) throw std::runtime_error("cannot open a pipe to a worker");
        if (::pipe(answers.data()) != 0) {
            ::close(orders[0]);
            ::close(orders[1]);
            throw std::runtime_error("cannot open a pipe to a worker");
        }
        std::fflush(nullptr);
        const pid_t pid = ::fork();
        if (pid == 0) {
            // Ends of the others would keep these open after the parent is gone.
            for (const Worker& w : workers_) {
                ::close(w.orders);
                ::close(w.answers);
            }
            ::close(orders[1]);
            ::close(answers[0]);
            serve(orders[0], answers[1], work);
        }
        ::close(orders[0]);
        ::close(answers[1]);
        if (pid < 0) {
            ::close(orders[1]);
            ::close(answers[0]);
            throw std::runtime_error("cannot start a worker's process");
        }
        workers_.push_back({pid, orders[1], answers[0], 0, false});
    }

    std::vector<Worker> workers_;
};

std::string answer(const Worker& worker) {
    char kind = 0;
    std::uint64_t size = 0;
    std::string text;
    bool whole = read_all(worker.answers, &kind, 1) && read_all(worker.answers, &size, sizeof size);
    if (whole) {
        text.resize(size);
        whole = read_all(worker.answers, text.data(), size);
    }
    if (!whole)
        throw std::runtime_error(
            fmt::format("the process that worked on item {} ended without an answer", worker.item));
    if (kind == kWrongInput) throw sim::InputError(text);
    if (kind == kFailed) throw std::runtime_error(text);
    return text;
}

}  // namespace

void run_workers(const std::vector<std::size_t>& items, int at_once,
                 const std::function<std::string(std::size_t)>& work,
                 const std::function<void(std::size_t, std::string)>& done) {
    Pool pool{std::min(items.size(), static_cast<std::size_t>(std::max(1, at_once))), work};
    std::size_t next = 0, left = items.size();
    const auto give = [&](Worker& w) {
        w.busy = next < items.size();
        if (!w.busy) return;
        w.item = items[next++];
        const std::uint64_t item = w.item;
        write_all(w.orders, &item, sizeof item);  // a dead worker is noticed when it should answer
    };
    for (Worker& w : pool.workers()) give(w);
    while (left > 0) {
        std::vector<pollfd> waits;
        for (const Worker& w : pool.workers())
            waits.push_back({w.busy ? w.answers : -1, POLLIN, 0});
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
            throw std::runtime_error("cannot wait for workers");
        for (std::size_t i = 0; i < waits.size(); ++i) {
            if (waits[i].fd < 0 || waits[i].revents == 0) continue;
            Worker& w = pool.workers()[i];
            std::string text = answer(w);
            const std::size_t item = w.item;
            give(w);  // first, so that it computes while the answer is looked at
            --left;
            done(item, std::move(text));
        }
    }
}

}  // namespace moesim::analysis
