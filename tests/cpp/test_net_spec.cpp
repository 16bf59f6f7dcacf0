// What a net may be, and where its parameters stand.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "nnhp/nn/net_spec.hpp"

namespace nnhp::testing {
namespace {

constexpr index_t kLargest = std::numeric_limits<index_t>::max();

NetSpec net_of(index_t inputs, const std::vector<index_t>& widths, index_t outputs) {
  std::vector<HiddenLayer> hidden;
  for (const index_t units : widths) hidden.push_back({units, Activation::kRelu, 0.0});
  return NetSpec(inputs, hidden, outputs, Activation::kSoftmax, 0.0);
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

TEST_CASE("test_layers_keep_their_activation_and_rate") {
  const NetSpec net(2, {{3, Activation::kTanh, 0.25}, {4, Activation::kIdentity, 0.0}}, 1,
                    Activation::kExp, 0.125);
  CHECK(net.layers()[0].activation == Activation::kTanh);
  CHECK(net.layers()[0].dropout == 0.25);
  CHECK(net.layers()[1].activation == Activation::kIdentity);
  CHECK(net.layers()[2].activation == Activation::kExp);
  CHECK(net.layers()[2].dropout == 0.0);
  CHECK(net.input_dropout() == 0.125);
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
    CHECK_THROWS_WITH_AS(NetSpec(1, {{2, Activation::kTanh, rate}}, 1, Activation::kIdentity, 0.0),
                         doctest::Contains("dropout must be in [0, 1)"), std::invalid_argument);
    CHECK_THROWS_WITH_AS(NetSpec(1, {}, 1, Activation::kIdentity, rate),
                         doctest::Contains("input dropout must be in [0, 1)"),
                         std::invalid_argument);
  }
}

TEST_CASE("test_activations_out_of_place_are_refused") {
  for (size_t i = 0; i < activation_table.size(); ++i) {
    const Activation activation = static_cast<Activation>(i);
    const std::string name(activation_table[i].name);
    const auto hidden = [&] {
      return NetSpec(1, {{2, activation, 0.0}}, 1, Activation::kIdentity, 0.0);
    };
    const auto output = [&] { return NetSpec(1, {}, 1, activation, 0.0); };
    if (activation_table[i].hidden) {
      CHECK_NOTHROW(hidden());
    } else {
      CHECK_THROWS_WITH_AS(hidden(), (name + " is no activation of a hidden layer").c_str(),
                           std::invalid_argument);
    }
    CHECK_NOTHROW(output());
  }
}

TEST_CASE("test_parameters_beyond_counting_are_a_length_error") {
  CHECK_THROWS_AS(net_of(kLargest, {}, 2), std::length_error);
  CHECK_THROWS_AS(net_of(kLargest, {}, 1), std::length_error);
  CHECK_THROWS_AS(net_of(index_t{1} << 32, {index_t{1} << 32}, 1), std::length_error);
  CHECK_THROWS_AS(net_of(1, {kLargest / 2, 1, kLargest / 2}, 1), std::length_error);
  CHECK_NOTHROW(net_of(index_t{1} << 30, {index_t{1} << 30}, 1));
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
