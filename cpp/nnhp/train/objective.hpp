// The objective of full-batch solvers.
#pragma once

#include <memory>
#include <vector>

#include "nnhp/base/parallel.hpp"
#include "nnhp/train/session.hpp"

namespace nnhp {

// Mean loss plus penalty over the training rows as a function of the parameters.
template <class T>
class Objective {
 public:
  Objective(std::shared_ptr<const NetSpec> net, std::shared_ptr<const TrainSpec> train,
            std::shared_ptr<const TrainingSet<T>> set);

  // The value; writes its gradient [parameter_count]. NaN, and no gradient, if a stop was asked
  // for.
  double value_and_gradient(const AlignedVector<T>& parameters, const Poll& poll, T* gradient);

  const NetSpec& net() const { return *net_; }

 private:
  double pass(const T* parameters, T* gradient, const StopToken& stop);

  std::shared_ptr<const NetSpec> net_;
  std::shared_ptr<const TrainSpec> train_;
  std::shared_ptr<const TrainingSet<T>> set_;
  AlignedVector<T> gradient_, block_weights_;
  AlignedVector<double> sums_;  // of the chains of rows; empty where one has them all
  Workspace workspace_;
  double divisor_ = 1.0;  // of the sum of the samples' losses
};

extern template class Objective<float>;
extern template class Objective<double>;

}  // namespace nnhp
