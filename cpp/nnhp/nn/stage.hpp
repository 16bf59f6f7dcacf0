// The stages of a layer: what happens to its dense sums before the next layer reads them.
#pragma once

#include <vector>

#include "nnhp/nn/activation.hpp"

namespace nnhp {

enum class StageKind {
  kActivation,
  kBatchNormalization,
  kLayerNormalization,
  kNoise,
  kDropout,
  kAlphaDropout
};

struct StageInfo {
  std::string_view name;
  std::string_view parameter;  // the name of StageSpec::parameter; activations have their own
  bool random;                 // does something in training only
  bool normalizes;
  double cost;  // of one value in training, as in nn/cost.cpp
};

// In the order of the enum.
inline constexpr std::array<StageInfo, 6> stage_table{{
    {"activation", "", false, false, 0.0},
    {"batch_normalization", "", false, true, 5.0},
    {"layer_normalization", "", false, true, 8.0},
    {"noise", "stddev", true, false, 12.0},
    {"dropout", "rate", true, false, 4.0},
    {"alpha_dropout", "rate", true, false, 4.0},
}};

inline const StageInfo& info(StageKind k) { return stage_table[static_cast<size_t>(k)]; }

// A stage as it is asked for.
struct StageSpec {
  StageKind kind = StageKind::kActivation;
  Activation activation = Activation::kIdentity;  // of kActivation
  // An activation's own (activation_table); the standard deviation of Gaussian noise; the share of
  // values dropped, in [0, 1).
  double parameter = 0.0;
  // Of normalizations, Keras's defaults: what is added to variances; and by batches, the share of
  // the moving statistics that a training step keeps.
  double epsilon = 1e-3;
  double momentum = 0.99;

  // Whether it does anything, in a training step or in a prediction.
  bool acts(bool training) const { return !info(kind).random || (training && parameter > 0.0); }
};

inline StageSpec activate(Activation activation) {
  return {StageKind::kActivation, activation, info(activation).standard};
}
inline StageSpec activate(Activation activation, double parameter) {
  return {StageKind::kActivation, activation, parameter};
}
inline StageSpec stage_of(StageKind kind, double parameter = 0.0) {
  return {kind, Activation::kIdentity, parameter};
}

// A stage in its place in a net.
struct Stage : StageSpec {
  index_t columns = 0;  // that it reads
  // Offsets in the flat parameters. Trained are the scale and then the shift of a normalization
  // [columns each], and the slopes of prelu [columns]. The moving mean and then the moving variance
  // [columns each] of a batch normalization are its statistics.
  index_t trained_at = 0, trained = 0;
  index_t statistics_at = 0, statistics = 0;
  uint32_t place = 0;  // names its random draws among those of the net

  bool is(Activation a) const { return kind == StageKind::kActivation && activation == a; }
  index_t pieces() const { return is(Activation::kMaxout) ? static_cast<index_t>(parameter) : 1; }
  index_t outputs() const { return columns / pieces(); }
  index_t shift_at() const { return trained_at + columns; }
  index_t variance_at() const { return statistics_at + columns; }
};

}  // namespace nnhp
