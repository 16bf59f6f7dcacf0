// Predictions: against the plain net, with the same bits for every number of threads and any
// company.
#include <doctest/doctest.h>

#include <limits>

#include "kernel_cases.hpp"
#include "nnhp/nn/cost.hpp"
#include "nnhp/nn/fold.hpp"
#include "nnhp/train/predict.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

template <class T>
Predictor<T> predictor_of(const Setup& setup) {
  const auto net = std::make_shared<const NetSpec>(setup.net());
  return {net, aligned_copy<T>(draw_parameters(*net, setup.seed))};
}

template <class T>
AlignedVector<T> predicted(const Setup& setup, const Samples& samples, int threads = 1) {
  const auto data = make_dataset<T>(samples, setup.sparse, false);
  AlignedVector<T> out(data->samples * setup.outputs);
  CHECK(!predictor_of<T>(setup).outputs(*data, threads, {}, out.data()));
  return out;
}

Samples only_rows(const Samples& samples, const std::vector<row_t>& rows) {
  return {reference::rows_of(samples.x, rows),
          reference::rows_of(samples.y, rows),
          reference::rows_of(samples.w, rows),
          {}};
}

// Nets of every hidden and every output activation, with every normalization, dense and sparse.
std::vector<Setup> all_nets() {
  std::vector<Setup> setups;
  for (size_t a = 0; a < activation_table.size(); ++a) {
    if (!activation_table[a].hidden) continue;
    for (size_t loss = 0; loss < loss_table.size(); ++loss) {
      Setup setup;
      const Activation activation = static_cast<Activation>(a);
      setup.hidden = {{21, activation, 0.3}, {8, activation, 0.0}};
      setup.hidden[1].parameter = unusual_parameter(activation);
      if (loss > 0) {
        const StageKind kind =
            loss > 1 ? StageKind::kBatchNormalization : StageKind::kLayerNormalization;
        setup.hidden[0].normalization = setup.hidden[1].normalization = kind;
        setup.hidden[0].noise = 0.5;
        if (loss > 2) setup.input_stages = setup.output_stages = {stage_of(kind)};
      }
      setup.train.loss.kind = static_cast<Loss>(loss);
      setup.samples = 50;
      setup.sparse = (a + loss) % 2 == 1;
      setup.seed = a + 7 * loss + 1;
      setups.push_back(setup);
    }
  }
  for (size_t output = 0; output < activation_table.size(); ++output) {
    if (!may_end(static_cast<Activation>(output))) continue;
    Setup setup;
    setup.train.loss.kind = Loss::kSquaredError;
    setup.output_activation = static_cast<Activation>(output);
    setup.samples = 50;
    setups.push_back(setup);
  }
  return setups;
}

TEST_CASE_TEMPLATE("test_predictions_match_the_plain_net", T, float, double) {
  for (const Setup& setup : all_nets()) {
    const Samples samples = draw_samples(setup, setup.seed);
    const NetSpec net = setup.net();
    const reference::Matrix want =
        reference::outputs(net, draw_parameters(net, setup.seed), samples.x);
    const AlignedVector<T> got = predicted<T>(setup, samples);
    double worst = 0.0;
    for (index_t i = 0; i < got.size(); ++i) {
      const double exact = want.cells[static_cast<size_t>(i)];
      const double error = std::abs(static_cast<double>(got[i]) - exact);
      worst = std::max(worst, error / std::max(1.0, std::abs(exact)));
    }
    CAPTURE(setup.loss_name());
    CHECK(worst < 200 * kEpsilon<T>);
  }
}

TEST_CASE_TEMPLATE("test_a_row's_prediction_has_the_same_bits_in_any_company", T, float, double) {
  for (const Setup& setup : all_nets()) {
    const Samples samples = draw_samples(setup, setup.seed);
    const AlignedVector<T> whole = predicted<T>(setup, samples);
    for (row_t row = 0; row < 50; ++row) {
      const std::vector<row_t> rows{row, static_cast<row_t>((row * 7 + 3) % 50)};
      for (const size_t count : {size_t{1}, size_t{2}}) {
        const AlignedVector<T> alone = predicted<T>(
            setup, only_rows(samples, {rows.begin(), rows.begin() + static_cast<int>(count)}));
        for (size_t i = 0; i < count; ++i) {
          NNHP_CHECK_NOTHING(nnhp::testing::bit_mismatch(
              setup.outputs, alone.data() + static_cast<index_t>(i) * setup.outputs,
              whole.data() + rows[i] * setup.outputs));
        }
      }
    }
  }
}

