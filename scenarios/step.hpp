#pragma once

#include "scenarios/scenario.hpp"

namespace moesim::scenarios {

/// A count that any plan could have, as int. Throws sim::InputError.
int checked(const sim::Table& in, std::string_view key, std::int64_t value);
int small(sim::Table& in, std::string_view key, int least);
int small(sim::Table& in, std::string_view key, int least, int fallback);

/// [step]: reads and checks what stands there by itself.
void read_step(sim::Table& in, Scenario& s);

/// Rules between the schedule and the grid; fills in what the schedule decides.
void check_schedule(sim::Table& in, Scenario& s);

/// The layers of each stage: as given, "even", or "balanced" by cost.
void split_layers(sim::Table& in, Scenario& s);

/// Decoder layers of each stage such that the slowest is as fast as can be. Counted is compute of
/// forward and backward, embedding, head and MTP modules included; not transfers.
std::vector<int> balanced_layers(const Scenario& s, int stages);

}  // namespace moesim::scenarios
