#include "nnhp/train/training_set.hpp"

#include <algorithm>
#include <string>

namespace nnhp {
namespace {

template <class T>
void check_rows(const WeightedRows<T>& part, const std::string& rows, const std::string& weights) {
  require(!part.rows.empty(), rows + " must not be empty");
  const auto [low, high] = std::minmax_element(part.rows.begin(), part.rows.end());
  require(*low >= 0 && *high < part.data->samples,
          rows + " must be in [0, " + std::to_string(part.data->samples) + ")");
  require(!part.weights || part.weights->size() == part.data->samples,
          weights + " must have one entry per sample of the data");
}

// The greatest class id of the rows; -1 where there are no class ids.
template <class T>
int32_t last_class(const WeightedRows<T>& part) {
  if (part.data->class_ids == nullptr) return -1;
  int32_t last = 0;
  for (const row_t row : part.rows) {
    const int32_t id = part.data->class_ids[row];
    require(id >= 0, "class_ids must not be negative");
    last = std::max(last, id);
  }
  return last;
}

template <class T>
std::vector<double> target_means(const WeightedRows<T>& part) {
  const Dataset<T>& data = *part.data;
  if (data.targets == nullptr) return {};
  std::vector<double> means(static_cast<size_t>(data.target_count), 0.0);
  double total = 0.0;
  for (const row_t row : part.rows) {
    const double w = part.weight(row);
    total += w;
    const T* targets = data.targets + row * data.target_count;
    for (size_t j = 0; j < means.size(); ++j) means[j] += w * static_cast<double>(targets[j]);
  }
  for (double& mean : means) mean /= total;
  return means;
}

template <class T>
void check_net(const Dataset<T>& data, const NetSpec& net, const LossSpec& loss) {
  require(data.features == net.inputs(), "data has " + std::to_string(data.features) +
                                             " features, the net " + std::to_string(net.inputs()) +
                                             " inputs");
  const bool one_target = info(loss.kind).one_target;
  const index_t columns = one_target ? 1 : net.outputs();
  require(data.targets != nullptr ? data.target_count == columns
                                  : data.class_ids != nullptr && !one_target,
          one_target ? "targets must have one column" : "targets must have one column per output");
}

}  // namespace

template <class T>
TrainingSet<T>::TrainingSet(WeightedRows<T> training, std::vector<int32_t> label_map,
                            std::optional<WeightedRows<T>> validation)
    : training_(std::move(training)),
      label_map_(std::move(label_map)),
      validation_(std::move(validation)) {
  check_rows(training_, "rows", "sample_weight");
  int32_t last_id = last_class(training_);
  if (validation_) {
    check_rows(*validation_, "validation_rows", "validation_weight");
    last_id = std::max(last_id, last_class(*validation_));
    validation_means_ = target_means(*validation_);
  }
  last_output_ = last_id;
  if (label_map_.empty()) return;
  require(last_id < static_cast<int32_t>(label_map_.size()),
          "class_ids must be in [0, " + std::to_string(label_map_.size()) + ")");
  last_output_ = *std::max_element(label_map_.begin(), label_map_.end());
}

template <class T>
void TrainingSet<T>::check(const NetSpec& net, const LossSpec& loss) const {
  check_net(*training_.data, net, loss);
  if (validation_) check_net(*validation_->data, net, loss);
  const index_t classes = net.outputs() == 1 ? 2 : net.outputs();
  require(last_output_ < classes, label_map_.empty()
                                      ? "class_ids must be in [0, " + std::to_string(classes) + ")"
                                      : "label_map names an output too many");
}

template class TrainingSet<float>;
template class TrainingSet<double>;

}  // namespace nnhp
