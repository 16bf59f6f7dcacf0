// Gradients against central differences, for every activation, loss and penalty, and the promises
// about blocks and sparse samples.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <optional>
#include <stdexcept>
#include <thread>

#include "gradcheck.hpp"
#include "nnhp/nn/backprop.hpp"
#include "nnhp/train/objective.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

using namespace std::chrono_literals;

constexpr double kGradientError = 1e-6;

constexpr std::array<Penalty, 4> kPenalties{{{0.0, 0.0}, {0.7, 0.0}, {0.0, 0.4}, {0.7, 0.4}}};

std::string describe(const Setup& setup) {
  std::string layers;
  for (const Hidden& layer : setup.hidden) {
    if (layer.normalization) layers += text_of(", ", info(*layer.normalization).name);
    layers += text_of(", ", info(layer.activation).name, " noise ", layer.noise, " ",
                      info(layer.dropout_kind).name, " ", layer.dropout);
  }
  return text_of(setup.loss_name(), layers, ", outputs ", setup.outputs, ", input dropout ",
                 setup.input_dropout, ", l2 ", setup.train.penalty.l2, ", l1 ",
                 setup.train.penalty.l1, setup.sparse ? ", sparse" : "",
                 setup.weighted ? ", weighted" : "");
}

// Every hidden activation that the table has, in nets of 0, 1 and 2 hidden layers, with every loss.
// The rest of the layers is as in `like`.
template <class Check>
void for_each_net(const Hidden& like, Check&& check) {
  for (size_t a = 0; a < activation_table.size(); ++a) {
    if (!activation_table[a].hidden) continue;
    const Activation activation = static_cast<Activation>(a);
    for (size_t loss = 0; loss < loss_table.size(); ++loss) {
      for (const size_t depth : {size_t{0}, size_t{1}, size_t{2}}) {
        if (depth == 0 && a > 0) continue;  // no hidden layer, so no second activation
        Setup setup;
        setup.train.loss.kind = static_cast<Loss>(loss);
        setup.samples = 11;
        setup.outputs = info(setup.train.loss.kind).one_of_all || depth > 0 ? 3 : 1;
        setup.hidden.clear();
        for (size_t i = 0; i < depth; ++i) {
          setup.hidden.push_back(like);
          setup.hidden.back().units = i == 0 ? 5 : 4;
          setup.hidden.back().activation = activation;
          setup.hidden.back().parameter = unusual_parameter(activation);
        }
        setup.seed = 10 * a + loss + 1;
        check(setup);
      }
    }
  }
}
template <class Check>
void for_each_way_of_feeding(Setup setup, Check&& check) {
  for (const bool sparse : {false, true}) {
    for (const bool weighted : {false, true}) {
      setup.sparse = sparse;
      setup.weighted = weighted;
      CAPTURE(describe(setup));
      check(setup);
    }
  }
}

// The squared error is a mean over outputs, but followed, as in scikit-learn, by the derivative of
// their sum.
double derivative_factor(const Setup& setup) {
  const bool of_sum = setup.train.loss.kind == Loss::kSquaredError &&
                      setup.train.loss.over_outputs == OverOutputs::kOwn;
  return of_sum ? static_cast<double>(setup.outputs) : 1.0;
}

Objective<double> objective_of(Setup setup, const Penalty& penalty) {
  setup.train.penalty = penalty;
  const auto in = parts_of<double>(setup);
  return {in.net, in.train, in.set()};
}

void check_objective(const Setup& setup) {
  Objective<double> full = objective_of(setup, setup.train.penalty);
  Objective<double> plain = objective_of(setup, {});
  const AlignedVector<double> at = parts_of<double>(setup).start.parameters;
  AlignedVector<double> gradient(at.size()), ignored(at.size());
  full.value_and_gradient(at, {}, gradient.data());
  const double factor = derivative_factor(setup) - 1.0;
  const auto f = [&](const AlignedVector<double>& parameters) {
    const double value = full.value_and_gradient(parameters, {}, ignored.data());
    if (factor == 0.0) return value;
    return value + factor * plain.value_and_gradient(parameters, {}, ignored.data());
  };
  CHECK(gradient_error(f, at, gradient) < kGradientError);
}

