#pragma once

#include <functional>
#include <string>
#include <vector>

namespace moesim::analysis {

/// Texts of all jobs, in order; up to `at_once` of them run at a time, each in a process of its own
/// (one engine per process, and every core at work). An error inside a job comes back as what it
/// was: sim::InputError or std::runtime_error. progress(done, all) is called as jobs end.
std::vector<std::string> run_jobs(
    const std::vector<std::function<std::string()>>& jobs, int at_once,
    const std::function<void(std::size_t, std::size_t)>& progress = {});

/// Cores of this machine that this process may use.
int cores();

}  // namespace moesim::analysis
