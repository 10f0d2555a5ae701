#include "models/router_switches.hpp"

#include "models/read.hpp"
#include "models/read_parts.hpp"

namespace moesim::models {
namespace {

void switch_router(sim::Table& in, MoeFfn& moe) {
    moe.router = in.choice("score", kRouters, moe.router);
    moe.top_k = read_size(in, "top_k", 1, moe.top_k);
    const bool groups = in.has("groups");
    moe.groups = read_size(in, "groups", 1, moe.groups);
    moe.group_limit = read_size(in, "group_limit", 1, groups ? moe.groups : moe.group_limit);
    moe.per_group = read_size(in, "per_group", 0, groups || in.has("top_k") ? 0 : moe.per_group);
    const int shared = read_size(in, "shared_experts", 0, moe.shared_experts);
    if (shared > 0 && moe.shared_experts == 0) moe.shared_width = moe.width;
    moe.shared_experts = shared;
    if (shared == 0) {
        moe.shared_width = 0;
        moe.shared_gate = false;
    }
    check_choice(in, moe);
}

}  // namespace

void switch_routers(sim::Table in, Model& model) {
    bool any = false;
    for (const char* key :
         {"score", "top_k", "groups", "group_limit", "per_group", "shared_experts"}) {
        any = any || in.has(key);
        if (!in.has(key)) in.ignore(key);  // known, so that a slip is told of it
    }
    if (!any) return;
    bool found = false;
    for (Layer& kind : model.kinds)
        if (kind.moe) {
            found = true;
            switch_router(in, *kind.moe);
        }
    if (!found) in.fail("", "the model has no experts to route to", "leave out the router's keys");
    if (!in.has("shared_experts") && !in.has("top_k")) return;
    model.published_active.reset();
    model.active_convention.clear();
    if (in.has("shared_experts")) model.published_total.reset();
}

}  // namespace moesim::models
