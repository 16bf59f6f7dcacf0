#include "nnhp/nn/backprop.hpp"

#include <algorithm>

#include "nnhp/kernels/choice.hpp"
#include "nnhp/nn/split.hpp"

namespace nnhp {

template <class T>
index_t Backprop<T>::block_rows(const NetSpec& net) {
  // Up to 128 KiB per array of activations: three to five of them and a panel of weights share a
  // second-level cache of 1 MiB.
  constexpr index_t bytes = index_t{128} << 10;
  const index_t rows = bytes / static_cast<index_t>(sizeof(T)) / net.widest();
  // But the weights of a wide net and their gradient, which every block reads and writes once, fit
  // no near cache: 128 rows instead of 32 took 784-512-512-10 from 67 to 69 % of the peak at batch
  // 128, and from 70 to 75 % at 512. Beyond four million parameters such a block would take too
  // long between two looks at the stop token.
  constexpr index_t most = index_t{1} << 29;
  const index_t least = most / std::max<index_t>(net.parameter_count(), 1);
  return std::clamp<index_t>(rows / 32 * 32, std::clamp<index_t>(least / 32 * 32, 32, 128), 256);
}

template <class T>
index_t Backprop<T>::training_rows(const NetSpec& net, index_t batch) {
  return net.normalizes_batches() ? std::max(batch, index_t{1}) : block_rows(net);
}

template <class T>
Backprop<T>::Backprop(const NetSpec& net, bool training, Workspace& workspace, bool gathers,
                      index_t most_rows, Team team)
    : net_(net),
      kernel_(kernel_table<T>()),
      team_(team),
      scratch_(static_cast<size_t>(net.stage_count())),
      gathered_stride_(padded_stride<T>(net.inputs())) {
  const bool whole_batches = training && net.normalizes_batches();
  const index_t rows =
      whole_batches ? std::max(block_rows(net), most_rows) : std::min(block_rows(net), most_rows);
  const auto matrix = [&](index_t stride) {
    return workspace.take<T>(checked_product(rows, stride, "activations"));
  };
  std::span<StageScratch<T>> scratch(scratch_);
  const auto stages = [&](const std::vector<Stage>& specs, const typename Stages<T>::Matrix& in) {
    const std::span<StageScratch<T>> own = scratch.first(specs.size());
    scratch = scratch.subspan(specs.size());
    return Stages<T>(specs, own, in, training, rows, workspace);
  };
  for (const Stage& stage : net.input_stages()) trains_inputs_ |= training && stage.trained > 0;
  if (gathers || !net.input_stages().empty()) gathered_ = matrix(gathered_stride_);
  T* const input_delta = trains_inputs_ ? matrix(gathered_stride_) : nullptr;
  input_stages_ = stages(net.input_stages(), {gathered_, input_delta, gathered_stride_});
  layers_.reserve(net.layers().size());
  for (const LayerSpec& spec : net.layers()) {
    Layer layer;
    layer.narrow = spec.units == 1 || (spec.units <= kNarrow && spec.inputs <= kNarrowDepth);
    const bool last = &spec == &net.layers().back();
    layer.stride = last && packs(spec) ? 1 : padded_stride<T>(spec.units);
    layer.sums = matrix(layer.stride);
    if (training) layer.delta = matrix(layer.stride);
    if (training) cut_weights(spec, layer);
    layer.stages = stages(spec.stages, {layer.sums, layer.delta, layer.stride});
    layers_.push_back(layer);
  }
  frozen_.resize(layers_.size());
  output_stride_ = layers_.back().stages.stride();
  targets_ = matrix(output_stride_);
  zeros_ = workspace.take<T>(padded_stride<T>(net.widest()));
  index_t pieces = 0;
  for (const Layer& layer : layers_) pieces = std::max(pieces, layer.pieces);
  piece_sums_.resize(static_cast<size_t>(pieces));
}

// Whether the output is one unit, whose activation, if any, takes rows without a gap between them:
// several then share a vector, in which a padded row would fill one lane.
template <class T>
bool Backprop<T>::packs(const LayerSpec& output) const {
  return output.units == 1 &&
         std::all_of(output.stages.begin(), output.stages.end(), [&](const Stage& stage) {
           return stage.kind == StageKind::kActivation && !info(stage.activation).whole_row &&
                  kernel_.activate[static_cast<size_t>(stage.activation)] != nullptr;
         });
}

template <class T>
void Backprop<T>::clear() {
  std::fill_n(zeros_, padded_stride<T>(net_.widest()), T(0));
}

template <class T>
void Backprop<T>::freeze(const std::vector<index_t>& layers) {
  for (const index_t l : layers) frozen_[static_cast<size_t>(l)] = true;
  for (const index_t l : layers) layers_[static_cast<size_t>(l)].stages.freeze();
  while (lowest_ + 1 < layers_.size() && frozen_[lowest_]) ++lowest_;
}

template <class T>
void Backprop<T>::hold_biases(const std::vector<index_t>& layers) {
  for (const index_t l : layers) layers_[static_cast<size_t>(l)].holds_biases = true;
}

template <class T>
index_t Backprop<T>::piece_rows(const LayerSpec& layer) {
  constexpr index_t lanes = kAlignment / static_cast<index_t>(sizeof(T)), weights = 4096;
  return (weights / (lanes * layer.units) + 1) * lanes;
}

// The gradient of a strip is made, and used, at once: a strip is a part of the second-level cache,
// and there is one for each thread.
template <class T>
void Backprop<T>::cut_weights(const LayerSpec& spec, Layer& layer) const {
  constexpr index_t most = (index_t{256} << 10) / sizeof(T);
  layer.piece = piece_rows(spec);
  layer.pieces = (spec.inputs + layer.piece - 1) / layer.piece;
  const index_t threads = team_.threads();
  const index_t wanted = std::max<index_t>((spec.weight_count() + most - 1) / most, threads);
  const index_t strips = std::min(wanted, layer.pieces);
  const index_t longest = (layer.pieces + strips - 1) / strips;
  layer.strip_pieces = longest;
  // Shorter, down to half, where the threads then end together: seven strips take two threads four
  // rounds (784-512-512-10 at batch 512: 5 % more).
  const auto time = [&](index_t pieces) {
    return (layer.pieces + pieces * threads - 1) / (pieces * threads) * pieces;
  };
  for (index_t pieces = longest; threads > 1 && 2 * pieces >= longest; --pieces) {
    if (time(pieces) < time(layer.strip_pieces)) layer.strip_pieces = pieces;
  }
  layer.strip = layer.strip_pieces * layer.piece;
  layer.strips = (spec.inputs + layer.strip - 1) / layer.strip;
}

// The block's sparse rows as a dense matrix.
template <class T>
void Backprop<T>::scatter(const SampleRows<T>& samples) {
  std::fill_n(gathered_, samples.count * gathered_stride_, T(0));
  for (index_t i = 0; i < samples.count; ++i) {
    const index_t row = samples.rows != nullptr ? samples.rows[i] : i;
    for (int64_t k = samples.csr.row_start[row]; k < samples.csr.row_start[row + 1]; ++k) {
      gathered_[i * gathered_stride_ + samples.csr.columns[k]] = samples.csr.values[k];
    }
  }
}

template <class T>
void Backprop<T>::load_inputs(const T* parameters, const SampleRows<T>& samples,
                              const DropoutDraw* draw) {
  const bool acts = input_stages_.any_acts(draw);
  inputs_ = gathered_;
  input_stride_ = gathered_stride_;
  if (samples.sparse) {
    if (acts) {
      scatter(samples);
    } else {
      inputs_ = nullptr;
    }
  } else if (samples.rows != nullptr) {
    split_rows(team_, samples.count, [&](index_t i, index_t rows) {
      kernel_.gather(rows, net_.inputs(), samples.dense, net_.inputs(), samples.rows + i,
                     gathered_ + i * gathered_stride_, gathered_stride_);
    });
  } else if (acts) {
    for (index_t i = 0; i < samples.count; ++i) {
      std::copy_n(samples.dense + i * net_.inputs(), net_.inputs(),
                  gathered_ + i * gathered_stride_);
    }
  } else {
    inputs_ = samples.dense;
    input_stride_ = net_.inputs();
  }
  if (!acts) return;
  input_stages_.begin(parameters, samples.count, draw);
  input_stages_.forward_columns(0, net_.inputs());
  input_stages_.forward(team_);
  inputs_ = input_stages_.outputs();
}

template <class T>
void Backprop<T>::forward(const T* parameters, const SampleRows<T>& samples,
                          const DropoutDraw* draw, size_t layers) {
  const index_t count = samples.count;
  parameters_ = parameters;
  load_inputs(parameters, samples, draw);
  const T* from = inputs_;
  index_t from_stride = input_stride_;
  for (size_t l = 0; l < std::min(layers, layers_.size()); ++l) {
    const LayerSpec& spec = net_.layers()[l];
    Layer& layer = layers_[l];
    const T* weights = parameters + spec.weights_at;
    const T* biases = parameters + spec.biases_at();
    layer.stages.begin(parameters, count, draw);
    split_columns<T>(team_, spec.units, [&](index_t j, index_t width) {
      T* const to = layer.sums + j;
      if (from == nullptr) {
        const auto multiply = layer.narrow ? kernel_.sparse_narrow_gemm : kernel_.sparse_gemm;
        multiply(count, width, samples.csr, samples.rows, weights + j, spec.units, biases + j, to,
                 layer.stride);
      } else {
        const auto multiply = layer.narrow ? kernel_.narrow_gemm : kernel_.gemm;
        multiply(count, width, spec.inputs, from, from_stride, weights + j, spec.units, biases + j,
                 to, layer.stride);
      }
      layer.stages.forward_columns(j, width);
    });
    layer.stages.forward(team_);
    from = layer.stages.outputs();
    from_stride = layer.stages.stride();
  }
  outputs_ = from;
  output_stride_ = from_stride;
}

template <class T>
double Backprop<T>::loss(const LossSpec& spec, index_t count, const T* weights) {
  return run_loss(spec, kernel_.loss, count, weights, nullptr);
}

template <class T>
double Backprop<T>::loss_and_delta(const LossSpec& spec, index_t count, const T* weights) {
  const Stages<T>& stages = layers_.back().stages;
  const bool fused = net_.output_activation() == info(spec.kind).output &&
                     kernel_.fused_loss[static_cast<size_t>(spec.kind)] != nullptr;
  if (fused) return run_loss(spec, kernel_.fused_loss, count, weights, stages.delta());
  const double value = run_loss(spec, kernel_.loss, count, weights, stages.delta());
  stages.backward_last(team_);
  return value;
}

template <class T>
double Backprop<T>::run_loss(const LossSpec& spec, const LossKernels& kernels, index_t count,
                             const T* weights, T* delta) {
  const index_t stride = output_stride();
  if (spec.label_smoothing > 0.0) smooth(spec, count);
  return kernels[static_cast<size_t>(spec.kind)](count, net_.outputs(),
                                                 coefficients<T>(spec, net_.outputs()), outputs(),
                                                 stride, targets_, stride, weights, delta, stride);
}

template <class T>
void Backprop<T>::smooth(const LossSpec& spec, index_t count) {
  const double shares = info(spec.kind).one_of_all ? static_cast<double>(net_.outputs()) : 2.0;
  const T kept = static_cast<T>(1.0 - spec.label_smoothing);
  const T spread = static_cast<T>(spec.label_smoothing / shares);
  for (index_t i = 0; i < count; ++i) {
    T* row = targets_ + i * output_stride();
    for (index_t j = 0; j < net_.outputs(); ++j) row[j] = row[j] * kept + spread;
  }
}

// The derivatives by the sums of layer l - 1, or by the inputs, from those by the sums of layer l.
template <class T>
void Backprop<T>::descend(size_t l, index_t count, T* gradient, bool accumulate) const {
  const LayerSpec& spec = net_.layers()[l];
  const Layer& layer = layers_[l];
  const Stages<T>& below = l > 0 ? layers_[l - 1].stages : input_stages_;
  split_columns<T>(team_, spec.inputs, [&](index_t j, index_t width) {
    kernel_.gemm_by_transpose(count, width, spec.units, layer.delta, layer.stride,
                              parameters_ + spec.weights_at + j * spec.units, spec.units, zeros_,
                              below.delta() + j, below.stride());
    below.backward_columns(j, width, gradient, accumulate);
  });
  below.backward(team_, gradient, accumulate);
}

template <class T>
void Backprop<T>::update_stages(const std::vector<Stage>& stages, const Update<T>& update,
                                T* gradient) const {
  for (const Stage& stage : stages) {
    if (stage.trained > 0)
      update(stage.trained_at, stage.trained, false, gradient + stage.trained_at);
  }
}

template <class T>
PenaltySums Backprop<T>::backward(const SampleRows<T>& samples, bool first_block, T* gradient,
                                  const Update<T>& update) {
  const index_t count = samples.count;
  PenaltySums total{0.0, 0.0};
  layers_.back().stages.backward_before_last(team_, gradient, !first_block);
  for (size_t l = layers_.size(); l-- > (trains_inputs_ ? 0 : lowest_);) {
    const LayerSpec& spec = net_.layers()[l];
    const Layer& layer = layers_[l];
    if (descends(l)) descend(l, count, gradient, !first_block);  // before the weights change
    if (frozen_[l]) continue;
    T* of_biases = gradient + spec.biases_at();
    if (layer.holds_biases) {
      std::fill_n(of_biases, spec.units, T(0));
    } else {
      kernel_.column_sums(count, spec.units, layer.delta, layer.stride, of_biases, !first_block);
    }
    if (update) {
      update(spec.biases_at(), spec.units, false, of_biases);
      update_stages(spec.stages, update, gradient);
    }

    T* of_weights = gradient + spec.weights_at;
    const bool sparse = l == 0 && inputs_ == nullptr;
    if (sparse && first_block) {
      split_rows(team_, spec.inputs, [&](index_t row, index_t rows) {
        std::fill_n(of_weights + row * spec.units, rows * spec.units, T(0));
      });
    }
    if (sparse) {
      split_columns<T>(team_, spec.units, [&](index_t j, index_t width) {
        kernel_.sparse_gemm_transposed(count, width, samples.csr, samples.rows, layer.delta + j,
                                       layer.stride, of_weights + j, spec.units);
      });
    }
    const T* from = l == 0 ? inputs_ : layers_[l - 1].stages.outputs();
    const index_t from_stride = l == 0 ? input_stride_ : layers_[l - 1].stages.stride();
    const index_t strip = layer.strip, strips = layer.strips, piece = layer.piece;
    // (Whole vectors at a strip's end, in gemm_transposed, read elements that another thread may be
    // writing, and drop those lanes; so do those of columns that threads share.)
    // A gradient that is used at once needs no place of its own: a thread's one stays in cache.
    const bool passing = update && first_block && !sparse && team_.threads() < strips;
    team_.each(strips, [&](index_t number, int thread) {
      const index_t begin = number * strip, end = std::min(begin + strip, spec.inputs);
      T* const to = of_weights + (passing ? thread * strip : begin) * spec.units;
      if (!sparse) {
        kernel_.gemm_transposed(count, spec.units, end - begin, from + begin, from_stride,
                                layer.delta, layer.stride, to, spec.units, !first_block);
      }
      if (!update) return;
      PenaltySums* sums = piece_sums_.data() + number * layer.strip_pieces;
      for (index_t row = begin; row < end; row += piece) {
        *sums++ =
            update(spec.weights_at + row * spec.units, std::min(piece, end - row) * spec.units,
                   true, to + (row - begin) * spec.units);
      }
    });
    for (index_t i = 0; update && i < layer.pieces; ++i) {
      total.squares += piece_sums_[static_cast<size_t>(i)].squares;
      total.magnitudes += piece_sums_[static_cast<size_t>(i)].magnitudes;
    }
  }
  if (update) update_stages(net_.input_stages(), update, gradient);
  return total;
}

template <class T>
void Backprop<T>::backward(const SampleRows<T>& samples, bool first_block, T* gradient) {
  backward(samples, first_block, gradient, {});
}

template <class T>
void Backprop<T>::update_statistics(T* parameters) const {
  input_stages_.update_statistics(parameters);
  for (const Layer& layer : layers_) layer.stages.update_statistics(parameters);
}

template class Backprop<float>;
template class Backprop<double>;

}  // namespace nnhp
