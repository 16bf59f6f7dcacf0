// What a training learns from and is validated on, checked once for any number of sessions.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "nnhp/train/dataset.hpp"

namespace nnhp {

// Listed rows of a dataset with their weights.
template <class T>
struct WeightedRows {
  std::shared_ptr<const Dataset<T>> data;
  std::vector<row_t> rows;
  std::shared_ptr<const AlignedVector<T>> weights;  // of every sample of `data`; null: all 1

  double weight(row_t row) const { return weights ? static_cast<double>((*weights)[row]) : 1.0; }
  // Writes the weights of `count` rows to `out` and returns it, or null where all are 1.
  const T* weights_of(const row_t* some, index_t count, T* out) const {
    if (!weights) return nullptr;
    for (index_t i = 0; i < count; ++i) out[i] = (*weights)[some[i]];
    return out;
  }
};

// Immutable; sessions share it.
template <class T>
class TrainingSet {
 public:
  // `training` lists its rows in the order of the first epoch. `label_map` gives the output for
  // each class id (see LabelMap); empty: ids are outputs. Throws std::invalid_argument when a row,
  // a class id or the number of weights is out of range.
  TrainingSet(WeightedRows<T> training, std::vector<int32_t> label_map = {},
              std::optional<WeightedRows<T>> validation = std::nullopt);

  // Throws std::invalid_argument when a net has other inputs or outputs than these samples.
  void check(const NetSpec& net, const LossSpec& loss) const;

  const WeightedRows<T>& training() const { return training_; }
  const std::optional<WeightedRows<T>>& validation() const { return validation_; }
  LabelMap label_map() const { return label_map_; }
  // Weighted means of the validation targets, which R2 needs; empty for class ids.
  const std::vector<double>& validation_means() const { return validation_means_; }

 private:
  WeightedRows<T> training_;
  std::vector<int32_t> label_map_;
  std::optional<WeightedRows<T>> validation_;
  std::vector<double> validation_means_;
  int32_t last_output_ = -1;  // that a label stands for
};

extern template class TrainingSet<float>;
extern template class TrainingSet<double>;

}  // namespace nnhp
