#include "nnhp/nn/net_spec.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nnhp {
namespace {

std::string name_of(const StageSpec& stage) {
  return std::string(stage.kind == StageKind::kActivation ? info(stage.activation).name
                                                          : info(stage.kind).name);
}

void require_parameter(bool good, const StageSpec& stage, std::string_view parameter,
                       const char* expected, double value) {
  require(good, name_of(stage) + ": " + std::string(parameter) + " must be " + expected + ", got " +
                    std::to_string(value));
}

void check_activation(const StageSpec& stage) {
  const ActivationInfo& activation = info(stage.activation);
  const double value = stage.parameter;
  constexpr double most_pieces = std::numeric_limits<int32_t>::max();
  const auto check = [&](bool good, const char* expected) {
    require_parameter(good, stage, activation.parameter, expected, value);
  };
  if (stage.activation == Activation::kLeakyRelu) {
    check(value >= 0.0 && std::isfinite(value), "finite and >= 0");
  }
  if (stage.activation == Activation::kElu) {
    check(value > 0.0 && std::isfinite(value), "finite and > 0");
  }
  if (stage.activation == Activation::kMaxout) {
    check(value >= 1.0 && value <= most_pieces && value == std::floor(value), "an integer >= 1");
  }
}

void check_stage(const StageSpec& stage) {
  const StageInfo& kind = info(stage.kind);
  const double value = stage.parameter;
  if (stage.kind == StageKind::kActivation) check_activation(stage);
  if (stage.kind == StageKind::kNoise) {
    require_parameter(value >= 0.0 && std::isfinite(value), stage, kind.parameter,
                      "finite and >= 0", value);
  } else if (kind.random) {
    require_parameter(value >= 0.0 && value < 1.0, stage, kind.parameter, "in [0, 1)", value);
  }
  if (!kind.normalizes) return;
  require_parameter(stage.epsilon > 0.0, stage, "epsilon", "> 0", stage.epsilon);
  require_parameter(stage.momentum >= 0.0 && stage.momentum <= 1.0, stage, "momentum", "in [0, 1]",
                    stage.momentum);
}

// The stages in a row; `columns` are those that the first reads.
std::vector<Stage> chain(const std::vector<StageSpec>& specs, index_t columns) {
  std::vector<Stage> stages;
  for (const StageSpec& spec : specs) {
    check_stage(spec);
    stages.push_back({spec, columns});
    columns = stages.back().outputs();
  }
  return stages;
}

void require_hidden(const std::vector<StageSpec>& stages) {
  for (const StageSpec& stage : stages) {
    require(stage.kind != StageKind::kActivation || info(stage.activation).hidden,
            name_of(stage) + " is no activation of a hidden layer");
  }
}

// Columns of a layer's weights: a piece of maxout has sums of its own.
index_t sums_of(const HiddenLayer& layer) {
  require(layer.units >= 1, "a layer needs at least 1 unit, got " + std::to_string(layer.units));
  index_t sums = layer.units;
  for (const StageSpec& spec : layer.stages) {
    check_stage(spec);
    sums = checked_product(sums, Stage{spec}.pieces(), "pieces of a layer");
  }
  return sums;
}

// Noise has nothing in common with dropout at the same place, so each layer's first of either kind
// is named by the layer (0 are the inputs); further ones by numbers of their own.
void name_draws(std::vector<Stage>& stages, uint32_t layer, uint32_t& next) {
  bool taken[2] = {false, false};
  for (Stage& stage : stages) {
    if (!info(stage.kind).random) continue;
    bool& used = taken[stage.kind == StageKind::kNoise];
    stage.place = used ? next++ : layer;
    used = true;
  }
}

}  // namespace

NetSpec::NetSpec(index_t inputs, const std::vector<HiddenLayer>& hidden, index_t outputs,
                 Activation output_activation, const std::vector<StageSpec>& input_stages,
                 const std::vector<StageSpec>& output_stages) {
  require(inputs >= 1, "a net needs at least 1 input, got " + std::to_string(inputs));
  require(outputs >= 1, "a net needs at least 1 output, got " + std::to_string(outputs));
  for (const StageSpec& stage : input_stages) {
    require(stage.kind != StageKind::kActivation,
            "no activation can stand before the first layer, got " + name_of(stage));
  }
  require_hidden(output_stages);
  input_stages_ = chain(input_stages, inputs);
  index_t from = inputs;
  for (const HiddenLayer& layer : hidden) {
    require_hidden(layer.stages);
    const index_t sums = sums_of(layer);
    layers_.push_back({from, sums, chain(layer.stages, sums)});
    from = layer.units;
  }
  require(may_end(output_activation),
          std::string(info(output_activation).name) + " can only stand before the last activation");
  HiddenLayer last{outputs, output_stages};
  last.stages.push_back(activate(output_activation));
  const index_t sums = sums_of(last);
  layers_.push_back({from, sums, chain(last.stages, sums)});

  uint32_t layer_number = 0, next_place = static_cast<uint32_t>(layers_.size()) + 1;
  name_draws(input_stages_, layer_number, next_place);
  for (LayerSpec& layer : layers_) {
    layer.weights_at = parameter_count_;
    const index_t weights = checked_product(layer.inputs, layer.units, "weights of a layer");
    parameter_count_ =
        checked_sum(parameter_count_, checked_sum(weights, layer.units, "layer"), "net");
    widest_ = std::max({widest_, layer.inputs, layer.units});
    name_draws(layer.stages, ++layer_number, next_place);
  }
  visit_stages([&](Stage& stage) {
    ++stage_count_;
    stage.trained_at = parameter_count_;
    if (info(stage.kind).normalizes) {
      stage.trained = checked_product(2, stage.columns, "scale and shift");
    } else if (stage.is(Activation::kPrelu)) {
      stage.trained = stage.columns;
    }
    parameter_count_ = checked_sum(parameter_count_, stage.trained, "net");
  });
  trained_count_ = parameter_count_;
  visit_stages([&](Stage& stage) {
    stage.statistics_at = parameter_count_;
    if (stage.kind == StageKind::kBatchNormalization) stage.statistics = 2 * stage.columns;
    parameter_count_ = checked_sum(parameter_count_, stage.statistics, "net");
  });
}

template <class T>
void NetSpec::check() const {
  const auto check_stages = [](const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      if (info(stage.kind).normalizes) require_positive<T>("epsilon", stage.epsilon);
    }
  };
  check_stages(input_stages_);
  for (const LayerSpec& layer : layers_) check_stages(layer.stages);
}

template void NetSpec::check<float>() const;
template void NetSpec::check<double>() const;

template <class Visit>
void NetSpec::visit_stages(Visit&& visit) {
  for (Stage& stage : input_stages_) visit(stage);
  for (LayerSpec& layer : layers_) {
    for (Stage& stage : layer.stages) visit(stage);
  }
}

uint32_t kept_outcomes(double dropout_rate) {
  return static_cast<uint32_t>(std::clamp(std::lround((1.0 - dropout_rate) * 65536.0), 1L, 65536L));
}

}  // namespace nnhp
