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

/// The layers of each stage, as given or evenly.
void split_layers(sim::Table& in, Scenario& s);

}  // namespace moesim::scenarios
