#include "nnhp/nn/fold.hpp"

#include <algorithm>
#include <cmath>

namespace nnhp {
namespace {

// The batch normalizations of a layer's sums: predictions draw nothing before or between them.
std::vector<const Stage*> of_sums(const LayerSpec& layer) {
  std::vector<const Stage*> found;
  for (const Stage& stage : layer.stages) {
    if (stage.kind == StageKind::kBatchNormalization) {
      found.push_back(&stage);
    } else if (!info(stage.kind).random) {
      break;
    }
  }
  return found;
}

bool is_among(const std::vector<const Stage*>& stages, const Stage& stage) {
  return std::find(stages.begin(), stages.end(), &stage) != stages.end();
}

std::vector<StageSpec> without(const std::vector<const Stage*>& folded,
                               const std::vector<Stage>& stages) {
  std::vector<StageSpec> kept;
  for (const Stage& stage : stages) {
    if (!is_among(folded, stage)) kept.push_back(stage);
  }
  return kept;
}

// Copies what the stages but those folded hold to where the same stages of the folded net have it.
template <class T>
void copy_stages(const std::vector<Stage>& stages, const std::vector<const Stage*>& folded,
                 const std::vector<Stage>& kept, const T* parameters, T* to) {
  auto next = kept.begin();
  for (const Stage& stage : stages) {
    if (is_among(folded, stage)) continue;
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
    T& bias = weights[layer.weight_count() + j];
    bias = static_cast<T>((static_cast<double>(bias) - at(batch.statistics_at)) * g +
                          at(batch.shift_at()));
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
                     [](const LayerSpec& layer) { return !of_sums(layer).empty(); });
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
                 without({}, net.input_stages()), last);
}

template <class T>
void fold_parameters(const NetSpec& net, const NetSpec& folded, const T* parameters, T* to) {
  copy_stages<T>(net.input_stages(), {}, folded.input_stages(), parameters, to);
  for (size_t l = 0; l < net.layers().size(); ++l) {
    const LayerSpec &from = net.layers()[l], &into = folded.layers()[l];
    const std::vector<const Stage*> folds = of_sums(from);
    copy_stages(from.stages, folds, into.stages, parameters, to);
    std::copy_n(parameters + from.weights_at, from.weight_count() + from.units,
                to + into.weights_at);
    for (const Stage* batch : folds) fold_layer(from, *batch, parameters, to + into.weights_at);
  }
}

template void fold_parameters(const NetSpec&, const NetSpec&, const float*, float*);
template void fold_parameters(const NetSpec&, const NetSpec&, const double*, double*);

}  // namespace nnhp
