#include "nnhp/nn/stages.hpp"

#include <algorithm>
#include <cmath>

#include "nnhp/nn/split.hpp"

namespace nnhp {
namespace {

bool has_output_gradient(const Stage& stage) {
  return stage.kind == StageKind::kActivation && !info(stage.activation).kept_input &&
         !stage.is(Activation::kMaxout);
}

template <class T>
void copy_rows(index_t rows, index_t columns, const T* from, index_t from_stride, T* to,
               index_t to_stride) {
  for (index_t i = 0; i < rows; ++i) {
    std::copy_n(from + i * from_stride, columns, to + i * to_stride);
  }
}

}  // namespace

template <class T>
Stages<T>::Stages(const std::vector<Stage>& specs, std::span<StageScratch<T>> scratch,
                  const Matrix& in, bool training, index_t rows, Workspace& workspace)
    : kernel_(&kernel_table<T>()),
      specs_(&specs),
      scratch_(scratch),
      in_(in),
      training_(training),
      outputs_(in.values) {
  take_scratch(training, rows, workspace);
  while (leading_ < specs.size() && works_by_columns(leading_)) ++leading_;
  trailing_ = specs.size();
  while (trailing_ > 0 && returns_by_columns(trailing_ - 1) &&
         !specs[trailing_ - 1].is(Activation::kMaxout)) {
    --trailing_;
  }
}

template <class T>
void Stages<T>::take_scratch(bool training, index_t rows, Workspace& workspace) {
  const auto matrix = [&](index_t stride) {
    return workspace.take<T>(checked_product(rows, stride, "activations"));
  };
  bool held = false;  // by a stage before, whose gradient reads what it wrote
  T* delta = in_.delta;
  index_t stride = in_.stride;
  for (size_t s = 0; s < specs_->size(); ++s) {
    const Stage& stage = (*specs_)[s];
    StageScratch<T>& own = scratch_[s];
    own.delta = delta;
    own.stride = stride;
    if (!stage.acts(training)) continue;
    const bool reshapes = stage.is(Activation::kMaxout);
    if (reshapes) stride = padded_stride<T>(stage.outputs());
    own.stride = stride;
    const bool batch = stage.kind == StageKind::kBatchNormalization;
    if (batch) own.inverse = workspace.take<T>(stage.columns);
    if (reshapes || (training && held)) own.own = matrix(stride);
    if (!training) continue;
    if (reshapes) delta = matrix(stride);
    own.delta = delta;
    if (batch) own.mean = workspace.take<T>(stage.columns);
    if (batch) own.variance = workspace.take<T>(stage.columns);
    if (stage.kind == StageKind::kLayerNormalization) own.inverse = workspace.take<T>(rows);
    if (info(stage.kind).normalizes ||
        (stage.kind == StageKind::kActivation && info(stage.activation).kept_input)) {
      own.kept = matrix(stride);
    }
    if (info(stage.kind).random && stage.kind != StageKind::kNoise) own.mask = matrix(stride);
    held = has_output_gradient(stage);
  }
}

// Whether columns of the stage's outputs are those of its inputs and know nothing of the others.
template <class T>
bool Stages<T>::works_by_columns(size_t s) const {
  const Stage& stage = (*specs_)[s];
  if (stage.kind == StageKind::kBatchNormalization) return true;
  return stage.kind == StageKind::kActivation && !info(stage.activation).whole_row &&
         !stage.is(Activation::kMaxout);
}

// Whether columns of the derivative by the outputs know nothing of the others on the way back.
template <class T>
bool Stages<T>::returns_by_columns(size_t s) const {
  const Stage& stage = (*specs_)[s];
  return stage.kind != StageKind::kLayerNormalization &&
         !(stage.kind == StageKind::kActivation && info(stage.activation).whole_row);
}

template <class T>
bool Stages<T>::any_acts(const DropoutDraw* draw) const {
  return std::any_of(specs_->begin(), specs_->end(),
                     [=](const Stage& stage) { return stage.acts(draw != nullptr); });
}

template <class T>
void Stages<T>::begin(const T* parameters, index_t count, const DropoutDraw* draw) {
  if (!laid_out_ || (draw == nullptr) != (draw_ == nullptr)) lay_out(draw != nullptr);
  parameters_ = parameters;
  count_ = count;
  draw_ = draw;
}

// Most passes are of the same kind as the one before: the smallest nets would feel it otherwise.
template <class T>
void Stages<T>::lay_out(bool draws) {
  outputs_ = in_.values;
  index_t stride = in_.stride;
  for (size_t s = 0; s < specs_->size(); ++s) {
    const Stage& stage = (*specs_)[s];
    StageScratch<T>& own = scratch_[s];
    own.of_batch = draws && !frozen_;
    own.idle = !stage.acts(draws);
    if (own.idle) continue;
    own.from = outputs_;
    own.from_stride = stride;
    own.to = own.own != nullptr ? own.own : outputs_;
    outputs_ = own.to;
    stride = own.stride;
    if (stage.kind == StageKind::kActivation && own.own == nullptr && own.kept == nullptr) {
      // Null for those with kernels of another form.
      own.activate = kernel_->activate[static_cast<size_t>(stage.activation)];
      own.activate_gradient = kernel_->activate_gradient[static_cast<size_t>(stage.activation)];
    }
  }
  laid_out_ = true;
}

template <class T>
void Stages<T>::forward_columns(index_t column, index_t columns) {
  for (size_t s = 0; s < leading_; ++s) {
    const StageScratch<T>& own = scratch_[s];
    if (own.activate != nullptr) {
      own.activate(count_, columns, own.to + column, own.stride,
                   static_cast<T>((*specs_)[s].parameter));
    } else {
      forward_part(s, {0, count_, column, columns});
    }
  }
}

template <class T>
void Stages<T>::forward_rest(const Team& team) const {
  for (size_t s = leading_; s < specs_->size(); ++s) {
    const Stage& stage = (*specs_)[s];
    if (scratch_[s].idle) continue;
    if (works_by_columns(s)) {
      split_columns<T>(team, stage.columns, [&](index_t column, index_t columns) {
        forward_part(s, {0, count_, column, columns});
      });
    } else {
      split_rows(team, count_, [&](index_t row, index_t rows) {
        forward_part(s, {row, rows, 0, stage.outputs()});
      });
    }
  }
}

template <class T>
void Stages<T>::forward_part(size_t s, const Part& part) const {
  const Stage& stage = (*specs_)[s];
  const StageScratch<T>& own = scratch_[s];
  const KernelTable<T>& kernel = *kernel_;
  const T* const from = own.from + part.row * own.from_stride + part.column;
  const index_t at = part.row * own.stride + part.column;
  switch (stage.kind) {
    case StageKind::kActivation:
      return activate_part(s, part, own.to + at);
    case StageKind::kBatchNormalization:
      return normalize_columns(s, part, from, own.to + at);
    case StageKind::kLayerNormalization:
      return kernel.normalize_rows(
          part.rows, part.columns, from, own.from_stride, static_cast<T>(stage.epsilon),
          parameters_ + stage.trained_at, parameters_ + stage.shift_at(),
          training_ ? own.kept + at : nullptr, own.stride,
          training_ ? own.inverse + part.row : nullptr, own.to + at, own.stride);
    case StageKind::kNoise:
    case StageKind::kDropout:
    case StageKind::kAlphaDropout:
      return draw_part(s, part, from, own.to + at);
  }
}

template <class T>
void Stages<T>::activate_part(size_t s, const Part& part, T* to) const {
  const Stage& stage = (*specs_)[s];
  const StageScratch<T>& own = scratch_[s];
  const KernelTable<T>& kernel = *kernel_;
  const index_t at = part.row * own.from_stride + part.column;
  if (stage.is(Activation::kMaxout)) {
    return kernel.maxout(part.rows, part.columns, stage.pieces(), stage.outputs(), own.from + at,
                         own.from_stride, to, own.stride);
  }
  if (own.to != own.from) {
    copy_rows(part.rows, part.columns, own.from + at, own.from_stride, to, own.stride);
  }
  if (own.kept != nullptr) {
    copy_rows(part.rows, part.columns, to, own.stride, own.kept + at, own.stride);
  }
  if (stage.is(Activation::kPrelu)) {
    return kernel.prelu(part.rows, part.columns, parameters_ + stage.trained_at + part.column, to,
                        own.stride);
  }
  kernel.activate[static_cast<size_t>(stage.activation)](part.rows, part.columns, to, own.stride,
                                                         static_cast<T>(stage.parameter));
}

// The part holds all rows.
template <class T>
void Stages<T>::normalize_columns(size_t s, const Part& part, const T* from, T* to) const {
  const Stage& stage = (*specs_)[s];
  const StageScratch<T>& own = scratch_[s];
  const KernelTable<T>& kernel = *kernel_;
  const index_t j = part.column;
  const T* mean = parameters_ + stage.statistics_at;
  const T* variance = parameters_ + stage.variance_at();
  if (own.of_batch) {
    kernel.column_moments(part.rows, part.columns, from, own.from_stride, own.mean + j,
                          own.variance + j);
    mean = own.mean;
    variance = own.variance;
  }
  for (index_t i = j; i < j + part.columns; ++i) {
    own.inverse[i] = T(1) / std::sqrt(variance[i] + static_cast<T>(stage.epsilon));
  }
  kernel.normalize_columns(part.rows, part.columns, from, own.from_stride, mean + j,
                           own.inverse + j, parameters_ + stage.trained_at + j,
                           parameters_ + stage.shift_at() + j, training_ ? own.kept + j : nullptr,
                           own.stride, to, own.stride);
}

// The part holds all columns.
template <class T>
void Stages<T>::draw_part(size_t s, const Part& part, const T* from, T* to) const {
  const Stage& stage = (*specs_)[s];
  const StageScratch<T>& own = scratch_[s];
  const KernelTable<T>& kernel = *kernel_;
  const uint32_t first_row = static_cast<uint32_t>(draw_->first_row + part.row);
  if (stage.kind == StageKind::kNoise) {
    return kernel.add_noise(part.rows, part.columns, draw_->key, draw_->step, stage.place,
                            first_row, static_cast<T>(stage.parameter), from, own.from_stride, to,
                            own.stride);
  }
  const auto drop = stage.kind == StageKind::kDropout ? kernel.dropout : kernel.alpha_dropout;
  drop(part.rows, part.columns, draw_->key, draw_->step, stage.place, first_row,
       kept_outcomes(stage.parameter), from, own.from_stride, to, own.stride,
       own.mask + part.row * own.stride, own.stride);
}

template <class T>
void Stages<T>::backward_columns(index_t column, index_t columns, T* gradient,
                                 bool accumulate) const {
  for (size_t s = specs_->size(); s-- > trailing_;) {
    const StageScratch<T>& own = scratch_[s];
    if (own.activate_gradient != nullptr) {
      own.activate_gradient(count_, columns, own.to + column, own.stride, own.delta + column,
                            own.stride, static_cast<T>((*specs_)[s].parameter));
    } else {
      backward_part(s, {0, count_, column, columns}, gradient, accumulate);
    }
  }
}

template <class T>
void Stages<T>::backward(const Team& team, T* gradient, bool accumulate) const {
  for (size_t s = trailing_; s-- > 0;) backward_stage(s, team, gradient, accumulate);
}

template <class T>
void Stages<T>::backward_last(const Team& team) const {
  backward_stage(specs_->size() - 1, team, nullptr, false);
}

template <class T>
void Stages<T>::backward_before_last(const Team& team, T* gradient, bool accumulate) const {
  for (size_t s = specs_->size() - 1; s-- > 0;) backward_stage(s, team, gradient, accumulate);
}

template <class T>
void Stages<T>::backward_stage(size_t s, const Team& team, T* gradient, bool accumulate) const {
  const Stage& stage = (*specs_)[s];
  if (returns_by_columns(s)) {
    return split_columns<T>(team, stage.outputs(), [&](index_t column, index_t columns) {
      backward_part(s, {0, count_, column, columns}, gradient, accumulate);
    });
  }
  if (stage.kind == StageKind::kLayerNormalization) {
    split_columns<T>(team, stage.columns, [&](index_t column, index_t columns) {
      sum_part(s, {0, count_, column, columns}, gradient, accumulate);
    });
  }
  split_rows(team, count_, [&](index_t row, index_t rows) {
    backward_part(s, {row, rows, 0, stage.columns}, gradient, accumulate);
  });
}

// The derivatives by scale and shift of a normalization.
template <class T>
void Stages<T>::sum_part(size_t s, const Part& part, T* gradient, bool accumulate) const {
  if (frozen_) return;
  const Stage& stage = (*specs_)[s];
  const StageScratch<T>& own = scratch_[s];
  const index_t j = part.column;
  kernel_->normalization_sums(part.rows, part.columns, own.kept + j, own.stride, own.delta + j,
                              own.stride, gradient + stage.trained_at + j,
                              gradient + stage.shift_at() + j, accumulate);
}

template <class T>
void Stages<T>::backward_part(size_t s, const Part& part, T* gradient, bool accumulate) const {
  const Stage& stage = (*specs_)[s];
  const StageScratch<T>& own = scratch_[s];
  if (own.idle || stage.kind == StageKind::kNoise) return;
  const KernelTable<T>& kernel = *kernel_;
  const index_t j = part.column, at = part.row * own.stride + j;
  T* const delta = own.delta + at;
  if (own.mask != nullptr) {
    return kernel.apply_mask(part.rows, part.columns, own.mask + at, own.stride, delta, own.stride);
  }
  if (stage.kind == StageKind::kLayerNormalization) {
    return kernel.row_normalization_gradient(part.rows, part.columns, own.kept + at, own.stride,
                                             own.inverse + part.row, parameters_ + stage.trained_at,
                                             delta, own.stride);
  }
  if (stage.kind == StageKind::kBatchNormalization) {
    T *const of_scale = gradient + stage.trained_at + j, *const of_shift =
                                                             gradient + stage.shift_at() + j;
    sum_part(s, part, gradient, accumulate);
    if (!own.of_batch) {  // moments that do not depend on the sums add nothing to the derivative
      std::fill_n(of_scale, part.columns, T(0));
      std::fill_n(of_shift, part.columns, T(0));
    }
    return kernel.column_normalization_gradient(part.rows, part.columns, own.kept + at, own.stride,
                                                own.inverse + j, parameters_ + stage.trained_at + j,
                                                of_scale, of_shift, delta, own.stride);
  }
  if (stage.is(Activation::kMaxout)) {
    return kernel.maxout_gradient(part.rows, part.columns, stage.pieces(), stage.outputs(),
                                  own.from + j, own.from_stride, delta, own.stride,
                                  delta_before(s) + j);
  }
  if (stage.is(Activation::kPrelu)) {
    const index_t slopes = stage.trained_at + j;
    kernel.prelu_gradient(part.rows, part.columns, parameters_ + slopes, own.kept + at, own.stride,
                          delta, own.stride, gradient + slopes, accumulate);
    if (frozen_) std::fill_n(gradient + slopes, part.columns, T(0));
    return;
  }
  const T* const kept = own.kept != nullptr ? own.kept : own.to;
  kernel.activate_gradient[static_cast<size_t>(stage.activation)](
      part.rows, part.columns, kept + at, own.stride, delta, own.stride,
      static_cast<T>(stage.parameter));
}

template <class T>
void Stages<T>::update_statistics(T* parameters) const {
  if (frozen_) return;
  for (size_t s = 0; s < specs_->size(); ++s) {
    const Stage& stage = (*specs_)[s];
    if (stage.kind != StageKind::kBatchNormalization) continue;
    const T momentum = static_cast<T>(stage.momentum), rest = static_cast<T>(1.0 - stage.momentum);
    const auto move = [&](T* moving, const T* of_batch) {
      for (index_t j = 0; j < stage.columns; ++j) {
        moving[j] = moving[j] * momentum + of_batch[j] * rest;
      }
    };
    move(parameters + stage.statistics_at, scratch_[s].mean);
    move(parameters + stage.variance_at(), scratch_[s].variance);
  }
}

template class Stages<float>;
template class Stages<double>;

}  // namespace nnhp
