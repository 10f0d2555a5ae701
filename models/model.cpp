#include "models/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/hf/import.hpp"
#include "models/read.hpp"
#include "models/read_parts.hpp"
#include "models/zoo.hpp"

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

void read_import(sim::Table in, Import& import) {
    import.family = in.text("family", "");
    import.filled = in.texts("filled");
    import.ignored = in.texts("ignored");
}

/// A model's TOML, or what is made of a config.json.
sim::Table open(const std::filesystem::path& path) {
    if (path.extension() != ".json") return sim::Table::from_file(path);
    return sim::Table::from_text(hf::toml_of_config(path.string()), path.string() + ", as TOML");
}

/// A config.json is named after its folder.
std::string usual_name(const std::filesystem::path& path) {
    const std::string folder = std::filesystem::absolute(path).parent_path().filename().string();
    return path.filename() == "config.json" && !folder.empty() ? folder : path.stem().string();
}

}  // namespace

std::vector<int> Model::layers_of_kind() const {
    std::vector<int> count(kinds.size());
    for (const int kind : layers) ++count[static_cast<std::size_t>(kind)];
    return count;
}

int MoeFfn::routed_choices() const {
    return std::max(1, static_cast<int>(std::lround(real_choices())));
}

double Attention::most_keys(double sequence) const {
    double most = sequence;
    if (window > 0) most = std::min<double>(most, window);
    if (kind != "csa") return index_top_k > 0 ? std::min<double>(most, index_top_k) : most;
    if (compress == 0) return most;
    const double far = sequence / compress;
    return most + (index_top_k > 0 ? std::min<double>(far, index_top_k) : far);
}

double Attention::keys(double sequence, bool half) const {
    const double s = sequence;
    if (chunk > 0) return std::min<double>(s, chunk) / (half ? 2 : 1);
    if (!half) return most_keys(s);
    const auto mean = [](double most, double all) { return most - most * most / (2 * all); };
    if (kind != "csa" || compress == 0) return mean(most_keys(s), s);
    const double near = std::min<double>(s, window);
    return mean(near, s) + mean(most_keys(s) - near, s / compress);
}

Model load_model(const std::string& name) {
    const auto path = find_model(name);
    sim::Table in = open(path);
    Model model;
    model.name = in.text("name", usual_name(path));
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
    read_import(in.table("import"), model.import);
    in.ignore("source");
    in.ignore("notes");
    in.finish();
    return model;
}

}  // namespace moesim::models
