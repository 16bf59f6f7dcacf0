// The elastic-net penalty on weights (never on biases), as scikit-learn divides it: by the sum of
// the batch's sample weights.
#pragma once

#include "nnhp/kernels/table.hpp"

namespace nnhp {

// (l2 / 2 * sum w^2 + l1 * sum |w|) / weight_sum
struct Penalty {
  double l2 = 0.0;
  double l1 = 0.0;

  double value(const PenaltySums& sums, double weight_sum) const {
    return (0.5 * l2 * sums.squares + l1 * sums.magnitudes) / weight_sum;
  }
};

}  // namespace nnhp
