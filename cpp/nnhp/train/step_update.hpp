// One step of a training: what a batch's gradient does to the parameters, in Keras's order. The
// penalty joins the gradient, which is clipped; parameters decay; the optimizer's rule; their
// average; the limit of their norms, which the average therefore need not keep.
#pragma once

#include <vector>

#include "nnhp/train/session.hpp"

namespace nnhp {

// An array of one layer that training changes: a range of the flat parameters, cut into pieces that
// one call updates. The cut depends on the net alone, for each piece has its part of the sums.
struct TrainedArray {
  index_t at, rows, columns;
  bool weights;        // penalized, and limited by the norms of their columns; else biases, or
                       // what a stage trains
  index_t piece_rows;  // in all but the last piece

  index_t pieces() const { return (rows + piece_rows - 1) / piece_rows; }
};

// All of a net's, from the input on, but for those of frozen layers.
template <class T>
std::vector<TrainedArray> trained_arrays(const NetSpec& net,
                                         const std::vector<index_t>& frozen_layers);

// The sums of one piece: those of its parameters before the step, and of its gradient.
struct PieceSums {
  PenaltySums parameters, gradient;
};

template <class T>
class StepUpdate {
 public:
  // Counts the step in `state`, whose arrays it then changes.
  // `divisor` is that of the batch's loss.
  StepUpdate(const NetSpec& net, const TrainSpec& train, SessionState<T>& state, double divisor);

  // Updates a piece, where the optimizer does not need the whole gradient; see Update. By several
  // threads at once.
  PenaltySums operator()(index_t at, index_t n, bool weights, T* gradient) const;
  // Updates all of `arrays` by a complete gradient, which is changed. `sums` has room for the
  // pieces of any array. The same bits as by pieces, where both are possible, and for any team.
  PenaltySums whole(const std::vector<TrainedArray>& arrays, T* gradient, const Team& team,
                    std::vector<PieceSums>& sums) const;

 private:
  UpdateCoefficients<T> coefficients_of(index_t at, bool weights) const;
  PenaltySums prepare(index_t at, index_t n, bool weights, T* gradient) const;
  PenaltySums apply(index_t at, index_t n, const UpdateCoefficients<T>& c, const T* gradient) const;
  void average(index_t at, index_t n) const;
  void limit_norms(const TrainedArray& array, const Team& team) const;

  const KernelTable<T>& kernel_;
  const NetSpec& net_;
  const TrainSpec& train_;
  const OptimizerSpec& optimizer_;
  SessionState<T>& state_;
  const double divisor_;
  bool first_average_ = false;
  UpdateCoefficients<T> of_weights_{}, of_biases_{}, of_prepared_{};
};

extern template class StepUpdate<float>;
extern template class StepUpdate<double>;

}  // namespace nnhp
