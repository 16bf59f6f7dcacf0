#include "nnhp/train/predict.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "nnhp/nn/cost.hpp"

namespace nnhp {
namespace {

// The scratch of one thread that predicts.
template <class T>
struct Predictor {
  Predictor(const NetSpec& net, index_t most_rows) {
    Workspace sizes;
    Backprop<T>(net, false, sizes, false, most_rows);
    workspace.reserve(sizes.bytes());
    backprop.emplace(net, false, workspace, false, most_rows);
    backprop->clear();
  }
  Workspace workspace;
  std::optional<Backprop<T>> backprop;
};

}  // namespace

template <class T>
bool predict(const NetSpec& net, const T* parameters, const Dataset<T>& data, int threads,
             const Poll& poll, T* out) {
  const index_t block = Backprop<T>::block_rows(net);
  const index_t blocks = (data.samples + block - 1) / block;
  std::vector<std::unique_ptr<Predictor<T>>> predictors(static_cast<size_t>(std::max(threads, 1)));
  StopToken stop;
  const auto body = [&](index_t item, int thread) {
    if (stop.requested()) return;
    auto& predictor = predictors[static_cast<size_t>(thread)];
    if (!predictor) predictor = std::make_unique<Predictor<T>>(net, data.samples);
    Backprop<T>& backprop = *predictor->backprop;
    const index_t start = item * block;
    SampleRows<T> samples = data.block(nullptr, std::min(block, data.samples - start));
    if (data.sparse) {
      samples.csr.row_start += start;
    } else {
      samples.dense += start * data.features;
    }
    backprop.forward(parameters, samples, nullptr);
    for (index_t i = 0; i < samples.count; ++i) {
      std::copy_n(backprop.outputs() + i * backprop.output_stride(), net.outputs(),
                  out + (start + i) * net.outputs());
    }
  };
  if (forward_cost<T>(net) * static_cast<double>(data.samples) < kSerialCost) {
    serial_for(blocks, body);
    return false;
  }
  return parallel_for(blocks, threads, stop, poll, body);
}

template bool predict(const NetSpec&, const float*, const Dataset<float>&, int, const Poll&,
                      float*);
template bool predict(const NetSpec&, const double*, const Dataset<double>&, int, const Poll&,
                      double*);

}  // namespace nnhp
