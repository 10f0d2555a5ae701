#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "analysis/importers/kernel_rules.hpp"
#include "models/csv_rows.hpp"
#include "sim/input.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {
namespace {

using nlohmann::json;

/// A trace of the PyTorch profiler (Kineto, Chrome trace format), recorded with record_shapes.
///
/// Kernel events ("cat": "kernel", "dur" in microseconds) are added up per operator call ("cat":
/// "cpu_op") by their "External id"; an operator's "Input Dims" and "Input type" say what it
/// computed. NCCL kernels carry "Collective name", "In msg nelems", "dtype" and "Group size"
/// themselves. Source: pytorch/kineto, libkineto/src/output_json.cpp.
class Kineto final : public Importer {
public:
    void read(const std::string& path, std::string_view text, const ImportOptions& options,
              Import& out) const override {
        const KernelRules rules{options.rules};
        State state;
        // Events are looked at one by one and dropped, so that a large trace needs little memory.
        const auto each = [&](int depth, json::parse_event_t event, json& parsed) {
            if (depth > kDeepest) throw_deep(path);
            if (event != json::parse_event_t::object_end || depth != 2) return true;
            look(parsed, path, state, out);
            return false;
        };
        json rest;
        try {
            rest = json::parse(text, each);
        } catch (const json::parse_error& e) {
            broken(path, text, e.byte);
        }
        if (!rest.is_object() || !rest.contains("traceEvents"))
            models::fail_file(path, "no \"traceEvents\": this is no PyTorch profiler trace");
        if (state.kernels == 0)
            models::fail_file(path, "no kernel events in the trace",
                              "profile with ProfilerActivity.CUDA and record_shapes=True");
        for (auto& [id, call] : state.calls) {
            const auto kernel = state.kernel_s.find(id);
            if (kernel == state.kernel_s.end()) continue;
            ++out.read;
            call.seconds = kernel->second;
            std::string why;
            if (auto measurement = rules.classify(call, why))
                out.measurements.push_back(std::move(*measurement));
            else
                out.reject(why, path + ": " + sim::printable(call.op, 60));
        }
        for (const auto& [id, seconds] : state.kernel_s)
            if (!state.calls.contains(id)) {
                ++out.read;
                out.reject("a kernel without its operator", path);
            }
    }

private:
    static constexpr int kDeepest = 200;

    struct State {
        std::map<long long, ProfiledCall> calls;
        std::map<long long, double> kernel_s;
        std::size_t kernels = 0;
    };

    static double number(const json& of, const char* key) {
        const auto found = of.find(key);
        if (found == of.end() || !found->is_number()) return std::nan("");
        return found->get<double>();
    }
    static std::string word(const json& of, const char* key) {
        const auto found = of.find(key);
        return found != of.end() && found->is_string() ? found->get<std::string>() : std::string{};
    }

    static void look(const json& event, const std::string& path, State& state, Import& out) {
        if (!event.is_object()) return;
        const std::string cat = word(event, "cat");
        if (cat != "kernel" && cat != "cpu_op") return;
        const auto args = event.find("args");
        if (args == event.end() || !args->is_object()) return;
        const double id = number(*args, "External id");
        if (cat == "cpu_op") {
            if (!std::isnan(id)) remember(event, *args, static_cast<long long>(id), state);
            return;
        }
        ++state.kernels;
        const double us = number(event, "dur");
        if (!(us > 0) || us > 1e12) {
            ++out.read;
            out.reject("a kernel without a duration", path);
        } else if (args->contains("Collective name")) {
            ++out.read;
            collective(*args, us * 1e-6, path, out);
        } else if (std::isnan(id)) {
            ++out.read;
            out.reject("a kernel without an operator (External id)", path);
        } else {
            state.kernel_s[static_cast<long long>(id)] += us * 1e-6;
        }
    }

    static void remember(const json& event, const json& args, long long id, State& state) {
        ProfiledCall call;
        call.op = word(event, "name");
        if (const auto dims = args.find("Input Dims"); dims != args.end() && dims->is_array())
            for (const json& sizes : *dims) {
                std::vector<double> read;
                if (sizes.is_array())
                    for (const json& size : sizes)
                        if (size.is_number() && size.get<double>() > 0)
                            read.push_back(size.get<double>());
                call.inputs.push_back(std::move(read));
            }
        if (const auto types = args.find("Input type"); types != args.end() && types->is_array() &&
                                                        !types->empty() &&
                                                        types->front().is_string())
            call.dtype = types->front().get<std::string>();
        state.calls.emplace(id, std::move(call));  // the outermost operator comes first
    }

    static void collective(const json& args, double seconds, const std::string& path, Import& out) {
        const std::string called = word(args, "Collective name"), dtype = word(args, "dtype");
        const double elements = number(args, "In msg nelems"), ranks = number(args, "Group size");
        const double size = dtype == "Float" || dtype == "Int" ? 4 : dtype == "Byte" ? 1 : 2;
        std::string name;
        for (const auto& [theirs, ours] : {std::pair{"allreduce", "nccl.all_reduce"},
                                           {"_allgather_base", "nccl.all_gather"},
                                           {"allgather", "nccl.all_gather"},
                                           {"_reduce_scatter_base", "nccl.reduce_scatter"},
                                           {"reduce_scatter", "nccl.reduce_scatter"},
                                           {"all_to_all", "nccl.alltoall"},
                                           {"alltoall", "nccl.alltoall"}})
            if (called.starts_with(theirs)) name = ours;
        if (name.empty() || !(elements > 0) || !(ranks > 1))
            return out.reject("a collective that is not modelled, or without its size", path);
        out.measurements.push_back(
            {CollectiveCall{name, elements * size, static_cast<int>(std::min(ranks, 1e6)), 1},
             seconds, true, false});
    }

    [[noreturn]] static void throw_deep(const std::string& path) {
        models::fail_file(path, fmt::format("nested more than {} deep", kDeepest));
    }

    [[noreturn]] static void broken(const std::string& path, std::string_view text,
                                    std::size_t byte) {
        const std::string_view before = text.substr(0, std::min(byte, text.size()));
        const auto line = 1 + std::count(before.begin(), before.end(), '\n');
        const std::size_t start = before.rfind('\n');
        const std::size_t column =
            before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
        throw sim::InputError{
            fmt::format("{}:{}:{}: error: not JSON from here on{}", path, line, column,
                        byte >= text.size() ? "; the text ends early, was it cut off?" : "")};
    }
};

const sim::Register<Importer, Kineto> entry{
    "kineto", "PyTorch profiler trace (JSON, .gz), recorded with shapes"};

}  // namespace
}  // namespace moesim::analysis