Setup large_setup(bool sparse) {
  Setup setup;
  setup.samples = 30000;  // work for seven threads
  setup.features = 17;
  setup.hidden = {{128, Activation::kTanh, 0.0}};
  setup.sparse = sparse;
  return setup;
}

// The greatest output of a row, or those above the threshold.
template <class T>
std::vector<int64_t> classes_of(const T* row, index_t outputs, const Decision& decision) {
  if (decision.greatest) {
    index_t best = 0;
    for (index_t j = 1; j < outputs; ++j) best = row[j] > row[best] ? j : best;
    return {best};
  }
  std::vector<int64_t> above;
  for (index_t j = 0; j < outputs; ++j)
    above.push_back(row[j] > static_cast<T>(decision.threshold) ? 1 : 0);
  return above;
}

TEST_CASE_TEMPLATE("test_classes_are_those_of_the_outputs", T, float, double) {
  std::vector<Setup> setups = all_nets();
  setups.push_back(large_setup(false));
  setups.push_back(large_setup(true));
  for (const Setup& setup : setups) {
    const Samples samples = draw_samples(setup, setup.seed);
    const AlignedVector<T> outputs = predicted<T>(setup, samples);
    const Predictor<T> predictor = predictor_of<T>(setup);
    const auto data = make_dataset<T>(samples, setup.sparse, false);
    const Decision own = decision_of(setup.train.loss, setup.output());
    for (const Decision& decision : {own, Decision{true, 0.0}, Decision{false, 0.0}}) {
      std::vector<int64_t> expected;
      for (index_t i = 0; i < data->samples; ++i) {
        const std::vector<int64_t> row =
            classes_of(outputs.data() + i * setup.outputs, setup.outputs, decision);
        expected.insert(expected.end(), row.begin(), row.end());
      }
      std::vector<int64_t> classes(
          static_cast<size_t>(data->samples * predictor.class_columns(decision)));
      const Cpus cpus(2);
      CHECK(!predictor.classes(*data, decision, 2, {}, classes.data()));
      CHECK(classes == expected);
    }
  }
}

TEST_CASE("test_decisions_of_losses_and_outputs") {
  const auto is = [](const Decision& decision, bool greatest, double threshold) {
    return decision.greatest == greatest && decision.threshold == threshold;
  };
  CHECK(is(decision_of(Activation::kSoftmax), true, 0.5));
  CHECK(is(decision_of(Activation::kLogistic), false, 0.5));
  const auto of = [](Loss loss, Activation output) { return decision_of(LossSpec{loss}, output); };
  CHECK(is(of(Loss::kLogLoss, Activation::kSoftmax), true, 0.5));
  CHECK(is(of(Loss::kBinaryFocal, Activation::kLogistic), false, 0.5));
  CHECK(is(of(Loss::kHinge, Activation::kIdentity), false, 0.0));
  CHECK(is(of(Loss::kHinge, Activation::kTanh), false, 0.0));
  CHECK(is(of(Loss::kHinge, Activation::kLogistic), false, 0.5));
  CHECK(is(of(Loss::kMulticlassHinge, Activation::kIdentity), true, 0.0));
  CHECK(is(of(Loss::kSquaredError, Activation::kSoftmax), true, 0.5));
}

TEST_CASE_TEMPLATE("test_outputs_that_are_not_numbers_have_the_class_0", T, float, double) {
  for (size_t loss = 0; loss < loss_table.size(); ++loss) {
    Setup setup;
    setup.train.loss.kind = static_cast<Loss>(loss);
    const auto net = std::make_shared<const NetSpec>(setup.net());
    AlignedVector<T> parameters(net->parameter_count());
    std::fill(parameters.begin(), parameters.end(), std::numeric_limits<T>::quiet_NaN());
    const Predictor<T> predictor(net, parameters);
    const auto data = make_dataset<T>(draw_samples(setup, 1), false, false);
    const Decision decision = decision_of(setup.train.loss, setup.output());
    std::vector<int64_t> classes(
        static_cast<size_t>(data->samples * predictor.class_columns(decision)), 9);
    CHECK(!predictor.classes(*data, decision, 1, {}, classes.data()));
    CHECK(classes == std::vector<int64_t>(classes.size(), 0));
  }
}

