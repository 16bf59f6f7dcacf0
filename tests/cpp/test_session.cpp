// One training: against plain arithmetic, resumed, copied and stopped.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "nnhp/train/session.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

using namespace std::chrono_literals;

// Trainings that between them use every optimizer and everything that a session can be given.
std::vector<std::pair<std::string, Setup>> various_setups() {
  std::vector<std::pair<std::string, Setup>> setups;
  for (size_t i = 0; i < optimizer_table.size(); ++i) {
    Setup setup;
    setup.train.optimizer.kind = static_cast<Optimizer>(i);
    setups.emplace_back(optimizer_table[i].name, setup);
  }
  const auto add = [&](const char* name, auto&& change) {
    Setup setup;
    change(setup);
    setups.emplace_back(name, setup);
  };
  add("dropout", [](Setup& s) {
    s.hidden[0].dropout = 0.5;
    s.hidden[1].dropout = 0.2;
    s.input_dropout = 0.1;
  });
  add("weights, elastic net, accuracy", [](Setup& s) {
    s.weighted = s.validated = s.class_ids = true;
    s.train.penalty = {0.1, 0.05};
    s.train.monitor = Monitor::kAccuracy;
  });
  add("sparse, invscaling sgd, validation loss", [](Setup& s) {
    s.sparse = s.validated = true;
    s.train.optimizer.kind = Optimizer::kSgd;
    s.train.schedule.kind = Schedule::kInvscaling;
    s.train.monitor = Monitor::kLoss;
  });
  add("sparse with input dropout", [](Setup& s) {
    s.sparse = true;
    s.input_dropout = 0.3;
  });
  add("regression, r2, adaptive sgd", [](Setup& s) {
    s.train.loss.kind = Loss::kSquaredError;
    s.validated = true;
    s.train.monitor = Monitor::kR2;
    s.train.optimizer.kind = Optimizer::kMomentum;
    s.train.schedule.kind = Schedule::kAdaptive;
    s.train.n_iter_no_change = 1;
    s.train.tol = 10.0;
  });
  add("per epoch rates, no shuffle", [](Setup& s) {
    s.train.schedule.kind = Schedule::kPerEpoch;
    s.train.schedule.per_epoch = {0.1, 0.05, 0.02};
    s.train.shuffle = false;
  });
  add("linear poisson, whole batch", [](Setup& s) {
    s.train.loss.kind = Loss::kPoisson;
    s.hidden.clear();
    s.train.batch_size = 1000;
    s.generator = false;
  });
  const auto augmented = [&](const char* name, const AugmentSpec& augment, auto&& change) {
    add(name, [&](Setup& s) {
      s.train.augment = augment;
      s.weighted = true;
      change(s);
    });
  };
  augmented("noisy copies of classes", {.noisy_copies = 2, .noise = 0.3}, [](Setup& s) {
    s.class_ids = s.validated = true;
    s.train.monitor = Monitor::kAccuracy;
    s.train.loss.label_smoothing = 0.1;
  });
  augmented("noisy copies, sparse", {.noisy_copies = 1, .noise = 0.3},
            [](Setup& s) { s.sparse = true; });
  augmented("mixup, regression, dropout", {.mixup_alpha = 0.4}, [](Setup& s) {
    s.train.loss.kind = Loss::kSquaredError;
    s.input_dropout = 0.2;
    s.train.batch_size = 1000;
  });
  augmented("cutmix, sparse, hinge", {.cutmix_alpha = 0.7}, [](Setup& s) {
    s.train.loss.kind = Loss::kMulticlassHinge;
    s.sparse = true;
  });
  augmented("everything, several blocks",
            {.noisy_copies = 2, .noise = 0.2, .mixup_alpha = 0.2, .cutmix_alpha = 1.5},
            [](Setup& s) {
              s.samples = 500;
              s.train.batch_size = 700;
            });
  add("quantiles", [](Setup& s) {
    s.train.loss.kind = Loss::kQuantile;
    s.validated = true;
    s.train.monitor = Monitor::kLoss;
  });
  return setups;
}

TEST_CASE_TEMPLATE("test_advance_3_and_2_is_advance_5", T, float, double) {
  for (const auto& row : various_setups()) {
    CAPTURE(row.first);
    const Setup& setup = row.second;
    const Session<T> whole = advanced(make_session<T>(setup), 5);
    const Session<T> parts = advanced(advanced(make_session<T>(setup), 3), 2);
    CHECK(whole.state().epoch == 5);
    CHECK(difference(parts.state(), whole.state()) == "");
  }
}

