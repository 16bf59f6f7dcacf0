#include "nnhp/nn/cost.hpp"

#include <cmath>

#include "nnhp/kernels/choice.hpp"

namespace nnhp {
namespace {

// Measured on nets of a few units: what each sample costs beside its numbers (shuffling, targets,
// calls), and each step.
constexpr double kSample = 400.0, kStep = 15000.0;

// Measured kernel by kernel, per element and in the lanes of a vector of 16 floats. Narrower
// vectors, and doubles, cost as many times more as there are fewer of them in a vector.
constexpr double kProduct = 0.4;  // of the matrix products: one fused multiply-add
constexpr double kPass = 1.5;     // reading and writing an element once
constexpr double kLoss = 12.0;
constexpr double kNoise = 12.0;  // drawing and adding a normal number
// The parameters and moments of a large net come from memory, whatever the vectors.
constexpr double kUpdatedByte = 5.0;

template <class T>
double lanes() {
  return static_cast<double>(kernels().vector_bytes) / static_cast<double>(sizeof(T));
}

// Elements of a row, in whole vectors.
template <class T>
double padded(index_t columns) {
  return std::ceil(static_cast<double>(columns) / lanes<T>()) * lanes<T>();
}

template <class T>
double in_widest_lanes(double operations) {
  return operations * 16.0 / lanes<T>();
}

// Of the values of a sample in a stage, forward.
template <class T>
double stage_cost(const Stage& stage, bool training) {
  const StageInfo& kind = info(stage.kind);
  if (!stage.acts(training)) return 0.0;
  const double of_value =
      stage.kind == StageKind::kActivation ? info(stage.activation).cost : kind.cost;
  return of_value * padded<T>(stage.columns);
}

template <class T>
double stages_cost(const std::vector<Stage>& stages, bool training) {
  double cost = 0.0;
  for (const Stage& stage : stages) cost += stage_cost<T>(stage, training);
  return cost;
}

}  // namespace

template <class T>
double forward_cost(const NetSpec& net) {
  double cost = kPass * padded<T>(net.inputs()) + stages_cost<T>(net.input_stages(), false);
  for (const LayerSpec& layer : net.layers()) {
    cost += padded<T>(layer.units) * (kProduct * static_cast<double>(layer.inputs) + kPass) +
            stages_cost<T>(layer.stages, false);
  }
  return kSample + in_widest_lanes<T>(cost);
}

// What random stages, which only training has, and the way back through all stages take, as the way
// there: activations' gradients count among the passes.
template <class T>
double backward_stages_cost(const std::vector<Stage>& stages) {
  double cost = stages_cost<T>(stages, true) - stages_cost<T>(stages, false);
  for (const Stage& stage : stages) {
    if (info(stage.kind).normalizes) cost += stage_cost<T>(stage, true);
  }
  return cost;
}

template <class T>
double training_cost(const NetSpec& net) {
  double cost = kLoss * padded<T>(net.outputs()) + backward_stages_cost<T>(net.input_stages());
  for (const LayerSpec& layer : net.layers()) {
    const double units = padded<T>(layer.units);
    cost += units * (kProduct * static_cast<double>(layer.inputs) + 2.0 * kPass) +
            backward_stages_cost<T>(layer.stages);
    if (layer.weights_at > 0) {
      cost += kProduct * static_cast<double>(layer.units) * padded<T>(layer.inputs);
    }
  }
  return forward_cost<T>(net) + in_widest_lanes<T>(cost);
}

template <class T>
double update_cost(const NetSpec& net, const OptimizerSpec& optimizer) {
  double each = info(optimizer.kind).cost;
  if (optimizer.prepares()) each += 2.0 * kPass;
  if (optimizer.averages()) each += kPass;
  if (optimizer.max_norm < OptimizerSpec::kUnlimited) each += 2.0 * kPass;
  if (optimizer.weight_noise > 0.0) each += kNoise;
  // Written and read again on the way from the gradient.
  if (optimizer.needs_whole_gradient()) each += 2.0 * kPass;
  const double parameters = static_cast<double>(net.parameter_count());
  return kStep + parameters * (in_widest_lanes<T>(each) + kUpdatedByte * sizeof(T));
}

template double forward_cost<float>(const NetSpec&);
template double forward_cost<double>(const NetSpec&);
template double training_cost<float>(const NetSpec&);
template double training_cost<double>(const NetSpec&);
template double update_cost<float>(const NetSpec&, const OptimizerSpec&);
template double update_cost<double>(const NetSpec&, const OptimizerSpec&);

}  // namespace nnhp
