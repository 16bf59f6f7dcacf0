#include "nnhp/train/step_update.hpp"

#include <algorithm>
#include <cmath>

#include "nnhp/kernels/choice.hpp"
#include "nnhp/nn/backprop.hpp"
#include "nnhp/nn/split.hpp"

namespace nnhp {
namespace {

// Calls body(piece, at, n) for every piece of an array.
template <class Body>
void each_piece(const Team& team, const TrainedArray& array, Body&& body) {
  team.each(array.pieces(), [&](index_t piece, int) {
    const index_t row = piece * array.piece_rows;
    const index_t rows = std::min(array.piece_rows, array.rows - row);
    body(static_cast<size_t>(piece), array.at + row * array.columns, rows * array.columns);
  });
}

void add(PenaltySums& total, const PenaltySums& sums) {
  total.squares += sums.squares;
  total.magnitudes += sums.magnitudes;
}

}  // namespace

template <class T>
std::vector<TrainedArray> trained_arrays(const NetSpec& net,
                                         const std::vector<index_t>& frozen_layers) {
  std::vector<TrainedArray> arrays;
  const auto add_stages = [&](const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      for (index_t at = 0; at < stage.trained; at += stage.columns) {
        arrays.push_back({stage.trained_at + at, 1, stage.columns, false, 1});
      }
    }
  };
  add_stages(net.input_stages());
  for (size_t l = 0; l < net.layers().size(); ++l) {
    const auto frozen =
        std::find(frozen_layers.begin(), frozen_layers.end(), static_cast<index_t>(l));
    if (frozen != frozen_layers.end()) continue;
    const LayerSpec& layer = net.layers()[l];
    arrays.push_back(
        {layer.weights_at, layer.inputs, layer.units, true, Backprop<T>::piece_rows(layer)});
    arrays.push_back({layer.biases_at(), 1, layer.units, false, 1});
    add_stages(layer.stages);
  }
  return arrays;
}

template <class T>
StepUpdate<T>::StepUpdate(const NetSpec& net, const TrainSpec& train, SessionState<T>& state,
                          double divisor)
    : kernel_(kernel_table<T>()),
      net_(net),
      train_(train),
      optimizer_(train.optimizer),
      state_(state),
      divisor_(divisor) {
  ++state.step;
  if (optimizer_.averages()) first_average_ = state.steps_averaged++ == 0;
  of_biases_ = coefficients<T>(optimizer_, state.rate, state.step);
  of_prepared_ = of_biases_;
  of_prepared_.gradient_scale = T(1);
  of_biases_.gradient_scale = static_cast<T>(1.0 / divisor);
  of_weights_ = of_biases_;
  of_weights_.l2 = static_cast<T>(train.penalty.l2);
  of_weights_.l1 = static_cast<T>(train.penalty.l1);
}

// Of the parameters from `at` on, which are of one array.
template <class T>
UpdateCoefficients<T> StepUpdate<T>::coefficients_of(index_t at, bool weights) const {
  if (!weights) return of_biases_;
  UpdateCoefficients<T> c = of_weights_;
  if (train_.layer_penalties.empty()) return c;
  const std::vector<LayerSpec>& layers = net_.layers();
  const auto next = std::upper_bound(
      layers.begin(), layers.end(), at,
      [](index_t place, const LayerSpec& layer) { return place < layer.weights_at; });
  const Penalty& own = train_.layer_penalties[static_cast<size_t>(next - layers.begin() - 1)];
  c.l2 = static_cast<T>(own.l2 * divisor_);
  c.l1 = static_cast<T>(own.l1 * divisor_);
  return c;
}

template <class T>
PenaltySums StepUpdate<T>::prepare(index_t at, index_t n, bool weights, T* gradient) const {
  return kernel_.prepare(n, coefficients_of(at, weights), gradient, state_.parameters.data() + at);
}

template <class T>
PenaltySums StepUpdate<T>::apply(index_t at, index_t n, const UpdateCoefficients<T>& c,
                                 const T* gradient) const {
  T* moments[kMostMoments] = {};
  for (int i = 0; i < info(optimizer_.kind).moments; ++i) {
    moments[i] = state_.moments[static_cast<size_t>(i)].data() + at;
  }
  return kernel_.update[static_cast<size_t>(optimizer_.kind)](
      n, c, gradient, state_.parameters.data() + at, moments);
}

template <class T>
void StepUpdate<T>::average(index_t at, index_t n) const {
  if (!optimizer_.averages()) return;
  const T* values = state_.parameters.data() + at;
  T* averages = state_.averages.data() + at;
  if (first_average_) {
    std::copy_n(values, n, averages);
    return;
  }
  kernel_.average(n, static_cast<T>(optimizer_.ema_momentum),
                  static_cast<T>(1.0 - optimizer_.ema_momentum), values, averages);
}

template <class T>
PenaltySums StepUpdate<T>::operator()(index_t at, index_t n, bool weights, T* gradient) const {
  PenaltySums sums;
  if (optimizer_.prepares()) {
    sums = prepare(at, n, weights, gradient);
    apply(at, n, of_prepared_, gradient);
  } else {
    sums = apply(at, n, coefficients_of(at, weights), gradient);
  }
  average(at, n);
  return sums;
}

template <class T>
void StepUpdate<T>::limit_norms(const TrainedArray& array, const Team& team) const {
  if (!array.weights || optimizer_.max_norm == OptimizerSpec::kUnlimited) return;
  T* weights = state_.parameters.data() + array.at;
  split_columns<T>(team, array.columns, [&](index_t column, index_t count) {
    kernel_.limit_columns(array.rows, count, static_cast<T>(optimizer_.max_norm), weights + column,
                          array.columns);
  });
}

template <class T>
PenaltySums StepUpdate<T>::whole(const std::vector<TrainedArray>& arrays, T* gradient,
                                 const Team& team, std::vector<PieceSums>& sums) const {
  const bool clips = optimizer_.clipnorm < OptimizerSpec::kUnlimited;
  PenaltySums total{0.0, 0.0};
  for (auto array = arrays.rbegin(); array != arrays.rend(); ++array) {
    each_piece(team, *array, [&](size_t piece, index_t at, index_t n) {
      sums[piece].parameters = prepare(at, n, array->weights, gradient + at);
      if (clips) sums[piece].gradient = kernel_.penalty_sums(n, gradient + at);
    });
    PenaltySums of_gradient{0.0, 0.0};
    for (size_t i = 0; i < static_cast<size_t>(array->pieces()); ++i) {
      if (array->weights) add(total, sums[i].parameters);
      add(of_gradient, sums[i].gradient);
    }
    UpdateCoefficients<T> c = of_prepared_;
    const double norm = std::sqrt(of_gradient.squares);
    if (clips && norm > optimizer_.clipnorm) {
      c.gradient_scale = static_cast<T>(optimizer_.clipnorm / norm);
    }
    each_piece(team, *array, [&](size_t, index_t at, index_t n) {
      apply(at, n, c, gradient + at);
      average(at, n);
    });
    limit_norms(*array, team);
  }
  return total;
}

template std::vector<TrainedArray> trained_arrays<float>(const NetSpec&,
                                                         const std::vector<index_t>&);
template std::vector<TrainedArray> trained_arrays<double>(const NetSpec&,
                                                          const std::vector<index_t>&);
template class StepUpdate<float>;
template class StepUpdate<double>;

}  // namespace nnhp
