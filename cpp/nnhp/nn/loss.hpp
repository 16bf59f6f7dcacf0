// The losses: what they are, and what a spec of one may say. Values and derivatives are computed in
// kernels/loss.inc, for any output activation whose outputs a loss can take.
//
// For one output p and its target y:
//   log_loss             -y log p: the cross-entropy of one class of several
//   binary_log_loss      -(y log p + (1 - y) log(1 - p))
//   squared_error        (p - y)^2 / 2
//   poisson              y log(y / p) - y + p: half the deviance
//   poisson_likelihood   p - y log(p + epsilon): Keras's
//   gamma                log(p / y) + y / p - 1: half the deviance
//   absolute_error       |p - y|
//   huber                (p - y)^2 / 2 up to delta, then delta (|p - y| - delta / 2)
//   quantile             q (y - p) where p is too low, (1 - q) (p - y) where it is too high
//   hinge                y max(0, 1 - p) + (1 - y) max(0, 1 + p)
//   focal                -alpha y (1 - p)^gamma log p: of one class of several
//   binary_focal         binary_log_loss times (1 - p_t)^gamma, p_t = y p + (1 - y) (1 - p), and
//                        times y alpha + (1 - y) (1 - alpha) unless alpha is 1
// and for a sample as a whole
//   multiclass_hinge     max(0, 1 + the greatest other output - that of the class) (Crammer and
//                        Singer, 2001), averaged over the classes by their shares y
//   categorical_hinge    max(0, 1 + max (1 - y) p - sum y p): Keras's
// Probabilities are clipped to [epsilon, 1 - epsilon] in values (not in derivatives).
#pragma once

#include <limits>
#include <vector>

#include "nnhp/kernels/table.hpp"
#include "nnhp/nn/activation.hpp"
#include "nnhp/nn/named_table.hpp"

namespace nnhp {

enum class Loss {
  kLogLoss,
  kBinaryLogLoss,
  kSquaredError,
  kPoisson,
  kPoissonLikelihood,
  kGamma,
  kAbsoluteError,
  kHuber,
  kQuantile,
  kHinge,
  kMulticlassHinge,
  kCategoricalHinge,
  kFocal,
  kBinaryFocal
};

// What becomes of the losses of a sample's outputs.
enum class OverOutputs {
  kOwn,  // what the loss's row says
  kSum,
  kMean,
  kMeanOfSumSlopes  // the mean, followed by the derivative of the sum, as in scikit-learn
};
struct OverOutputsInfo {
  std::string_view name;
};
inline constexpr std::array<OverOutputsInfo, 4> over_outputs_table{
    {{"own"}, {"sum"}, {"mean"}, {"mean_of_sum_slopes"}}};

// What tells a class from the others.
enum class Decides {
  kNothing,      // the loss is for numbers
  kProbability,  // above one half
  kSign
};

struct LossInfo {
  std::string_view name;
  Activation output;  // that belongs to it
  OverOutputs over_outputs;
  double least, most;  // what the outputs must lie between
  Decides decides;
  bool one_of_all;          // a sample is of one class, and each has an output
  bool one_target = false;  // all outputs have the one target
};

// In the order of the enum and of loss_rows in kernels/loss.inc.
inline constexpr std::array<LossInfo, kLossCount> loss_table{{
    {"log_loss", Activation::kSoftmax, OverOutputs::kSum, 0.0, 1.0, Decides::kProbability, true},
    {"binary_log_loss", Activation::kLogistic, OverOutputs::kSum, 0.0, 1.0, Decides::kProbability,
     false},
    {"squared_error", Activation::kIdentity, OverOutputs::kMeanOfSumSlopes, -kUnbounded, kUnbounded,
     Decides::kNothing, false},
    {"poisson", Activation::kExp, OverOutputs::kSum, kAboveZero, kUnbounded, Decides::kNothing,
     false},
    {"poisson_likelihood", Activation::kExp, OverOutputs::kSum, 0.0, kUnbounded, Decides::kNothing,
     false},
    {"gamma", Activation::kExp, OverOutputs::kSum, kAboveZero, kUnbounded, Decides::kNothing,
     false},
    {"absolute_error", Activation::kIdentity, OverOutputs::kMean, -kUnbounded, kUnbounded,
     Decides::kNothing, false},
    {"huber", Activation::kIdentity, OverOutputs::kMean, -kUnbounded, kUnbounded, Decides::kNothing,
     false},
    {"quantile", Activation::kAscending, OverOutputs::kMean, -kUnbounded, kUnbounded,
     Decides::kNothing, false, true},
    {"hinge", Activation::kIdentity, OverOutputs::kSum, -kUnbounded, kUnbounded, Decides::kSign,
     false},
    {"multiclass_hinge", Activation::kIdentity, OverOutputs::kSum, -kUnbounded, kUnbounded,
     Decides::kSign, true},
    {"categorical_hinge", Activation::kIdentity, OverOutputs::kSum, -kUnbounded, kUnbounded,
     Decides::kSign, true},
    {"focal", Activation::kSoftmax, OverOutputs::kSum, 0.0, 1.0, Decides::kProbability, true},
    {"binary_focal", Activation::kLogistic, OverOutputs::kSum, 0.0, 1.0, Decides::kProbability,
     false},
}};

inline const LossInfo& info(Loss l) { return loss_table[static_cast<size_t>(l)]; }

// Keras's mean squared error, say, is a squared_error with scale 2 and the mean over outputs.
struct LossSpec {
  Loss kind = Loss::kSquaredError;
  OverOutputs over_outputs = OverOutputs::kOwn;
  double scale = 1.0;  // of values and derivatives
  // Whether a weighted loss is divided by the number of samples, as Keras does, instead of by the
  // sum of their weights.
  bool mean_over_samples = false;
  double epsilon = 0.0;             // 0: the epsilon of the dtype
  double label_smoothing = 0.0;     // share of a target that is spread over all classes
  double delta = 1.0;               // huber
  double gamma = 2.0;               // focal
  double alpha = 1.0;               // focal
  std::vector<double> quantiles{};  // quantile: one per output, rising