template <class T>
void fold_and_compare(const Setup& setup) {
  const NetSpec net = setup.net(), folded = fold(net);
  CHECK(!can_fold(folded));
  const AlignedVector<T> parameters = aligned_copy<T>(draw_parameters(net, setup.seed));
  AlignedVector<T> inside(folded.parameter_count());
  fold_parameters(net, folded, parameters.data(), inside.data());
  const auto data = make_dataset<T>(draw_samples(setup, setup.seed), setup.sparse, false);
  const auto outputs_of = [&](const NetSpec& spec, const AlignedVector<T>& with) {
    Workspace sizes, workspace;
    Backprop<T>(spec, false, sizes);
    workspace.reserve(sizes.bytes());
    Backprop<T> backprop(spec, false, workspace);
    backprop.clear();
    backprop.forward(with.data(), data->block(nullptr, setup.samples), nullptr);
    AlignedVector<T> outputs(setup.samples * setup.outputs);
    for (index_t i = 0; i < setup.samples; ++i) {
      std::copy_n(backprop.outputs() + i * backprop.output_stride(), setup.outputs,
                  outputs.data() + i * setup.outputs);
    }
    return outputs;
  };
  const AlignedVector<T> plain = outputs_of(net, parameters), got = outputs_of(folded, inside);
  double worst = 0.0;
  for (index_t i = 0; i < plain.size(); ++i) {
    const double value = static_cast<double>(plain[i]);
    worst = std::max(
        worst, std::abs(static_cast<double>(got[i]) - value) / std::max(1.0, std::abs(value)));
  }
  CHECK(worst < 100 * kEpsilon<T>);
  // And so does a predictor.
  AlignedVector<T> predicted(plain.size());
  Predictor<T>(std::make_shared<const NetSpec>(net), parameters)
      .outputs(*data, 1, {}, predicted.data());
  CHECK(bit_mismatch(predicted, got) == "");
}

TEST_CASE_TEMPLATE("test_normalization_of_sums_folds_into_the_weights", T, float, double) {
  const StageKind batch = StageKind::kBatchNormalization;
  for (const bool sparse : {false, true}) {
    Setup setup;
    setup.samples = 40;
    setup.sparse = sparse;
    setup.hidden = {{9, Activation::kTanh, 0.1, batch, 0.1},
                    {7, Activation::kMaxout, 0.0, batch},
                    {6, Activation::kPrelu, 0.0, StageKind::kLayerNormalization}};
    setup.output_stages = {stage_of(StageKind::kDropout, 0.5), stage_of(batch)};
    fold_and_compare<T>(setup);
    // What is not directly behind the sums stays, as does what normalizes inputs.
    setup.output_stages = {stage_of(StageKind::kLayerNormalization), stage_of(batch)};
    setup.input_stages = {stage_of(batch)};
    CHECK(fold(setup.net()).normalizes_batches());
    fold_and_compare<T>(setup);
    // Several in a row are all folded.
    setup.input_stages = {};
    setup.output_stages = {stage_of(batch), stage_of(StageKind::kNoise, 0.1), stage_of(batch)};
    CHECK(!fold(setup.net()).normalizes_batches());
    fold_and_compare<T>(setup);
  }
}

// A folded net has no stage more than one that never was normalized, so it takes as long.
TEST_CASE("test_a_folded_net_is_that_without_normalization") {
  Setup normalized, plain;
  normalized.hidden[0].normalization = StageKind::kBatchNormalization;
  normalized.hidden[1].normalization = StageKind::kBatchNormalization;
  const NetSpec folded = fold(normalized.net()), net = plain.net();
  CHECK(can_fold(normalized.net()));
  CHECK(!can_fold(net));
  CHECK(folded.stage_count() == net.stage_count());
  CHECK(folded.parameter_count() == net.parameter_count());
  CHECK(forward_cost<float>(folded) == forward_cost<float>(net));
}

