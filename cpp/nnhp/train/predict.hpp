// Predictions for whole matrices.
#pragma once

#include "nnhp/base/parallel.hpp"
#include "nnhp/train/dataset.hpp"

namespace nnhp {

// A net with its parameters, which never change: any number of threads may predict with it at once.
// A row's bits depend on that row alone. What a prediction takes beside its arrays is the scratch
// of one block per thread.
template <class T>
class Predictor {
 public:
  // Folds what can be (nn/fold.hpp). `checks_samples` makes predictions for dense samples that are
  // not all finite throw NotFiniteError.
  Predictor(std::shared_ptr<const NetSpec> net, AlignedVector<T> parameters,
            bool checks_samples = false);

  // As it predicts.
  const std::shared_ptr<const NetSpec>& net() const { return net_; }
  const AlignedVector<T>& parameters() const { return parameters_; }
  bool checks_samples() const { return checks_samples_; }

  // Whether so many samples are too few to wake an engine thread for: they are predicted on the
  // calling thread, which looks for no Ctrl-C meanwhile.
  bool are_few(index_t samples) const;
  // Numbers that tell what a sample is: one, or one per label.
  index_t class_columns(const Decision& decision) const;

  // Activated outputs of every sample into out [samples x outputs]. Returns whether a stop was
  // asked for; `out` is then incomplete.
  bool outputs(const Dataset<T>& data, int threads, const Poll& poll, T* out) const;
  // Of the hidden layer `layer` (from 0) the outputs for every sample, [samples x its outputs].
  bool hidden_outputs(const Dataset<T>& data, size_t layer, int threads, const Poll& poll,
                      T* out) const;
  // What every sample is, into out [samples x class_columns]: the index of its greatest output, the
  // first of equals; or for each output whether it is above the threshold.
  bool classes(const Dataset<T>& data, const Decision& decision, int threads, const Poll& poll,
               int64_t* out) const;

 private:
  // Calls write(outputs, stride, start, count) for each block of samples, with the outputs of the
  // last of so many layers.
  template <class Write>
  bool run(const Dataset<T>& data, size_t layers, int threads, const Poll& poll,
           const Write& write) const;

  std::shared_ptr<const NetSpec> net_;
  AlignedVector<T> parameters_;
  bool checks_samples_;
  double sample_cost_;
};

extern template class Predictor<float>;
extern template class Predictor<double>;

}  // namespace nnhp
