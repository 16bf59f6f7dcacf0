// What a net is: immutable data, checked once when it is made.
#pragma once

#include <vector>

#include "nnhp/nn/stage.hpp"

namespace nnhp {

// One dense layer: its sums in W + b go through the stages, of which the output layer's last one is
// the net's output activation.
struct LayerSpec {
  index_t inputs;
  index_t units;  // columns of W; with maxout one for each piece of each of the layer's outputs
  std::vector<Stage> stages{};
  index_t weights_at = 0;  // offset of W [inputs x units] in the flat parameters; b follows it

  index_t weight_count() const { return inputs * units; }
  index_t biases_at() const { return weights_at + weight_count(); }
  index_t outputs() const { return stages.empty() ? units : stages.back().outputs(); }
};

struct HiddenLayer {
  index_t units;  // its outputs
  std::vector<StageSpec> stages;
};

// The flat parameter array of a net holds, without gaps: layer after layer, W row by row and then
// b; what the stages have to train, those of the inputs first; and behind all that is trained, the
// moving statistics of batch normalizations, which change in training without an optimizer.
class NetSpec {
 public:
  // `input_stages` (normalization, noise, dropout) come before the first layer, `output_stages`
  // before the output activation, which may be any but prelu and maxout. Throws
  // std::invalid_argument for sizes below 1, parameters out of their bounds and activations in the
  // wrong place, std::length_error when the parameters cannot be counted.
  NetSpec(index_t inputs, const std::vector<HiddenLayer>& hidden, index_t outputs,
          Activation output_activation, const std::vector<StageSpec>& input_stages = {},
          const std::vector<StageSpec>& output_stages = {});

  // Throws std::invalid_argument where a parameter of a stage is too small for numbers T.
  template <class T>
  void check() const;

  const std::vector<Stage>& input_stages() const { return input_stages_; }
  const std::vector<LayerSpec>& layers() const { return layers_; }
  index_t inputs() const { return layers_.front().inputs; }
  index_t outputs() const { return layers_.back().outputs(); }
  Activation output_activation() const { return layers_.back().stages.back().activation; }
  index_t parameter_count() const { return parameter_count_; }
  index_t trained_count() const { return trained_count_; }
  index_t stage_count() const { return stage_count_; }
  // Whether a training step needs its whole batch at once.
  bool normalizes_batches() const { return trained_count_ < parameter_count_; }
  index_t widest() const { return widest_; }

 private:
  template <class Visit>
  void visit_stages(Visit&& visit);

  std::vector<Stage> input_stages_;
  std::vector<LayerSpec> layers_;
  index_t parameter_count_ = 0, trained_count_ = 0, stage_count_ = 0;
  index_t widest_ = 0;
};

extern template void NetSpec::check<float>() const;
extern template void NetSpec::check<double>() const;

// Kept outcomes of 65536 for a dropout rate: what the dropout kernel compares 16 random bits with.
uint32_t kept_outcomes(double dropout_rate);

}  // namespace nnhp