constexpr Hidden kPlain{1, Activation::kIdentity};

TEST_CASE("test_gradients_of_every_activation_loss_and_penalty") {
  for_each_net(kPlain, [](Setup setup) {
    for (const Penalty& penalty : kPenalties) {
      setup.train.penalty = penalty;
      for_each_way_of_feeding(setup, check_objective);
    }
  });
}

// Whether a loss can take what an activation gives.
bool meet(Loss loss, Activation output) {
  return may_end(output) && info(output).least >= info(loss).least &&
         info(output).most <= info(loss).most;
}

// With fields that are not the defaults, so that each matters.
TEST_CASE("test_gradients_of_every_loss_through_every_output_activation") {
  int pairs = 0;
  for (size_t loss = 0; loss < loss_table.size(); ++loss) {
    for (size_t output = 0; output < activation_table.size(); ++output) {
      if (!meet(static_cast<Loss>(loss), static_cast<Activation>(output))) continue;
      ++pairs;
      for (size_t a = 0; a < activation_table.size(); ++a) {
        if (!activation_table[a].hidden) continue;
        for (const bool weighted : {false, true}) {
          Setup setup;
          LossSpec& spec = setup.train.loss;
          spec.kind = static_cast<Loss>(loss);
          spec.scale = 1.5;
          spec.delta = 0.8;
          spec.gamma = 1.3;
          spec.alpha = 0.7;
          spec.epsilon = 1e-7;
          spec.over_outputs = weighted ? OverOutputs::kMean : OverOutputs::kSum;
          spec.label_smoothing = info(spec.kind).decides == Decides::kNothing ? 0.0 : 0.15;
          setup.output_activation = static_cast<Activation>(output);
          setup.hidden = {{4, static_cast<Activation>(a)}};
          setup.samples = 7;
          setup.features = 3;
          setup.weighted = weighted;
          setup.seed = 100 * loss + 10 * output + a;
          CAPTURE(activation_table[output].name);
          CAPTURE(describe(setup));
          check_objective(setup);
        }
      }
    }
  }
  CHECK(pairs > 120);
}

TEST_CASE("test_gradients_of_every_activation_and_loss_with_layer_normalization") {
  Hidden normalized = kPlain;
  normalized.normalization = StageKind::kLayerNormalization;
  for_each_net(normalized, [](Setup setup) {
    setup.train.penalty = kPenalties.back();
    for_each_way_of_feeding(setup, check_objective);
    setup.input_stages = {stage_of(StageKind::kLayerNormalization)};
    setup.output_stages = {stage_of(StageKind::kLayerNormalization)};
    check_objective(setup);
  });
}

TEST_CASE("test_an_objective_that_changes_from_call_to_call_is_refused") {
  std::vector<Setup> setups(4);
  setups[0].hidden[1].dropout = 0.1;
  setups[1].hidden[0].noise = 0.1;
  setups[2].hidden[0].normalization = StageKind::kBatchNormalization;
  setups[3].input_dropout = 0.1;
  for (const Setup& setup : setups) {
    CHECK_THROWS_WITH_AS(objective_of(setup, {}), doctest::Contains("a full-batch solver cannot"),
                         std::invalid_argument);
  }
}

TEST_CASE("test_an_objective_has_nothing_of_single_layers") {
  Setup penalized, held;
  penalized.train.layer_penalties.resize(3);
  held.train.held_biases = {1};
  for (const Setup& setup : {penalized, held}) {
    CHECK_THROWS_WITH_AS(objective_of(setup, {}), doctest::Contains("an objective has no"),
                         std::invalid_argument);
  }
}

// A Backprop with its memory.
template <class T>
class Passes {
 public:
  // Of batches of up to 70 rows, where they are normalized.
  explicit Passes(const NetSpec& net, const Team& team = Team()) : net_(net) {
    const index_t rows = Backprop<T>::training_rows(net_, 70);
    Workspace sizes;
    Backprop<T>(net_, true, sizes, true, rows, team);
    workspace_.reserve(sizes.bytes());
    backprop_.emplace(net_, true, workspace_, true, rows, team);
    backprop_->clear();
  }
  Passes(const Passes&) = delete;
  Passes& operator=(const Passes&) = delete;

