// What a training is given: label maps, weights, rows, and the parts that do not fit together.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "nnhp/train/session.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Class 2 goes to output 0, class 0 to output 1, class 1 to none.
TEST_CASE_TEMPLATE("test_label_maps_equal_the_targets_that_they_mean", T, float, double) {
  Setup setup;
  setup.outputs = 2;
  Samples samples = draw_samples(setup, setup.seed);
  for (index_t i = 0; i < setup.samples; ++i) {
    const int32_t id = static_cast<int32_t>(i % 3);
    samples.ids[static_cast<size_t>(i)] = id;
    samples.y(i, 0) = id == 2 ? 1.0 : 0.0;
    samples.y(i, 1) = id == 0 ? 1.0 : 0.0;
  }
  auto mapped = parts_of<T>(setup), direct = parts_of<T>(setup);
  mapped.training.data = make_dataset<T>(samples, false, true);
  mapped.label_map = {1, -1, 0};
  direct.training.data = make_dataset<T>(samples, false, false);
  CHECK(difference(advanced(mapped.session(), 3).state(), advanced(direct.session(), 3).state()) ==
        "");
}

TEST_CASE_TEMPLATE("test_batches_without_weight_teach_nothing", T, float, double) {
  Setup setup;
  setup.samples = 96;
  setup.train.shuffle = false;
  setup.weighted = true;
  Samples samples = draw_samples(setup, setup.seed);
  for (index_t i = 32; i < 64; ++i) samples.w(i, 0) = 0.0;
  auto with = parts_of<T>(setup);
  with.training.weights = make_weights<T>(samples);
  auto without = with;
  without.training.rows.erase(without.training.rows.begin() + 32,
                              without.training.rows.begin() + 64);
  const Session<T> a = advanced(with.session(), 3), b = advanced(without.session(), 3);
  CHECK(a.state().step == 6);
  CHECK(bit_mismatch(a.state().parameters, b.state().parameters) == "");
  CHECK(bit_mismatch(a.state().moments[1], b.state().moments[1]) == "");
  CHECK(a.state().loss_curve == b.state().loss_curve);
}

