#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/load_statistics.hpp"
#include "models/routing_drift.hpp"
#include "models/sampling.hpp"
#include "tests/models/routing_support.hpp"

using namespace moesim;
using tests::routing;
using tests::routing_complaint;
using tests::routing_shape;
using tests::sum;

namespace {

double quantile(std::vector<double> v, double at) {
    std::sort(v.begin(), v.end());
    return v[static_cast<std::size_t>(at * static_cast<double>(v.size()))];
}

/// Variance of ln(a / b) over the experts.
double log_ratio_variance(const std::vector<double>& a, const std::vector<double>& b) {
    double one = 0, two = 0;
    const auto n = static_cast<double>(a.size());
    for (std::size_t e = 0; e < a.size(); ++e) {
        const double x = std::log(a[e] / b[e]);
        one += x / n;
        two += x * x / n;
    }
    return two - one * one;
}

}  // namespace

TEST_CASE("power_law: loads have the quantiles of the truncated law") {
    // x(u) = ((M^(1-a) - 1) u + 1)^(1/(1-a)), M = 0.8 x 4096; scaling leaves ratios alone. With
    // 40,000 draws a quantile's rank strays by sqrt(3/16 / 40000) = 0.2 %
    for (const double alpha : {0.6, 1.01, 1.2, 2.0}) {
        const auto source = routing("kind = \"power_law\"\nalpha = " + std::to_string(alpha) + "\n",
                                    routing_shape(40'000, 1, 1));
        const auto& share = source->layer(0).share[0];
        const auto x = [&](double u) {
            return std::pow((std::pow(3276.8, 1 - alpha) - 1) * u + 1, 1 / (1 - alpha));
        };
        CHECK(quantile(share, 0.75) / quantile(share, 0.25) ==
              Approx(x(0.75) / x(0.25)).epsilon(0.06));
        CHECK(sum(share) == Approx(1).epsilon(1e-9));
    }
}

TEST_CASE("power_law: alpha 1 is the limit of its neighbours") {
    const auto at = [](const std::string& alpha) {
        return routing("kind = \"power_law\"\nalpha = " + alpha + "\n", routing_shape(64, 4, 1))
            ->layer(0)
            .share[0];
    };
    const auto one = at("1.0"), near = at("1.00001");
    for (std::size_t e = 0; e < one.size(); ++e) CHECK(one[e] == Approx(near[e]).epsilon(1e-3));
}

TEST_CASE("power_law: no expert is named by more than every token") {
    const auto source = routing("kind = \"power_law\"\nalpha = 6\n", routing_shape(64, 8, 58));
    double most = 0;
    for (int l = 0; l < 58; ++l) {
        const auto& share = source->layer(l).share[0];
        most = std::max(most, *std::max_element(share.begin(), share.end()));
        CHECK(sum(share) == Approx(1).epsilon(1e-9));
    }
    CHECK(most <= 0.125 + 1e-12);
}

TEST_CASE("power_law: layers draw anew, or deal one draw anew, and the seed decides all") {
    const auto sorted = [](std::vector<double> v) {
        std::sort(v.begin(), v.end());
        return v;
    };
    auto shape = routing_shape(64, 4, 3);
    const auto anew = routing("kind = \"power_law\"\n", shape);
    CHECK(sorted(anew->layer(0).share[0]) != sorted(anew->layer(1).share[0]));
    const auto dealt = routing("kind = \"power_law\"\nper_layer = false\n", shape);
    CHECK(dealt->layer(0).share[0] != dealt->layer(1).share[0]);
    CHECK(sorted(dealt->layer(0).share[0]) == sorted(dealt->layer(1).share[0]));
    CHECK(routing("kind = \"power_law\"\n", shape)->layer(2).share == anew->layer(2).share);
    shape.seed = 2;
    CHECK(routing("kind = \"power_law\"\n", shape)->layer(2).share != anew->layer(2).share);
    const auto kinds = routing("kind = \"power_law\"\nkinds = 3\n", shape);
    CHECK(kinds->kinds() == 3);
    CHECK(kinds->layer(0).share[0] != kinds->layer(0).share[1]);
}

TEST_CASE("dirichlet: loads vary as the concentration says") {
    // variation of a share: sqrt((E - 1) / (E c + 1)); of 40,000 draws it strays by about 1 %
    for (const double c : {0.3, 2.0, 50.0}) {
        const auto source =
            routing("kind = \"dirichlet\"\nconcentration = " + std::to_string(c) + "\n",
                    routing_shape(40'000, 1, 1));
        CHECK(models::coefficient_of_variation(source->layer(0).share[0]) ==
              Approx(std::sqrt(39'999 / (40'000 * c + 1))).epsilon(0.04));
    }
}

TEST_CASE("dirichlet: a tiny concentration leaves one expert with all it may have") {
    const auto source =
        routing("kind = \"dirichlet\"\nconcentration = 1e-6\n", routing_shape(16, 4, 2));
    const auto& share = source->layer(0).share[0];
    CHECK(sum(share) == Approx(1).epsilon(1e-9));
    CHECK(*std::max_element(share.begin(), share.end()) == Approx(0.25));
}

TEST_CASE("sampling: gamma draws have their mean and variance, below shape 1 too") {
    for (const double shape : {0.4, 1.0, 7.5}) {
        models::Random random{std::uint64_t{3}};
        double one = 0, two = 0;
        constexpr int n = 40'000;
        for (int i = 0; i < n; ++i) {
            const double x = std::exp(models::log_gamma_draw(random, shape));
            one += x / n;
            two += x * x / n;
        }
        // both are `shape`; standard errors sqrt(shape / n) and about sqrt((6 s + 2 s^2) / n)
        CHECK(one == Approx(shape).margin(4 * std::sqrt(shape / n)));
        CHECK(two - one * one ==
              Approx(shape).margin(4 * std::sqrt((6 * shape + 2 * shape * shape) / n)));
    }
}

TEST_CASE("sampling: a cap gives its excess to the others in proportion") {
    // 0.7 is cut to 0.5; 0.2 : 0.1 share the other half as 2 : 1
    const auto out = models::capped({0.7, 0.2, 0.1}, 0.5);
    CHECK(out[0] == Approx(0.5));
    CHECK(out[1] == Approx(1.0 / 3));
    CHECK(out[2] == Approx(1.0 / 6));
    // 0.45 at most: the second goes over it in its turn
    const auto twice = models::capped({0.8, 0.19, 0.01}, 0.45);
    CHECK(twice[0] == Approx(0.45));
    CHECK(twice[1] == Approx(0.45));
    CHECK(twice[2] == Approx(0.10));
    // nobody else has anything: an even spread
    CHECK(models::capped({1.0, 0.0, 0.0}, 0.5)[2] == Approx(0.25));
}

TEST_CASE("drift: log-shares spread by rate^2 per step, along one path") {
    const auto at = [](int step) {
        return routing("kind = \"power_law\"\nalpha = 0.5\ndrift = { step = " +
                           std::to_string(step) + ", rate = 0.01 }\n",
                       routing_shape(20'000, 1, 1))
            ->layer(0)
            .share[0];
    };
    const auto start = at(0), far = at(900), next = at(901), farther = at(2500);
    // variances 900, 1 and 1600 x 1e-4; of 20,000 experts they stray by sqrt(2 / 20000) = 1 %
    CHECK(log_ratio_variance(far, start) == Approx(900e-4).epsilon(0.04));
    CHECK(log_ratio_variance(next, far) == Approx(1e-4).epsilon(0.04));
    CHECK(log_ratio_variance(farther, far) == Approx(1600e-4).epsilon(0.04));
    CHECK(sum(far) == Approx(1).epsilon(1e-9));
    CHECK(at(0) == routing("kind = \"power_law\"\nalpha = 0.5\n", routing_shape(20'000, 1, 1))
                       ->layer(0)
                       .share[0]);
}

TEST_CASE("drift: a transient state adds its variance and then is over") {
    models::Drift drift;
    drift.rate = 0;
    drift.transient_rate = 0.1;
    drift.transient = 50;
    // integral of 0.01 exp(-2 t / 50) = 0.25 (1 - exp(-2 t / 50))
    CHECK(drift.variance(1e9) == Approx(0.25));
    CHECK(drift.variance(25) == Approx(0.25 * (1 - std::exp(-1))));
    drift.rate = 0.1;
    CHECK(drift.variance(300) == Approx(3));
    drift.transient_rate = 0.3;  // sum of steps as a check of the integral, to 1 %
    double steps = 0;
    for (int t = 0; t < 300; ++t) steps += std::pow(0.1 + 0.2 * std::exp(-(t + 0.5) / 50), 2);
    CHECK(drift.variance(300) == Approx(steps).epsilon(0.01));
}

TEST_CASE("synthetic routing: wrong numbers are refused where they stand") {
    const auto shape = routing_shape(64, 8, 2);
    CHECK_THAT(routing_complaint("kind = \"power_law\"\nalpha = -1\n", shape),
               Catch::Contains("routing.toml:2:9: error: alpha"));
    CHECK_THAT(routing_complaint("kind = \"power_law\"\nalpha = nan\n", shape),
               Catch::Contains("alpha"));
    CHECK_THAT(routing_complaint("kind = \"dirichlet\"\nconcentration = 0\n", shape),
               Catch::Contains("concentration"));
    CHECK_THAT(routing_complaint("kind = \"power_law\"\ndrift = { rate = 1 }\n", shape),
               Catch::Contains("step"));
    CHECK_THAT(
        routing_complaint("kind = \"power_law\"\ndrift = { step = 999999, rate = 1 }\n", shape),
        Catch::Contains("wander"));
    CHECK_THAT(routing_complaint("kind = \"power_law\"\nalhpa = 1\n", shape),
               Catch::Contains("did you mean 'alpha'"));
    CHECK_THAT(routing_complaint("kind = \"power_law\"\ncapacity_facto = 1\n", shape),
               Catch::Contains("did you mean 'capacity_factor'"));
}

TEST_CASE("synthetic routing: 58 layers of 256 experts are ready in a blink") {
    const std::string text =
        GENERATE(as<std::string>{}, "kind = \"power_law\"\n", "kind = \"dirichlet\"\n",
                 "kind = \"measured\"\n", "kind = \"measured\"\nbias_balanced = true\n",
                 "kind = \"power_law\"\ndrift = { step = 100000, transient_rate = 1e-2 }\n",
                 "kind = \"bias_balanced\"\n");
    const auto begin = std::chrono::steady_clock::now();
    const auto source = routing(text, routing_shape(256, 8, 58));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    INFO(text << took.count() << " s");
    CHECK(source->layer(57).share[0].size() == 256);
    CHECK(took.count() < 5);  // 0.1 s when built for speed and alone; sanitizers are slower
}
