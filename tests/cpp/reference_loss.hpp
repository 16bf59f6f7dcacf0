// Losses of a sample and their derivatives by its outputs, in plain double precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "nnhp/nn/loss.hpp"
#include "reference.hpp"

namespace nnhp::testing::reference {

using Row = std::vector<double>;

inline double clipped(double p, double epsilon) {
  return std::fmin(std::fmax(p, epsilon), 1.0 - epsilon);
}

// Losses that are a sum over outputs. `j` is the place of the output.
struct Loss {
  std::string_view name;
  double (*value)(double p, double y, const LossSpec& spec, double epsilon, size_t j);
  double (*slope)(double p, double y, const LossSpec& spec, double epsilon, size_t j);
};
inline double log_loss(double p, double y, double epsilon) {
  const double q = clipped(p, epsilon);
  return -(y * std::log(q) + (1.0 - y) * std::log1p(-q));
}
inline double balance(double y, const LossSpec& spec) {
  return spec.alpha == 1.0 ? 1.0 : y * spec.alpha + (1.0 - y) * (1.0 - spec.alpha);
}
inline double doubt(double p, double y) { return 1.0 - (y * p + (1.0 - y) * (1.0 - p)); }

inline constexpr std::array<Loss, 12> losses{{
    {"log_loss",
     [](double p, double y, const LossSpec&, double epsilon, size_t) {
       return -y * std::log(clipped(p, epsilon));
     },
     [](double p, double y, const LossSpec&, double, size_t) { return -y / p; }},
    {"binary_log_loss",
     [](double p, double y, const LossSpec&, double epsilon, size_t) {
       return log_loss(p, y, epsilon);
     },
     [](double p, double y, const LossSpec&, double, size_t) { return (p - y) / (p * (1.0 - p)); }},
    {"squared_error",
     [](double p, double y, const LossSpec&, double, size_t) { return 0.5 * (p - y) * (p - y); },
     [](double p, double y, const LossSpec&, double, size_t) { return p - y; }},
    {"poisson",
     [](double p, double y, const LossSpec&, double, size_t) {
       return (y > 0.0 ? y * std::log(y / p) : 0.0) - y + p;
     },
     [](double p, double y, const LossSpec&, double, size_t) { return 1.0 - y / p; }},
    {"poisson_likelihood",
     [](double p, double y, const LossSpec&, double epsilon, size_t) {
       return p - y * std::log(p + epsilon);
     },
     [](double p, double y, const LossSpec&, double epsilon, size_t) {
       return 1.0 - y / (p + epsilon);
     }},
    {"gamma",
     [](double p, double y, const LossSpec&, double, size_t) {
       return std::log(p / y) + y / p - 1;
     },
     [](double p, double y, const LossSpec&, double, size_t) { return (p - y) / (p * p); }},
    {"absolute_error",
     [](double p, double y, const LossSpec&, double, size_t) { return std::abs(p - y); },
     [](double p, double y, const LossSpec&, double, size_t) {
       return p > y ? 1.0 : (p < y ? -1.0 : 0.0);
     }},
    {"huber",
     [](double p, double y, const LossSpec& spec, double, size_t) {
       const double e = std::abs(p - y), d = spec.delta;
       return e <= d ? 0.5 * e * e : d * e - 0.5 * d * d;
     },
     [](double p, double y, const LossSpec& spec, double, size_t) {
       return std::clamp(p - y, -spec.delta, spec.delta);
     }},
    {"quantile",
     [](double p, double y, const LossSpec& spec, double, size_t j) {
       const double q = spec.quantiles[j];
       return std::fmax(q * (y - p), (q - 1.0) * (y - p));
     },
     [](double p, double y, const LossSpec& spec, double, size_t j) {
       return p < y ? -spec.quantiles[j] : (p > y ? 1.0 - spec.quantiles[j] : 0.0);
     }},
    {"hinge",
     [](double p, double y, const LossSpec&, double, size_t) {
       return y * std::fmax(1.0 - p, 0.0) + (1.0 - y) * std::fmax(1.0 + p, 0.0);
     },
     [](double p, double y, const LossSpec&, double, size_t) {
       return (p < 1.0 ? -y : 0.0) + (p > -1.0 ? 1.0 - y : 0.0);
     }},
    {"focal",
     [](double p, double y, const LossSpec& spec, double epsilon, size_t) {
       const double q = clipped(p, epsilon);
       return -spec.alpha * y * std::pow(1.0 - q, spec.gamma) * std::log(q);
     },
     [](double p, double y, const LossSpec& spec, double, size_t) {
       const double g = spec.gamma;
       return spec.alpha * y *
              (g * std::pow(1.0 - p, g - 1.0) * std::log(p) - std::pow(1.0 - p, g) / p);
     }},
    {"binary_focal",
     [](double p, double y, const LossSpec& spec, double epsilon, size_t) {
       const double rest = std::fmax(doubt(p, y), 0.0);
       return balance(y, spec) * std::pow(rest, spec.gamma) * log_loss(p, y, epsilon);
     },
     [](double p, double y, const LossSpec& spec, double epsilon, size_t) {
       const double g = spec.gamma, rest = doubt(p, y);
       return balance(y, spec) *
              (std::pow(rest, g) * (p - y) / (p * (1.0 - p)) -
               g * std::pow(rest, g - 1.0) * (2.0 * y - 1.0) * log_loss(p, y, epsilon));
     }},
}};

// Losses of a row as a whole; `slopes` gets the derivatives.
struct RowLoss {
  std::string_view name;
  double (*value)(const Row& p, const Row& y, Row& slopes);
};
inline constexpr std::array<RowLoss, 2> row_losses{{
    {"multiclass_hinge",
     [](const Row& p, const Row& y, Row& slopes) {
       double total = 0.0;
       for (size_t k = 0; k < p.size() && p.size() > 1; ++k) {
         size_t rival = k == 0 ? 1 : 0;
         for (size_t j = 0; j < p.size(); ++j) rival = j != k && p[j] > p[rival] ? j : rival;
         const double lacking = 1.0 + p[rival] - p[k];
         if (lacking <= 0.0) continue;
         total += y[k] * lacking;
         slopes[k] -= y[k];
         slopes[rival] += y[k];
       }
       return total;
     }},
    {"categorical_hinge",
     [](const Row& p, const Row& y, Row& slopes) {
       double positive = 0.0;
       size_t rival = 0;
       for (size_t j = 0; j < p.size(); ++j) {
         positive += y[j] * p[j];
         if ((1.0 - y[j]) * p[j] > (1.0 - y[rival]) * p[rival]) rival = j;
       }
       const double lacking = 1.0 + (1.0 - y[rival]) * p[rival] - positive;
       if (lacking <= 0.0) return 0.0;
       for (size_t j = 0; j < p.size(); ++j) slopes[j] -= y[j];
       slopes[rival] += 1.0 - y[rival];
       return lacking;
     }},
}};

// The loss of one sample before it is scaled and averaged; adds its derivatives to `slopes`.
inline double sample_loss(const Row& p, const Row& y, const LossSpec& spec, double epsilon,
                          Row& slopes) {
  const std::string_view name = info(spec.kind).name;
  for (const RowLoss& loss : row_losses) {
    if (loss.name == name) return loss.value(p, y, slopes);
  }
  const Loss& loss = named(losses, name);
  double total = 0.0;
  for (size_t j = 0; j < p.size(); ++j) {
    total += loss.value(p[j], y[j], spec, epsilon, j);
    slopes[j] += loss.slope(p[j], y[j], spec, epsilon, j);
  }
  return total;
}

// The losses of every sample, weighted by `weights` [rows x 1], and the derivatives by the outputs
// that the engine follows: of the squared error, as in scikit-learn, those of the sum over the
// outputs although the loss itself is their mean. `y` may have one column for all outputs.
struct TotalLoss {
  double value;
  Matrix slopes;
};
inline TotalLoss total_loss(const Matrix& p, const Matrix& y, const Matrix& weights,
                            const LossSpec& spec, double epsilon) {
  const std::string_view name = info(spec.kind).name;
  const bool own_mean =
      name == "squared_error" || name == "absolute_error" || name == "huber" || name == "quantile";
  const bool own = spec.over_outputs == OverOutputs::kOwn;
  const bool mean = own ? own_mean : spec.over_outputs != OverOutputs::kSum;
  const bool sum_slopes =
      own ? !own_mean || name == "squared_error" : spec.over_outputs != OverOutputs::kMean;
  const double n = static_cast<double>(p.columns);
  TotalLoss result{0.0, Matrix(p.rows, p.columns)};
  for (index_t i = 0; i < p.rows; ++i) {
    Row outputs, targets, slopes(static_cast<size_t>(p.columns), 0.0);
    for (index_t j = 0; j < p.columns; ++j) {
      outputs.push_back(p(i, j));
      targets.push_back(y(i, y.columns == 1 ? 0 : j));
    }
    const double value = sample_loss(outputs, targets, spec, epsilon, slopes);
    if (weights(i, 0) != 0.0) result.value += weights(i, 0) * spec.scale * value / (mean ? n : 1.0);
    for (index_t j = 0; j < p.columns; ++j) {
      result.slopes(i, j) =
          weights(i, 0) * spec.scale * slopes[static_cast<size_t>(j)] / (sum_slopes ? 1.0 : n);
    }
  }
  return result;
}

}  // namespace nnhp::testing::reference
