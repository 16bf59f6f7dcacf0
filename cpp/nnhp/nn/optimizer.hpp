// The optimizers: their names, the state they keep, and what a step of theirs needs to know. The
// update itself is in kernels/optimizer.inc. (A "solver" is the estimators' choice: 'sgd' there is
// one of three optimizers here, by its momentum, and 'lbfgs' is none.)
#pragma once

#include <limits>

#include "nnhp/kernels/table.hpp"
#include "nnhp/nn/named_table.hpp"

namespace nnhp {

enum class Optimizer {
  kSgd,
  kMomentum,
  kNesterov,
  kRmsprop,
  kRmspropMomentum,
  kRmspropCentered,
  kRmspropCenteredMomentum,
  kAdagrad,
  kAdadelta,
  kAdam,
  kAmsgrad,
  kNadam,
  kLion
};

struct OptimizerInfo {
  std::string_view name;
  int moments;          // arrays of state as long as the parameters
  bool bias_corrected;  // as Adam is, see step_rate()
  double cost;          // of the update of one parameter, as in nn/cost.cpp
};

// In the order of the enum and of update_rows in kernels/optimizer.inc.
inline constexpr std::array<OptimizerInfo, kOptimizerCount> optimizer_table{{
    {"sgd", 0, false, 6.0},
    {"momentum", 1, false, 6.0},
    {"nesterov", 1, false, 6.0},
    {"rmsprop", 1, false, 6.0},
    {"rmsprop_momentum", 2, false, 6.5},
    {"rmsprop_centered", 2, false, 6.5},
    {"rmsprop_centered_momentum", 3, false, 7.0},
    {"adagrad", 1, false, 6.0},
    {"adadelta", 2, false, 9.0},
    {"adam", 2, true, 6.0},
    {"amsgrad", 3, true, 6.5},
    {"nadam", 2, false, 6.5},
    {"lion", 1, false, 6.0},
}};

inline const OptimizerInfo& info(Optimizer o) { return optimizer_table[static_cast<size_t>(o)]; }

struct OptimizerSpec {
  static constexpr double kUnlimited = std::numeric_limits<double>::infinity();

  Optimizer kind = Optimizer::kAdam;
  double momentum = 0.9;
  double beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-8;
  double rho = 0.9;
  double initial_accumulator = 0.1;  // of Adagrad

  // What any optimizer may do beside its own rule, as in Keras 3.15.
  double weight_decay = 0.0;      // of each parameter and step, times the learning rate
  double clipnorm = kUnlimited;   // of the gradient of one array of one layer
  double clipvalue = kUnlimited;  // of a component of the gradient
  double ema_momentum = 0.0;      // of the parameters' average; 0: the average is the parameters
  double max_norm = kUnlimited;   // of a unit's incoming weights after a step
  double weight_noise = 0.0;      // standard deviation, where a step's gradient is taken

  // Throws std::invalid_argument naming the field that is out of range, in steps by numbers T.
  template <class T>
  void check() const;
  // What moment `number`, from 0, holds before the first step.
  double first_moment(int number) const {
    return kind == Optimizer::kAdagrad && number == 0 ? initial_accumulator : 0.0;
  }
  bool averages() const { return ema_momentum > 0.0; }
  // Whether a step cannot update a piece of the parameters as soon as its gradient is there.
  bool needs_whole_gradient() const {
    return clipnorm < kUnlimited || max_norm < kUnlimited || weight_noise > 0.0;
  }
  // Whether it does more than the optimizer's own rule.
  bool prepares() const {
    return needs_whole_gradient() || weight_decay > 0.0 || clipvalue < kUnlimited;
  }
};

// The rate that the update uses in step `step` (from 1): Adam's corrections of both moments' bias
// (Kingma and Ba, 2014, section 2) are folded into it.
double step_rate(const OptimizerSpec& spec, double rate, int64_t step);

// What the update kernel needs in step `step` (from 1) at a learning rate, but for what depends on
// the batch and its penalty: these fields are 0.
template <class T>
UpdateCoefficients<T> coefficients(const OptimizerSpec& spec, double rate, int64_t step);

extern template void OptimizerSpec::check<float>() const;
extern template void OptimizerSpec::check<double>() const;
extern template UpdateCoefficients<float> coefficients(const OptimizerSpec&, double, int64_t);
extern template UpdateCoefficients<double> coefficients(const OptimizerSpec&, double, int64_t);

}  // namespace nnhp
