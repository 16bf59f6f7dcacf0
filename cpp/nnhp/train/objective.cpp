#include "nnhp/train/objective.hpp"

#include <algorithm>
#include <limits>

#include "nnhp/kernels/choice.hpp"
#include "nnhp/nn/cost.hpp"
#include "nnhp/train/step_update.hpp"

namespace nnhp {
namespace {

void require_same_each_time(const NetSpec& net) {
  const auto check = [](const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      require(stage.acts(false) == stage.acts(true) && stage.kind != StageKind::kBatchNormalization,
              "a full-batch solver cannot have " + std::string(info(stage.kind).name));
    }
  };
  check(net.input_stages());
  for (const LayerSpec& layer : net.layers()) check(layer.stages);
}

}  // namespace

template <class T>
Objective<T>::Objective(std::shared_ptr<const NetSpec> net, std::shared_ptr<const TrainSpec> train,
                        std::shared_ptr<const TrainingSet<T>> set)
    : net_(std::move(net)),
      train_(std::move(train)),
      set_(std::move(set)),
      gradient_(net_->parameter_count()),
      block_weights_(Backprop<T>::block_rows(*net_)) {
  train_->check<T>(*net_);
  set_->check(*net_, train_->loss);
  require_same_each_time(*net_);
  require(train_->layer_penalties.empty() && train_->held_biases.empty(),
          "an objective has no layer_penalties and no held_biases");
  double weight_sum = 0.0;
  for (const row_t row : set_->training().rows) weight_sum += set_->training().weight(row);
  require(weight_sum > 0.0,
          "sample_weight of the rows must have a positive sum, got " + std::to_string(weight_sum));
  divisor_ = train_->loss.divisor(static_cast<index_t>(set_->training().rows.size()), weight_sum);
  Workspace sizes;
  Backprop<T>(*net_, true, sizes, !set_->training().data->sparse);
  workspace_.reserve(sizes.bytes());
  if (set_->training().rows.size() > static_cast<size_t>(kChainRows)) {
    sums_ = AlignedVector<double>(net_->parameter_count());
  }
}

template <class T>
double Objective<T>::pass(const T* parameters, T* gradient, const StopToken& stop) {
  const Dataset<T>& data = *set_->training().data;
  const std::vector<row_t>& rows = set_->training().rows;
  workspace_.rewind();
  Backprop<T> backprop(*net_, true, workspace_, !data.sparse);
  backprop.clear();
  backprop.freeze(train_->frozen_layers);
  const index_t size = static_cast<index_t>(rows.size());
  const index_t block = Backprop<T>::block_rows(*net_);
  double loss_sum = 0.0;
  index_t chained = 0;  // rows of which `gradient` has the sum
  const auto end_chain = [&] {
    for (index_t i = 0; i < sums_.size(); ++i) sums_[i] += static_cast<double>(gradient[i]);
    chained = 0;
  };
  std::fill(sums_.begin(), sums_.end(), 0.0);
  for (index_t start = 0; start < size && !stop.requested(); start += block) {
    const SampleRows<T> samples = data.block(rows.data() + start, std::min(block, size - start));
    backprop.forward(parameters, samples, nullptr);
    fill_targets<T>(data, set_->label_map(), samples.rows, samples.count, net_->outputs(),
                    backprop.targets(), backprop.output_stride());
    const T* of_block =
        set_->training().weights_of(samples.rows, samples.count, block_weights_.data());
    loss_sum += backprop.loss_and_delta(train_->loss, samples.count, of_block);
    if (chained + samples.count > kChainRows) end_chain();
    backprop.backward(samples, chained == 0, gradient);
    chained += samples.count;
  }
  if (!sums_.empty()) {
    end_chain();
    std::transform(sums_.begin(), sums_.end(), gradient,
                   [](double sum) { return static_cast<T>(sum); });
  }
  PenaltySums sums{0.0, 0.0};
  const T scale = static_cast<T>(1.0 / divisor_);
  const T l2 = static_cast<T>(train_->penalty.l2), l1 = static_cast<T>(train_->penalty.l1);
  // The gradient of frozen layers stays 0, and their penalty is left out.
  for (const TrainedArray& array : trained_arrays<T>(*net_, train_->frozen_layers)) {
    const T* values = parameters + array.at;
    T* slope = gradient + array.at;
    const index_t n = array.rows * array.columns;
    if (!array.weights) {
      for (index_t i = 0; i < n; ++i) slope[i] *= scale;
      continue;
    }
    const PenaltySums of_layer = kernel_table<T>().penalty_sums(n, values);
    sums.squares += of_layer.squares;
    sums.magnitudes += of_layer.magnitudes;
    for (index_t i = 0; i < n; ++i) {
      const T sign = static_cast<T>((values[i] > T(0)) - (values[i] < T(0)));
      slope[i] = (slope[i] + l2 * values[i] + l1 * sign) * scale;
    }
  }
  return loss_sum / divisor_ + train_->penalty.value(sums, divisor_);
}

template <class T>
double Objective<T>::value_and_gradient(const AlignedVector<T>& parameters, const Poll& poll,
                                        T* gradient) {
  double value = 0.0;
  StopToken stop;
  const auto body = [&](index_t, int) { value = pass(parameters.data(), gradient_.data(), stop); };
  const double cost = training_cost<T>(*net_) * static_cast<double>(set_->training().rows.size());
  if (cost + update_cost<T>(*net_, train_->optimizer) < kSerialCost) {
    serial_for(1, body);
  } else if (parallel_for(1, 1, stop, poll, body)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  std::copy(gradient_.begin(), gradient_.end(), gradient);
  return value;
}

template class Objective<float>;
template class Objective<double>;

}  // namespace nnhp
