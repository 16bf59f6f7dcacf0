// The optimizers: their names, the state they keep, and the learning rate of a step. The update
// itself is in kernels/optimizer.inc. (A "solver" is the estimators' choice: 'sgd' there is one of
// three optimizers here, by its momentum, and 'lbfgs' is none.)
#pragma once

#include <cmath>

#include "nnhp/kernels/table.hpp"
#include "nnhp/nn/named_table.hpp"

namespace nnhp {

enum class Optimizer { kSgd, kMomentum, kNesterov, kAdam };

struct OptimizerInfo {
  std::string_view name;
  int moments;  // arrays of state as long as the parameters
  bool bias_corrected;
};

// In the order of the enum and of update_rows in kernels/optimizer.inc.
inline constexpr std::array<OptimizerInfo, kOptimizerCount> optimizer_table{{
    {"sgd", 0, false},
    {"momentum", 1, false},
    {"nesterov", 1, false},
    {"adam", 2, true},
}};

inline const OptimizerInfo& info(Optimizer o) { return optimizer_table[static_cast<size_t>(o)]; }

struct OptimizerSpec {
  Optimizer kind = Optimizer::kAdam;
  double momentum = 0.9;
  double beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-8;

  // Throws std::invalid_argument naming the field that is out of range.
  void check() const {
    require_field(momentum >= 0.0 && momentum <= 1.0, "momentum", "in [0, 1]", momentum);
    require_field(beta_1 >= 0.0 && beta_1 < 1.0, "beta_1", "in [0, 1)", beta_1);
    require_field(beta_2 >= 0.0 && beta_2 < 1.0, "beta_2", "in [0, 1)", beta_2);
    require_field(epsilon > 0.0, "epsilon", "> 0", epsilon);
  }
};

// The rate that the update uses in step `step` (from 1): Adam's corrections of both moments' bias
// (Kingma and Ba, 2014, section 2) are folded into it.
inline double step_rate(const OptimizerSpec& spec, double rate, int64_t step) {
  if (!info(spec.kind).bias_corrected) return rate;
  const double t = static_cast<double>(step);
  return rate * std::sqrt(1.0 - std::pow(spec.beta_2, t)) / (1.0 - std::pow(spec.beta_1, t));
}

}  // namespace nnhp
