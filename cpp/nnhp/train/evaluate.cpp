#include "nnhp/train/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nnhp/nn/cost.hpp"

namespace nnhp {
namespace {

// Whether the greatest output (or, with labels of their own, every output) is the target's.
template <class T>
bool predicts(const T* outputs, const T* targets, index_t n, const Decision& decision) {
  if (decision.greatest) {
    // As NumPy's argmax: the first of equals, and NaN beats every number.
    index_t best = 0;
    for (index_t j = 1; j < n && !std::isnan(outputs[best]); ++j) {
      if (outputs[j] > outputs[best] || std::isnan(outputs[j])) best = j;
    }
    return targets[best] == T(1);
  }
  for (index_t j = 0; j < n; ++j) {
    if ((outputs[j] > static_cast<T>(decision.threshold)) != (targets[j] == T(1))) return false;
  }
  return true;
}

// Whether there is no class for the net's one output to stand for: it then always predicts the only
// class that it knows.
bool knows_one_class(LabelMap labels, index_t outputs) {
  return outputs == 1 && !labels.empty() &&
         std::find(labels.begin(), labels.end(), 1) == labels.end();
}

// R2 of each output, averaged; constant targets count 1 if met exactly and 0 otherwise.
double mean_r2(const double* residuals, const double* deviations, index_t outputs) {
  double total = 0.0;
  for (index_t j = 0; j < outputs; ++j) {
    if (!std::isfinite(residuals[j])) return std::numeric_limits<double>::quiet_NaN();
    if (deviations[j] != 0.0) {
      total += 1.0 - residuals[j] / deviations[j];
    } else {
      total += residuals[j] == 0.0 ? 1.0 : 0.0;
    }
  }
  return total / static_cast<double>(outputs);
}

}  // namespace

template <class T>
Evaluation evaluate(Backprop<T>& backprop, const NetSpec& net, const T* parameters,
                    const LossSpec& loss, Score score, const TrainingSet<T>& set,
                    const EvaluationScratch<T>& scratch, const StopToken* stop) {
  const WeightedRows<T>& validation = *set.validation();
  const Dataset<T>& data = *validation.data;
  const LabelMap labels = set.label_map();
  const double* means = set.validation_means().data();
  const index_t outputs = net.outputs(), stride = backprop.output_stride();
  const index_t size = static_cast<index_t>(validation.rows.size());
  const index_t block = Backprop<T>::block_rows(net);
  const Decision decision = decision_of(loss, net.output_activation());
  const bool one_class = knows_one_class(labels, outputs);
  double loss_sum = 0.0, correct = 0.0, weight_sum = 0.0;
  double* const residuals = scratch.residuals;
  double* const deviations = scratch.deviations;
  const index_t of_r2 = score == Score::kR2 ? outputs : 0;
  std::fill_n(residuals, of_r2, 0.0);
  std::fill_n(deviations, of_r2, 0.0);
  for (index_t start = 0; start < size; start += block) {
    if (stop != nullptr && stop->requested()) return {false, 0.0, 0.0};
    const row_t* rows = validation.rows.data() + start;
    const index_t count = std::min(block, size - start);
    backprop.forward(parameters, data.block(rows, count), nullptr);
    fill_targets(data, labels, rows, count, outputs, backprop.targets(), stride);
    const T* weights = validation.weights_of(rows, count, scratch.block_weights);
    for (index_t i = 0; i < count; ++i) {
      const T* predicted = backprop.outputs() + i * stride;
      const T* targets = backprop.targets() + i * stride;
      const double w = weights != nullptr ? static_cast<double>(weights[i]) : 1.0;
      weight_sum += w;
      if (score == Score::kAccuracy &&
          (one_class || predicts(predicted, targets, outputs, decision))) {
        correct += w;
      }
      for (index_t j = 0; j < of_r2; ++j) {
        const double y = static_cast<double>(targets[j]);
        const double error = y - static_cast<double>(predicted[j]);
        const double deviation = y - means[j];
        residuals[j] += w * error * error;
        deviations[j] += w * deviation * deviation;
      }
    }
    loss_sum += backprop.loss(loss, count, weights);  // last, for it may smooth the targets
  }
  const double value = score == Score::kAccuracy ? correct / weight_sum
                       : score == Score::kR2     ? mean_r2(residuals, deviations, outputs)
                                                 : 0.0;
  return {true, loss_sum / loss.divisor(size, weight_sum), value};
}

template <class T>
std::optional<Evaluation> evaluate_alone(const NetSpec& net, const LossSpec& loss, Score score,
                                         const AlignedVector<T>& parameters,
                                         const TrainingSet<T>& set, const Poll& poll) {
  require(set.validation().has_value(), "training_set must have validation data");
  require(score != Score::kR2 || set.validation()->data->targets != nullptr,
          "monitor 'r2' needs validation data with targets, not class_ids");
  set.check(net, loss);
  net.check<T>();
  loss.check<T>(net.outputs(), net.output_activation());
  require(parameters.size() == net.parameter_count(),
          "parameters must have " + std::to_string(net.parameter_count()) + " entries, got " +
              std::to_string(parameters.size()));
  StopToken stop;
  Evaluation found{};
  const auto body = [&](index_t, int) {
    const bool gathers = !set.validation()->data->sparse;
    Workspace sizes, workspace;
    Backprop<T>(net, false, sizes, gathers);
    EvaluationScratch<T>(net, sizes);
    workspace.reserve(sizes.bytes());
    Backprop<T> backprop(net, false, workspace, gathers);
    const EvaluationScratch<T> scratch(net, workspace);
    backprop.clear();
    found = evaluate(backprop, net, parameters.data(), loss, score, set, scratch, &stop);
  };
  const double rows = static_cast<double>(set.validation()->rows.size());
  if (forward_cost<T>(net) * rows < kSerialCost) {
    serial_for(1, body);
  } else if (parallel_for(1, 1, stop, poll, body)) {
    return std::nullopt;
  }
  return found;
}

template std::optional<Evaluation> evaluate_alone(const NetSpec&, const LossSpec&, Score,
                                                  const AlignedVector<float>&,
                                                  const TrainingSet<float>&, const Poll&);
template std::optional<Evaluation> evaluate_alone(const NetSpec&, const LossSpec&, Score,
                                                  const AlignedVector<double>&,
                                                  const TrainingSet<double>&, const Poll&);
template Evaluation evaluate(Backprop<float>&, const NetSpec&, const float*, const LossSpec&, Score,
                             const TrainingSet<float>&, const EvaluationScratch<float>&,
                             const StopToken*);
template Evaluation evaluate(Backprop<double>&, const NetSpec&, const double*, const LossSpec&,
                             Score, const TrainingSet<double>&, const EvaluationScratch<double>&,
                             const StopToken*);

}  // namespace nnhp
