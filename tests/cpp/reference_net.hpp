// A net and its training in plain double precision: whole batches, no blocks, no scratch.
#pragma once

#include <algorithm>
#include <vector>

#include "nnhp/nn/net_spec.hpp"
#include "reference_loss.hpp"

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

// Loss summed over the samples and the derivative that the engine follows. Without masks nothing is
// dropped.
struct Pass {
  double loss;
  std::vector<double> gradient;
};
inline Pass pass(const NetSpec& net, const std::vector<double>& parameters, const Batch& batch,
                 const std::vector<Matrix>& masks, const LossSpec& loss) {
  const auto times = [](double a, double b) { return a * b; };
  const Forward layers = forward(net, parameters, batch.x, masks);
  const Matrix& predicted = layers.activated.back();
  const TotalLoss total = total_loss(predicted, batch.y, batch.w, loss, 0x1p-52);
  Pass result{total.value, std::vector<double>(parameters.size())};
  Matrix delta =
      through(total.slopes, layers.sums.back(), predicted, info(net.output_activation()).name);
  for (size_t l = net.layers().size(); l-- > 0;) {
    const LayerSpec& layer = net.layers()[l];
    const Matrix weights = product(transposed(layers.dropped[l]), delta);
    const Matrix biases = column_sums(delta);
    std::copy(weights.cells.begin(), weights.cells.end(),
              result.gradient.begin() + layer.weights_at);
    std::copy(biases.cells.begin(), biases.cells.end(),
              result.gradient.begin() + layer.biases_at());
    if (l == 0) break;
    delta = product(delta, transposed(weights_of(layer, parameters)));
    if (!masks.empty()) delta = each(delta, masks[l], times);
    delta = through(delta, layers.sums[l - 1], layers.activated[l],
                    info(net.layers()[l - 1].activation).name);
  }
  return result;
}

// The penalty's value before it is divided by the batch's weight.
inline double penalty(const NetSpec& net, const std::vector<double>& parameters, double l2,
                      double l1) {
  double total = 0.0;
  for (const LayerSpec& layer : net.layers()) {
    for (const double w : weights_of(layer, parameters).cells) {
      total += 0.5 * l2 * w * w + l1 * std::abs(w);
    }
  }
  return total;
}

// One update of every parameter; biases are not penalized.
inline void update(const NetSpec& net, std::vector<Parameter>& parameters,
                   const std::vector<double>& gradient, std::string_view optimizer,
                   const Coefficients& c) {
  const auto step = named(optimizers, optimizer).step;
  Coefficients bias = c;
  bias.l2 = bias.l1 = 0.0;
  for (const LayerSpec& layer : net.layers()) {
    for (index_t i = 0; i < layer.weight_count() + layer.units; ++i) {
      const Coefficients& own = i < layer.weight_count() ? c : bias;
      Parameter& p = parameters[static_cast<size_t>(layer.weights_at + i)];
      step(p, penalized(p.w, gradient[static_cast<size_t>(layer.weights_at + i)], own), own);
    }
  }
}

}  // namespace nnhp::testing::reference
