#include "nnhp/nn/fold.hpp"

#include <algorithm>
#include <cmath>

namespace nnhp {
namespace {

// The batch normalization of a layer's sums, if there is one: predictions draw nothing before it.
const Stage* of_sums(const LayerSpec& layer) {
  for (const Stage& stage : layer.stages) {
    if (stage.kind == StageKind::kBatchNormalization) return &stage;
    if (!info(stage.kind).random) return nullptr;
  }
  return nullptr;
}

std::vector<StageSpec> without(const Stage* folded, const std::vector<Stage>& stages) {
  std::vector<StageSpec> kept;
  for (const Stage& stage : stages) {
    if (&stage != folded) kept.push_back(stage);
  }
  return kept;
}

// Copies what the stages but one hold to where the same stages of the folded net have it.
template <class T>
void copy_stages(const std::vector<Stage>& stages, const Stage* folded,
                 const std::vector<Stage>& kept, const T* parameters, T* to) {
  auto next = kept.begin();
  for (const Stage& stage : stages) {
    if (&stage == folded) continue;
    std::copy_n(parameters + stage.trained_at, stage.trained, to + next->trained_at);
    std::copy_n(parameters + stage.statistics_at, stage.statistics, to + next->statistics_at);
    ++next;
  }
}

// Multiplies the weights of a layer by their columns' factors, and moves the biases, which follow.
template <class T>
void fold_layer(const LayerSpec& layer, const Stage& batch, const T* parameters, T* weights) {
  std::vector<double> factors;
  for (index_t j = 0; j < layer.units; ++j) {
    const auto at = [&](index_t offset) { return static_cast<double>(parameters[offset + j]); };
    const double g = at(batch.trained_at) / std::sqrt(at(batch.variance_at()) + batch.epsilon);
    weights[layer.weight_count() + j] = static_cast<T>(
        (at(layer.biases_at()) - at(batch.statistics_at)) * g + at(batch.shift_at()));
    factors.push_back(g);
  }
  for (T* row = weights; row != weights + layer.weight_count(); row += layer.units) {
    for (index_t j = 0; j < layer.units; ++j) {
      row[j] = static_cast<T>(static_cast<double>(row[j]) * factors[static_cast<size_t>(j)]);
    }
  }
}

}  // namespace

bool can_fold(const NetSpec& net) {
  return std::any_of(net.layers().begin(), net.layers().end(),
                     [](const LayerSpec& layer) { return of_sums(layer) != nullptr; });
}

NetSpec fold(const NetSpec& net) {
  std::vector<HiddenLayer> hidden;
  for (const LayerSpec& layer : net.layers()) {
    hidden.push_back({layer.outputs(), without(of_sums(layer), layer.stages)});
  }
  std::vector<StageSpec> last = hidden.back().stages;
  hidden.pop_back();
  last.pop_back();  // the output activation
  return NetSpec(net.inputs(), hidden, net.outputs(), net.output_activation(),
                 without(nullptr, net.input_stages()), last);
}

template <class T>
void fold_parameters(const NetSpec& net, const NetSpec& folded, const T* parameters, T* to) {
  copy_stages(net.input_stages(), nullptr, folded.input_stages(), parameters, to);
  for (size_t l = 0; l < net.layers().size(); ++l) {
    const LayerSpec &from = net.layers()[l], &into = folded.layers()[l];
    const Stage* const batch = of_sums(from);
    copy_stages(from.stages, batch, into.stages, parameters, to);
    std::copy_n(parameters + from.weights_at, from.weight_count() + from.units,
                to + into.weights_at);
    if (batch != nullptr) fold_layer(from, *batch, parameters, to + into.weights_at);
  }
}

template void fold_parameters(const NetSpec&, const NetSpec&, const float*, float*);
template void fold_parameters(const NetSpec&, const NetSpec&, const double*, double*);

}  // namespace nnhp
