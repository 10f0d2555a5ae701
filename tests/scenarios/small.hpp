#pragma once

#include "scenarios/scenario.hpp"

namespace moesim::scenarios {

/// A MoE step that simulates in milliseconds: DeepSeek-V3's layers cut to four on 16 GPUs, with
/// routing as skewed as measured. `more` is appended; `sets` are applied as --set.
inline sim::Table small_table(const std::vector<std::string>& sets = {}) {
    sim::Table table = sim::Table::from_text(R"(
name = "small"
model = "deepseek-v3"
layers = 4
dense_layers = 0
mtp_layers = 0
cluster = "deepseek-h800-2048"
profile = "h800-trace"
gpus = 32
[parallel]
pipeline = 2
data = 16
expert = 16
[batch]
global = 64
micro = 1
sequence = 1024
[step]
schedule = "1f1b"
dispatcher = "deepep"
precision = "fp8"
[routing]
kind = "measured"
resample = "nearest"
bias_balanced = false
)",
                                             "small.toml");
    for (const std::string& s : sets) table.set(s);
    return table;
}

inline Scenario small(const std::vector<std::string>& sets = {}, std::uint64_t seed = 0) {
    return read_scenario(small_table(sets), seed);
}

}  // namespace moesim::scenarios
