#include "nnhp/nn/net_spec.hpp"

#include <algorithm>
#include <cmath>

namespace nnhp {
namespace {

void require_rate(double rate, const char* what) {
  require(rate >= 0.0 && rate < 1.0,
          std::string(what) + " must be in [0, 1), got " + std::to_string(rate));
}

}  // namespace

NetSpec::NetSpec(index_t inputs, const std::vector<HiddenLayer>& hidden, index_t outputs,
                 Activation output_activation, double input_dropout)
    : input_dropout_(input_dropout) {
  require(inputs >= 1, "a net needs at least 1 input, got " + std::to_string(inputs));
  require(outputs >= 1, "a net needs at least 1 output, got " + std::to_string(outputs));
  require_rate(input_dropout, "input dropout");
  index_t from = inputs;
  for (const HiddenLayer& layer : hidden) {
    require(layer.units >= 1, "a layer needs at least 1 unit, got " + std::to_string(layer.units));
    require(info(layer.activation).hidden,
            std::string(info(layer.activation).name) + " is no activation of a hidden layer");
    require_rate(layer.dropout, "dropout");
    layers_.push_back({from, layer.units, layer.activation, layer.dropout});
    from = layer.units;
  }
  layers_.push_back({from, outputs, output_activation, 0.0});

  for (LayerSpec& layer : layers_) {
    layer.weights_at = parameter_count_;
    const index_t weights = checked_product(layer.inputs, layer.units, "weights of a layer");
    parameter_count_ =
        checked_sum(parameter_count_, checked_sum(weights, layer.units, "layer"), "net");
    widest_ = std::max({widest_, layer.inputs, layer.units});
  }
}

uint32_t kept_outcomes(double dropout_rate) {
  return static_cast<uint32_t>(std::clamp(std::lround((1.0 - dropout_rate) * 65536.0), 1L, 65536L));
}

}  // namespace nnhp