// As the reference's, whose outputs of layer l + 1 these are (0 are the inputs).
TEST_CASE_TEMPLATE("test_hidden_outputs_are_those_of_the_layer", T, float, double) {
  for (const Setup& setup : all_nets()) {
    const NetSpec net = setup.net();
    const Samples samples = draw_samples(setup, setup.seed);
    const reference::Forward want =
        reference::forward(net, draw_parameters(net, setup.seed), samples.x, nullptr);
    const auto data = make_dataset<T>(samples, setup.sparse, false);
    for (size_t l = 0; l < setup.hidden.size(); ++l) {
      const reference::Matrix& layer = want.outputs[l + 1];
      AlignedVector<T> got(static_cast<index_t>(layer.cells.size()));
      CHECK(!predictor_of<T>(setup).hidden_outputs(*data, l, 1, {}, got.data()));
      double worst = 0.0;
      for (index_t i = 0; i < got.size(); ++i) {
        const double exact = layer.cells[static_cast<size_t>(i)];
        worst = std::max(
            worst, std::abs(static_cast<double>(got[i]) - exact) / std::max(1.0, std::abs(exact)));
      }
      CHECK(worst < 200 * kEpsilon<T>);
    }
  }
}

TEST_CASE("test_parameters_of_another_net_are_refused") {
  const auto net = std::make_shared<const NetSpec>(Setup().net());
  CHECK_THROWS_AS(Predictor<float>(net, AlignedVector<float>(3)), std::invalid_argument);
}

TEST_CASE_TEMPLATE("test_threads_change_no_bit_of_a_prediction", T, float, double) {
  for (const bool sparse : {false, true}) {
    const Setup setup = large_setup(sparse);
    const Samples samples = draw_samples(setup, 1);
    const AlignedVector<T> one = predicted<T>(setup, samples, 1);
    for (const int threads : {2, 4, 7}) {
      const Cpus cpus(threads);
      CHECK(bit_mismatch(predicted<T>(setup, samples, threads), one) == "");
    }
    // The first rows alone, which are too few to wake an engine thread for.
    const AlignedVector<T> few = predicted<T>(setup, only_rows(samples, all_rows(40)));
    CHECK(bit_mismatch(few.size(), few.data(), one.data()) == "");
  }
}

TEST_CASE_TEMPLATE("test_sparse_predictions_have_the_bits_of_dense_ones", T, float, double) {
  Setup setup = large_setup(true);
  const Samples samples = draw_samples(setup, 1);
  const AlignedVector<T> sparse = predicted<T>(setup, samples);
  setup.sparse = false;
  CHECK(bit_mismatch(predicted<T>(setup, samples), sparse) == "");
}

TEST_CASE_TEMPLATE("test_samples_that_are_not_finite_are_found_where_that_is_asked_for", T, float,
                   double) {
  const Setup setup = large_setup(false);
  const auto net = std::make_shared<const NetSpec>(setup.net());
  const Predictor<T> careless = predictor_of<T>(setup);
  const Predictor<T> careful(net, careless.parameters(), true);
  std::vector<T> x(static_cast<size_t>(setup.samples * setup.features), T(1));
  Dataset<T> data;
  data.samples = setup.samples;
  data.features = setup.features;
  data.dense = x.data();  // nothing may be read behind them
  AlignedVector<T> out(data.samples * setup.outputs);
  const auto predict = [&](const Predictor<T>& predictor, int threads) {
    predictor.outputs(data, threads, {}, out.data());
  };
  const Cpus cpus(4);
  CHECK_NOTHROW(predict(careful, 4));
  for (const size_t at : {size_t{0}, x.size() / 2, x.size() - 1}) {
    for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
      x[at] = bad;
      CHECK_THROWS_AS(predict(careful, 4), NotFiniteError);
      CHECK_THROWS_AS(predict(careful, 1), NotFiniteError);
      CHECK_NOTHROW(predict(careless, 4));
      x[at] = T(1);
    }
  }
}

TEST_CASE("test_a_prediction_can_be_stopped") {
  Setup setup = large_setup(false);
  setup.samples = 40000;
  setup.hidden = {{300, Activation::kTanh, 0.0}, {300, Activation::kTanh, 0.0}};
  const auto data = make_dataset<double>(draw_samples(setup, 1), false, false);
  AlignedVector<double> out(data->samples * setup.outputs);
  CHECK(predictor_of<double>(setup).outputs(*data, 1, [] { return true; }, out.data()));
  CHECK(out[out.size() - 1] == 0.0);  // the last block was never reached
}

}  // namespace
}  // namespace nnhp::testing
