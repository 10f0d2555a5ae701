#include "analysis/planning/failures.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace moesim;
using namespace moesim::analysis;

namespace {

constexpr double kMinute = 60, kHour = 3600, kDay = 86400;

/// Days of work on so many GPUs in nodes of 8, checkpoints that cost nothing unless told.
FailingJob job(double gpus, double days) {
    FailingJob out;
    out.work_s = days * kDay;
    out.step_s = 10;
    out.gpus = gpus;
    out.nodes = gpus / 8;
    out.checkpoint.every_s = 30 * kMinute;
    out.failures.restart_s = 5 * kMinute;
    out.failures.replicas = 200;
    return out;
}

/// Meta RSC-1: 6.5 failures per 1,000 node-days (arXiv:2410.21680).
FailingJob rsc1(double gpus, double days) {
    FailingJob out = job(gpus, days);
    out.failures.mtbf_node_s = 1000 / 6.5 * kDay;
    return out;
}

}  // namespace

TEST_CASE("failures: Llama 3's rate gives its 419 interruptions in 54 days on 16,384 GPUs") {
    // 419 / (54 d x 24 h x 16,384) = 1.973e-5 per GPU hour (arXiv:2407.21783, table 5).
    FailingJob llama = job(16384, 54);
    llama.failures.mtbf_gpu_s = kHour / 1.973e-5;
    CHECK(llama.mtbf_s() / kHour == Approx(54 * 24.0 / 419).epsilon(1e-3));  // 3.09 h
    const FailureStudy study = study_failures(llama, 1);
    // The paper's 54 days are of the calendar: failures strike in all of the time that the work
    // takes, work / goodput.
    const double per_54_days = study.interruptions * study.mean;
    // Mean of 200 Poisson counts: its standard error is sqrt(419 / 200) = 1.4.
    CHECK(per_54_days == Approx(419).margin(3 * 1.5));
    // "more than 90 % effective training time" (the same paper): checkpoints each half hour.
    CHECK(study.mean > 0.85);
    CHECK(study.low < study.mean);
    CHECK(study.mean < study.high);
}

TEST_CASE("failures: RSC-1's node rate gives 1.8 h at 16,384 and 0.23 h at 131,072 GPUs") {
    CHECK(rsc1(16384, 1).mtbf_s() / kHour == Approx(1.8).margin(0.05));
    CHECK(rsc1(131072, 1).mtbf_s() / kHour == Approx(0.23).margin(0.01));
}

TEST_CASE("failures: RSC-1's effective time ratio for 16,000 GPUs, simulated") {
    // Published 0.70 with checkpoints every 60 min and 0.93 every 5 min, restart 5 min.
    for (const auto& [minutes, published] : {std::pair{60.0, 0.70}, std::pair{5.0, 0.93}}) {
        FailingJob big = rsc1(16000, 30);
        big.checkpoint.every_s = minutes * kMinute;
        const FailureStudy study = study_failures(big, 7);
        CHECK(study.mean == Approx(published).margin(0.03));
        // First order: 1 - rate x (restart + every / 2).
        const double rate = 2000 * 6.5 / 1000 / kDay;
        CHECK(study.mean == Approx(1 - rate * (5 * kMinute + minutes * kMinute / 2)).margin(0.04));
    }
}

TEST_CASE("failures: simulated and expected goodput agree") {
    // Many failures, costly checkpoints and restarts that fail in turn. The mean of 200 runs of
    // about 2,000 failures each is known to about 0.1 %.
    FailingJob rough = rsc1(131072, 15);
    rough.checkpoint = {3 * kMinute, 30};
    rough.failures.restart_s = 4 * kMinute;
    const FailureStudy study = study_failures(rough, 3);
    const double m = rough.mtbf_s();
    // Daly, equation 20, written out.
    const double by_hand = 180 / (m * std::exp(240 / m) * (std::exp(210 / m) - 1));
    CHECK(study.expected == Approx(by_hand).epsilon(1e-9));
    CHECK(study.mean == Approx(study.expected).epsilon(0.005));
}

TEST_CASE("failures: no interval is better than Daly's, and Young's is near it") {
    const double mtbf = 3 * kHour;
    for (const double write : {5.0, 60.0, 600.0}) {
        const double best = daly_interval(write, mtbf);
        const double at_best = expected_goodput(best, write, 300, mtbf);
        for (const double factor : {0.5, 0.8, 1.25, 2.0})
            CHECK(expected_goodput(best * factor, write, 300, mtbf) < at_best);
        // sqrt(2 x write x mtbf), CACM 1974.
        CHECK(young_interval(write, mtbf) == Approx(std::sqrt(2 * write * mtbf)));
        CHECK(expected_goodput(young_interval(write, mtbf), write, 300, mtbf) ==
              Approx(at_best).epsilon(0.01));
    }
}

TEST_CASE("failures: without spares a job waits for repairs, with enough it does not") {
    FailingJob none = rsc1(16384, 20);
    none.failures.repair_s = 6 * kHour;
    none.failures.spares = 0;
    // One failure each 1.8 h of work, each waits 6 h: about 6 / (6 + 1.8 + ...) of the time.
    const FailureStudy waits = study_failures(none, 5);
    CHECK(waits.waiting > 0.6);
    none.failures.spares = 40;  // 20 broken at once would be 11 standard deviations off 6 / 1.8
    const FailureStudy goes_on = study_failures(none, 5);
    CHECK(goes_on.waiting == 0);
    none.failures.spares = -1;
    CHECK(study_failures(none, 5).mean == Approx(goes_on.mean).epsilon(0.01));
    // A job that fails by itself breaks no node.
    FailingJob software = job(16384, 20);
    software.failures.mtbf_job_s = 2 * kHour;
    software.failures.repair_s = 6 * kHour;
    software.failures.spares = 0;
    CHECK(study_failures(software, 5).waiting == 0);
}

TEST_CASE("failures: rates of GPUs, nodes and the job add") {
    FailingJob all = job(64, 1);
    all.failures.mtbf_gpu_s = 6400 * kHour;  // one each 100 h
    all.failures.mtbf_node_s = 800 * kHour;  // one each 100 h
    all.failures.mtbf_job_s = 50 * kHour;
    CHECK(all.mtbf_s() / kHour == Approx(1 / (0.01 + 0.01 + 0.02)));
}

TEST_CASE("failures: the same seed the same study, whatever is hopeless is not simulated") {
    const FailureStudy a = study_failures(rsc1(16384, 10), 2),
                       b = study_failures(rsc1(16384, 10), 2);
    CHECK(a.mean == b.mean);
    CHECK(a.low == b.low);
    CHECK(a.mean != study_failures(rsc1(16384, 10), 3).mean);
    FailingJob hopeless = rsc1(16384, 10);
    hopeless.failures.mtbf_job_s = 1;  // each second, and half an hour between checkpoints
    CHECK(study_failures(hopeless, 2).replicas == 0);
    CHECK(study_failures(hopeless, 2).mean < 0.01);
    // Ten thousand years: only a part is simulated, and it takes no longer.
    FailingJob forever = rsc1(131072, 3.65e6);
    forever.checkpoint.every_s = 60;
    const FailureStudy part = study_failures(forever, 2);
    CHECK(part.simulated < 1);
    CHECK(part.mean == Approx(part.expected).epsilon(0.01));
}