TEST_CASE_TEMPLATE("test_a_weight_of_2_is_a_sample_twice", T, float, double) {
  Setup setup;
  setup.train.shuffle = false;
  setup.train.batch_size = 1000;
  setup.train.optimizer.kind = Optimizer::kSgd;
  Samples samples = draw_samples(setup, setup.seed);
  auto weighted = parts_of<T>(setup), repeated = parts_of<T>(setup);
  for (index_t i = 0; i < 20; ++i) {
    samples.w(i, 0) = 2.0;
    repeated.training.rows.push_back(static_cast<row_t>(i));
  }
  weighted.training.weights = make_weights<T>(samples);
  const Session<T> a = advanced(weighted.session(), 2), b = advanced(repeated.session(), 2);
  double worst = 0.0;
  for (index_t i = 0; i < a.state().parameters.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a.state().parameters[i]) -
                                     static_cast<double>(b.state().parameters[i])));
  }
  CHECK(worst < 20.0 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

// Only the listed rows are trained on.
TEST_CASE_TEMPLATE("test_rows_name_the_samples_to_train_on", T, float, double) {
  Setup setup;
  auto part = parts_of<T>(setup);
  part.training.rows = {5, 3, 60, 17, 8};
  auto spoiled = part;
  Samples samples = draw_samples(setup, setup.seed);
  for (index_t i = 0; i < setup.samples; ++i) {
    const bool listed =
        std::count(part.training.rows.begin(), part.training.rows.end(), static_cast<row_t>(i)) > 0;
    for (index_t j = 0; !listed && j < setup.features; ++j) samples.x(i, j) = kNan;
  }
  spoiled.training.data = make_dataset<T>(samples, false, false);
  CHECK(difference(advanced(spoiled.session(), 3).state(), advanced(part.session(), 3).state()) ==
        "");
}

// A change of a valid training, and what its refusal must say.
struct Refusal {
  const char* message;
  void (*change)(TrainSpec& train);
};
const Refusal refusals[] = {
    {"l2 must be >= 0, got -1", [](TrainSpec& t) { t.penalty.l2 = -1.0; }},
    {"l2 must be >= 0, got nan", [](TrainSpec& t) { t.penalty.l2 = kNan; }},
    {"l1 must be >= 0", [](TrainSpec& t) { t.penalty.l1 = -0.5; }},
    {"batch_size must be >= 1, got 0", [](TrainSpec& t) { t.batch_size = 0; }},
    {"max_epochs must be >= 1", [](TrainSpec& t) { t.max_epochs = 0; }},
    {"tol must be >= 0", [](TrainSpec& t) { t.tol = -1e-9; }},
    {"n_iter_no_change must be >= 1", [](TrainSpec& t) { t.n_iter_no_change = 0.5; }},
    {"momentum must be in [0, 1]", [](TrainSpec& t) { t.optimizer.momentum = 1.5; }},
    {"beta_1 must be in [0, 1)", [](TrainSpec& t) { t.optimizer.beta_1 = 1.0; }},
    {"beta_2 must be in [0, 1)", [](TrainSpec& t) { t.optimizer.beta_2 = -0.1; }},
    {"epsilon must be > 0", [](TrainSpec& t) { t.optimizer.epsilon = 0.0; }},
    {"rho must be in [0, 1)", [](TrainSpec& t) { t.optimizer.rho = 1.0; }},
    {"initial_accumulator_value must be >= 0",
     [](TrainSpec& t) { t.optimizer.initial_accumulator = -0.1; }},
    {"weight_decay must be >= 0", [](TrainSpec& t) { t.optimizer.weight_decay = -0.1; }},
    {"clipnorm must be > 0", [](TrainSpec& t) { t.optimizer.clipnorm = 0.0; }},
    {"clipvalue must be > 0, got nan", [](TrainSpec& t) { t.optimizer.clipvalue = kNan; }},
    {"ema_momentum must be in [0, 1)", [](TrainSpec& t) { t.optimizer.ema_momentum = 1.0; }},
    {"max_norm must be > 0", [](TrainSpec& t) { t.optimizer.max_norm = 0.0; }},
    {"weight_noise must be >= 0", [](TrainSpec& t) { t.optimizer.weight_noise = -1.0; }},
    {"held_biases must be in [0, 3), got 3", [](TrainSpec& t) { t.held_biases = {0, 3}; }},
    {"layer_penalties must have one entry per layer, got 2",
     [](TrainSpec& t) { t.layer_penalties = {{0.1, 0.0}, {}}; }},
    {"layer_penalties must be >= 0, got -1",
     [](TrainSpec& t) { t.layer_penalties = {{0.1, 0.0}, {0.1, -1.0}, {}}; }},
    {"layer_penalties stand in place of l2 and l1",
     [](TrainSpec& t) {
       t.penalty.l1 = 0.1;
       t.layer_penalties = {{0.1, 0.0}, {}, {}};
     }},
    {"frozen_layers must be in [0, 3), got 3", [](TrainSpec& t) { t.frozen_layers = {0, 3}; }},
    {"frozen_layers must be in [0, 3), got -1", [](TrainSpec& t) { t.frozen_layers = {-1}; }},
    {"frozen_layers must leave a layer", [](TrainSpec& t) { t.frozen_layers = {2, 0, 1}; }},
    {"learning_rate_init must be > 0", [](TrainSpec& t) { t.schedule.initial = 0.0; }},
    {"learning_rates must not be empty",
     [](TrainSpec& t) { t.schedule.kind = Schedule::kPerEpoch; }},
    {"learning_rates must be >= 0",
     [](TrainSpec& t) {
       t.schedule.kind = Schedule::kPerEpoch;
       t.schedule.per_epoch = {0.1, -0.1};
     }},
    {"loss scale must be > 0", [](TrainSpec& t) { t.loss.scale = 0.0; }},
    {"loss epsilon must be in [0, 0.5)", [](TrainSpec& t) { t.loss.epsilon = 0.5; }},
    {"label_smoothing must be in [0, 1)", [](TrainSpec& t) { t.loss.label_smoothing = 1.0; }},
    {"label_smoothing needs a loss of classes, got 'squared_error'",
     [](TrainSpec& t) { t.loss = {.kind = Loss::kSquaredError, .label_smoothing = 0.1}; }},
    {"delta must be > 0", [](TrainSpec& t) { t.loss.delta = kNan; }},
    {"gamma must be >= 0", [](TrainSpec& t) { t.loss.gamma = -1.0; }},
    {"alpha must be in [0, 1]", [](TrainSpec& t) { t.loss.alpha = 1.5; }},
    {"quantiles must have one entry per output (3), got 2",
     [](TrainSpec& t) { t.loss = {.kind = Loss::kQuantile, .quantiles = {0.1, 0.9}}; }},
    {"quantiles must be rising in (0, 1), got 0.2",
     [](TrainSpec& t) { t.loss = {.kind = Loss::kQuantile, .quantiles = {0.3, 0.2, 0.9}}; }},
    {"monitor 'r2' needs a target per output, which the loss 'quantile' has not",
     [](TrainSpec& t) {
       t.loss = {.kind = Loss::kQuantile, .quantiles = {0.1, 0.2, 0.9}};
       t.monitor = Monitor::kR2;
     }},
    {"noisy_copies must be >= 0", [](TrainSpec& t) { t.augment.noisy_copies = -1; }},
    {"noise must be >= 0", [](TrainSpec& t) { t.augment.noise = kNan; }},
    {"mixup_alpha must be >= 0", [](TrainSpec& t) { t.augment.mixup_alpha = -0.1; }},
    {"cutmix_alpha must be >= 0", [](TrainSpec& t) { t.augment.cutmix_alpha = -0.1; }},
};

TEST_CASE("test_a_train_spec_out_of_range_names_the_field") {
  const Setup setup;
  CHECK_NOTHROW(setup.train.check<double>(setup.net()));
  for (const Refusal& refusal : refusals) {
    TrainSpec train = setup.train;
    refusal.change(train);
    CHECK_THROWS_WITH_AS(train.check<double>(setup.net()), doctest::Contains(refusal.message),
                         std::invalid_argument);
  }
}

// What is above 0 as a double, and 0, or one that changes no 1, as a T.
TEST_CASE_TEMPLATE("test_numbers_too_small_for_the_precision_are_refused", T, float, double) {
  const Setup setup;
  const double least = static_cast<double>(std::numeric_limits<T>::min());
  const double half = 0.5 * static_cast<double>(std::numeric_limits<T>::epsilon());
  const auto refused = [](const Setup& changed, const char* message) {
    CHECK_THROWS_WITH_AS(make_session<T>(changed), doctest::Contains(message),
                         std::invalid_argument);
  };
  Setup of_optimizer = setup, of_loss = setup, of_stage = setup;
  of_optimizer.train.optimizer.epsilon = least;
  CHECK_NOTHROW(make_session<T>(of_optimizer));
  of_optimizer.train.optimizer.epsilon = 0.9 * least;
  refused(of_optimizer, "epsilon must be > 0 in float");
  of_loss.train.loss.epsilon = half;
  CHECK_NOTHROW(make_session<T>(of_loss));
  of_loss.train.loss.epsilon = 0.9 * half;
  refused(of_loss, "loss epsilon must be 0 or >= ");
  of_stage.output_stages = {stage_of(StageKind::kLayerNormalization)};
  of_stage.output_stages[0].epsilon = least;
  CHECK_NOTHROW(make_session<T>(of_stage));
  of_stage.output_stages[0].epsilon = 0.9 * least;
  refused(of_stage, "epsilon must be > 0 in float");
}

// A weight without a gradient stays, at the smallest epsilon that there is: its step is
// 0 / epsilon.
TEST_CASE_TEMPLATE("test_a_weight_without_gradient_stays_at_any_epsilon", T, float, double) {
  for (size_t optimizer = 0; optimizer < optimizer_table.size(); ++optimizer) {
    CAPTURE(optimizer_table[optimizer].name);
    Setup setup;
    setup.train.optimizer.kind = static_cast<Optimizer>(optimizer);
    setup.train.optimizer.epsilon = static_cast<double>(std::numeric_limits<T>::min());
    setup.train.optimizer.initial_accumulator = 0.0;
    setup.train.schedule.initial = 1e-6;
    auto parts = parts_of<T>(setup);
    Samples samples = draw_samples(setup, setup.seed);
    for (index_t i = 0; i < setup.samples; ++i) samples.x(i, 0) = 0.0;
    parts.training.data = make_dataset<T>(samples, false, false);
    const Session<T> session = advanced(parts.session(), 1);
    CHECK(session.state().parameters[0] == parts.start.parameters[0]);
  }
}

TEST_CASE("test_a_loss_refuses_outputs_that_it_cannot_take") {
  const auto refused = [](Loss loss, Activation output, const char* message) {
    Setup setup;
    setup.train.loss.kind = loss;
    setup.output_activation = output;
    CHECK_THROWS_WITH_AS(setup.train.check<double>(setup.net()), doctest::Contains(message),
                         std::invalid_argument);
  };
  refused(Loss::kPoisson, Activation::kIdentity,
          "loss 'poisson' needs outputs above 0, which the output activation "
          "'identity' does not give");
  refused(Loss::kGamma, Activation::kRelu, "loss 'gamma' needs outputs above 0");
  refused(Loss::kPoissonLikelihood, Activation::kTanh,
          "loss 'poisson_likelihood' needs outputs that are never negative");
  refused(Loss::kBinaryLogLoss, Activation::kExp,
          "loss 'binary_log_loss' needs outputs between 0 and 1");
}

// What `change` makes of valid inputs is refused with a message that contains `message`.
template <class Change>
void check_refused(const char* message, const Setup& setup, Change&& change) {
  Parts<double> in = parts_of<double>(setup);
  CHECK_NOTHROW(in.session());
  change(in);
  CHECK_THROWS_WITH_AS(in.session(), doctest::Contains(message), std::invalid_argument);
}

TEST_CASE("test_quantiles_have_one_target_and_copies_a_number") {
  Setup setup;
  const auto with = [](TrainSpec train) { return std::make_shared<const TrainSpec>(train); };
  check_refused("targets must have one column", setup, [&](Parts<double>& in) {
    TrainSpec train = *in.train;
    train.loss = {.kind = Loss::kQuantile, .quantiles = {0.1, 0.5, 0.9}};
    in.train = with(train);
  });
  check_refused("noisy_copies must be at most 30678336 for 70 samples, got 1073741824", setup,
                [&](Parts<double>& in) {
                  TrainSpec train = *in.train;
                  train.augment.noisy_copies = index_t{1} << 30;
                  in.train = with(train);
                });
}

TEST_CASE("test_parts_that_do_not_fit_together_are_refused") {
  Setup setup, other, classes;
  other.features = 6;
  classes.class_ids = classes.validated = true;
  const auto foreign = parts_of<double>(other);
  check_refused("data has 6 features, the net 5 inputs", setup,
                [&](Parts<double>& in) { in.training.data = foreign.training.data; });
  check_refused("parameters must have", setup,
                [&](Parts<double>& in) { in.start.parameters = foreign.start.parameters; });
  check_refused("rows must not be empty", setup,
                [](Parts<double>& in) { in.training.rows.clear(); });
  check_refused("rows must be in [0, 70)", setup,
                [](Parts<double>& in) { in.training.rows.push_back(70); });
  check_refused("rows must be in [0, 70)", setup,
                [](Parts<double>& in) { in.training.rows[3] = -1; });
  check_refused("sample_weight must have one entry per sample", setup, [](Parts<double>& in) {
    in.training.weights = std::make_shared<AlignedVector<double>>(3);
  });
  check_refused("targets must have one column per output", setup, [](Parts<double>& in) {
    in.net = std::make_shared<NetSpec>(5, std::vector<HiddenLayer>{}, 4, Activation::kSoftmax);
  });
  check_refused("label_map names an output too many", classes,
                [](Parts<double>& in) { in.label_map = {0, 1, 3}; });
  check_refused("class_ids must be in [0, 2)", classes, [](Parts<double>& in) {
    in.net = std::make_shared<NetSpec>(5, std::vector<HiddenLayer>{}, 2, Activation::kSoftmax);
  });
  check_refused("class_ids must be in [0, 2)", classes,
                [](Parts<double>& in) { in.label_map = {0, 1}; });
  check_refused("validation_rows must be in [0, 70)", classes,
                [](Parts<double>& in) { in.validation->rows.push_back(71); });
  check_refused("monitor 'r2' needs validation data with targets", classes, [](Parts<double>& in) {
    TrainSpec train = *in.train;
    train.monitor = Monitor::kR2;
    in.train = std::make_shared<TrainSpec>(train);
  });
  check_refused("monitor 'accuracy' needs validation data", setup, [](Parts<double>& in) {
    TrainSpec train = *in.train;
    train.monitor = Monitor::kAccuracy;
    in.train = std::make_shared<TrainSpec>(train);
  });
}

}  // namespace
}  // namespace nnhp::testing
