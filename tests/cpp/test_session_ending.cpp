// The rules that move the rate of a training and end it: schedules, patience, monitors, divergence.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "nnhp/train/session.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST_CASE("test_max_epochs_ends_a_session") {
  Setup setup;
  setup.train.max_epochs = 3;
  Session<float> session = make_session<float>(setup);
  CHECK(session.epoch_cost() > 0.0);
  advance(session, 2);
  CHECK(session.state().status == Status::kReady);
  advance(session, 10);
  CHECK(session.state().epoch == 3);
  CHECK(session.state().samples_seen == 3 * setup.samples);
  CHECK(session.state().status == Status::kLimit);
  CHECK(session.epoch_cost() == 0.0);
  const Session<float> ended = session;
  advance(session, 10);
  CHECK(difference(session.state(), ended.state()) == "");
}

// The rates before the first epoch and after each of `epochs`.
std::vector<double> rates_of(const Setup& setup, int epochs) {
  Session<double> session = make_session<double>(setup);
  std::vector<double> rates{session.state().rate};
  for (int epoch = 0; epoch < epochs; ++epoch) {
    advance(session, 1);
    rates.push_back(session.state().rate);
  }
  return rates;
}

TEST_CASE("test_rates_follow_their_schedule") {
  Setup setup;
  setup.train.optimizer.kind = Optimizer::kSgd;
  setup.train.schedule.initial = 0.25;
  setup.samples = 24;
  SUBCASE("constant") { CHECK(rates_of(setup, 2) == std::vector<double>{0.25, 0.25, 0.25}); }
  SUBCASE("invscaling counts samples") {
    setup.train.schedule.kind = Schedule::kInvscaling;
    CHECK(rates_of(setup, 2) == std::vector<double>{0.25, 0.25 / 5.0, 0.25 / 7.0});
  }
  SUBCASE("per_epoch holds its last") {
    setup.train.schedule.kind = Schedule::kPerEpoch;
    setup.train.schedule.per_epoch = {0.5, 0.125};
    CHECK(rates_of(setup, 3) == std::vector<double>{0.5, 0.125, 0.125, 0.125});
    setup.train.optimizer.kind = Optimizer::kAdam;
    CHECK(rates_of(setup, 3) == std::vector<double>{0.5, 0.125, 0.125, 0.125});
  }
  SUBCASE("whatever the optimizer") {
    setup.train.optimizer.kind = Optimizer::kAdam;
    setup.train.schedule.kind = Schedule::kInvscaling;
    CHECK(rates_of(setup, 2) == std::vector<double>{0.25, 0.25 / 5.0, 0.25 / 7.0});
  }
}

// Each epoch's entry is the rate of its last step.
TEST_CASE("test_a_rate_per_step_is_asked_for_at_each") {
  Setup setup;
  setup.train.optimizer.kind = Optimizer::kSgd;
  setup.train.schedule.kind = Schedule::kPolynomial;
  setup.train.schedule.initial = 0.25;
  setup.train.schedule.power = 1.0;
  setup.train.schedule.horizon = 4.0;
  setup.train.batch_size = 32;
  setup.samples = 100;  // four steps, the last of which is short
  Session<double> session = advanced(make_session<double>(setup), 2);
  CHECK(session.state().rate_curve == std::vector<double>{0.25 * 13 / 16, 0.25 * 9 / 16});
  CHECK(session.state().rate == 0.125);
  SUBCASE("and goes on from the epochs before") {
    setup.train.schedule.begin = 2;
    session = advanced(make_session<double>(setup), 3);
    CHECK(session.state().rate_curve == std::vector<double>{0.25 * 5 / 16, 0.25 / 16, 0.0});
  }
}

TEST_CASE("test_step_losses_are_recorded_if_wanted") {
  Setup setup;
  setup.train.batch_size = 32;
  setup.samples = 100;
  CHECK(advanced(make_session<double>(setup), 2).state().step_loss_curve.empty());
  setup.train.records_steps = true;
  const Session<double> session = advanced(make_session<double>(setup), 2);
  const std::vector<double>& losses = session.state().step_loss_curve;
  REQUIRE(losses.size() == 8);
  for (size_t epoch = 0; epoch < 2; ++epoch) {
    double sum = 0.0;
    for (size_t i = 0; i < 4; ++i) sum += losses[4 * epoch + i] * (i < 3 ? 32.0 : 4.0);
    CHECK(session.state().loss_curve[epoch] == doctest::Approx(sum / 100.0));
  }
}