  Backprop<T>& backprop() { return *backprop_; }

  // Summed loss of rows [first, first + count); adds to `gradient`, or begins it, unless it is
  // null.
  double run(const Parts<T>& in, const AlignedVector<T>& parameters, const DropoutDraw* draw,
             index_t first, index_t count, T* gradient, const Update<T>* update = nullptr,
             PenaltySums* sums = nullptr) {
    const SampleRows<T> samples = in.training.data->block(in.training.rows.data() + first, count);
    AlignedVector<T> weights(count);
    for (index_t i = 0; in.training.weights && i < count; ++i)
      weights[i] = (*in.training.weights)[first + i];
    const T* w = in.training.weights ? weights.data() : nullptr;
    backprop_->forward(parameters.data(), samples, draw);
    fill_targets<T>(*in.training.data, {}, samples.rows, count, net_.outputs(),
                    backprop_->targets(), backprop_->output_stride());
    if (gradient == nullptr) return backprop_->loss(in.train->loss, count, w);
    const double loss = backprop_->loss_and_delta(in.train->loss, count, w);
    if (update == nullptr) {
      backprop_->backward(samples, first == 0, gradient);
    } else {
      *sums = backprop_->backward(samples, first == 0, gradient, *update);
    }
    return loss;
  }

 private:
  NetSpec net_;
  Workspace workspace_;
  std::optional<Backprop<T>> backprop_;
};

void check_drawn_gradient(const Setup& setup) {
  const auto in = parts_of<double>(setup);
  Passes<double> passes(*in.net);
  const DropoutDraw draw{setup.seed, 5, 0};
  AlignedVector<double> gradient(in.start.parameters.size());
  const double loss = passes.run(in, in.start.parameters, &draw, 0, setup.samples, gradient.data());
  const auto f = [&](const AlignedVector<double>& parameters) {
    return derivative_factor(setup) * passes.run(in, parameters, &draw, 0, setup.samples, nullptr);
  };
  CHECK(f(in.start.parameters) == derivative_factor(setup) * loss);
  CHECK(gradient_error(f, in.start.parameters, gradient) < kGradientError);
}

TEST_CASE("test_gradients_through_a_fixed_dropout_mask") {
  for (const double dropout : {0.0, 0.4}) {
    for (const double input_dropout : {0.0, 0.3}) {
      Hidden dropping = kPlain;
      dropping.dropout = dropout;
      for_each_net(dropping, [&](Setup setup) {
        setup.input_dropout = input_dropout;
        for_each_way_of_feeding(setup, check_drawn_gradient);
      });
    }
  }
}

TEST_CASE("test_gradients_of_every_activation_and_loss_with_normalized_batches_and_noise") {
  Hidden noisy = kPlain;
  noisy.normalization = StageKind::kBatchNormalization;
  for (const bool draws : {false, true}) {
    noisy.noise = draws ? 0.2 : 0.0;
    noisy.dropout = draws ? 0.3 : 0.0;
    noisy.dropout_kind = StageKind::kAlphaDropout;
    for_each_net(noisy, [&](Setup setup) {
      for_each_way_of_feeding(setup, check_drawn_gradient);
      setup.input_stages = {stage_of(StageKind::kNoise, 0.1),
                            stage_of(StageKind::kBatchNormalization)};
      setup.output_stages = {stage_of(StageKind::kBatchNormalization)};
      check_drawn_gradient(setup);
    });
  }
}

