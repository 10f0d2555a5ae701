#include "analysis/microbench/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "analysis/microbench/plan.hpp"
#include "analysis/microbench/trace_row.hpp"

namespace moesim::microbench {

const char* const kUsage =
    "moesim-microbench [--ops A,B] [--device N] [--out FILE] [--budget SECONDS] [--dry-run [--arch "
    "N]]\n"
    "  --ops      only these: gemm, grouped_gemm, attention, memory, launch, contention, or one\n"
    "             kernel by name (rmsnorm, copy, ...)\n"
    "  --device   index of the CUDA device; 0\n"
    "  --out      the trace to write or to go on with; analysis/microbench/traces/<device>.csv\n"
    "  --budget   seconds after which no measurement is begun; 440. Run again to go on\n"
    "  --dry-run  what would be measured and for how long; needs no GPU.\n             With --out: "
    "what that trace does not hold yet\n"
    "  --arch     dry run: compute capability to plan for, 80, 90 or 100; 90\n";

namespace {

double number(const std::string& option, const std::string& text, double least, double most) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() ||
        !(value >= least && value <= most)) {
        char range[64];
        std::snprintf(range, sizeof range, "%g to %g", least, most);
        throw std::runtime_error(option + ": '" + text + "' is no number from " + range);
    }
    return value;
}

int whole(const std::string& option, const std::string& text, int least, int most) {
    const double value = number(option, text, least, most);
    if (value != std::floor(value))
        throw std::runtime_error(option + ": '" + text + "' is no whole number");
    return static_cast<int>(value);
}

std::vector<std::string> known(const std::string& list) {
    const std::vector<std::string> all = known_ops();
    std::vector<std::string> ops = split(list);
    for (const std::string& op : ops)
        if (std::find(all.begin(), all.end(), op) == all.end()) {
            std::string names;
            for (const std::string& name : all) names += " " + name;
            throw std::runtime_error("--ops: '" + op + "' is not measured; known:" + names);
        }
    return ops;
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
    Options out;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        const auto value = [&]() -> const std::string& {
            if (i + 1 == arguments.size()) throw std::runtime_error(word + ": a value is missing");
            return arguments[++i];
        };
        if (word == "--help" || word == "-h")
            out.help = true;
        else if (word == "--dry-run")
            out.dry_run = true;
        else if (word == "--ops")
            out.ops = known(value());
        else if (word == "--device")
            out.device = whole(word, value(), 0, 1023);
        else if (word == "--out")
            out.out = value();
        else if (word == "--budget")
            out.budget_s = number(word, value(), 1, 1e6);
        else if (word == "--arch")
            out.capability = whole(word, value(), 80, 999);
        else
            throw std::runtime_error("'" + word + "' is no option; see --help");
    }
    return out;
}

std::string plan_text(const std::vector<Case>& cases, std::size_t done, bool each) {
    struct Kind {
        std::string name, lines;
        std::size_t count = 0;
        double seconds = 0;
    };
    std::vector<Kind> kinds;
    double seconds = 0;
    char line[240];
    for (const Case& one : cases) {
        const std::string name = one.op +
                                 (one.op == "memory" ? " " + one.kernel : " " + one.dtype) +
                                 (one.sms_held > 0 ? " beside a copy" : "");
        auto kind =
            std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.name == name; });
        if (kind == kinds.end()) kind = kinds.insert(kinds.end(), {name, "", 0, 0});
        const double time = seconds_to_measure(one);
        ++kind->count;
        kind->seconds += time;
        seconds += time;
        std::snprintf(line, sizeof line, "  %-72s %7.2f s\n", describe(one).c_str(), time);
        if (each) kind->lines += line;
    }
    std::string text;
    kinds.push_back({"all", "", cases.size(), seconds});
    for (const Kind& kind : kinds) {
        std::snprintf(line, sizeof line, "%-32s %5zu measurements, about %6.1f s\n",
                      kind.name.c_str(), kind.count, kind.seconds);
        text += kind.lines + line;
    }
    if (done > 0) text += std::to_string(done) + " more are in the trace already\n";
    return text;
}

}  // namespace moesim::microbench
