// Scores of held-out samples, on linear nets whose outputs are their inputs.
#include <doctest/doctest.h>

#include <limits>
#include <optional>

#include "nnhp/train/evaluate.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Matrix matrix_of(index_t columns, std::vector<double> cells) {
  Matrix matrix(static_cast<index_t>(cells.size()) / columns, columns);
  matrix.cells = std::move(cells);
  return matrix;
}

// A net without hidden layers that passes its inputs to its output activation.
std::vector<double> identity_parameters(index_t n) {
  std::vector<double> parameters(static_cast<size_t>(n * n + n), 0.0);
  for (index_t i = 0; i < n; ++i) parameters[static_cast<size_t>(i * n + i)] = 1.0;
  return parameters;
}

struct Question {
  Question(Matrix inputs, Matrix targets, Loss a_loss = Loss::kSquaredError,
           Score a_score = Score::kR2)
      : x(std::move(inputs)), y(std::move(targets)), loss(a_loss), score(a_score) {}

  Matrix x, y;  // inputs = pre-activations, and targets
  Loss loss;
  Score score;
  std::vector<double> weights;
  std::vector<int32_t> labels;
  double label_smoothing = 0.0;
  bool mean_over_samples = false;
  bool stopped = false;
};

Evaluation answer(const Question& question) {
  const index_t outputs = question.x.columns;
  const LossSpec loss{.kind = question.loss,
                      .mean_over_samples = question.mean_over_samples,
                      .label_smoothing = question.label_smoothing};
  const NetSpec net(outputs, {}, outputs, loss_table[static_cast<size_t>(question.loss)].output);
  Samples samples{question.x, question.y, Matrix(question.x.rows, 1, 1.0), {}};
  samples.w.cells = question.weights;
  const WeightedRows<double> rows =
      all_rows_of<double>(make_dataset<double>(samples, false, false),
                          question.weights.empty() ? nullptr : make_weights<double>(samples));
  const TrainingSet<double> set(rows, question.labels, rows);
  Workspace sizes, workspace;
  Backprop<double>(net, false, sizes);
  EvaluationScratch<double>(net, sizes);
  workspace.reserve(sizes.bytes());
  Backprop<double> backprop(net, false, workspace);
  backprop.clear();
  const EvaluationScratch<double> scratch(net, workspace);
  StopToken stop;
  if (question.stopped) stop.request();
  const AlignedVector<double> parameters = aligned_copy<double>(identity_parameters(outputs));
  return evaluate(backprop, net, parameters.data(), loss, question.score, set, scratch, &stop);
}

TEST_CASE("test_accuracy_takes_the_first_of_the_largest_outputs") {
  Question question{matrix_of(3, {1, 0, 0, 0, 2, 1, 5, 5, 0, 0, 3, 3}),
                    matrix_of(3, {1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1}), Loss::kLogLoss,
                    Score::kAccuracy};
  CHECK(answer(question).finished);
  CHECK(answer(question).score == 0.5);
  question.weights = {1, 2, 1, 0};
  CHECK(answer(question).score == 0.5);
  question.weights = {3, 1, 3, 1};
  CHECK(answer(question).score == 0.75);
}

TEST_CASE("test_accuracy_of_labels_counts_whole_rows") {
  const Question question{matrix_of(2, {2, -2, 2, 2, -1, 3, -1, -1}),
                          matrix_of(2, {1, 0, 1, 0, 0, 1, 1, 1}), Loss::kBinaryLogLoss,
                          Score::kAccuracy};
  CHECK(answer(question).score == 0.5);
}

TEST_CASE("test_accuracy_of_one_output_is_by_its_threshold") {
  const Question question{matrix_of(1, {1, -1, 0, 1}), matrix_of(1, {1, 0, 0, 0}),
                          Loss::kBinaryLogLoss, Score::kAccuracy};
  CHECK(answer(question).score == 0.75);
}