// Stages in every order that two or three of them can have.
TEST_CASE("test_gradients_of_stages_in_any_order") {
  const std::vector<StageSpec> kinds{stage_of(StageKind::kBatchNormalization),
                                     stage_of(StageKind::kLayerNormalization),
                                     activate(Activation::kTanh),
                                     activate(Activation::kGelu),
                                     activate(Activation::kPrelu),
                                     activate(Activation::kMaxout),
                                     stage_of(StageKind::kNoise, 0.2),
                                     stage_of(StageKind::kDropout, 0.3)};
  const auto check = [](const std::vector<StageSpec>& stages) {
    std::string names;
    for (const StageSpec& stage : stages) {
      names += text_of(" ", info(stage.kind).name, " ", info(stage.activation).name);
    }
    CAPTURE(names);
    Setup setup;
    setup.samples = 9;
    Parts<double> in = parts_of<double>(setup);
    in.net = std::make_shared<const NetSpec>(setup.features,
                                             std::vector<HiddenLayer>{{4, stages}, {3, stages}},
                                             setup.outputs, setup.output());
    in.start.parameters = aligned_copy<double>(draw_parameters(*in.net, setup.seed));
    Passes<double> passes(*in.net);
    const DropoutDraw draw{7, 5, 0};
    AlignedVector<double> gradient(in.start.parameters.size());
    passes.run(in, in.start.parameters, &draw, 0, setup.samples, gradient.data());
    const auto f = [&](const AlignedVector<double>& parameters) {
      return passes.run(in, parameters, &draw, 0, setup.samples, nullptr);
    };
    CHECK(gradient_error(f, in.start.parameters, gradient) < kGradientError);
  };
  check({});
  for (const StageSpec& first : kinds) {
    check({first});
    for (const StageSpec& second : kinds) {
      check({first, second});
      for (const StageSpec& third : kinds) check({first, second, third});
    }
  }
}

// What a block of rows gives with dropout, forward and back.
template <class T>
struct BlockResults {
  AlignedVector<T> outputs, gradient;
};
template <class T>
BlockResults<T> run_in_blocks(const Setup& setup, const std::vector<index_t>& blocks) {
  const auto in = parts_of<T>(setup);
  Passes<T> passes(*in.net);
  BlockResults<T> results{AlignedVector<T>(setup.samples * setup.outputs),
                          AlignedVector<T>(in.start.parameters.size())};
  index_t first = 0;
  for (const index_t count : blocks) {
    const DropoutDraw draw{17, 3, first};
    passes.run(in, in.start.parameters, &draw, first, count, results.gradient.data());
    for (index_t i = 0; i < count; ++i) {
      std::copy_n(passes.backprop().outputs() + i * passes.backprop().output_stride(),
                  setup.outputs, results.outputs.data() + (first + i) * setup.outputs);
    }
    first += count;
  }
  return results;
}

Setup dropping_setup() {
  Setup setup;
  setup.hidden = {{19, Activation::kRelu, 0.5}, {7, Activation::kLogistic, 0.25}};
  setup.input_dropout = 0.2;
  setup.weighted = true;
  return setup;
}

// Its rows lie side by side.
Setup single_output_setup(std::vector<Hidden> hidden) {
  Setup setup;
  setup.hidden = std::move(hidden);
  setup.outputs = 1;
  setup.train.loss.kind = Loss::kHuber;
  setup.output_activation = Activation::kLogistic;
  setup.weighted = true;
  return setup;
}

// All stages that do not need a whole batch.
Setup full_setup() {
  Setup setup = dropping_setup();
  setup.hidden = {
      {19, Activation::kMaxout, 0.5, StageKind::kLayerNormalization, 0.1},
      {9, Activation::kPrelu, 0.25, StageKind::kLayerNormalization, 0.2, StageKind::kAlphaDropout},
      {7, Activation::kGelu}};
  setup.input_stages = {stage_of(StageKind::kLayerNormalization), stage_of(StageKind::kNoise, 0.3),
                        stage_of(StageKind::kNoise, 0.3)};
  setup.output_stages = {stage_of(StageKind::kLayerNormalization)};
  return setup;
}