// A training whose loss is 0 from the first epoch on, so that no later epoch improves it.
template <class T>
Parts<T> flat_parts(Setup setup) {
  setup.train.loss.kind = Loss::kSquaredError;
  setup.train.optimizer.kind = Optimizer::kSgd;
  setup.hidden.clear();
  auto in = parts_of<T>(setup);
  Samples samples = draw_samples(setup, setup.seed);
  std::fill(samples.y.cells.begin(), samples.y.cells.end(), 0.0);
  in.training.data = make_dataset<T>(samples, false, false);
  std::fill(in.start.parameters.begin(), in.start.parameters.end(), T(0));
  return in;
}

// The first epoch sets the best loss; patience ends when more than n_iter_no_change have not beaten
// it.
TEST_CASE("test_patience_ends_after_more_than_n_iter_no_change_epochs") {
  for (const int patience : {1, 3}) {
    Setup setup;
    setup.train.n_iter_no_change = patience;
    const Session<double> session = advanced(flat_parts<double>(setup).session(), 100);
    CHECK(session.state().epoch == patience + 2);
    CHECK(session.state().no_improvement_count == patience + 1);
    CHECK(session.state().status == Status::kConverged);
    CHECK(session.state().best_loss == 0.0);
  }
}

TEST_CASE("test_infinite_patience_never_ends") {
  Setup setup;
  setup.train.n_iter_no_change = kInfinity;
  const Session<double> session = advanced(flat_parts<double>(setup).session(), 50);
  CHECK(session.state().epoch == 50);
  CHECK(session.state().status == Status::kReady);
}

TEST_CASE("test_without_tolerance_an_equal_loss_is_no_setback") {
  Setup setup;
  setup.train.tol = 0.0;
  setup.train.n_iter_no_change = 1;
  const Session<double> session = advanced(flat_parts<double>(setup).session(), 20);
  CHECK(session.state().no_improvement_count == 0);
  CHECK(session.state().status == Status::kReady);
}

TEST_CASE("test_adaptive_divides_the_rate_by_5_down_to_1e-6") {
  Setup setup;
  setup.train.schedule.kind = Schedule::kAdaptive;
  setup.train.schedule.initial = 1e-4;
  setup.train.n_iter_no_change = 2;
  Session<double> session = flat_parts<double>(setup).session();
  // 1e-4, 2e-5, 4e-6 and 8e-7: three epochs each beside the first, which sets the best loss.
  for (const double rate : {2e-5, 4e-6, 8e-7}) {
    advance(session, session.state().epoch == 0 ? 4 : 3);
    CHECK(session.state().rate == doctest::Approx(rate));
    CHECK(session.state().no_improvement_count == 0);
    CHECK(session.state().status == Status::kReady);
  }
  advance(session, 100);
  CHECK(session.state().epoch == 13);
  CHECK(session.state().rate == doctest::Approx(8e-7));
  CHECK(session.state().status == Status::kConverged);
}

// A loss of 0 from the first epoch on: the rate falls in epochs 3, 5, ... and patience, which would
// end the training after the fifth, begins anew each time, until the rate is 1e-6.
TEST_CASE("test_a_plateau_begins_patience_anew_until_1e-6") {
  Setup setup;
  setup.train.schedule.kind = Schedule::kPlateau;
  setup.train.schedule.initial = 1e-4;
  setup.train.schedule.patience = 2.0;
  setup.train.n_iter_no_change = 3;
  Session<double> session = flat_parts<double>(setup).session();
  advance(session, 2);
  CHECK(session.state().rate == 1e-4);
  for (const double rate : {1e-5, 1e-6, 1e-7}) {
    advance(session, session.state().epoch == 2 ? 1 : 2);
    CHECK(session.state().rate == doctest::Approx(rate));
    CHECK(session.state().status == Status::kReady);
  }
  // The rate was 1e-6 or hardly more before the last fall; two to four further epochs are left.
  advance(session, 100);
  CHECK(session.state().status == Status::kConverged);
  CHECK(session.state().epoch <= 11);
  CHECK(session.state().epoch >= 9);
}

