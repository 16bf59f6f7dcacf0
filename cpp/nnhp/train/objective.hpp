// The objective of full-batch solvers.
#pragma once

#include <memory>
#include <vector>

#include "nnhp/base/parallel.hpp"
#include "nnhp/train/session.hpp"

namespace nnhp {

// Mean loss plus penalty over the listed samples as a function of the parameters.
template <class T>
class Objective {
 public:
  Objective(std::shared_ptr<const NetSpec> net, std::shared_ptr<const TrainSpec> train,
            std::shared_ptr<const Dataset<T>> data, std::vector<row_t> rows,
            std::vector<int32_t> label_map, std::shared_ptr<const AlignedVector<T>> weights);

  // The value; writes its gradient [parameter_count]. NaN, and no gradient, if a stop was asked
  // for.
  double value_and_gradient(const AlignedVector<T>& parameters, const Poll& poll, T* gradient);

  const NetSpec& net() const { return *net_; }

 private:
  double pass(const T* parameters, T* gradient, const StopToken& stop);

  std::shared_ptr<const NetSpec> net_;
  std::shared_ptr<const TrainSpec> train_;
  std::shared_ptr<const Dataset<T>> data_;
  std::vector<row_t> rows_;
  std::vector<int32_t> label_map_;
  std::shared_ptr<const AlignedVector<T>> weights_;
  AlignedVector<T> gradient_, block_weights_;
  Workspace workspace_;
  double weight_sum_ = 0.0;
};

extern template class Objective<float>;
extern template class Objective<double>;

}  // namespace nnhp
