// Learning rates from epoch to epoch and from step to step, and Adam's folded bias correction.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "nnhp/nn/optimizer.hpp"
#include "nnhp/nn/schedule.hpp"

namespace nnhp::testing {
namespace {

ScheduleSpec spec_of(Schedule schedule) {
  ScheduleSpec spec;
  spec.kind = schedule;
  spec.initial = 0.5;
  spec.horizon = 8.0;
  spec.per_epoch = {0.1, 0.2, 0.3};
  return spec;
}

// The rate at a step of an epoch of four.
double rate(const ScheduleSpec& spec, int64_t epoch, int64_t step = 0) {
  return rate_at(spec, {epoch, step, 4, 100, 0.25});
}

using doctest::Approx;

TEST_CASE("test_every_schedule_of_the_table_begins_with_a_rate_that_its_check_allows") {
  for (size_t row = 0; row < schedule_table.size(); ++row) {
    ScheduleSpec spec = spec_of(static_cast<Schedule>(row));
    if (spec.kind == Schedule::kPiecewise) spec.boundaries = {3, 5};
    CHECK_NOTHROW(spec.check());
    for (int64_t epoch = 0; epoch < 20; ++epoch) {
      for (int64_t step = 0; step < 4; ++step) {
        const double found = rate(spec, epoch, step);
        CAPTURE(schedule_table[row].name);
        CHECK((std::isfinite(found) && found >= 0.0 && found <= 0.5 * (1.0 + 1e-15)));
        if (!schedule_table[row].per_step) CHECK(found == rate(spec, epoch));
      }
    }
  }
}

TEST_CASE("test_constant_adaptive_and_plateau_keep_the_rate") {
  for (const Schedule schedule : {Schedule::kConstant, Schedule::kAdaptive, Schedule::kPlateau}) {
    CHECK(rate(spec_of(schedule), 3) == 0.25);
  }
}

TEST_CASE("test_invscaling_counts_samples") {
  const ScheduleSpec spec = spec_of(Schedule::kInvscaling);
  CHECK(rate_at(spec, {0, 0, 4, 0, 0.5}) == 0.5);
  CHECK(rate_at(spec, {1, 0, 4, 99, 0.5}) == Approx(0.5 / 10.0));
  CHECK(rate_at(spec, {7, 0, 4, 399, 0.123}) == Approx(0.5 / 20.0));
}

TEST_CASE("test_per_epoch_holds_its_last_rate") {
  const ScheduleSpec spec = spec_of(Schedule::kPerEpoch);
  CHECK(rate(spec, 0) == 0.1);
  CHECK(rate(spec, 1) == 0.2);
  CHECK(rate(spec, 2) == 0.3);
  CHECK(rate(spec, 1000000000) == 0.3);
}

TEST_CASE("test_step_falls_at_set_intervals") {
  ScheduleSpec spec = spec_of(Schedule::kStep);
  spec.step_size = 3;
  spec.factor = 0.5;
  for (const auto& [epoch, expected] : {std::pair{0, 0.5}, {2, 0.5}, {3, 0.25}, {8, 0.125}}) {
    CHECK(rate(spec, epoch, 3) == expected);
  }
}

TEST_CASE("test_exponential_comes_to_its_share_at_the_horizon") {
  ScheduleSpec spec = spec_of(Schedule::kExponential);
  CHECK(rate(spec, 0) == 0.5);
  CHECK(rate(spec, 4) == Approx(0.05));
  CHECK(rate(spec, 7, 3) == Approx(0.5 * std::pow(0.01, 31.0 / 32.0)));
  CHECK(rate(spec, 12) == Approx(5e-4));  // it goes on
  spec.staircase = true;
  spec.horizon = 2.0;
  CHECK(rate(spec, 1, 3) == 0.5);
  CHECK(rate(spec, 2) == Approx(0.005));
}

TEST_CASE("test_polynomial_falls_to_its_end_and_stays") {
  ScheduleSpec spec = spec_of(Schedule::kPolynomial);
  spec.power = 2.0;
  spec.end = 0.2;
  CHECK(rate(spec, 0) == 0.5);
  CHECK(rate(spec, 4) == Approx(0.1 + 0.4 * 0.25));
  CHECK(rate(spec, 8) == Approx(0.1));
  CHECK(rate(spec, 80) == Approx(0.1));
}

TEST_CASE("test_cosine_warms_up_and_falls") {
  ScheduleSpec spec = spec_of(Schedule::kCosine);
  spec.warmup = 2.0;
  CHECK(rate(spec, 0) == 0.0);
  CHECK(rate(spec, 0, 1) == Approx(0.5 / 8.0));
  CHECK(rate(spec, 2) == 0.5);
  CHECK(rate(spec, 5) == Approx(0.25));
  CHECK(rate(spec, 6, 2) == Approx(0.25 * (1.0 + std::cos(0.75 * 3.14159265358979))));
  CHECK(rate(spec, 8) == 0.0);
  spec.warmup = 20.0;  // longer than the training
  CHECK(rate(spec, 10) == Approx(0.25));
  CHECK(rate(spec, 20) == 0.0);
}

TEST_CASE("test_restarts_of_cosine_fill_the_horizon") {
  ScheduleSpec spec = spec_of(Schedule::kCosine);
  spec.horizon = 14.0;
  spec.restarts = 2;  // periods of 2, 4 and 8 epochs
  spec.m_mul = 0.5;
  spec.end = 0.1;
  const auto height = [](double m, double wave) { return 0.5 * (0.9 * m * wave + 0.1); };
  CHECK(rate(spec, 1) == Approx(height(1.0, 0.5)));
  CHECK(rate(spec, 2) == Approx(height(0.5, 1.0)));
  CHECK(rate(spec, 4) == Approx(height(0.5, 0.5)));
  CHECK(rate(spec, 6) == Approx(height(0.25, 1.0)));
  CHECK(rate(spec, 10) == Approx(height(0.25, 0.5)));
  CHECK(rate(spec, 14) == Approx(0.05));
}

TEST_CASE("test_one_cycle_rises_and_falls_by_steps") {
  ScheduleSpec spec = spec_of(Schedule::kOneCycle);
  spec.horizon = 5.0;  // 20 steps, of which the sixth is the peak
  CHECK(rate(spec, 0) == Approx(0.5 / 25.0));
  CHECK(rate(spec, 1, 1) == Approx(0.5));
  CHECK(rate(spec, 4, 3) == Approx(0.5 / 25e4));
  CHECK(rate(spec, 40, 3) == Approx(0.5 / 25e4));
  spec.pct_start = 0.0;
  CHECK(rate(spec, 4, 3) == Approx(0.5 / 25e4));
  spec.pct_start = 1.0;
  CHECK(rate(spec, 4, 3) == Approx(0.5));
  spec.horizon = 0.05;  // a peak of one step
  CHECK(rate(spec, 0) == Approx(0.5));
}

TEST_CASE("test_piecewise_changes_at_its_boundaries") {
  ScheduleSpec spec = spec_of(Schedule::kPiecewise);
  spec.boundaries = {2, 5};
  CHECK(rate(spec, 1, 3) == 0.5);
  CHECK(rate(spec, 2) == Approx(0.05));
  CHECK(rate(spec, 5) == Approx(0.005));
  spec.values = {0.3, 0.4, 0.1};
  CHECK(rate(spec, 1) == 0.3);
  CHECK(rate(spec, 4) == 0.4);
  CHECK(rate(spec, 500) == 0.1);
}

// Each epoch's score, and the rate after it.
void check_plateau(const ScheduleSpec& spec, std::vector<std::pair<double, double>> course) {
  PlateauState state;
  double rate = 0.8;
  for (const auto& [watched, expected] : course) {
    rate = rate_after_plateau(spec, state, watched, rate);
    CHECK(rate == Approx(expected));
  }
}

TEST_CASE("test_plateau_waits_cools_down_and_ends") {
  ScheduleSpec spec = spec_of(Schedule::kPlateau);
  spec.factor = 0.5;
  spec.patience = 2.0;
  spec.min_delta = 0.1;
  spec.min_lr = 0.3;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  check_plateau(spec, {{1.0, 0.8},
                       {1.05, 0.8},
                       {1.2, 0.8},
                       {1.25, 0.8},
                       {1.25, 0.4},
                       {1.25, 0.4},
                       {nan, 0.3},
                       {1.0, 0.3},
                       {1.0, 0.3},
                       {9.0, 0.3}});
  spec.cooldown = 2;
  check_plateau(spec, {{1.0, 0.8}, {1.0, 0.8}, {1.0, 0.4}, {1.0, 0.4}, {1.0, 0.4}, {1.0, 0.3}});
  spec.patience = 0.0;  // as 1
  check_plateau(spec, {{1.0, 0.8}, {1.0, 0.4}});
}

TEST_CASE("test_a_schedule_refuses_what_is_out_of_range") {
  const auto refused = [](Schedule kind, auto change) {
    ScheduleSpec spec = spec_of(kind);
    change(spec);
    CHECK_THROWS_AS(spec.check(), std::invalid_argument);
  };
  refused(Schedule::kConstant, [](ScheduleSpec& s) { s.initial = 0.0; });
  refused(Schedule::kCosine, [](ScheduleSpec& s) { s.horizon = 0.0; });
  refused(Schedule::kCosine, [](ScheduleSpec& s) { s.warmup = -1.0; });
  refused(Schedule::kCosine, [](ScheduleSpec& s) { s.restarts = -1; });
  refused(Schedule::kCosine, [](ScheduleSpec& s) { s.t_mul = 1e200, s.restarts = 2; });
  refused(Schedule::kStep, [](ScheduleSpec& s) { s.step_size = 0; });
  refused(Schedule::kOneCycle, [](ScheduleSpec& s) { s.pct_start = 1.5; });
  refused(Schedule::kPerEpoch, [](ScheduleSpec& s) { s.per_epoch.clear(); });
  refused(Schedule::kPerEpoch, [](ScheduleSpec& s) { s.per_epoch[1] = -0.1; });
  refused(Schedule::kPerEpoch, [](ScheduleSpec& s) { s.begin = int64_t{1} << 62; });
  refused(Schedule::kPiecewise, [](ScheduleSpec& s) { s.boundaries = {5, 2}; });
  refused(Schedule::kPiecewise, [](ScheduleSpec& s) { s.values = {0.5, 0.1}; });
  refused(Schedule::kPiecewise, [](ScheduleSpec& s) { s.values = {0.0}; });
}

TEST_CASE("test_step_rate_folds_adam's_corrections") {
  CHECK(step_rate({Optimizer::kSgd, 0.9, 0.9, 0.999, 1e-8}, 0.5, 3) == 0.5);
  CHECK(step_rate({Optimizer::kNesterov, 0.9, 0.9, 0.999, 1e-8}, 0.5, 3) == 0.5);
  // beta_1 = 1/2, beta_2 = 3/4: sqrt(1/4) / (1/2) = 1, then sqrt(7/16) / (3/4).
  CHECK(step_rate({Optimizer::kAdam, 0.9, 0.5, 0.75, 1e-8}, 0.5, 1) == doctest::Approx(0.5));
  CHECK(step_rate({Optimizer::kAdam, 0.9, 0.5, 0.75, 1e-8}, 0.5, 2) ==
        doctest::Approx(0.5 * std::sqrt(7.0 / 16.0) / 0.75));
  CHECK(step_rate({Optimizer::kAdam, 0.9, 0.9, 0.999, 1e-8}, 0.5, 1000000) == doctest::Approx(0.5));
}

}  // namespace
}  // namespace nnhp::testing
