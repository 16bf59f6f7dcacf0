// Central differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "nnhp/base/workspace.hpp"

namespace nnhp::testing {

// The slope of f along number i at `at`.
template <class F>
double central_difference(F&& f, AlignedVector<double>& at, index_t i, double step) {
  const double kept = at[i];
  at[i] = kept + step;
  const double above = f(at);
  at[i] = kept - step;
  const double below = f(at);
  at[i] = kept;
  return (above - below) / (2.0 * step);
}

// The largest deviation of `gradient` from the central differences of f at `at`, relative to the
// larger of 1 and the derivative. A right gradient comes out below 1e-7 for functions of moderate
// size. Where it does not, a step may have crossed a place where the slope jumps: a shorter one
// decides.
template <class F>
double gradient_error(F&& f, AlignedVector<double> at, const AlignedVector<double>& gradient) {
  double worst = 0.0;
  for (index_t i = 0; i < at.size(); ++i) {
    double error = std::numeric_limits<double>::infinity();
    for (const double step : {0x1p-17, 0x1p-23}) {
      if (error < 1e-7) break;
      const double slope = central_difference(f, at, i, step);
      error = std::min(error, std::abs(slope - gradient[i]) / std::max(1.0, std::abs(slope)));
    }
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

}  // namespace nnhp::testing
