// Scores of a net on held-out samples, as scikit-learn's metrics define them.
#pragma once

#include <optional>

#include "nnhp/base/parallel.hpp"
#include "nnhp/train/training_set.hpp"

namespace nnhp {

enum class Score { kNone, kAccuracy, kR2 };

struct Evaluation {
  bool finished;  // false: stopped before the last block, the rest is meaningless
  double loss;    // weighted mean
  double score;   // accuracy (of whole rows, for several labels) or R2 (mean over outputs);
                  // NaN where an output of a regression is not finite
};

// Scratch of evaluate().
template <class T>
struct EvaluationScratch {
  EvaluationScratch(const NetSpec& net, Workspace& workspace)
      : block_weights(workspace.take<T>(Backprop<T>::block_rows(net))),
        residuals(workspace.take<double>(net.outputs())),
        deviations(workspace.take<double>(net.outputs())) {}
  T* block_weights;
  double* residuals;
  double* deviations;
};

// Runs the net over the validation rows of a set that has some, block by block, in `backprop`'s
// buffers.
template <class T>
Evaluation evaluate(Backprop<T>& backprop, const NetSpec& net, const T* parameters,
                    const LossSpec& loss, Score score, const TrainingSet<T>& set,
                    const EvaluationScratch<T>& scratch, const StopToken* stop);

// The same by itself; nothing if `poll` stopped it. Throws std::invalid_argument when sizes do not
// fit together.
template <class T>
std::optional<Evaluation> evaluate_alone(const NetSpec& net, const LossSpec& loss, Score score,
                                         const AlignedVector<T>& parameters,
                                         const TrainingSet<T>& set, const Poll& poll);

extern template Evaluation evaluate(Backprop<float>&, const NetSpec&, const float*, const LossSpec&,
                                    Score, const TrainingSet<float>&,
                                    const EvaluationScratch<float>&, const StopToken*);
extern template Evaluation evaluate(Backprop<double>&, const NetSpec&, const double*,
                                    const LossSpec&, Score, const TrainingSet<double>&,
                                    const EvaluationScratch<double>&, const StopToken*);

}  // namespace nnhp