// One workspace serves trainings of any size, and what it held before does not show.
TEST_CASE_TEMPLATE("test_a_used_workspace_changes_nothing", T, float, double) {
  const FlushSubnormals flush;
  Workspace workspace;
  for (const auto& row : various_setups()) {
    CAPTURE(row.first);
    const Setup& setup = row.second;
    Setup larger = setup;
    larger.samples = 150;
    larger.features = 40;
    Session<T> other = make_session<T>(larger), session = make_session<T>(setup);
    session.advance(1, workspace, StopToken());
    other.advance(1, workspace, StopToken());
    session.advance(2, workspace, StopToken());
    CHECK(difference(session.state(), advanced(make_session<T>(setup), 3).state()) == "");
  }
}

TEST_CASE_TEMPLATE("test_a_copy_goes_on_identically_and_alone", T, float, double) {
  for (const auto& row : various_setups()) {
    CAPTURE(row.first);
    const Setup& setup = row.second;
    const Session<T> original = advanced(make_session<T>(setup), 2);
    const Session<T> untouched = original;
    const Session<T> copy = advanced(original, 3);
    CHECK(difference(original.state(), untouched.state()) == "");
    CHECK(difference(copy.state(), advanced(make_session<T>(setup), 5).state()) == "");
  }
}

TEST_CASE_TEMPLATE("test_training_changes_with_seed_and_dropout_key", T, float, double) {
  const Setup setup = various_setups()[optimizer_table.size()].second;  // that with dropout
  auto other_key = parts_of<T>(setup), other_order = parts_of<T>(setup);
  other_key.start.dropout_key += 1;
  other_order.start.generator = Mt19937{reference::mt19937_words(77), 624};
  const Session<T> own = advanced(make_session<T>(setup), 2);
  CHECK(difference(advanced(other_key.session(), 2).state(), own.state()) != "");
  CHECK(difference(advanced(other_order.session(), 2).state(), own.state()) != "");
}

TEST_CASE("test_the_running_order_is_shuffled_in_place_every_epoch") {
  const Setup setup;
  Session<float> session = make_session<float>(setup);
  Mt19937 generator = *session.state().generator;
  std::vector<row_t> order = all_rows(setup.samples);
  for (int epoch = 0; epoch < 3; ++epoch) {
    advance(session, 1);
    generator.shuffle(order);
    CHECK(session.state().order == order);
    CHECK(same(session.state().generator, generator));
  }
}

// What a plain training of whole batches gives.
struct PlainTraining {
  std::vector<double> parameters, loss_curve;
};
PlainTraining train_plainly(const Setup& setup, int epochs) {
  const NetSpec net = setup.net();
  const TrainSpec& train = setup.train;
  const Samples samples = draw_samples(setup, setup.seed);
  PlainTraining result{draw_parameters(net, setup.seed), {}};
  std::vector<reference::Parameter> state;
  for (const double w : result.parameters) state.push_back({w, 0.0, 0.0});
  int64_t step = 0;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    double epoch_loss = 0.0;
    for (index_t start = 0; start < setup.samples; start += train.batch_size) {
      std::vector<row_t> rows;
      for (index_t i = start; i < std::min(start + train.batch_size, setup.samples); ++i) {
        rows.push_back(static_cast<row_t>(i));
      }
      const reference::Batch batch{reference::rows_of(samples.x, rows),
                                   reference::rows_of(samples.y, rows),
                                   reference::rows_of(samples.w, rows)};
      const double weight = reference::column_sums(batch.w)(0, 0);
      const reference::Pass pass =
          reference::pass(net, result.parameters, batch,
                          reference::dropout_masks(net, batch.x.rows, dropout_key_of(setup),
                                                   static_cast<uint64_t>(step)),
                          setup.loss());
      const double penalty =
          reference::penalty(net, result.parameters, train.penalty.l2, train.penalty.l1);
      epoch_loss += (pass.loss + penalty) / weight * static_cast<double>(rows.size());
      ++step;
      double rate = train.schedule.initial;
      if (train.optimizer.kind == Optimizer::kAdam) {
        const double t = static_cast<double>(step);
        rate *= std::sqrt(1.0 - std::pow(train.optimizer.beta_2, t)) /
                (1.0 - std::pow(train.optimizer.beta_1, t));
      }
      reference::update(
          net, state, pass.gradient, info(train.optimizer.kind).name,
          {1.0 / weight, train.penalty.l2, train.penalty.l1, rate, train.optimizer.momentum,
           train.optimizer.beta_1, train.optimizer.beta_2, train.optimizer.epsilon});
      for (size_t i = 0; i < state.size(); ++i) result.parameters[i] = state[i].w;
    }
    result.loss_curve.push_back(epoch_loss / static_cast<double>(setup.samples));
  }
  return result;
}

