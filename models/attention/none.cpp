#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// No mixer: the layer is a feed-forward part alone, as in hybrids that alternate (Nemotron-H).
class NoMixer final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "none";
        static_cast<void>(in);
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        static_cast<void>(a);
        static_cast<void>(hidden);
        return {};
    }

    double norms(const Attention& a) const override {
        static_cast<void>(a);
        return 0;
    }

    double cached_values(const Attention&) const override { return 0; }

    double core_flops(const Attention& a, long, bool) const override {
        static_cast<void>(a);
        return 0;
    }

    std::string describe(const Attention& a) const override {
        static_cast<void>(a);
        return "no mixer";
    }
};

const sim::Register<AttentionKind, NoMixer> entry{"none", "no mixer: a feed-forward layer alone"};

}  // namespace
}  // namespace moesim::models
