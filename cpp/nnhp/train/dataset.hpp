// Samples and targets that any number of sessions read. Views only: whoever makes a Dataset keeps
// the arrays alive through `owner`. Indices must never change, for they are checked only once.
#pragma once

#include <memory>
#include <span>

#include "nnhp/nn/backprop.hpp"

namespace nnhp {

template <class T>
struct Dataset {
  index_t samples = 0;
  index_t features = 0;
  bool sparse = false;
  const T* dense = nullptr;            // [samples x features]
  CsrRows<T> csr{};                    // if sparse
  const int32_t* class_ids = nullptr;  // [samples], or null
  const T* targets = nullptr;          // [samples x target_count], or null
  index_t target_count = 0;
  std::shared_ptr<const void> owner;

  // The `count` samples that `rows` lists.
  SampleRows<T> block(const row_t* rows, index_t count) const {
    return {sparse, dense, csr, rows, count};
  }
};

// The samples of a CSR matrix, whose arrays the caller keeps. Throws std::invalid_argument where an
// index leads out of them, or columns of a row do not ascend.
template <class T>
Dataset<T> csr_samples(std::span<const T> values, std::span<const int32_t> columns,
                       std::span<const int64_t> row_start, index_t features);

// Which output stands for a class of the dataset: -1 for a class that the net does not know.
// With a single output, 1 is the class it stands for and 0 the other, or the only one.
using LabelMap = std::span<const int32_t>;

// Writes the targets of the listed samples as a matrix [count x outputs] of distance `stride`: the
// dataset's own targets (a single one goes to every output), or its class ids as one-hot rows under
// `labels` (empty: ids are outputs). What lies between the rows is rubbish afterwards.
template <class T>
void fill_targets(const Dataset<T>& data, LabelMap labels, const row_t* rows, index_t count,
                  index_t outputs, T* out, index_t stride);

extern template Dataset<float> csr_samples(std::span<const float>, std::span<const int32_t>,
                                           std::span<const int64_t>, index_t);
extern template Dataset<double> csr_samples(std::span<const double>, std::span<const int32_t>,
                                            std::span<const int64_t>, index_t);
extern template void fill_targets(const Dataset<float>&, LabelMap, const row_t*, index_t, index_t,
                                  float*, index_t);
extern template void fill_targets(const Dataset<double>&, LabelMap, const row_t*, index_t, index_t,
                                  double*, index_t);

}  // namespace nnhp
