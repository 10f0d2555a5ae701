#include "analysis/jobs.hpp"

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "sim/input.hpp"

namespace moesim::analysis {
namespace {

// First byte of what a job's process sends.
constexpr char kDone = 'd', kWrongInput = 'i', kFailed = 'f';

struct Child {
    std::size_t job;
    pid_t pid;
    int pipe;
    std::string text;
};

void send(int pipe, char kind, const std::string& text) {
    const std::string whole = kind + text;
    for (std::size_t at = 0; at < whole.size();) {
        const ssize_t n = write(pipe, whole.data() + at, whole.size() - at);
        if (n < 0 && errno != EINTR) _exit(1);
        if (n > 0) at += static_cast<std::size_t>(n);
    }
}

Child start(std::size_t job, const std::function<std::string()>& work) {
    int ends[2];
    std::fflush(nullptr);
    if (pipe(ends) != 0) throw std::runtime_error("cannot open a pipe to a job");
    const pid_t pid = fork();
    if (pid < 0) throw std::runtime_error("cannot start a job's process");
    if (pid == 0) {
        close(ends[0]);
        try {
            send(ends[1], kDone, work());
        } catch (const sim::InputError& e) {
            send(ends[1], kWrongInput, e.what());
        } catch (const std::exception& e) {
            send(ends[1], kFailed, e.what());
        }
        _exit(0);
    }
    close(ends[1]);
    return {job, pid, ends[0], {}};
}

/// Reads what is there; false at the end of the job's text.
bool receive(Child& child) {
    char buffer[1 << 16];
    const ssize_t n = read(child.pipe, buffer, sizeof buffer);
    if (n > 0) child.text.append(buffer, static_cast<std::size_t>(n));
    return n > 0 || (n < 0 && errno == EINTR);
}

std::string result(Child& child) {
    close(child.pipe);
    while (waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (child.text.empty()) throw std::runtime_error("a job's process ended without an answer");
    const std::string text = child.text.substr(1);
    if (child.text.front() == kWrongInput) throw sim::InputError(text);
    if (child.text.front() == kFailed) throw std::runtime_error(text);
    return text;
}

}  // namespace

int cores() {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

std::vector<std::string> run_jobs(const std::vector<std::function<std::string()>>& jobs,
                                  int at_once,
                                  const std::function<void(std::size_t, std::size_t)>& progress) {
    std::vector<std::string> out(jobs.size());
    std::vector<Child> running;
    std::size_t next = 0, done = 0;
    std::exception_ptr error;
    while (done < jobs.size()) {
        while (!error && next < jobs.size() && running.size() < static_cast<std::size_t>(at_once)) {
            running.push_back(start(next, jobs[next]));
            ++next;
        }
        if (running.empty()) break;
        std::vector<pollfd> waits;
        for (const Child& child : running) waits.push_back({child.pipe, POLLIN, 0});
        poll(waits.data(), waits.size(), -1);
        for (std::size_t i = running.size(); i-- > 0;) {
            if (waits[i].revents == 0 || receive(running[i])) continue;
            try {
                out[running[i].job] = result(running[i]);
            } catch (...) {
                if (!error) error = std::current_exception();
            }
            running.erase(running.begin() + static_cast<long>(i));
            ++done;
            if (progress) progress(done, jobs.size());
        }
    }
    if (error) std::rethrow_exception(error);
    return out;
}

}  // namespace moesim::analysis
