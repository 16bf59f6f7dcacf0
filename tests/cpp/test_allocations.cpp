// No heap allocation per step or epoch.
#include <doctest/doctest.h>

#include <stdexcept>

#include "heap.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

template <class Work>
long allocations_of(Work&& work) {
  const long before = heap.allocations;
  work();
  return heap.allocations - before;
}

TEST_CASE("test_the_counter_sees_allocations") {
  CHECK(allocations_of([] {}) == 0);
  CHECK(allocations_of([] { AlignedVector<float> vector(100); }) == 1);
  CHECK(allocations_of([] {
          std::vector<double> values(1000);
          values.push_back(1.0);
        }) == 2);
  heap.largest_request = 0;
  const AlignedVector<char> large(1 << 20);
  CHECK(heap.largest_request >= size_t{1} << 20);
}

// Allocations of a training of so many epochs, in a workspace that has its size.
template <class T>
long allocations_of_epochs(const Setup& setup, int64_t epochs, const Team& team = Team()) {
  Workspace workspace;
  Session<T> session = make_session<T>(setup);
  Session<T>(session).advance(1, workspace, StopToken());
  const StopToken stop;
  const long count = allocations_of([&] { session.advance(epochs, workspace, stop, team); });
  CHECK(session.state().epoch == epochs);
  return count;
}

// Fifty epochs more may only let the history grow: curves that double from 1 to 64 entries.
constexpr long kCurves = 4;
template <class T>
void check_epochs(const Setup& setup) {
  CHECK(allocations_of_epochs<T>(setup, 51) - allocations_of_epochs<T>(setup, 1) <= kCurves * 6);
}

template <class T>
void check_epochs_of_team(const Setup& setup) {
  const Cpus cpus(2);
  StopToken stop;
  team_for(1, 2, stop, {}, [&](index_t, const Team& team) {
    const long more = allocations_of_epochs<T>(setup, 51, team);
    CHECK(more - allocations_of_epochs<T>(setup, 1, team) <= kCurves * 6);
  });
}

Setup full_setup() {
  Setup setup;
  setup.samples = 200;
  setup.train.batch_size = 10;
  setup.hidden = {{20, Activation::kRelu, 0.5}, {10, Activation::kTanh, 0.25}};
  setup.input_dropout = 0.1;
  setup.weighted = setup.validated = setup.class_ids = true;
  setup.train.penalty = {0.1, 0.1};
  return setup;
}

TEST_CASE_TEMPLATE("test_epochs_allocate_nothing_but_history", T, float, double) {
  Setup setup = full_setup();
  SUBCASE("dropout, weights and validation") {}
  SUBCASE("sparse") { setup.sparse = true; }
  SUBCASE("plain") { setup = Setup(); }
  SUBCASE("steps that need the whole gradient") {
    setup.train.optimizer.kind = Optimizer::kAmsgrad;
    setup.train.optimizer.clipnorm = setup.train.optimizer.max_norm = 0.5;
    setup.train.optimizer.ema_momentum = 0.9;
    setup.train.optimizer.weight_noise = 0.01;
    setup.train.frozen_layers = {1};
  }
  SUBCASE("normalized batches") {
    setup.hidden[0].normalization = setup.hidden[1].normalization = StageKind::kBatchNormalization;
    setup.input_stages = setup.output_stages = {stage_of(StageKind::kBatchNormalization)};
  }
  SUBCASE("normalized layers, noise, maxout") {
    setup.hidden[0] = {20, Activation::kMaxout, 0.5, StageKind::kLayerNormalization, 0.1};
    setup.hidden[1] = {10, Activation::kPrelu, 0.5, StageKind::kLayerNormalization, 0.1};
  }
  check_epochs<T>(setup);
  check_epochs_of_team<T>(setup);
}

TEST_CASE_TEMPLATE("test_epochs_under_a_monitor_allocate_nothing_but_history", T, float, double) {
  Setup setup = full_setup();
  SUBCASE("accuracy") { setup.train.monitor = Monitor::kAccuracy; }
  SUBCASE("validation loss") { setup.train.monitor = Monitor::kLoss; }
  SUBCASE("r2") {
    setup.train.loss.kind = Loss::kSquaredError;
    setup.class_ids = false;
    setup.train.monitor = Monitor::kR2;
  }
  check_epochs<T>(setup);
}

// Epochs that take long are copied before they begin, so that they can be undone.
TEST_CASE("test_long_epochs_allocate_nothing_but_history") {
  Setup setup = full_setup();
  setup.samples = 40000;
  setup.hidden = {{100, Activation::kRelu, 0.5}, {90, Activation::kTanh, 0.0}};
  setup.train.batch_size = 400;
  REQUIRE(make_session<float>(setup).epoch_cost() > kUndoCost);
  // Curves of 1, then 2, then 4 entries.
  CHECK(allocations_of_epochs<float>(setup, 3) - allocations_of_epochs<float>(setup, 1) <=
        kCurves * 2);
}

TEST_CASE("test_steps_allocate_nothing") {
  Setup few = full_setup(), many = full_setup();
  few.train.batch_size = 200;
  many.train.batch_size = 1;
  SUBCASE("at one rate") {}
  SUBCASE("each at its own") {
    for (Setup* setup : {&few, &many}) {
      setup->train.schedule.kind = Schedule::kCosine;
      setup->train.schedule.horizon = 10.0;
      setup->train.schedule.restarts = 1;
    }
  }
  CHECK(allocations_of_epochs<float>(many, 2) == allocations_of_epochs<float>(few, 2));
}

TEST_CASE("test_impossible_sizes_fail_before_memory_is_asked_for") {
  heap.largest_request = 0;
  constexpr index_t huge = index_t{1} << 40;
  const auto wide_net = [] { return NetSpec(huge, {}, huge, Activation::kSoftmax); };
  CHECK_THROWS_AS(wide_net(), std::length_error);
  CHECK_THROWS_AS(AlignedVector<double>(index_t{1} << 60), std::length_error);
  Workspace sizes;
  CHECK_THROWS_AS(sizes.take<double>(index_t{1} << 60), std::length_error);
  // These can be counted, but their scratch cannot.
  const NetSpec net(1, {Hidden{index_t{1} << 57, Activation::kRelu}}, 1, Activation::kIdentity);
  CHECK_THROWS_AS(Backprop<float>(net, true, sizes), std::length_error);
  CHECK(heap.largest_request < size_t{1} << 16);
}

}  // namespace
}  // namespace nnhp::testing
