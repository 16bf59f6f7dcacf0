// Learning rates from epoch to epoch, and Adam's folded bias correction.
#include <doctest/doctest.h>

#include "nnhp/nn/optimizer.hpp"
#include "nnhp/nn/schedule.hpp"

namespace nnhp::testing {
namespace {

ScheduleSpec spec_of(Schedule schedule) {
  ScheduleSpec spec;
  spec.kind = schedule;
  spec.initial = 0.5;
  spec.power = 0.5;
  spec.per_epoch = {0.1, 0.2, 0.3};
  return spec;
}

TEST_CASE("test_constant_and_adaptive_keep_the_rate") {
  for (const Schedule schedule : {Schedule::kConstant, Schedule::kAdaptive}) {
    CHECK(first_rate(spec_of(schedule)) == 0.5);
    CHECK(next_rate(spec_of(schedule), {3, 100, 0.25}) == 0.25);
  }
}

TEST_CASE("test_invscaling_counts_samples") {
  const ScheduleSpec spec = spec_of(Schedule::kInvscaling);
  CHECK(first_rate(spec) == 0.5);
  CHECK(next_rate(spec, {1, 99, 0.5}) == doctest::Approx(0.5 / 10.0));
  CHECK(next_rate(spec, {7, 399, 0.123}) == doctest::Approx(0.5 / 20.0));
}

TEST_CASE("test_per_epoch_holds_its_last_rate") {
  const ScheduleSpec spec = spec_of(Schedule::kPerEpoch);
  CHECK(first_rate(spec) == 0.1);
  CHECK(next_rate(spec, {1, 0, 0.0}) == 0.2);
  CHECK(next_rate(spec, {2, 0, 0.0}) == 0.3);
  CHECK(next_rate(spec, {3, 0, 0.0}) == 0.3);
  CHECK(next_rate(spec, {1000000000, 0, 0.0}) == 0.3);
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
