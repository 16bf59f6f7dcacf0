// A net and its training in plain double precision: whole batches, no blocks, no scratch.
#pragma once

#include <algorithm>
#include <vector>

#include "nnhp/train/session.hpp"
#include "reference.hpp"

namespace nnhp::testing::reference {

inline Matrix weights_of(const LayerSpec& layer, const std::vector<double>& parameters) {
  Matrix w(layer.inputs, layer.units);
  std::copy_n(parameters.begin() + layer.weights_at, w.cells.size(), w.cells.begin());
  return w;
}
inline Matrix biases_of(const LayerSpec& layer, const std::vector<double>& parameters) {
  Matrix b(1, layer.units);
  std::copy_n(parameters.begin() + layer.biases_at(), b.cells.size(), b.cells.begin());
  return b;
}

// Multipliers of the inputs and of every hidden layer's outputs, for a batch in one training step.
inline std::vector<Matrix> dropout_masks(const NetSpec& net, index_t rows, uint64_t key,
                                         uint64_t step) {
  std::vector<Matrix> masks;
  const auto add = [&](index_t columns, double rate) {
    const uint32_t place = static_cast<uint32_t>(masks.size());
    const uint32_t keep = static_cast<uint32_t>(std::lround((1.0 - rate) * 65536.0));
    Matrix mask(rows, columns);
    for (index_t i = 0; i < rows; ++i) {
      for (index_t j = 0; j < columns; ++j) {
        const bool stays =
            kept(key, step, place, static_cast<uint32_t>(i), static_cast<uint32_t>(j), keep);
        mask(i, j) = stays ? 65536.0 / keep : 0.0;
      }
    }
    masks.push_back(mask);
  };
  add(net.inputs(), net.input_dropout());
  for (const LayerSpec& layer : net.layers()) add(layer.units, layer.dropout);
  return masks;
}

// What a forward pass leaves behind: of the inputs and every layer, the activated outputs, before
// and after dropout.
// The inputs are the first of `activated` and `dropped`.
struct Forward {
  std::vector<Matrix> activated, dropped;
  std::vector<Matrix> sums;  // pre-activations, layer by layer
};
inline Forward forward(const NetSpec& net, const std::vector<double>& parameters, const Matrix& x,
                       const std::vector<Matrix>& masks) {
  const auto times = [](double a, double b) { return a * b; };
  Forward result{{x}, {masks.empty() ? x : each(x, masks[0], times)}, {}};
  for (const LayerSpec& layer : net.layers()) {
    const Matrix z = sum(product(result.dropped.back(), weights_of(layer, parameters)),
                         repeated(biases_of(layer, parameters), x.rows));
    result.sums.push_back(z);
    result.activated.push_back(activated(z, info(layer.activation).name));
    const Matrix& out = result.activated.back();
    result.dropped.push_back(masks.empty() ? out : each(out, masks[result.dropped.size()], times));
  }
  return result;
}
inline Matrix outputs(const NetSpec& net, const std::vector<double>& parameters, const Matrix& x) {
  return forward(net, parameters, x, {}).activated.back();
}

// A batch: inputs, targets and sample weights.
struct Batch {
  Matrix x, y, w;
};

// Loss summed over the samples and the derivative that the engine follows: of the squared error, as
// in scikit-learn, that of the sum over the outputs although the loss itself is their mean. Without
// masks nothing is dropped.
struct Pass {
  double loss;
  std::vector<double> gradient;
};
inline Pass pass(const NetSpec& net, const std::vector<double>& parameters, const Batch& batch,
                 const std::vector<Matrix>& masks, std::string_view loss) {
  const auto times = [](double a, double b) { return a * b; };
  const Forward layers = forward(net, parameters, batch.x, masks);
  const Matrix& predicted = layers.activated.back();
  Pass result{total_loss(predicted, batch.y, batch.w, loss, 0x1p-52),
              std::vector<double>(parameters.size())};
  Matrix delta = each(predicted, batch.y, [](double p, double t) { return p - t; });
  delta = each(delta, product(batch.w, Matrix(1, batch.y.columns, 1.0)), times);
  for (size_t l = net.layers().size(); l-- > 0;) {
    const LayerSpec& layer = net.layers()[l];
    const Matrix weights = product(transposed(layers.dropped[l]), delta);
    const Matrix biases = column_sums(delta);
    std::copy(weights.cells.begin(), weights.cells.end(),
              result.gradient.begin() + layer.weights_at);
    std::copy(biases.cells.begin(), biases.cells.end(),
              result.gradient.begin() + layer.biases_at());
    if (l == 0) break;
    const auto slope = named(activations, info(net.layers()[l - 1].activation).name).slope;
    const Matrix slopes = each(layers.sums[l - 1], layers.activated[l], slope);
    delta = product(delta, transposed(weights_of(layer, parameters)));
    if (!masks.empty()) delta = each(delta, masks[l], times);
    delta = each(delta, slopes, times);
  }
  return result;
}

// The penalty's value before it is divided by the batch's weight.
inline double penalty(const NetSpec& net, const std::vector<double>& parameters, double l2,
                      double l1, const std::vector<index_t>& frozen = {}) {
  double total = 0.0;
  for (size_t l = 0; l < net.layers().size(); ++l) {
    if (std::count(frozen.begin(), frozen.end(), static_cast<index_t>(l)) > 0) continue;
    for (const double w : weights_of(net.layers()[l], parameters).cells) {
      total += 0.5 * l2 * w * w + l1 * std::abs(w);
    }
  }
  return total;
}

// What the optimizer's rule needs in step `step`, from 1.
inline Coefficients coefficients(const TrainSpec& train, double weight, int64_t step) {
  const OptimizerSpec& o = train.optimizer;
  const double t = static_cast<double>(step);
  const double correction_1 = 1.0 - std::pow(o.beta_1, t),
               correction_2 = 1.0 - std::pow(o.beta_2, t);
  Coefficients c{1.0 / weight, train.penalty.l2, train.penalty.l1, train.schedule.initial,
                 o.momentum,   o.beta_1,         o.beta_2,         o.epsilon,
                 o.rho};
  if (o.kind == nnhp::Optimizer::kAdam || o.kind == nnhp::Optimizer::kAmsgrad) {
    c.learning_rate *= std::sqrt(correction_2) / correction_1;
  }
  if (o.kind == nnhp::Optimizer::kNadam) {
    double product = 1.0, now = 0.0;
    for (int64_t i = 1; i <= step; ++i) {
      now = o.beta_1 * (1.0 - 0.5 * std::pow(0.96, static_cast<double>(i)));
      product *= now;
    }
    const double next = o.beta_1 * (1.0 - 0.5 * std::pow(0.96, t + 1.0));
    c.moment_share = next / (1.0 - product * next);
    c.gradient_share = (1.0 - now) / (1.0 - product);
    c.learning_rate *= std::sqrt(correction_2);
    c.epsilon *= std::sqrt(correction_2);
  }
  return c;
}

// One update of the parameters [at, at + rows x columns), step `step` from 1.
inline void update(std::vector<Parameter>& parameters, std::vector<double>& averages,
                   const std::vector<double>& gradient, size_t at, size_t rows, size_t columns,
                   bool weights, const TrainSpec& train, const Coefficients& c, int64_t step) {
  const OptimizerSpec& o = train.optimizer;
  const size_t n = rows * columns;
  Coefficients own = c;
  if (!weights) own.l2 = own.l1 = 0.0;
  std::vector<double> g(n);
  double squares = 0.0;
  for (size_t i = 0; i < n; ++i) {
    g[i] = std::clamp(penalized(parameters[at + i].w, gradient[at + i], own), -o.clipvalue,
                      o.clipvalue);
    squares += g[i] * g[i];
  }
  const double scale = std::min(1.0, o.clipnorm / std::sqrt(squares));
  for (size_t i = 0; i < n; ++i) {
    Parameter& p = parameters[at + i];
    p.w -= p.w * o.weight_decay * train.schedule.initial;
    named(optimizers, info(o.kind).name).step(p, g[i] * scale, c);
  }
  const double share = step == 1 ? 0.0 : o.ema_momentum;
  for (size_t i = 0; i < n; ++i) {
    averages[at + i] = averaged(share, averages[at + i], parameters[at + i].w);
  }
  for (size_t j = 0; weights && o.max_norm < OptimizerSpec::kUnlimited && j < columns; ++j) {
    double norm = 0.0;
    for (size_t i = 0; i < rows; ++i) norm = std::hypot(norm, parameters[at + i * columns + j].w);
    for (size_t i = 0; i < rows; ++i) {
      parameters[at + i * columns + j].w *= std::min(norm, o.max_norm) / (norm + 1e-7);
    }
  }
}

// One step of every layer that is not frozen; biases are not penalized.
inline void update(const NetSpec& net, std::vector<Parameter>& parameters,
                   std::vector<double>& averages, const std::vector<double>& gradient,
                   const TrainSpec& train, double weight, int64_t step) {
  const Coefficients c = coefficients(train, weight, step);
  for (size_t l = 0; l < net.layers().size(); ++l) {
    const auto& frozen = train.frozen_layers;
    if (std::count(frozen.begin(), frozen.end(), static_cast<index_t>(l)) > 0) continue;
    const LayerSpec& layer = net.layers()[l];
    const auto size = [](index_t n) { return static_cast<size_t>(n); };
    update(parameters, averages, gradient, size(layer.weights_at), size(layer.inputs),
           size(layer.units), true, train, c, step);
    update(parameters, averages, gradient, size(layer.biases_at()), 1, size(layer.units), false,
           train, c, step);
  }
}

}  // namespace nnhp::testing::reference
