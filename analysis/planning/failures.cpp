#include "analysis/planning/failures.hpp"

#include <algorithm>
#include <cmath>
#include <queue>

#include "models/random.hpp"

namespace moesim::analysis {
namespace {

constexpr double kMostEvents = 4e6;        // failures simulated in all runs together
constexpr double kLeastGoodput = 1e-2;     // below, nobody would wait for the end
constexpr std::uint64_t kStream = 0xfa11;  // of random numbers, apart from those of routing

double rate(double mtbf_s, double parts) { return mtbf_s > 0 ? parts / mtbf_s : 0; }

/// One run from the first step to the last.
class Run {
public:
    Run(const FailingJob& job, double every_s, double work_s, models::Random& random)
        : job_{job},
          every_{every_s},
          work_{work_s},
          random_{random},
          spares_{job.failures.spares},
          next_{draw()} {}

    void finish() {
        const double write = job_.checkpoint.write_s, segment = every_ + write;
        double left = work_;
        while (left > 0) {
            // Intervals that end before the next failure, all but the last with a checkpoint.
            const double whole = std::floor((next_ - now_) / segment);
            const double all = std::ceil(left / every_) - 1;  // the rest is written by no one
            const double done = std::min(whole, all);
            now_ += done * segment;
            left -= done * every_;
            if (done == all && now_ + left <= next_) {
                now_ += left;
                return;
            }
            fail();
        }
    }

    [[nodiscard]] double now() const { return now_; }
    [[nodiscard]] double failures() const { return failures_; }
    [[nodiscard]] double waited() const { return waited_; }

private:
    double draw() { return now_ - std::log1p(-random_.uniform()) * job_.mtbf_s(); }

    /// Goes from a failure to the moment when work starts again.
    void fail() {
        const double restart = job_.failures.restart_s;
        do {
            now_ = next_;
            ++failures_;
            replace_node();
            next_ = draw();
            if (now_ + restart <= next_) break;
        } while (true);
        now_ += restart;
    }

    /// A failure of the job itself breaks no node.
    void replace_node() {
        if (job_.failures.spares < 0) return;
        const double broken = 1 - rate(job_.failures.mtbf_job_s, 1) * job_.mtbf_s();
        if (random_.uniform() >= broken) return;
        repaired_.push(now_ + job_.failures.repair_s);
        for (; !repaired_.empty() && repaired_.top() <= now_; repaired_.pop()) ++spares_;
        if (spares_ > 0) {
            --spares_;
            return;
        }
        waited_ += repaired_.top() - now_;
        now_ = repaired_.top();
        repaired_.pop();
    }

    const FailingJob& job_;
    double every_, work_;
    models::Random& random_;
    int spares_;
    std::priority_queue<double, std::vector<double>, std::greater<>> repaired_;  // times
    double now_ = 0, waited_ = 0, failures_ = 0;
    double next_;
};

double quantile(const std::vector<double>& sorted, double at) {
    const double place = at * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

double FailingJob::mtbf_s() const {
    return 1 / (rate(failures.mtbf_gpu_s, gpus) + rate(failures.mtbf_node_s, nodes) +
                rate(failures.mtbf_job_s, 1));
}

double young_interval(double write_s, double mtbf_s) { return std::sqrt(2 * write_s * mtbf_s); }

double daly_interval(double write_s, double mtbf_s) {
    if (write_s >= 2 * mtbf_s) return mtbf_s;
    const double ratio = write_s / (2 * mtbf_s);
    return young_interval(write_s, mtbf_s) * (1 + std::sqrt(ratio) / 3 + ratio / 9) - write_s;
}

double expected_goodput(double every_s, double write_s, double restart_s, double mtbf_s) {
    const double took =
        mtbf_s * std::exp(restart_s / mtbf_s) * std::expm1((every_s + write_s) / mtbf_s);
    return std::isfinite(took) ? every_s / took : 0;
}

FailureStudy study_failures(const FailingJob& job, std::uint64_t seed) {
    FailureStudy out;
    const double mtbf = job.mtbf_s(), write = job.checkpoint.write_s;
    const double wish =
        job.checkpoint.every_s > 0 ? job.checkpoint.every_s : daly_interval(write, mtbf);
    out.every_s = std::max(1.0, std::round(wish / job.step_s)) * job.step_s;
    out.expected = expected_goodput(out.every_s, write, job.failures.restart_s, mtbf);
    out.mean = out.low = out.high = out.expected;
    if (out.expected < kLeastGoodput) return out;

    const double per_run = job.work_s / out.expected / mtbf;
    out.replicas = job.failures.replicas;
    out.simulated = std::min(1.0, kMostEvents / out.replicas / std::max(per_run, 1.0));
    const double work = std::max(job.work_s * out.simulated, std::min(job.work_s, out.every_s));
    std::vector<double> goodput;
    for (int i = 0; i < out.replicas; ++i) {
        models::Random random{seed, kStream, static_cast<std::uint64_t>(i)};
        Run run{job, out.every_s, work, random};
        run.finish();
        goodput.push_back(work / run.now());
        out.interruptions += run.failures() / out.replicas / out.simulated;
        out.waiting += run.waited() / run.now() / out.replicas;
    }
    std::sort(goodput.begin(), goodput.end());
    out.mean = 0;
    for (const double g : goodput) out.mean += g / out.replicas;
    out.low = quantile(goodput, (1 - out.level) / 2);
    out.high = quantile(goodput, (1 + out.level) / 2);
    return out;
}

}  // namespace moesim::analysis