TEST_CASE("test_a_plateau_watches_what_patience_watches") {
  Setup setup;
  setup.train.monitor = Monitor::kExternal;
  setup.train.schedule.kind = Schedule::kPlateau;
  setup.train.schedule.initial = 0.5;
  setup.train.schedule.patience = 2.0;
  setup.train.n_iter_no_change = kInfinity;
  Session<double> session = make_session<double>(setup);
  const std::pair<double, double> turns[] = {
      {1.0, 0.5}, {0.9, 0.5}, {1.1, 0.5}, {1.05, 0.5}, {1.1, 0.05}};
  for (const auto& [score, rate] : turns) {
    advance(session, 1);
    session.record_score(score);
    CHECK(session.state().rate == doctest::Approx(rate));
  }
}

TEST_CASE("test_external_scores_move_patience_and_keep_the_best_parameters") {
  Setup setup;
  setup.train.monitor = Monitor::kExternal;
  setup.train.n_iter_no_change = 2;
  setup.train.tol = 0.125;
  Session<double> session = make_session<double>(setup);
  struct Turn {
    double score;
    int64_t count;
    bool best;
  };
  // An improvement by less than tol is the best so far, but does not reset patience.
  const std::vector<Turn> turns{{0.5, 0, true},     {0.5625, 1, true}, {0.6875, 0, true},
                                {0.6875, 1, false}, {0.5, 2, false},   {0.625, 3, false}};
  AlignedVector<double> best;
  for (const Turn& turn : turns) {
    CHECK(session.state().status == Status::kReady);
    advance(session, 1);
    session.record_score(turn.score);
    if (turn.best) best = session.state().parameters;
    CHECK(session.state().no_improvement_count == turn.count);
    CHECK(bit_mismatch(session.state().best_parameters, best) == "");
  }
  CHECK(session.state().best_score == 0.6875);
  CHECK(session.state().status == Status::kConverged);
  CHECK(session.state().validation_scores.size() == turns.size());
}

TEST_CASE("test_record_score_is_only_for_epochs_that_wait_for_one") {
  Setup setup;
  Session<double> unmonitored = make_session<double>(setup);
  CHECK_THROWS_WITH_AS(unmonitored.record_score(1.0), doctest::Contains("monitor='external'"),
                       std::invalid_argument);
  setup.train.monitor = Monitor::kExternal;
  Session<double> session = make_session<double>(setup);
  CHECK_THROWS_AS(session.record_score(1.0), std::invalid_argument);
  advance(session, 1);
  session.record_score(1.0);
  CHECK_THROWS_AS(session.record_score(1.0), std::invalid_argument);
}

// The monitored score of every epoch, from parameters that the session itself had then.
TEST_CASE("test_monitors_keep_the_parameters_of_the_best_epoch") {
  for (size_t m = 0; m < monitor_table.size(); ++m) {
    if (!monitor_table[m].needs_validation) continue;
    Setup setup;
    setup.train.monitor = static_cast<Monitor>(m);
    setup.validated = true;
    setup.train.schedule.initial = 0.3;  // large, so that not every epoch is the best so far
    if (monitor_table[m].score == Score::kR2) setup.train.loss.kind = Loss::kSquaredError;
    CAPTURE(monitor_table[m].name);
    Session<double> session = make_session<double>(setup);
    AlignedVector<double> best;
    double best_score = -kInfinity;
    int improvements = 0;
    for (int epoch = 0; epoch < 12; ++epoch) {
      advance(session, 1);
      const SessionState<double>& state = session.state();
      const double score = state.validation_scores.back();
      if (monitor_table[m].score == Score::kNone) {
        CHECK(score == -state.validation_loss_curve.back());
      }
      if (score > best_score) {
        best_score = score;
        best = state.parameters;
        ++improvements;
      }
      CHECK(state.best_score == best_score);
      CHECK(bit_mismatch(state.best_parameters, best) == "");
    }
    CHECK(improvements < 12);
    CHECK(session.state().validation_loss_curve.size() == 12);
  }
}

TEST_CASE("test_validation_without_a_monitor_changes_no_bit_of_the_training") {
  Setup setup;
  const Session<float> plain = advanced(make_session<float>(setup), 4);
  setup.validated = true;
  SessionState<float> watched = advanced(make_session<float>(setup), 4).state();
  CHECK(watched.validation_loss_curve.size() == 4);
  watched.validation_loss_curve.clear();
  CHECK(difference(watched, plain.state()) == "");
}

