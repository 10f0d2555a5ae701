#pragma once

#include "models/model.hpp"

namespace moesim::models {

/// The parts of a model's TOML, one reader each; the keys stand at Model. All throw
/// sim::InputError.
Attention read_attention(sim::Table in);
DenseFfn read_dense(sim::Table& in);
MoeFfn read_moe(sim::Table& in);
/// Throws where choices, groups and experts do not fit together.
void check_choice(const sim::Table& in, const MoeFfn& moe);
ProductKeyFfn read_product_key(sim::Table in);
Extra read_extra(sim::Table in);
/// Fills kinds, layers, encoder_layers and mtp_kind from the whole document.
void read_layers(sim::Table& in, Model& model);

extern const std::vector<std::string> kRouters;  // words of moe.router

/// The letters of a pattern with counts, "D3ME2" = D D D M E E, repeated to `layers` letters.
/// Throws sim::InputError at `key`.
std::string read_pattern(sim::Table& in, std::string_view key, int layers);

}  // namespace moesim::models
