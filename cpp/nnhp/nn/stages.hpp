// The passes of a block through the stages of one layer, or of the inputs.
#pragma once

#include <span>
#include <vector>

#include "nnhp/base/parallel.hpp"
#include "nnhp/base/workspace.hpp"
#include "nnhp/kernels/choice.hpp"
#include "nnhp/nn/net_spec.hpp"

namespace nnhp {

// Names the random draws of one training step. Without it the net does what it does in predictions:
// it draws nothing, and its batch normalizations take their moving statistics.
struct DropoutDraw {
  uint64_t key;
  uint64_t step;
  index_t first_row;  // place of the block's first row in its batch
};

// What one stage keeps between its passes.
template <class T>
struct StageScratch {
  T* own = nullptr;   // what it writes to; null: in place, as nobody reads again what was there
  T* kept = nullptr;  // normalized values, or values from before the activation
  T* mask = nullptr;  // dropout's multipliers
  T* mean = nullptr;  // of columns
  T* variance = nullptr;
  T* inverse = nullptr;   // of columns, or of rows: 1 / sqrt(variance + epsilon)
  bool of_batch = false;  // whether that is the batch's, in the present pass
  T* delta = nullptr;     // derivative of the loss by what it writes
  index_t stride = 0;     // of what it writes, and of the arrays that have rows
  // In passes of the present kind:
  const T* from = nullptr;
  index_t from_stride = 0;
  T* to = nullptr;
  bool idle = false;
  // Of an activation that only overwrites its columns, and nothing else: its kernels.
  ActivationKernel<T> activate = nullptr;
  ActivationGradientKernel<T> activate_gradient = nullptr;
};

template <class T>
class Stages {
 public:
  // A matrix in scratch that the first stage reads and may overwrite, and the derivative by it,
  // null where nobody asks for it.
  struct Matrix {
    T* values;
    T* delta;
    index_t stride;
  };

  Stages() = default;
  // Takes what the passes need for `rows` rows; one scratch per stage. `specs` must outlive this.
  Stages(const std::vector<Stage>& specs, std::span<StageScratch<T>> scratch, const Matrix& in,
         bool training, index_t rows, Workspace& workspace);

  // Lets what is trained, and moving statistics, be as they are.
  void freeze() {
    frozen_ = true;
    laid_out_ = false;
  }

  // Whether some stage acts in this pass.
  bool any_acts(const DropoutDraw* draw) const;

  // begin(); then forward_columns() for all columns of the first matrix as soon as they are there;
  // then forward().
  void begin(const T* parameters, index_t count, const DropoutDraw* draw);
  void forward_columns(index_t column, index_t columns);
  void forward(const Team& team) {
    if (leading_ < specs_->size()) forward_rest(team);
  }
  const T* outputs() const { return outputs_; }
  // Known before any pass, for a block's targets stand as its outputs will.
  index_t stride() const { return scratch_.empty() ? in_.stride : scratch_.back().stride; }

  // The derivatives of the loss by the outputs, to be filled.
  T* delta() const { return scratch_.empty() ? in_.delta : scratch_.back().delta; }
  // The way back, from delta() to the derivatives by the first matrix, in the order of forward()'s
  // opposite: backward_columns() for all columns, then backward(). Derivatives by what is trained
  // are added to those in `gradient`, or begin it.
  void backward_columns(index_t column, index_t columns, T* gradient, bool accumulate) const;
  void backward(const Team& team, T* gradient, bool accumulate) const;
  // The same in two parts: through the last stage, which trains nothing, and through the others.
  void backward_last(const Team& team) const;
  void backward_before_last(const Team& team, T* gradient, bool accumulate) const;

  // Moves the moving statistics in `parameters` towards those of the batch that went forward.
  void update_statistics(T* parameters) const;

 private:
  // A part of a matrix.
  struct Part {
    index_t row, rows, column, columns;
  };
  void lay_out(bool draws);
  void forward_rest(const Team& team) const;
  void take_scratch(bool training, index_t rows, Workspace& workspace);
  bool works_by_columns(size_t s) const;
  bool returns_by_columns(size_t s) const;
  T* delta_before(size_t s) const { return s == 0 ? in_.delta : scratch_[s - 1].delta; }
  void forward_part(size_t s, const Part& part) const;
  void activate_part(size_t s, const Part& part, T* to) const;
  void normalize_columns(size_t s, const Part& part, const T* from, T* to) const;
  void draw_part(size_t s, const Part& part, const T* from, T* to) const;
  void backward_stage(size_t s, const Team& team, T* gradient, bool accumulate) const;
  void backward_part(size_t s, const Part& part, T* gradient, bool accumulate) const;
  void sum_part(size_t s, const Part& part, T* gradient, bool accumulate) const;

  const KernelTable<T>* kernel_ = nullptr;
  const std::vector<Stage>* specs_ = nullptr;
  std::span<StageScratch<T>> scratch_;
  Matrix in_{};
  bool training_ = false, frozen_ = false;
  size_t leading_ = 0;   // stages that forward_columns() does
  size_t trailing_ = 0;  // the first of those that backward_columns() does
  // Of passes of the present kind, with draws or without:
  bool laid_out_ = false;
  T* outputs_ = nullptr;
  // Of the present pass:
  const T* parameters_ = nullptr;
  index_t count_ = 0;
  const DropoutDraw* draw_ = nullptr;
};

extern template class Stages<float>;
extern template class Stages<double>;

}  // namespace nnhp