TEST_CASE_TEMPLATE("test_divergence_is_a_status_that_names_the_first_layer", T, float, double) {
  Setup setup;
  setup.train.optimizer.kind = Optimizer::kSgd;
  setup.train.schedule.initial = 1e300;  // infinite in single precision
  setup.train.loss.kind = Loss::kSquaredError;
  const Session<T> session = advanced(make_session<T>(setup), 100);
  CHECK(session.state().status == Status::kDiverged);
  CHECK(session.state().diverged_layer == 0);
  CHECK(session.state().epoch < 100);
  CHECK(session.state().loss_curve.size() == static_cast<size_t>(session.state().epoch));
  CHECK(session.epoch_cost() == 0.0);
}

// The first layer's units are all switched off, so nothing but their outputs' NaN weights spoil.
TEST_CASE_TEMPLATE("test_divergence_of_a_later_layer_is_told_apart", T, float, double) {
  Setup setup;
  setup.hidden = {{4, Activation::kRelu, 0.0}};
  auto in = parts_of<T>(setup);
  const LayerSpec &first = in.net->layers()[0], &second = in.net->layers()[1];
  std::fill_n(in.start.parameters.data() + first.biases_at(), first.units, T(-1000));
  in.start.parameters[second.weights_at] = std::numeric_limits<T>::quiet_NaN();
  const Session<T> session = advanced(in.session(), 5);
  CHECK(session.state().status == Status::kDiverged);
  CHECK(session.state().diverged_layer == 1);
  CHECK(session.state().epoch == 1);
}

TEST_CASE("test_a_loss_that_is_not_finite_is_a_divergence_of_no_layer") {
  Setup setup;
  setup.train.loss.kind = Loss::kSquaredError;
  setup.train.schedule.initial = 1e-300;
  setup.train.penalty.l2 = std::numeric_limits<double>::max();
  const Session<double> session = advanced(make_session<double>(setup), 5);
  CHECK(session.state().status == Status::kDiverged);
  CHECK(session.state().diverged_layer == -1);
  CHECK(session.state().diverged_epoch == 1);
}

// As if the training had ended there, but for what tells of the divergence and the random streams.
TEST_CASE_TEMPLATE("test_the_best_epoch_is_restored", T, float, double) {
  Setup setup;
  setup.train.optimizer.kind = Optimizer::kSgd;
  setup.train.loss.kind = Loss::kSquaredError;
  setup.train.records_steps = setup.train.restores_best = true;
  setup.train.schedule.kind = Schedule::kPerEpoch;
  setup.train.schedule.per_epoch = {1e-3, 1e-3, 1e-3, 1e300};
  SUBCASE("by the loss of training") {}
  SUBCASE("by the loss of validation") { setup.validated = true; }
  SUBCASE("by a score") {
    setup.validated = true;
    setup.train.monitor = Monitor::kLoss;
  }
  Session<T> session = advanced(make_session<T>(setup), 100);
  CHECK(session.state().status == Status::kRestored);
  CHECK(session.state().diverged_epoch == 4);
  CHECK(session.epoch_cost() == 0.0);
  const int64_t best = session.state().epoch;
  CHECK(best >= 1);
  CHECK(best <= 3);
  const Session<T> ended = advanced(make_session<T>(setup), best);
  SessionState<T> state = session.state();
  state.status = Status::kReady;
  state.diverged_epoch = state.diverged_layer = -1;
  state.order = ended.state().order;
  state.generator = ended.state().generator;
  CHECK(difference(state, ended.state()) == "");
}

TEST_CASE("test_an_epoch_whose_score_is_no_number_is_not_the_best") {
  Setup setup;
  setup.train.optimizer.kind = Optimizer::kSgd;
  setup.train.loss.kind = Loss::kSquaredError;
  setup.train.restores_best = true;
  setup.train.monitor = Monitor::kExternal;
  setup.train.schedule.kind = Schedule::kPerEpoch;
  setup.train.schedule.per_epoch = {1e-3, 1e-3, 1e-3, 1e-3, 1e300};
  Session<double> session = make_session<double>(setup);
  for (const double score : {kNan, kNan, 0.2, kNan, 0.1}) {
    advance(session, 1);
    session.record_score(score);
  }
  CHECK(session.state().status == Status::kRestored);
  CHECK(session.state().epoch == 3);
}

}  // namespace
}  // namespace nnhp::testing
