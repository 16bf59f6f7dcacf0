#include "nnhp/nn/backprop.hpp"

#include <algorithm>

#include "nnhp/kernels/choice.hpp"

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
Backprop<T>::Backprop(const NetSpec& net, bool training, Workspace& workspace, bool gathers,
                      index_t most_rows)
    : net_(net), kernel_(kernel_table<T>()), gathered_stride_(padded_stride<T>(net.inputs())) {
  const index_t rows = std::min(block_rows(net), most_rows);
  const auto matrix = [&](index_t stride) {
    return workspace.take<T>(checked_product(rows, stride, "activations"));
  };
  if (gathers || net.input_dropout() > 0.0) gathered_ = matrix(gathered_stride_);
  if (training && net.input_dropout() > 0.0) input_mask_ = matrix(gathered_stride_);
  for (const LayerSpec& spec : net.layers()) {
    Layer layer;
    layer.stride = padded_stride<T>(spec.units);
    layer.outputs = layer.dropped = layer.kept = matrix(layer.stride);
    if (training) {
      layer.delta = matrix(layer.stride);
      if (info(spec.activation).kept_input) layer.kept = matrix(layer.stride);
      if (spec.dropout > 0.0) {
        layer.mask = matrix(layer.stride);
        layer.dropped = matrix(layer.stride);
      }
      if (spec.weights_at > 0) {
        layer.transposed_stride = padded_stride<T>(spec.inputs);
        layer.transposed = workspace.take<T>(
            checked_product(spec.units, layer.transposed_stride, "transposed weights"));
      }
    }
    layers_.push_back(layer);
  }
  targets_ = matrix(layers_.back().stride);
  zeros_ = workspace.take<T>(padded_stride<T>(net.widest()));
}

template <class T>
void Backprop<T>::clear() {
  std::fill_n(zeros_, padded_stride<T>(net_.widest()), T(0));
}

template <class T>
void Backprop<T>::refresh_transposes(const T* parameters) {
  for (size_t l = 1; l < layers_.size(); ++l) {
    const LayerSpec& spec = net_.layers()[l];
    kernel_.transpose(spec.inputs, spec.units, parameters + spec.weights_at, spec.units,
                      layers_[l].transposed, layers_[l].transposed_stride);
  }
}

// `place` tells the dropped arrays of a net apart: 0 is the input, l + 1 the outputs of layer l.
template <class T>
void Backprop<T>::drop(double rate, const DropoutDraw& draw, size_t place, index_t count,
                       index_t columns, const T* from, T* to, T* mask, index_t stride) const {
  kernel_.dropout(count, columns, draw.key, draw.step, static_cast<uint32_t>(place),
                  static_cast<uint32_t>(draw.first_row), kept_outcomes(rate), from, stride, to,
                  stride, mask, stride);
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
void Backprop<T>::load_inputs(const SampleRows<T>& samples, const DropoutDraw* draw) {
  const bool drops = draw != nullptr && net_.input_dropout() > 0.0;
  inputs_ = gathered_;
  input_stride_ = gathered_stride_;
  if (samples.sparse) {
    if (drops) {
      scatter(samples);
    } else {
      inputs_ = nullptr;
    }
  } else if (samples.rows != nullptr) {
    kernel_.gather(samples.count, net_.inputs(), samples.dense, net_.inputs(), samples.rows,
                   gathered_, gathered_stride_);
  } else {
    inputs_ = samples.dense;
    input_stride_ = net_.inputs();
  }
  if (drops) {
    drop(net_.input_dropout(), *draw, 0, samples.count, net_.inputs(), gathered_, gathered_,
         input_mask_, gathered_stride_);
  }
}

template <class T>
void Backprop<T>::forward(const T* parameters, const SampleRows<T>& samples,
                          const DropoutDraw* draw) {
  const index_t count = samples.count;
  load_inputs(samples, draw);
  const T* from = inputs_;
  index_t from_stride = input_stride_;
  for (size_t l = 0; l < layers_.size(); ++l) {
    const LayerSpec& spec = net_.layers()[l];
    const Layer& layer = layers_[l];
    const T* weights = parameters + spec.weights_at;
    const T* biases = parameters + spec.biases_at();
    if (from == nullptr) {
      kernel_.sparse_gemm(count, spec.units, samples.csr, samples.rows, weights, spec.units, biases,
                          layer.outputs, layer.stride);
    } else {
      kernel_.gemm(count, spec.units, spec.inputs, from, from_stride, weights, spec.units, biases,
                   layer.outputs, layer.stride);
    }
    if (layer.kept != layer.outputs) {
      std::copy_n(layer.outputs, count * layer.stride, layer.kept);
    }
    kernel_.activate[static_cast<size_t>(spec.activation)](count, spec.units, layer.outputs,
                                                           layer.stride);
    from = layer.outputs;
    from_stride = layer.stride;
    if (draw != nullptr && layer.mask != nullptr) {
      drop(spec.dropout, *draw, l + 1, count, spec.units, layer.outputs, layer.dropped, layer.mask,
           layer.stride);
      from = layer.dropped;
    }
  }
}

template <class T>
double Backprop<T>::loss(Loss loss, index_t count, const T* weights) {
  const index_t stride = output_stride();
  return kernel_.loss[static_cast<size_t>(loss)](count, net_.outputs(), outputs(), stride, targets_,
                                                 stride, weights, nullptr, stride);
}

template <class T>
double Backprop<T>::loss_and_delta(Loss loss, index_t count, const T* weights) {
  const index_t stride = output_stride();
  return kernel_.loss[static_cast<size_t>(loss)](count, net_.outputs(), outputs(), stride, targets_,
                                                 stride, weights, layers_.back().delta, stride);
}

template <class T>
void Backprop<T>::backward(const SampleRows<T>& samples, bool first_block, T* gradient) {
  const index_t count = samples.count;
  for (size_t l = layers_.size(); l-- > 0;) {
    const LayerSpec& spec = net_.layers()[l];
    const Layer& layer = layers_[l];
    T* weight_gradient = gradient + spec.weights_at;
    kernel_.column_sums(count, spec.units, layer.delta, layer.stride, gradient + spec.biases_at(),
                        !first_block);
    if (l == 0 && inputs_ == nullptr) {
      if (first_block) std::fill_n(weight_gradient, spec.weight_count(), T(0));
      kernel_.sparse_gemm_transposed(count, spec.units, samples.csr, samples.rows, layer.delta,
                                     layer.stride, weight_gradient, spec.units);
      return;
    }
    const T* from = l == 0 ? inputs_ : layers_[l - 1].dropped;
    const index_t from_stride = l == 0 ? input_stride_ : layers_[l - 1].stride;
    kernel_.gemm_transposed(count, spec.units, spec.inputs, from, from_stride, layer.delta,
                            layer.stride, weight_gradient, spec.units, !first_block);
    if (l == 0) return;

    const Layer& below = layers_[l - 1];
    const Activation activation = net_.layers()[l - 1].activation;
    kernel_.gemm(count, spec.inputs, spec.units, layer.delta, layer.stride, layer.transposed,
                 layer.transposed_stride, zeros_, below.delta, below.stride);
    if (below.mask != nullptr) {
      kernel_.apply_mask(count, spec.inputs, below.mask, below.stride, below.delta, below.stride);
    }
    kernel_.activate_gradient[static_cast<size_t>(activation)](
        count, spec.inputs, below.kept, below.stride, below.delta, below.stride);
  }
}

template class Backprop<float>;
template class Backprop<double>;

}  // namespace nnhp
