#include "models/model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/read.hpp"
#include "models/read_parts.hpp"
#include "sim/paths.hpp"

namespace moesim::models {
namespace {

const std::vector<std::string> kConventions{"with_embedding", "without_input_embedding",
                                            "without_embedding"};
const std::vector<std::string> kConfidences{"verified", "paper", "rumoured", "unpublished",
                                            "recalled"};

void read_published(sim::Table in, Model& model) {
    if (in.has("total")) model.published_total = in.number("total", 1, 1e18);
    if (in.has("active")) model.published_active = in.number("active", 1, 1e18);
    if (model.published_active)
        model.active_convention = in.choice("active_convention", kConventions);
    if (model.published_total && model.published_active &&
        *model.published_active > *model.published_total)
        in.fail("active", "more parameters are active than there are",
                "lower it, or raise `total`");
}

}  // namespace

std::vector<int> Model::layers_of_kind() const {
    std::vector<int> count(kinds.size());
    for (const int kind : layers) ++count[static_cast<std::size_t>(kind)];
    return count;
}

double Attention::keys(double sequence, bool half) const {
    const double s = sequence;
    if (chunk > 0) return std::min<double>(s, chunk) / (half ? 2 : 1);
    double most = s;  // keys of a query late in the sequence
    if (window > 0) most = std::min<double>(most, window);
    if (index_top_k > 0) most = std::min<double>(most, index_top_k);
    return half ? most - most * most / (2 * s) : most;
}

Model load_model(const std::string& name) {
    const auto path = sim::find_data("model", "models/zoo", name);
    sim::Table in = sim::Table::from_file(path);
    Model model;
    model.name = in.text("name", path.stem().string());
    if (in.has("refuse"))
        in.fail("refuse", in.text("refuse"),
                "write the shape that you assume into a TOML of your own");
    model.title = in.text("title", model.name);
    model.hidden = read_size(in, "hidden", 1);
    model.vocab = read_size(in, "vocab", 0);
    model.tied_embedding = in.flag("tied_embedding", false);
    model.mtp_layers = read_size(in, "mtp_layers", 0, 0);
    model.max_sequence = read_size(in, "max_sequence", 1, 0);
    model.confidence = in.choice("confidence", kConfidences, "unpublished");
    model.position_embeddings = read_size(in, "position_embeddings", 0, 0);
    model.aliases = in.texts("aliases");
    model.note = in.text("note", "");
    model.assumed = in.text("assumed", "");
    read_layers(in, model);
    model.extra = read_extra(in.table("extra"));
    read_published(in.table("published"), model);
    in.ignore("source");
    in.ignore("notes");
    in.finish();
    return model;
}

}  // namespace moesim::models
