// Scores of a net on held-out samples, as scikit-learn's metrics define them.
#pragma once

#include <vector>

#include "nnhp/base/parallel.hpp"
#include "nnhp/train/dataset.hpp"

namespace nnhp {

enum class Score { kNone, kAccuracy, kR2 };

// Held-out samples of one session.
template <class T>
struct Validation {
  std::shared_ptr<const Dataset<T>> data;
  std::vector<row_t> rows;
  std::shared_ptr<const AlignedVector<T>> weights;  // of every sample of `data`; null: all 1
  std::vector<double> target_means;                 // weighted, over `rows`; for R2 only
  std::vector<double> residuals, deviations;        // scratch of R2, as long as target_means
};

struct Evaluation {
  bool finished;  // false: stopped before the last block, the rest is meaningless
  double loss;    // weighted mean
  double score;   // accuracy (of whole rows, for several labels) or R2 (mean over outputs);
                  // NaN where an output of a regression is not finite
};

// Weighted means of the targets, which R2 needs.
template <class T>
std::vector<double> target_means(const Dataset<T>& data, const std::vector<row_t>& rows,
                                 const AlignedVector<T>* weights);

// Runs the net over the validation rows, block by block, in `backprop`'s buffers.
template <class T>
Evaluation evaluate(Backprop<T>& backprop, const NetSpec& net, const T* parameters, Loss loss,
                    Score score, Validation<T>& validation, LabelMap labels, T* block_weights,
                    const StopToken* stop);

extern template std::vector<double> target_means(const Dataset<float>&, const std::vector<row_t>&,
                                                 const AlignedVector<float>*);
extern template std::vector<double> target_means(const Dataset<double>&, const std::vector<row_t>&,
                                                 const AlignedVector<double>*);
extern template Evaluation evaluate(Backprop<float>&, const NetSpec&, const float*, Loss, Score,
                                    Validation<float>&, LabelMap, float*, const StopToken*);
extern template Evaluation evaluate(Backprop<double>&, const NetSpec&, const double*, Loss, Score,
                                    Validation<double>&, LabelMap, double*, const StopToken*);

}  // namespace nnhp
