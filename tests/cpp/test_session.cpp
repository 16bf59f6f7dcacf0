// One training: against plain arithmetic, resumed, copied and stopped.
#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <thread>

#include "kernel_cases.hpp"
#include "nnhp/kernels/choice.hpp"
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
  add("normalized batches, prelu", [](Setup& s) {
    s.hidden = {{9, Activation::kPrelu, 0.2, StageKind::kBatchNormalization},
                {6, Activation::kTanh, 0.0, StageKind::kBatchNormalization}};
    s.input_stages = {stage_of(StageKind::kBatchNormalization)};
    s.output_stages = {stage_of(StageKind::kBatchNormalization)};
    s.validated = true;
    s.train.monitor = Monitor::kLoss;
  });
  add("normalized layers, maxout, noise, alpha dropout", [](Setup& s) {
    s.hidden = {{9, Activation::kMaxout, 0.2, StageKind::kLayerNormalization, 0.1},
                {6, Activation::kGelu, 0.3, std::nullopt, 0.2, StageKind::kAlphaDropout}};
    s.input_stages = {stage_of(StageKind::kLayerNormalization), stage_of(StageKind::kNoise, 0.1)};
    s.sparse = s.weighted = true;
  });
  add("outputs of maxout, wider sums", [](Setup& s) {
    s.outputs = 10;
    s.output_stages = {activate(Activation::kMaxout, 2.0)};
    s.validated = true;
  });
  for (size_t i = 0; i < schedule_table.size(); ++i) {
    if (!schedule_table[i].per_step) continue;
    add(schedule_table[i].name.data(), [&](Setup& s) {
      s.train.schedule.kind = static_cast<Schedule>(i);
      s.train.schedule.horizon = 4.5;
      s.train.schedule.warmup = 0.7;
      s.train.schedule.restarts = 1;
      s.train.records_steps = true;
    });
  }
  add("plateau of the validation loss, step losses", [](Setup& s) {
    s.validated = true;
    s.train.monitor = Monitor::kLoss;
    s.train.schedule.kind = Schedule::kPlateau;
    s.train.schedule.patience = 1.0;
    s.train.schedule.min_delta = 10.0;
    s.train.schedule.cooldown = 2;
    s.train.records_steps = true;
  });
  add("clipping, decay, averages", [](Setup& s) {
    s.validated = true;
    s.train.optimizer = {.weight_decay = 0.1, .clipvalue = 0.02, .ema_momentum = 0.6};
    s.train.monitor = Monitor::kLoss;
  });
  add("norms, weight noise, a frozen layer", [](Setup& s) {
    s.weighted = true;
    s.train.penalty = {0.1, 0.05};
    s.train.optimizer = {.kind = Optimizer::kAmsgrad,
                         .clipnorm = 0.1,
                         .ema_momentum = 0.6,
                         .max_norm = 0.7,
                         .weight_noise = 0.05};
    s.train.frozen_layers = {1};
  });
  add("penalties of layers, held biases, mean over samples", [](Setup& s) {
    s.weighted = s.validated = true;
    s.train.loss.mean_over_samples = true;
    s.train.layer_penalties = {{0.02, 0.01}, {0.0, 0.0}, {0.0, 0.03}};
    s.train.held_biases = {1, 2};
    s.train.monitor = Monitor::kLoss;
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

// What a batch's loss has of penalties.
double penalty_of(const NetSpec& net, const TrainSpec& train, const std::vector<double>& parameters,
                  double divisor) {
  const Penalty& whole = train.penalty;
  if (train.layer_penalties.empty()) {
    return reference::penalty(net, parameters, whole.l2, whole.l1, train.frozen_layers) / divisor;
  }
  double total = 0.0;
  for (size_t l = 0; l < net.layers().size(); ++l) {
    const Penalty& own = train.layer_penalties[l];
    for (const double w : reference::weights_of(net.layers()[l], parameters).cells) {
      total += 0.5 * own.l2 * w * w + own.l1 * std::abs(w);
    }
  }
  return total;
}

// What a plain training of whole batches gives.
struct PlainTraining {
  std::vector<double> parameters, averages, loss_curve;
};
PlainTraining train_plainly(const Setup& setup, int epochs) {
  const NetSpec net = setup.net();
  const TrainSpec& train = setup.train;
  const Samples samples = draw_samples(setup, setup.seed);
  PlainTraining result{draw_parameters(net, setup.seed), {}, {}};
  result.averages = result.parameters;
  std::vector<reference::Parameter> state;
  const double moment =
      train.optimizer.kind == Optimizer::kAdagrad ? train.optimizer.initial_accumulator : 0.0;
  for (const double w : result.parameters) state.push_back({w, {moment}});
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
      const double divisor = train.loss.mean_over_samples ? static_cast<double>(rows.size())
                                                          : reference::column_sums(batch.w)(0, 0);
      const reference::Draw draw{dropout_key_of(setup), static_cast<uint64_t>(step)};
      const reference::Pass pass =
          reference::pass(net, result.parameters, batch, &draw, setup.loss());
      epoch_loss += (pass.loss / divisor + penalty_of(net, train, result.parameters, divisor)) *
                    static_cast<double>(rows.size());
      ++step;
      reference::update(net, state, result.averages, pass.gradient, train, divisor, step);
      for (size_t i = 0; i < state.size(); ++i) result.parameters[i] = state[i].w;
      reference::update_statistics(pass.forward, result.parameters);
      std::copy(result.parameters.begin() + net.trained_count(), result.parameters.end(),
                result.averages.begin() + net.trained_count());
      for (size_t i = 0; i < state.size(); ++i) state[i].w = result.parameters[i];
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

// Checks two epochs of three steps each.
void check_plain_training(const Setup& setup) {
  REQUIRE(Backprop<double>::block_rows(setup.net()) < 300);
  const PlainTraining want = train_plainly(setup, 2);
  const Session<double> session = advanced(make_session<double>(setup), 2);
  CHECK(session.state().step == 6);
  CHECK(largest_difference(session.state().parameters, want.parameters) < 1e-11);
  CHECK(largest_difference(session.published_parameters(),
                           setup.train.optimizer.averages() ? want.averages : want.parameters) <
        1e-11);
  REQUIRE(session.state().loss_curve.size() == 2);
  for (size_t e = 0; e < 2; ++e) {
    CHECK(session.state().loss_curve[e] == doctest::Approx(want.loss_curve[e]).epsilon(1e-12));
  }
}

// Batches larger than a block of rows, and a last one that is smaller.
Setup whole_batches() {
  Setup setup;
  setup.train.shuffle = false;
  setup.train.batch_size = 600;
  setup.samples = 1300;
  return setup;
}

TEST_CASE("test_trajectories_match_plain_training_of_whole_batches") {
  for (size_t optimizer = 0; optimizer < optimizer_table.size(); ++optimizer) {
    for (size_t loss = 0; loss < loss_table.size(); ++loss) {
      Setup setup = whole_batches();
      setup.train.optimizer.kind = static_cast<Optimizer>(optimizer);
      setup.train.loss.kind = static_cast<Loss>(loss);
      setup.weighted = optimizer % 2 == 1;
      setup.hidden[0].dropout = optimizer < 2 ? 0.5 : 0.0;
      setup.hidden[1].dropout = optimizer < 2 ? 0.1 : 0.0;
      setup.input_dropout = optimizer == 1 ? 0.25 : 0.0;
      setup.train.penalty = {loss % 2 == 0 ? 0.5 : 0.0, loss > 1 ? 0.25 : 0.0};
      CAPTURE(optimizer_table[optimizer].name);
      CAPTURE(loss_table[loss].name);
      check_plain_training(setup);
    }
  }
}

// Each alone, then all together.
std::vector<std::pair<std::string, Setup>> setups_of_extras() {
  using Change = void (*)(TrainSpec&);
  const std::pair<const char*, Change> extras[] = {
      {"weight decay", [](TrainSpec& t) { t.optimizer.weight_decay = 0.3; }},
      {"clipvalue", [](TrainSpec& t) { t.optimizer.clipvalue = 0.01; }},
      {"clipnorm", [](TrainSpec& t) { t.optimizer.clipnorm = 0.05; }},
      {"averages", [](TrainSpec& t) { t.optimizer.ema_momentum = 0.7; }},
      {"max_norm", [](TrainSpec& t) { t.optimizer.max_norm = 0.6; }},
      {"frozen", [](TrainSpec& t) { t.frozen_layers = {1}; }},
      {"penalties of layers",
       [](TrainSpec& t) {
         t.penalty = {};
         t.layer_penalties = {{0.02, 0.01}, {0.0, 0.03}, {0.05, 0.0}};
       }},
      {"held biases", [](TrainSpec& t) { t.held_biases = {0, 2}; }},
      {"mean over samples", [](TrainSpec& t) { t.loss.mean_over_samples = true; }},
  };
  std::vector<std::pair<std::string, Setup>> setups;
  Setup all = whole_batches();
  all.train.penalty = {0.5, 0.25};
  for (const auto& [name, change] : extras) {
    Setup setup = whole_batches();
    setup.weighted = true;
    setup.train.penalty = {0.5, 0.25};
    change(setup.train);
    change(all.train);
    setups.emplace_back(name, setup);
  }
  setups.emplace_back("all", all);
  return setups;
}

TEST_CASE("test_what_any_optimizer_does_matches_plain_training") {
  for (size_t optimizer = 0; optimizer < optimizer_table.size(); ++optimizer) {
    CAPTURE(optimizer_table[optimizer].name);
    for (auto& row : setups_of_extras()) {
      CAPTURE(row.first);
      row.second.train.optimizer.kind = static_cast<Optimizer>(optimizer);
      row.second.train.optimizer.epsilon = 1e-3;
      check_plain_training(row.second);
    }
  }
}

// Every kind of stage, with what any optimizer does, in batches larger than a block of other nets
// and a last one of one row.
TEST_CASE("test_trajectories_through_all_stages_match_plain_training") {
  for (const StageKind normalization :
       {StageKind::kBatchNormalization, StageKind::kLayerNormalization}) {
    for (size_t a = 0; a < activation_table.size(); ++a) {
      if (!activation_table[a].hidden) continue;
      const Activation activation = static_cast<Activation>(a);
      CAPTURE(info(normalization).name);
      CAPTURE(info(activation).name);
      Setup setup = whole_batches();
      setup.samples = 1201;
      setup.weighted = a % 2 == 1;
      setup.hidden[0] = {9,
                         activation,
                         0.3,
                         normalization,
                         0.2,
                         StageKind::kDropout,
                         unusual_parameter(activation)};
      setup.hidden[1] = {6, activation, 0.2, normalization, 0.1, StageKind::kAlphaDropout, {}};
      setup.input_stages = {stage_of(StageKind::kNoise, 0.1), stage_of(normalization)};
      setup.input_stages[1].momentum = 0.9;
      setup.input_stages[1].epsilon = 0.01;
      setup.output_stages = {stage_of(normalization)};
      setup.train.penalty = {0.5, 0.25};
      if (a % 3 == 0) setup.train.optimizer.ema_momentum = 0.7;
      if (a % 3 == 1) setup.train.optimizer.clipnorm = 0.05;
      setup.train.optimizer.epsilon = 1e-3;
      check_plain_training(setup);
    }
  }
}

// Rows of the sums are then wider than those of outputs and targets, whatever the vectors.
TEST_CASE("test_trajectories_to_outputs_of_maxout_match_plain_training") {
  for (const Loss loss : {Loss::kLogLoss, Loss::kSquaredError, Loss::kHinge}) {
    CAPTURE(info(loss).name);
    Setup setup = whole_batches();
    setup.train.loss.kind = loss;
    setup.outputs = 10;
    setup.output_stages = {activate(Activation::kMaxout, 2.0)};
    check_plain_training(setup);
  }
}

// The net's own normalization of a frozen layer is that of predictions.
TEST_CASE_TEMPLATE("test_held_biases_of_0_stay_0_under_every_optimizer", T, float, double) {
  for (size_t optimizer = 0; optimizer < optimizer_table.size(); ++optimizer) {
    CAPTURE(optimizer_table[optimizer].name);
    Setup setup;
    setup.train.optimizer.kind = static_cast<Optimizer>(optimizer);
    setup.train.optimizer.weight_decay = 0.1;
    setup.train.held_biases = {0, 2};
    auto parts = parts_of<T>(setup);
    const NetSpec net = setup.net();
    const auto biases = [&](auto& of, index_t l) {
      const LayerSpec& layer = net.layers()[static_cast<size_t>(l)];
      return std::span(of.data() + layer.biases_at(), static_cast<size_t>(layer.units));
    };
    const auto is_0 = [](T b) { return b == T(0); };
    for (const index_t l : {0, 2}) std::ranges::fill(biases(parts.start.parameters, l), T(0));
    Session<T> session = advanced(parts.session(), 2);
    for (const index_t l : {0, 2}) {
      CHECK(std::ranges::all_of(biases(session.state().parameters, l), is_0));
    }
    CHECK(std::ranges::none_of(biases(session.state().parameters, 1), is_0));
  }
}

TEST_CASE("test_a_batch_that_weighs_nothing_is_a_step_where_samples_are_counted") {
  Setup setup;
  setup.weighted = true;
  setup.train.batch_size = setup.samples;
  setup.train.optimizer.kind = Optimizer::kSgd;
  for (const bool counts : {false, true}) {
    setup.train.loss.mean_over_samples = counts;
    auto parts = parts_of<double>(setup);
    parts.training.weights = std::make_shared<const AlignedVector<double>>(
        aligned_copy<double>(std::vector<double>(static_cast<size_t>(setup.samples), 0.0)));
    CHECK(advanced(parts.session(), 1).state().step == (counts ? 1 : 0));
  }
}

TEST_CASE_TEMPLATE("test_stages_of_frozen_layers_stay", T, float, double) {
  for (const index_t frozen : {0, 1}) {
    Setup setup;
    setup.hidden = {{9, Activation::kPrelu, 0.0, StageKind::kBatchNormalization},
                    {6, Activation::kPrelu, 0.0, StageKind::kBatchNormalization}};
    setup.train.frozen_layers = {frozen};
    setup.train.optimizer.clipnorm = frozen == 0 ? 0.5 : OptimizerSpec::kUnlimited;
    const auto parts = parts_of<T>(setup);
    const Session<T> session = advanced(parts.session(), 3);
    for (index_t l = 0; l < 2; ++l) {
      for (const Stage& stage : session.net().layers()[static_cast<size_t>(l)].stages) {
        const auto stays = [&](index_t at, index_t n) {
          return std::equal(parts.start.parameters.data() + at,
                            parts.start.parameters.data() + at + n,
                            session.state().parameters.data() + at);
        };
        if (stage.trained > 0) CHECK(stays(stage.trained_at, stage.trained) == (l == frozen));
        if (stage.statistics > 0) {
          CHECK(stays(stage.statistics_at, stage.statistics) == (l == frozen));
        }
      }
    }
  }
}

// A limit that nothing reaches changes no bit, though it takes another way.
TEST_CASE_TEMPLATE("test_a_clipnorm_that_is_never_reached_changes_nothing", T, float, double) {
  for (auto& row : various_setups()) {
    CAPTURE(row.first);
    const Session<T> plain = advanced(make_session<T>(row.second), 3);
    row.second.train.optimizer.clipnorm = std::min(row.second.train.optimizer.clipnorm, 1e30);
    CHECK(difference(advanced(make_session<T>(row.second), 3).state(), plain.state()) == "");
  }
}

// The layers below the lowest that is trained get no gradient at all.
TEST_CASE_TEMPLATE("test_frozen_layers_stay", T, float, double) {
  for (const std::vector<index_t>& frozen :
       {std::vector<index_t>{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}}) {
    Setup setup;
    setup.train.optimizer.kind = Optimizer::kAdagrad;
    setup.train.optimizer.weight_decay = 0.1;
    setup.train.optimizer.ema_momentum = 0.5;
    setup.train.frozen_layers = frozen;
    const auto parts = parts_of<T>(setup);
    const Session<T> session = advanced(parts.session(), 3);
    for (size_t l = 0; l < 3; ++l) {
      const LayerSpec& layer = session.net().layers()[l];
      const bool stays = std::count(frozen.begin(), frozen.end(), static_cast<index_t>(l)) > 0;
      for (index_t i = 0; i < layer.weight_count() + layer.units; ++i) {
        const index_t at = layer.weights_at + i;
        const bool same = session.state().parameters[at] == parts.start.parameters[at] &&
                          session.state().averages[at] == parts.start.parameters[at] &&
                          session.state().moments[0][at] == T(0.1);
        NNHP_CHECK_QUIETLY((!stays || same));
      }
      CHECK(stays == (session.state().parameters[layer.biases_at()] ==
                      parts.start.parameters[layer.biases_at()]));
    }
  }
}

// Noise of a given deviation, other in each step: with a rate of nearly nothing the parameters
// stay, and the losses of the batches scatter around that of the clean net.
TEST_CASE("test_weight_noise_is_fresh_in_each_step_and_stays_out_of_the_parameters") {
  Setup setup;
  setup.train.batch_size = 1000;
  setup.train.optimizer.kind = Optimizer::kSgd;
  setup.train.schedule.initial = 1e-30;
  setup.generator = false;
  const auto losses = [&](double noise) {
    setup.train.optimizer.weight_noise = noise;
    const Session<double> session = advanced(make_session<double>(setup), 30);
    CHECK(largest_difference(session.state().parameters, draw_parameters(setup.net(), 1)) < 1e-15);
    return session.state().loss_curve;
  };
  const std::vector<double> clean = losses(0.0), little = losses(1e-4), more = losses(2e-4);
  CHECK(std::set<double>(clean.begin(), clean.end()).size() == 1);
  CHECK(std::set<double>(little.begin(), little.end()).size() == 30);
  for (size_t e = 0; e < 30; ++e) {
    // Twice the noise is nearly twice the change.
    const double change = little[e] - clean[e];
    CHECK(std::abs(change) < 1e-2);
    CHECK(more[e] - clean[e] == doctest::Approx(2.0 * change).epsilon(0.05));
  }
}

// The gradient is that at the noisy weights, applied to the clean ones.
TEST_CASE("test_a_noisy_step_is_a_step_from_noisy_weights") {
  Setup setup;
  setup.train.batch_size = 1000;
  setup.train.optimizer.kind = Optimizer::kSgd;
  setup.generator = false;
  setup.train.optimizer.weight_noise = 0.25;
  const auto parts = parts_of<double>(setup);
  const Session<double> noisy = advanced(parts.session(), 1);
  auto shifted = parts;
  const std::vector<LayerSpec>& layers = parts.net->layers();
  for (size_t l = 0; l < layers.size(); ++l) {
    double* weights = shifted.start.parameters.data() + layers[l].weights_at;
    kernel_table<double>().add_noise(layers[l].inputs, layers[l].units, dropout_key_of(setup), 0,
                                     4096 + static_cast<uint32_t>(l), 0, 0.25, weights,
                                     layers[l].units, weights, layers[l].units);
  }
  TrainSpec plain = setup.train;
  plain.optimizer.weight_noise = 0.0;
  shifted.train = std::make_shared<const TrainSpec>(plain);
  const Session<double> other = advanced(shifted.session(), 1);
  CHECK(noisy.state().loss_curve == other.state().loss_curve);
  for (index_t i = 0; i < parts.start.parameters.size(); ++i) {
    const double step = noisy.state().parameters[i] - parts.start.parameters[i];
    CHECK(step == doctest::Approx(other.state().parameters[i] - shifted.start.parameters[i]));
  }
}

// What is validated and published is the average; a score takes the best one.
TEST_CASE_TEMPLATE("test_the_average_is_validated_and_published", T, float, double) {
  Setup setup;
  setup.validated = true;
  setup.train.optimizer.ema_momentum = 0.9;
  const Session<T> averaging = advanced(make_session<T>(setup), 2);
  setup.train.optimizer.ema_momentum = 0.0;
  const Session<T> plain = advanced(make_session<T>(setup), 2);
  CHECK(bit_mismatch(averaging.state().parameters, plain.state().parameters) == "");
  CHECK(averaging.state().loss_curve == plain.state().loss_curve);
  CHECK(averaging.state().validation_loss_curve != plain.state().validation_loss_curve);
  CHECK(&averaging.published_parameters() == &averaging.state().averages);
  // The same net without training, validated once.
  auto parts = parts_of<T>(setup);
  parts.start.parameters = averaging.state().averages;
  TrainSpec still = setup.train;
  still.optimizer.kind = Optimizer::kSgd;
  still.schedule.initial = 1e-300;
  parts.train = std::make_shared<const TrainSpec>(still);
  CHECK(advanced(parts.session(), 1).state().validation_loss_curve.back() ==
        averaging.state().validation_loss_curve.back());
  setup.train.optimizer.ema_momentum = 0.9;
  setup.train.monitor = Monitor::kLoss;
  const Session<T> watched = advanced(make_session<T>(setup), 2);
  REQUIRE(watched.state().validation_scores[1] > watched.state().validation_scores[0]);
  CHECK(bit_mismatch(watched.published_parameters(), averaging.state().averages) == "");
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
  setup.train.schedule.kind = Schedule::kCosine;
  setup.train.schedule.horizon = 100.0;
  setup.train.records_steps = true;
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
  Setup setup = long_setup();
  SUBCASE("plain") {}
  SUBCASE("with all that steps change") {
    setup.train.optimizer.kind = Optimizer::kAmsgrad;
    setup.train.optimizer.ema_momentum = 0.9;
    setup.train.optimizer.max_norm = 1.0;
    setup.train.optimizer.weight_noise = 0.01;
  }
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