TEST_CASE_TEMPLATE("test_blocks_of_a_batch_change_no_bit", T, float, double) {
  for (const bool sparse : {false, true}) {
    for (Setup setup : {dropping_setup(), dropping_setup(), full_setup(), single_output_setup({}),
                        single_output_setup({{17, Activation::kTanh}})}) {
      static int number = 0;
      setup.sparse = sparse;
      if (number++ % 5 == 0) setup.input_dropout = 0.0;
      const BlockResults<T> whole = run_in_blocks<T>(setup, {70});
      for (const std::vector<index_t>& blocks :
           {std::vector<index_t>{1, 69}, {32, 32, 6}, {13, 17, 40}}) {
        const BlockResults<T> cut = run_in_blocks<T>(setup, blocks);
        CHECK(bit_mismatch(cut.outputs, whole.outputs) == "");
        CHECK(bit_mismatch(cut.gradient, whole.gradient) == "");
      }
    }
  }
}

TEST_CASE_TEMPLATE("test_sparse_samples_have_the_bits_of_dense_ones", T, float, double) {
  Setup undropped = dropping_setup();
  undropped.input_dropout = 0.0;
  for (Setup setup : {dropping_setup(), undropped, single_output_setup({})}) {
    setup.sparse = true;
    const auto in_sparse = parts_of<T>(setup);
    auto in_dense = in_sparse;
    in_dense.training.data = make_dataset<T>(draw_samples(setup, setup.seed), false, false);
    Passes<T> passes(*in_sparse.net);
    AlignedVector<T> sparse(in_sparse.start.parameters.size()), dense(sparse.size());
    const DropoutDraw draw{17, 3, 0};
    const double sparse_loss =
        passes.run(in_sparse, in_sparse.start.parameters, &draw, 0, setup.samples, sparse.data());
    const double dense_loss =
        passes.run(in_dense, in_dense.start.parameters, &draw, 0, setup.samples, dense.data());
    CHECK(sparse_loss == dense_loss);
    CHECK(bit_mismatch(sparse, dense) == "");
  }
}

TEST_CASE_TEMPLATE("test_without_a_draw_nothing_is_dropped", T, float, double) {
  Setup dropping = dropping_setup(), plain = dropping_setup();
  plain.input_dropout = 0.0;
  for (Hidden& layer : plain.hidden) layer.dropout = 0.0;
  const auto in = parts_of<T>(dropping);
  Passes<T> with_masks(*in.net), without(*parts_of<T>(plain).net);
  const auto loss = [&](Passes<T>& passes, const DropoutDraw* draw) {
    return passes.run(in, in.start.parameters, draw, 0, dropping.samples, nullptr);
  };
  const DropoutDraw draw{1, 1, 0};
  CHECK(loss(with_masks, nullptr) == loss(without, nullptr));
  CHECK(loss(without, &draw) == loss(without, nullptr));
  CHECK(loss(with_masks, &draw) != loss(without, nullptr));
}

// Several blocks of rows against whole matrices in plain double.
TEST_CASE("test_objective_over_many_blocks_matches_the_plain_net") {
  for (size_t loss = 0; loss < loss_table.size(); ++loss) {
    Setup setup;
    setup.train.loss.kind = static_cast<Loss>(loss);
    setup.samples = 700;
    setup.weighted = true;
    CAPTURE(describe(setup));
    const NetSpec net = setup.net();
    REQUIRE(Backprop<double>::block_rows(net) < setup.samples / 2);
    const Samples samples = draw_samples(setup, setup.seed);
    const std::vector<double> parameters = draw_parameters(net, setup.seed);
    const reference::Pass want =
        reference::pass(net, parameters, {samples.x, samples.y, samples.w}, nullptr, setup.loss());
    const double total = std::accumulate(samples.w.cells.begin(), samples.w.cells.end(), 0.0);
    AlignedVector<double> gradient(net.parameter_count());
    const double value =
        objective_of(setup, {0.7, 0.4})
            .value_and_gradient(aligned_copy<double>(parameters), {}, gradient.data());
    const double penalty = reference::penalty(net, parameters, 0.7, 0.4);
    CHECK(value == doctest::Approx((want.loss + penalty) / total).epsilon(1e-12));
    const double plain = objective_of(setup, {}).value_and_gradient(
        aligned_copy<double>(parameters), {}, gradient.data());
    CHECK(plain == doctest::Approx(want.loss / total).epsilon(1e-12));
    double worst = 0.0;
    for (index_t i = 0; i < gradient.size(); ++i) {
      worst =
          std::max(worst, std::abs(gradient[i] - want.gradient[static_cast<size_t>(i)] / total));
    }
    CHECK(worst < 1e-13);
  }
}

