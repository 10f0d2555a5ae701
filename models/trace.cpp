#include "models/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "models/csv_rows.hpp"

namespace moesim::models {
namespace {

/// [layers][groups] tokens; all layers must agree.
void check_counts(const std::filesystem::path& path, const std::vector<TraceChunk>& chunks,
                  const Trace& trace) {
    std::vector<std::vector<std::size_t>> tokens(trace.layers.size(),
                                                 std::vector<std::size_t>(trace.groups.size()));
    for (const TraceChunk& c : chunks)
        tokens[static_cast<std::size_t>(c.layer)][static_cast<std::size_t>(c.group)] += c.tokens;
    for (std::size_t g = 0; g < trace.groups.size(); ++g)
        for (std::size_t l = 1; l < trace.layers.size(); ++l)
            if (tokens[l][g] != tokens[0][g])
                fail_file(path,
                          fmt::format("{}: {} tokens in layer {}, {} in layer {}", trace.groups[g],
                                      tokens[l][g], trace.layers[l], tokens[0][g], trace.layers[0]),
                          "every token has one row for every MoE layer; was the trace cut off?");
}

/// A rank that had nothing to do has no tokens and is no group.
void drop_empty(std::vector<TraceChunk>& chunks, Trace& trace) {
    std::erase_if(chunks, [](const TraceChunk& c) { return c.tokens == 0; });
    std::vector<int> number(trace.groups.size(), -1);
    for (const TraceChunk& c : chunks) number[static_cast<std::size_t>(c.group)] = 0;
    std::vector<std::string> kept;
    for (std::size_t g = 0; g < number.size(); ++g)
        if (number[g] == 0) {
            number[g] = static_cast<int>(kept.size());
            kept.push_back(std::move(trace.groups[g]));
        }
    trace.groups = std::move(kept);
    for (TraceChunk& c : chunks) c.group = number[static_cast<std::size_t>(c.group)];
}

}  // namespace

void assemble(const std::filesystem::path& path, std::vector<TraceChunk> chunks,
              const std::vector<std::uint16_t>& pool, Trace& trace) {
    drop_empty(chunks, trace);
    if (chunks.empty()) fail_file(path, "no tokens in it");
    check_counts(path, chunks, trace);
    std::stable_sort(chunks.begin(), chunks.end(), [](const TraceChunk& a, const TraceChunk& b) {
        return std::tie(a.layer, a.group) < std::tie(b.layer, b.group);
    });
    const auto top_k = static_cast<std::size_t>(trace.top_k);
    trace.choices.assign(trace.layers.size(), {});
    trace.begin.assign(trace.groups.size() + 1, 0);
    for (const TraceChunk& c : chunks) {
        if (c.layer == 0) trace.begin[static_cast<std::size_t>(c.group) + 1] += c.tokens;
        auto& to = trace.choices[static_cast<std::size_t>(c.layer)];
        const auto first = pool.begin() + static_cast<std::ptrdiff_t>(c.at);
        to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(c.tokens * top_k));
    }
    for (std::size_t g = 0; g < trace.groups.size(); ++g) trace.begin[g + 1] += trace.begin[g];
}

}  // namespace moesim::models
