// The elastic-net penalty on weights, never on biases.
#pragma once

#include "nnhp/kernels/table.hpp"

namespace nnhp {

// (l2 / 2 * sum w^2 + l1 * sum |w|) / divisor: scikit-learn divides it as it does the loss of a
// batch, by the sum of the sample weights.
struct Penalty {
  double l2 = 0.0;
  double l1 = 0.0;

  double value(const PenaltySums& sums, double divisor) const {
    return (0.5 * l2 * sums.squares + l1 * sums.magnitudes) / divisor;
  }
};

}  // namespace nnhp