TEST_CASE("test_accuracy_of_a_net_that_knows_one_class_is_perfect") {
  Question question{matrix_of(1, {1, -1, 0}), matrix_of(1, {0, 0, 0}), Loss::kBinaryLogLoss,
                    Score::kAccuracy};
  question.labels = {0};
  CHECK(answer(question).score == 1.0);
  question.labels = {-1, 0};
  CHECK(answer(question).score == 1.0);
  question.labels = {0, 1};
  CHECK(answer(question).score == doctest::Approx(2.0 / 3.0));
}

TEST_CASE("test_accuracy_of_hinges_is_by_sign_or_the_greatest_output") {
  const Question signs{matrix_of(1, {0.2, -0.1, 0.0, 0.4}), matrix_of(1, {1, 0, 0, 0}),
                       Loss::kHinge, Score::kAccuracy};
  CHECK(answer(signs).score == 0.75);
  const Question greatest{matrix_of(3, {-3, -2, -1, -2, -3, -1}), matrix_of(3, {0, 0, 1, 1, 0, 0}),
                          Loss::kMulticlassHinge, Score::kAccuracy};
  CHECK(answer(greatest).score == 0.5);
}

TEST_CASE("test_smoothing_is_in_the_loss_but_not_in_the_accuracy") {
  Question question{matrix_of(1, {1, -1}), matrix_of(1, {1, 0}), Loss::kBinaryLogLoss,
                    Score::kAccuracy};
  question.label_smoothing = 0.2;
  CHECK(answer(question).score == 1.0);
  const double p = 1.0 / (1.0 + std::exp(-1.0));
  CHECK(answer(question).loss ==
        doctest::Approx(-(0.9 * std::log(p) + 0.1 * std::log(1.0 - p))).epsilon(1e-12));
  // A share of 0.3 over three classes.
  Question of_three{matrix_of(3, {0, 0, 0}), matrix_of(3, {0, 1, 0}), Loss::kLogLoss,
                    Score::kAccuracy};
  of_three.label_smoothing = 0.3;
  CHECK(answer(of_three).loss == doctest::Approx(std::log(3.0)).epsilon(1e-12));
  of_three.x = matrix_of(3, {0, std::log(2.0), 0});
  CHECK(answer(of_three).loss ==
        doctest::Approx(-(0.8 * std::log(0.5) + 0.2 * std::log(0.25))).epsilon(1e-12));
}

// Outputs 1, 2, 3 and 5 for targets 1, 2, 3 and 4: residuals 1, deviations 5. Second output: 0
// twice too large, residuals 4, deviations 16.
TEST_CASE("test_r2_is_averaged_over_outputs") {
  Question question{matrix_of(1, {1, 2, 3, 5}), matrix_of(1, {1, 2, 3, 4})};
  CHECK(answer(question).score == doctest::Approx(1.0 - 1.0 / 5.0));
  question.x = matrix_of(2, {1, 2, 2, 0, 3, 4, 5, 6});
  question.y = matrix_of(2, {1, 2, 2, 2, 3, 6, 4, 6});
  CHECK(answer(question).score == doctest::Approx(1.0 - 0.5 * (1.0 / 5.0 + 8.0 / 16.0)));
}

// Weights 1, 1, 2 on targets 0, 2, 3: mean 2, deviations 4 + 0 + 2; residuals 1 + 0 + 2.
TEST_CASE("test_r2_is_weighted") {
  Question question{matrix_of(1, {1, 2, 4}), matrix_of(1, {0, 2, 3})};
  question.weights = {1, 1, 2};
  CHECK(answer(question).score == doctest::Approx(0.5));
}

TEST_CASE("test_r2_of_constant_targets_is_1_when_met_and_0_otherwise") {
  CHECK(answer({matrix_of(1, {2, 2}), matrix_of(1, {2, 2})}).score == 1.0);
  CHECK(answer({matrix_of(1, {2, 3}), matrix_of(1, {2, 2})}).score == 0.0);
}

