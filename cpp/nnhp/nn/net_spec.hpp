// What a net is: immutable data, checked once when it is made.
#pragma once

#include <vector>

#include "nnhp/nn/activation.hpp"

namespace nnhp {

// One dense layer: out = activation(in W + b), then inverted dropout on its outputs.
struct LayerSpec {
  index_t inputs;
  index_t units;
  Activation activation;
  double dropout = 0.0;    // rate in [0, 1); 0 in the output layer
  index_t weights_at = 0;  // offset of W [inputs x units] in the flat parameters; b follows it

  index_t weight_count() const { return inputs * units; }
  index_t biases_at() const { return weights_at + weight_count(); }
};

struct HiddenLayer {
  index_t units;
  Activation activation;
  double dropout;
};

// The flat parameter array of a net holds, layer after layer, W row by row and then b, without
// gaps.
class NetSpec {
 public:
  // Throws std::invalid_argument for sizes below 1, rates outside [0, 1) and activations in the
  // wrong place, std::length_error when the parameters cannot be counted.
  NetSpec(index_t inputs, const std::vector<HiddenLayer>& hidden, index_t outputs,
          Activation output_activation, double input_dropout);

  const std::vector<LayerSpec>& layers() const { return layers_; }
  index_t inputs() const { return layers_.front().inputs; }
  index_t outputs() const { return layers_.back().units; }
  Activation output_activation() const { return layers_.back().activation; }
  double input_dropout() const { return input_dropout_; }
  index_t parameter_count() const { return parameter_count_; }
  index_t widest() const { return widest_; }

 private:
  std::vector<LayerSpec> layers_;
  double input_dropout_;
  index_t parameter_count_ = 0;
  index_t widest_ = 0;
};

// Kept outcomes of 65536 for a dropout rate: what the dropout kernel compares 16 random bits with.
uint32_t kept_outcomes(double dropout_rate);

}  // namespace nnhp
