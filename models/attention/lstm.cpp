#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// A long short-term memory layer of `width` cells; with head_dim its output (and what it feeds
/// back) is a projection of that size. Four gates see the input and the fed-back output. Source:
/// arXiv:1402.1128 (LSTMP); used between the experts of arXiv:1701.06538.
class Lstm final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "lstm";
        a.width = read_size(in, "width", 1);
        a.head_dim = read_size(in, "projection", 0, 0);
        a.heads = a.kv_heads = 1;
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long back = a.head_dim > 0 ? a.head_dim : a.width;
        std::vector<Linear> out{{"gates", "attention", hidden, 4L * a.width},
                                {"recurrent", "attention", back, 4L * a.width}};
        if (a.head_dim > 0) out.push_back({"lstm_projection", "attention", a.width, a.head_dim});
        return out;
    }

    double norms(const Attention& a) const override {
        static_cast<void>(a);
        return 0;
    }

    double vectors(const Attention& a, int) const override { return 4.0 * a.width; }

    double cached_values(const Attention&) const override { return 0; }

    double state_values(const Attention& a) const override {
        return double{1} * a.width + (a.head_dim > 0 ? a.head_dim : a.width);
    }

    double core_flops(const Attention& a, long, bool) const override {
        static_cast<void>(a);  // gates element by element are left out
        return 0;
    }

    std::string describe(const Attention& a) const override {
        return fmt::format("LSTM, {} cells{}", a.width,
                           a.head_dim > 0 ? fmt::format(", projected to {}", a.head_dim) : "");
    }
};

const sim::Register<AttentionKind, Lstm> entry{
    "lstm", "a long short-term memory layer, one token after another"};

}  // namespace
}  // namespace moesim::models