double largest_difference(const AlignedVector<double>& got, const std::vector<double>& want) {
  double worst = 0.0;
  for (index_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - want[static_cast<size_t>(i)]);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

// Batches larger than a block of rows, and a last one that is smaller.
TEST_CASE("test_trajectories_match_plain_training_of_whole_batches") {
  for (size_t optimizer = 0; optimizer < optimizer_table.size(); ++optimizer) {
    for (size_t loss = 0; loss < loss_table.size(); ++loss) {
      Setup setup;
      setup.train.optimizer.kind = static_cast<Optimizer>(optimizer);
      setup.train.loss.kind = static_cast<Loss>(loss);
      setup.train.shuffle = false;
      setup.train.batch_size = 600;
      setup.samples = 1300;
      setup.weighted = optimizer % 2 == 1;
      setup.hidden[0].dropout = optimizer < 2 ? 0.5 : 0.0;
      setup.hidden[1].dropout = optimizer < 2 ? 0.1 : 0.0;
      setup.input_dropout = optimizer == 1 ? 0.25 : 0.0;
      setup.train.penalty = {loss % 2 == 0 ? 0.5 : 0.0, loss > 1 ? 0.25 : 0.0};
      CAPTURE(optimizer_table[optimizer].name);
      CAPTURE(loss_table[loss].name);
      REQUIRE(Backprop<double>::block_rows(setup.net()) < 300);
      const PlainTraining want = train_plainly(setup, 2);
      const Session<double> session = advanced(make_session<double>(setup), 2);
      CHECK(session.state().step == 6);
      CHECK(largest_difference(session.state().parameters, want.parameters) < 1e-11);
      REQUIRE(session.state().loss_curve.size() == 2);
      for (size_t e = 0; e < 2; ++e) {
        CHECK(session.state().loss_curve[e] == doctest::Approx(want.loss_curve[e]).epsilon(1e-12));
      }
    }
  }
}

// As a float, this beta_2 is 1.
TEST_CASE("test_adam_in_single_precision_minds_a_beta_next_to_1") {
  Setup setup;
  setup.train.optimizer.beta_2 = 0.99999999;
  setup.train.schedule.initial = 0.001;
  const Session<float> single = advanced(make_session<float>(setup), 3);
  const Session<double> full = advanced(make_session<double>(setup), 3);
  double worst = 0.0;
  for (index_t i = 0; i < full.state().parameters.size(); ++i) {
    const double value = static_cast<double>(single.state().parameters[i]);
    worst = std::max(worst, std::abs(value - full.state().parameters[i]));
  }
  CHECK(worst < 1e-4);
}

// An epoch of this takes about a tenth of a second.
Setup long_setup() {
  Setup setup;
  setup.features = 50;
  setup.hidden = {{100, Activation::kRelu, 0.25}, {100, Activation::kTanh, 0.0}};
  setup.samples = 8000;
  setup.train.batch_size = 1000;
  setup.validated = true;
  setup.train.monitor = Monitor::kLoss;
  return setup;
}

// Advances until another thread's stop, asked for after `delay`, takes effect.
template <class T>
void advance_until_stopped(Session<T>& session, std::chrono::milliseconds delay) {
  StopToken stop;
  std::thread other([&] {
    std::this_thread::sleep_for(delay);
    stop.request();
  });
  const FlushSubnormals flush;
  Workspace workspace;
  session.advance(1000000, workspace, stop);
  other.join();
}

TEST_CASE_TEMPLATE("test_a_stopped_session_stands_at_the_end_of_an_epoch", T, float, double) {
  const Setup setup = long_setup();
  Session<T> session = make_session<T>(setup), fresh = make_session<T>(setup);
  for (const auto delay : {0ms, 15ms, 130ms}) {
    advance_until_stopped(session, delay);
    advance(fresh, session.state().epoch - fresh.state().epoch);
    CHECK(difference(session.state(), fresh.state()) == "");
  }
  advance(session, 1);
  advance(fresh, 1);
  CHECK(difference(session.state(), fresh.state()) == "");
}

TEST_CASE("test_short_epochs_stop_between_two_of_them") {
  const Setup setup;
  Session<double> session = make_session<double>(setup);
  advance_until_stopped(session, 20ms);
  CHECK(session.state().epoch > 0);
  CHECK(session.state().status == Status::kReady);
  const Session<double> fresh = advanced(make_session<double>(setup), session.state().epoch);
  CHECK(difference(session.state(), fresh.state()) == "");
}

TEST_CASE("test_a_session_does_nothing_under_a_stop_asked_for_before") {
  for (const Setup& setup : {Setup(), long_setup()}) {
    Session<float> session = make_session<float>(setup);
    StopToken stop;
    stop.request();
    Workspace workspace;
    session.advance(5, workspace, stop);
    CHECK(difference(session.state(), make_session<float>(setup).state()) == "");
  }
}

TEST_CASE("test_step_rate_is_that_of_the_last_step") {
  Setup setup;
  setup.samples = 64;
  Session<double> session = make_session<double>(setup);
  CHECK(session.step_rate() == doctest::Approx(step_rate(OptimizerSpec{}, 0.01, 1)));
  advance(session, 2);
  CHECK(session.state().step == 4);
  CHECK(session.step_rate() == doctest::Approx(step_rate(OptimizerSpec{}, 0.01, 4)));
}

}  // namespace
}  // namespace nnhp::testing
