// What a net may be, and where its parameters stand.
#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <stdexcept>

#include "nnhp/nn/net_spec.hpp"

namespace nnhp::testing {
namespace {

constexpr index_t kLargest = std::numeric_limits<index_t>::max();

NetSpec net_of(index_t inputs, const std::vector<index_t>& widths, index_t outputs) {
  std::vector<HiddenLayer> hidden;
  for (const index_t units : widths) hidden.push_back({units, {activate(Activation::kRelu)}});
  return NetSpec(inputs, hidden, outputs, Activation::kSoftmax);
}

TEST_CASE("test_layout_is_weights_then_biases_layer_after_layer") {
  const NetSpec net = net_of(5, {7, 4}, 3);
  REQUIRE(net.layers().size() == 3);
  const LayerSpec &first = net.layers()[0], &second = net.layers()[1], &last = net.layers()[2];
  CHECK(first.weights_at == 0);
  CHECK(first.weight_count() == 35);
  CHECK(first.biases_at() == 35);
  CHECK(second.weights_at == 42);
  CHECK(second.inputs == 7);
  CHECK(second.units == 4);
  CHECK(second.biases_at() == 70);
  CHECK(last.weights_at == 74);
  CHECK(last.biases_at() == 86);
  CHECK(net.parameter_count() == 89);
  CHECK(net.inputs() == 5);
  CHECK(net.outputs() == 3);
  CHECK(net.widest() == 7);
  CHECK(net.output_activation() == Activation::kSoftmax);
}

TEST_CASE("test_a_net_without_hidden_layers_is_linear") {
  const NetSpec net = net_of(5, {}, 3);
  REQUIRE(net.layers().size() == 1);
  CHECK(net.parameter_count() == 18);
  CHECK(net.widest() == 5);
}

TEST_CASE("test_layers_keep_their_stages") {
  const NetSpec net(2,
                    {{3, {activate(Activation::kTanh), stage_of(StageKind::kDropout, 0.25)}},
                     {4,
                      {stage_of(StageKind::kNoise, 0.0), activate(Activation::kElu, 0.5),
                       stage_of(StageKind::kDropout, 0.0)}}},
                    1, Activation::kExp, {stage_of(StageKind::kDropout, 0.125)},
                    {stage_of(StageKind::kLayerNormalization)});
  const std::vector<Stage>&first = net.layers()[0].stages, &second = net.layers()[1].stages;
  const std::vector<Stage>& last = net.layers()[2].stages;
  REQUIRE(first.size() == 2);
  CHECK(first[0].is(Activation::kTanh));
  CHECK(bool{first[1].kind == StageKind::kDropout});
  CHECK(first[1].parameter == 0.25);
  REQUIRE(second.size() == 3);
  CHECK(second[1].is(Activation::kElu));
  CHECK(second[1].parameter == 0.5);
  CHECK(!second[0].acts(true));
  CHECK(second[1].acts(false));
  CHECK(first[1].acts(true));
  CHECK(!first[1].acts(false));
  REQUIRE(last.size() == 2);
  CHECK(bool{last[0].kind == StageKind::kLayerNormalization});
  CHECK(last[1].is(Activation::kExp));
  REQUIRE(net.input_stages().size() == 1);
  CHECK(net.input_stages()[0].parameter == 0.125);
  CHECK(net.stage_count() == 8);
}

TEST_CASE("test_stages_are_trained_behind_the_layers_and_statistics_stand_last") {
  const NetSpec net(5,
                    {{3, {stage_of(StageKind::kBatchNormalization), activate(Activation::kMaxout)}},
                     {4, {activate(Activation::kPrelu), stage_of(StageKind::kBatchNormalization)}}},
                    2, Activation::kSoftmax, {stage_of(StageKind::kLayerNormalization)});
  const LayerSpec &first = net.layers()[0], &second = net.layers()[1], &last = net.layers()[2];
  CHECK(first.units == 6);
  CHECK(first.outputs() == 3);
  CHECK(second.inputs == 3);
  CHECK(second.weights_at == 36);
  CHECK(last.weights_at == 52);
  CHECK(net.input_stages()[0].trained_at == 62);
  CHECK(net.input_stages()[0].shift_at() == 67);
  CHECK(first.stages[0].trained_at == 72);
  CHECK(first.stages[0].columns == 6);
  CHECK(first.stages[1].columns == 6);
  CHECK(first.stages[1].outputs() == 3);
  CHECK(second.stages[0].trained_at == 84);
  CHECK(second.stages[0].trained == 4);
  CHECK(second.stages[1].trained_at == 88);
  CHECK(net.trained_count() == 96);
  CHECK(first.stages[0].statistics_at == 96);
  CHECK(first.stages[0].variance_at() == 102);
  CHECK(second.stages[1].statistics_at == 108);
  CHECK(net.parameter_count() == 116);
  CHECK(net.normalizes_batches());
  CHECK(net.widest() == 6);
  CHECK(!net_of(5, {7, 4}, 3).normalizes_batches());
}

// Noise and dropout of one place share nothing, so they may have the same.
TEST_CASE("test_random_stages_of_a_kind_have_places_of_their_own") {
  const StageSpec noise = stage_of(StageKind::kNoise, 0.1),
                  drop = stage_of(StageKind::kDropout, 0.1),
                  alpha = stage_of(StageKind::kAlphaDropout, 0.1);
  const NetSpec net(2, {{3, {noise, drop, alpha}}, {4, {drop, noise, noise}}}, 1,
                    Activation::kIdentity, {drop, noise, drop}, {drop});
  std::set<std::pair<bool, uint32_t>> places;
  size_t random = 0;
  const auto add = [&](const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      if (!info(stage.kind).random) continue;
      places.emplace(stage.kind == StageKind::kNoise, stage.place);
      ++random;
    }
  };
  add(net.input_stages());
  for (const LayerSpec& layer : net.layers()) add(layer.stages);
  CHECK(random == 10);
  CHECK(places.size() == random);
  // That of a layer's first dropout is the layer's number.
  CHECK(net.input_stages()[0].place == 0);
  CHECK(net.layers()[0].stages[1].place == 1);
  CHECK(net.layers()[1].stages[0].place == 2);
}

TEST_CASE("test_sizes_below_one_are_refused") {
  CHECK_THROWS_WITH_AS(net_of(0, {}, 1), "a net needs at least 1 input, got 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(net_of(3, {}, -1), "a net needs at least 1 output, got -1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(net_of(3, {4, 0}, 1), "a layer needs at least 1 unit, got 0",
                       std::invalid_argument);
}

TEST_CASE("test_rates_outside_their_range_are_refused") {
  for (const double rate : {-0.1, 1.0, 2.0, std::numeric_limits<double>::quiet_NaN(),
                            std::numeric_limits<double>::infinity()}) {
    CAPTURE(rate);
    const std::vector<StageSpec> stages{stage_of(StageKind::kAlphaDropout, rate)};
    CHECK_THROWS_WITH_AS(NetSpec(1, {{2, stages}}, 1, Activation::kIdentity),
                         doctest::Contains("alpha_dropout: rate must be in [0, 1), got"),
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        NetSpec(1, {}, 1, Activation::kIdentity, {stage_of(StageKind::kDropout, rate)}),
        doctest::Contains("dropout: rate must be in [0, 1), got"), std::invalid_argument);
  }
}

TEST_CASE("test_other_parameters_out_of_bounds_are_refused") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  StageSpec epsilon = stage_of(StageKind::kLayerNormalization), momentum = epsilon;
  epsilon.epsilon = 0.0;
  momentum.momentum = 1.5;
  const std::vector<std::pair<StageSpec, const char*>> bad{
      {stage_of(StageKind::kNoise, -1.0), "noise: stddev must be finite and >= 0, got -1"},
      {activate(Activation::kLeakyRelu, -0.1),
       "leaky_relu: negative_slope must be finite and >= 0, got -0.1"},
      {activate(Activation::kElu, 0.0), "elu: alpha must be finite and > 0, got 0"},
      {activate(Activation::kElu, nan), "elu: alpha must be finite and > 0, got nan"},
      {activate(Activation::kMaxout, 0.0), "maxout: pieces must be an integer >= 1, got 0"},
      {activate(Activation::kMaxout, 2.5), "maxout: pieces must be an integer >= 1, got 2.5"},
      {epsilon, "layer_normalization: epsilon must be > 0, got 0"},
      {momentum, "layer_normalization: momentum must be in [0, 1], got 1.5"}};
  for (const auto& [stage, message] : bad) {
    const std::vector<StageSpec> stages{stage};
    CHECK_THROWS_WITH_AS(NetSpec(1, {{2, stages}}, 1, Activation::kIdentity),
                         doctest::Contains(message), std::invalid_argument);
  }
}

TEST_CASE("test_activations_out_of_place_are_refused") {
  for (size_t i = 0; i < activation_table.size(); ++i) {
    const Activation activation = static_cast<Activation>(i);
    const std::string name(activation_table[i].name);
    const auto hidden = [&] {
      return NetSpec(1, {{2, {activate(activation)}}}, 1, Activation::kIdentity);
    };
    const auto output = [&] { return NetSpec(1, {}, 1, activation); };
    const std::vector<StageSpec> stages{activate(activation)};
    const auto before_output = [&] { return NetSpec(1, {}, 1, Activation::kIdentity, {}, stages); };
    const std::string first = "no activation can stand before the first layer, got " + name;
    CHECK_THROWS_WITH_AS(NetSpec(1, {}, 1, Activation::kIdentity, stages), first.c_str(),
                         std::invalid_argument);
    if (activation_table[i].hidden) {
      CHECK_NOTHROW(hidden());
      CHECK(before_output().outputs() == 1);
    } else {
      const std::string message = name + " is no activation of a hidden layer";
      CHECK_THROWS_WITH_AS(hidden(), message.c_str(), std::invalid_argument);
      CHECK_THROWS_WITH_AS(before_output(), message.c_str(), std::invalid_argument);
    }
    if (may_end(activation)) {
      CHECK_NOTHROW(output());
    } else {
      CHECK_THROWS_WITH_AS(output(), (name + " can only stand before the last activation").c_str(),
                           std::invalid_argument);
    }
  }
}

TEST_CASE("test_parameters_beyond_counting_are_a_length_error") {
  CHECK_THROWS_AS(net_of(kLargest, {}, 2), std::length_error);
  CHECK_THROWS_AS(net_of(kLargest, {}, 1), std::length_error);
  CHECK_THROWS_AS(net_of(index_t{1} << 32, {index_t{1} << 32}, 1), std::length_error);
  CHECK_THROWS_AS(net_of(1, {kLargest / 2, 1, kLargest / 2}, 1), std::length_error);
  CHECK_NOTHROW(net_of(index_t{1} << 30, {index_t{1} << 30}, 1));
  CHECK_THROWS_AS(NetSpec(1, {{index_t{1} << 40, {activate(Activation::kMaxout, 1 << 30)}}}, 1,
                          Activation::kIdentity),
                  std::length_error);
}

TEST_CASE("test_kept_outcomes_are_the_rounded_share_of_65536") {
  CHECK(kept_outcomes(0.0) == 65536);
  CHECK(kept_outcomes(0.5) == 32768);
  CHECK(kept_outcomes(0.25) == 49152);
  CHECK(kept_outcomes(0.1) == 58982);
  CHECK(kept_outcomes(0.9) == 6554);
  CHECK(kept_outcomes(0.9999999) == 1);
  CHECK(kept_outcomes(1e-9) == 65536);
}

}  // namespace
}  // namespace nnhp::testing
