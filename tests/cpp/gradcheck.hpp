// Central differences.
#pragma once

#include <algorithm>
#include <cmath>

#include "nnhp/base/workspace.hpp"

namespace nnhp::testing {

// The largest deviation of `gradient` from the central differences of f at `at`, relative to the
// larger of 1 and the derivative. A right gradient comes out below 1e-7 for functions of moderate
// size.
template <class F>
double gradient_error(F&& f, AlignedVector<double> at, const AlignedVector<double>& gradient) {
  constexpr double step = 0x1p-17;
  double worst = 0.0;
  for (index_t i = 0; i < at.size(); ++i) {
    const double kept = at[i];
    at[i] = kept + step;
    const double above = f(at);
    at[i] = kept - step;
    const double below = f(at);
    at[i] = kept;
    const double slope = (above - below) / (2.0 * step);
    const double error = std::abs(slope - gradient[i]) / std::max(1.0, std::abs(slope));
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

}  // namespace nnhp::testing