// With an update that changes nothing: what it is given, piece by piece and by any team, is the
// whole gradient, and nobody else writes to a piece while it is in use.
TEST_CASE_TEMPLATE("test_an_update_is_given_the_gradient_by_pieces", T, float, double) {
  Setup setup;
  setup.samples = 64;
  setup.features = 900;
  setup.hidden = {{300, Activation::kTanh, 0.0}, {40, Activation::kRelu, 0.0}};
  const NetSpec net = setup.net();
  const Parts<T> in = parts_of<T>(setup);
  const AlignedVector<T>& parameters = in.start.parameters;
  Passes<T> whole(net);
  AlignedVector<T> want(net.parameter_count());
  whole.run(in, parameters, nullptr, 0, setup.samples, want.data());
  for (const int threads : {1, 2, 3}) {
    CAPTURE(threads);
    const Cpus cpus(threads);
    AlignedVector<T> found(net.parameter_count()), scratch(net.parameter_count());
    std::atomic<int> entered{0}, changed{0}, calls{0};
    const Update<T> update = [&](index_t at, index_t n, bool, T* gradient) {
      ++calls;
      std::copy_n(gradient, n, found.data() + at);
      ++entered;
      // Time for the others to come to their piece.
      for (int i = 0; i < 1000 && entered < threads; ++i) std::this_thread::sleep_for(10us);
      if (!std::equal(gradient, gradient + n, found.data() + at)) ++changed;
      return PenaltySums{1.0, 2.0};
    };
    PenaltySums sums{0.0, 0.0};
    StopToken stop;
    team_for(1, threads, stop, {}, [&](index_t, const Team& team) {
      Passes<T> pieces(net, team);
      pieces.run(in, parameters, nullptr, 0, setup.samples, scratch.data(), &update, &sums);
    });
    CHECK(std::equal(want.begin(), want.end(), found.begin()));
    CHECK(changed == 0);
    CHECK(calls > 10);
    const double weight_calls = calls - static_cast<double>(net.layers().size());
    CHECK(sums.squares == weight_calls);
    CHECK(sums.magnitudes == 2.0 * weight_calls);
  }
}

TEST_CASE("test_a_stopped_objective_is_nan_and_writes_no_gradient") {
  Setup setup;
  setup.samples = 30000;
  setup.hidden = {{200, Activation::kTanh, 0.0}, {200, Activation::kTanh, 0.0}};
  Objective<double> objective = objective_of(setup, {});
  AlignedVector<double> gradient(objective.net().parameter_count());
  const double value = objective.value_and_gradient(
      parts_of<double>(setup).start.parameters, [] { return true; }, gradient.data());
  CHECK(std::isnan(value));
  CHECK(std::all_of(gradient.begin(), gradient.end(), [](double g) { return g == 0.0; }));
}

TEST_CASE_TEMPLATE("test_block_rows_are_whole_tiles_within_bounds", T, float, double) {
  for (const index_t units : {1, 10, 64, 100, 256, 300, 1000, 10000}) {
    const NetSpec net(3, {Hidden{units, Activation::kTanh}}, 2, Activation::kSoftmax);
    const index_t rows = Backprop<T>::block_rows(net);
    CHECK(rows >= 32);
    CHECK(rows <= 256);
    CHECK(rows % 32 == 0);
  }
}

TEST_CASE_TEMPLATE("test_scratch_beyond_the_address_space_is_a_length_error", T, float, double) {
  for (const int exponent : {56, 58, 60, 61}) {
    const index_t units = index_t{1} << exponent;
    CAPTURE(exponent);
    const NetSpec net(1, {Hidden{units, Activation::kRelu}}, 1, Activation::kIdentity);
    Workspace sizes;
    CHECK_THROWS_AS(Backprop<T>(net, true, sizes), std::length_error);
  }
}

}  // namespace
}  // namespace nnhp::testing
