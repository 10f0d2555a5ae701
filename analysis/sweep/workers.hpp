#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace moesim::analysis {

/// Calls work(i) for every i of `items`, in `at_once` processes that live until all is done, so
/// that what one item has loaded is there for the next; done(i, text) is called here, in whatever
/// order they end. An error inside is thrown as what it was (sim::InputError, else
/// std::runtime_error) after the processes have ended; a process that dies is a runtime_error that
/// names its item.
void run_workers(const std::vector<std::size_t>& items, int at_once,
                 const std::function<std::string(std::size_t)>& work,
                 const std::function<void(std::size_t, std::string)>& done);

}  // namespace moesim::analysis