  // What the sum of some samples' losses is divided by.
  double divisor(index_t samples, double weight_sum) const {
    return mean_over_samples ? static_cast<double>(samples) : weight_sum;
  }
  // Throws std::invalid_argument naming the field that is out of range, or does not go with a net
  // of so many outputs T and that activation.
  template <class T>
  void check(index_t outputs, Activation output) const;
};

extern template void LossSpec::check<float>(index_t, Activation) const;
extern template void LossSpec::check<double>(index_t, Activation) const;

// How outputs tell classes: by the greatest of all, or each by itself, above a threshold.
struct Decision {
  bool greatest;
  double threshold;
};

// Of outputs that are probabilities.
inline Decision decision_of(Activation output) { return {output == Activation::kSoftmax, 0.5}; }
// Of a net that learns by a loss. Outputs that are never negative have no sign to decide by.
inline Decision decision_of(const LossSpec& loss, Activation output) {
  const bool sign = info(loss.kind).decides == Decides::kSign && info(output).least < 0.0;
  return {info(loss.kind).one_of_all || output == Activation::kSoftmax, sign ? 0.0 : 0.5};
}

// What the kernels need of a spec, for a net of so many outputs. Views the spec's quantiles.
template <class T>
LossCoefficients<T> coefficients(const LossSpec& spec, index_t outputs) {
  const OverOutputs over =
      spec.over_outputs == OverOutputs::kOwn ? info(spec.kind).over_outputs : spec.over_outputs;
  const double n = static_cast<double>(outputs);
  const double half = spec.kind == Loss::kSquaredError ? 0.5 : 1.0;  // the kernel's is whole
  const bool balanced = spec.alpha != 1.0;
  LossCoefficients<T> c{};
  c.value_scale = half * spec.scale;
  c.value_divisor = over == OverOutputs::kSum ? 1.0 : n;
  c.slope_scale = static_cast<T>(over == OverOutputs::kMean ? spec.scale / n : spec.scale);
  c.epsilon = spec.epsilon > 0.0 ? static_cast<T>(spec.epsilon) : std::numeric_limits<T>::epsilon();
  c.delta = static_cast<T>(spec.delta);
  c.gamma = static_cast<T>(spec.gamma);
  c.alpha_of_positive = static_cast<T>(spec.alpha);
  c.alpha_of_negative = static_cast<T>(balanced ? 1.0 - spec.alpha : 1.0);
  c.quantiles = spec.quantiles.data();
  return c;
}

}  // namespace nnhp