TEST_CASE("test_r2_of_outputs_that_are_not_finite_is_nan") {
  CHECK(std::isnan(answer({matrix_of(1, {1, kNan}), matrix_of(1, {1, 2})}).score));
}

TEST_CASE("test_loss_is_the_weighted_mean") {
  Question question{matrix_of(1, {1, 2, 4}), matrix_of(1, {1, 0, 0})};
  CHECK(answer(question).loss == doctest::Approx((0.0 + 2.0 + 8.0) / 3.0));
  question.weights = {2, 1, 1};
  CHECK(answer(question).loss == doctest::Approx((0.0 + 2.0 + 8.0) / 4.0));
}

TEST_CASE("test_loss_is_divided_by_the_samples_where_they_are_counted") {
  Question question{matrix_of(1, {1, 2, 4}), matrix_of(1, {1, 0, 0})};
  question.weights = {2, 1, 1};
  question.mean_over_samples = true;
  CHECK(answer(question).loss == doctest::Approx((0.0 + 2.0 + 8.0) / 3.0));
}

TEST_CASE_TEMPLATE("test_an_evaluation_alone_is_that_of_a_session", T, float, double) {
  for (const index_t samples : {70, 5000}) {  // the latter by an engine thread
    Setup setup;
    setup.samples = samples;
    setup.weighted = setup.validated = true;
    setup.train.monitor = Monitor::kR2;
    setup.train.penalty = {0.3, 0.1};
    setup.outputs = 10;  // whose sums are rows of another stride
    setup.output_stages = {activate(Activation::kMaxout, 2.0)};
    auto parts = parts_of<T>(setup);
    const Session<T> session = advanced(parts.session(), 1);
    const auto evaluated = [&](const AlignedVector<T>& parameters) {
      return evaluate_alone(*parts.net, setup.train.loss, Score::kR2, parameters, *parts.set(),
                            Poll());
    };
    const std::optional<Evaluation> found = evaluated(session.state().parameters);
    REQUIRE(found.has_value());
    CHECK(found->loss == session.state().validation_loss_curve[0]);
    CHECK(found->score == session.state().validation_scores[0]);
    CHECK_THROWS_WITH_AS(evaluated(AlignedVector<T>(3)), doctest::Contains("parameters must have"),
                         std::invalid_argument);
  }
}

TEST_CASE("test_a_stop_ends_an_evaluation_unfinished") {
  Question question{matrix_of(1, {1}), matrix_of(1, {1})};
  question.stopped = true;
  CHECK(!answer(question).finished);
}

TEST_CASE("test_many_blocks_are_one_evaluation") {
  Random random(1);
  Question question{random_matrix<double>(1000, 2, random), random_matrix<double>(1000, 2, random)};
  double residuals[2] = {0, 0}, deviations[2] = {0, 0}, means[2] = {0, 0}, loss = 0;
  const auto each_cell = [&](auto&& f) {
    for (index_t i = 0; i < 1000; ++i) {
      for (index_t j = 0; j < 2; ++j) f(j, question.x(i, j), question.y(i, j));
    }
  };
  each_cell([&](index_t j, double, double y) { means[j] += y / 1000.0; });
  each_cell([&](index_t j, double x, double y) {
    residuals[j] += (y - x) * (y - x);
    deviations[j] += (y - means[j]) * (y - means[j]);
    loss += 0.25 * (y - x) * (y - x) / 1000.0;
  });
  const double r2 = 1.0 - 0.5 * (residuals[0] / deviations[0] + residuals[1] / deviations[1]);
  CHECK(answer(question).score == doctest::Approx(r2).epsilon(1e-12));
  CHECK(answer(question).loss == doctest::Approx(loss).epsilon(1e-12));
}

}  // namespace
}  // namespace nnhp::testing
