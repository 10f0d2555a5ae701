#include "models/read.hpp"

#include <fmt/format.h>

namespace moesim::models {
namespace {

constexpr std::int64_t kMost = 100'000'000;

int checked(const sim::Table& in, std::string_view key, std::int64_t value) {
    if (value > kMost)
        in.fail(key, fmt::format("{} is more than any model has", value),
                fmt::format("at most {}", kMost));
    return static_cast<int>(value);
}

}  // namespace

int read_size(sim::Table& in, std::string_view key, int least) {
    return checked(in, key, in.count(key, least));
}

int read_size(sim::Table& in, std::string_view key, int least, int fallback) {
    return checked(in, key, in.count(key, least, fallback));
}

}  // namespace moesim::models
