#include "nnhp/train/predict.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "nnhp/kernels/choice.hpp"
#include "nnhp/nn/cost.hpp"
#include "nnhp/nn/fold.hpp"

namespace nnhp {
namespace {

// What one thread needs to predict blocks.
template <class T>
struct Scratch {
  Scratch(const NetSpec& net, index_t most_rows) {
    Workspace sizes;
    Backprop<T>(net, false, sizes, false, most_rows);
    workspace.reserve(sizes.bytes());
    backprop.emplace(net, false, workspace, false, most_rows);
    backprop->clear();
  }
  Workspace workspace;
  std::optional<Backprop<T>> backprop;
};

// Copies blocks of outputs to where they belong in `out` [samples x columns].
template <class T>
auto copier(index_t columns, T* out) {
  return [=](const T* from, index_t stride, index_t start, index_t count) {
    for (index_t i = 0; i < count; ++i) {
      std::copy_n(from + i * stride, columns, out + (start + i) * columns);
    }
  };
}

}  // namespace

template <class T>
Predictor<T>::Predictor(std::shared_ptr<const NetSpec> net, AlignedVector<T> parameters,
                        bool checks_samples)
    : net_(std::move(net)),
      parameters_(std::move(parameters)),
      checks_samples_(checks_samples),
      sample_cost_(forward_cost<T>(*net_)) {
  require(parameters_.size() == net_->parameter_count(),
          "parameters must have " + std::to_string(net_->parameter_count()) + " entries, got " +
              std::to_string(parameters_.size()));
  net_->check<T>();
  if (!can_fold(*net_)) return;
  auto folded = std::make_shared<const NetSpec>(fold(*net_));
  AlignedVector<T> inside(folded->parameter_count());
  fold_parameters(*net_, *folded, parameters_.data(), inside.data());
  net_ = std::move(folded);
  parameters_ = std::move(inside);
  sample_cost_ = forward_cost<T>(*net_);
}

template <class T>
bool Predictor<T>::are_few(index_t samples) const {
  return sample_cost_ * static_cast<double>(samples) < kSerialCost;
}

template <class T>
index_t Predictor<T>::class_columns(const Decision& decision) const {
  return decision.greatest ? 1 : net_->outputs();
}

template <class T>
template <class Write>
bool Predictor<T>::run(const Dataset<T>& data, size_t layers, int threads, const Poll& poll,
                       const Write& write) const {
  const index_t block = Backprop<T>::block_rows(*net_);
  const index_t blocks = (data.samples + block - 1) / block;
  std::vector<std::unique_ptr<Scratch<T>>> scratches(static_cast<size_t>(std::max(threads, 1)));
  const auto all_finite = kernel_table<T>().all_finite;
  StopToken stop;
  const auto body = [&](index_t item, int thread) {
    if (stop.requested()) return;
    auto& scratch = scratches[static_cast<size_t>(thread)];
    if (!scratch) scratch = std::make_unique<Scratch<T>>(*net_, data.samples);
    Backprop<T>& backprop = *scratch->backprop;
    const index_t start = item * block;
    SampleRows<T> samples = data.block(nullptr, std::min(block, data.samples - start));
    if (data.sparse) {
      samples.csr.row_start += start;
    } else {
      samples.dense += start * data.features;
      // Here the block comes into cache; a pass over all samples would wait for the memory.
      if (checks_samples_ && !all_finite(samples.count * data.features, samples.dense)) {
        throw NotFiniteError("X must be finite");
      }
    }
    backprop.forward(parameters_.data(), samples, nullptr, layers);
    write(backprop.outputs(), backprop.output_stride(), start, samples.count);
  };
  if (are_few(data.samples)) {
    serial_for(blocks, body);
    return false;
  }
  // Some two milliseconds for each thread: whoever waits for a thread whose processor another
  // process has taken waits for several.
  constexpr double kShare = 2e7;
  const double shares = sample_cost_ * static_cast<double>(data.samples) / kShare;
  const int useful = static_cast<int>(std::clamp(shares, 1.0, static_cast<double>(threads)));
  return parallel_for(blocks, useful, stop, poll, body);
}

template <class T>
bool Predictor<T>::outputs(const Dataset<T>& data, int threads, const Poll& poll, T* out) const {
  return run(data, net_->layers().size(), threads, poll, copier(net_->outputs(), out));
}

template <class T>
bool Predictor<T>::hidden_outputs(const Dataset<T>& data, size_t layer, int threads,
                                  const Poll& poll, T* out) const {
  return run(data, layer + 1, threads, poll, copier(net_->layers()[layer].outputs(), out));
}

template <class T>
bool Predictor<T>::classes(const Dataset<T>& data, const Decision& decision, int threads,
                           const Poll& poll, int64_t* out) const {
  const index_t outputs = net_->outputs(), columns = class_columns(decision);
  const bool greatest = decision.greatest;
  const T threshold = static_cast<T>(decision.threshold);
  const auto decide = [=](const T* from, index_t stride, index_t start, index_t count) {
    for (index_t i = 0; i < count; ++i) {
      const T* row = from + i * stride;
      int64_t* to = out + (start + i) * columns;
      if (greatest) {
        *to = std::max_element(row, row + outputs) - row;
      } else {
        std::transform(row, row + outputs, to, [=](T p) { return p > threshold; });
      }
    }
  };
  return run(data, net_->layers().size(), threads, poll, decide);
}

template class Predictor<float>;
template class Predictor<double>;

}  // namespace nnhp
