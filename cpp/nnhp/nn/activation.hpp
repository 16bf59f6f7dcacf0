// The activations: their names and properties. What they compute is in kernels/activation.inc.
#pragma once

#include <limits>

#include "nnhp/kernels/table.hpp"
#include "nnhp/nn/named_table.hpp"

namespace nnhp {

enum class Activation {
  kIdentity,
  kLogistic,
  kTanh,
  kRelu,
  kLeakyRelu,
  kElu,
  kSelu,
  kSilu,
  kMish,
  kSoftplus,
  kHardSigmoid,
  kSoftmax,
  kExp,
  kAscending,
  kGelu,
  kPrelu,
  kMaxout
};

inline constexpr double kUnbounded = std::numeric_limits<double>::infinity();
inline constexpr double kAboveZero = std::numeric_limits<double>::min();  // a bound next to 0

struct ActivationInfo {
  std::string_view name;
  bool hidden;      // may stand in a hidden layer; the others only end a net
  bool whole_row;   // looks at all units of a sample at once
  bool kept_input;  // its gradient is taken from the pre-activation, which is kept; else from the
                    // output
  double cost;      // of the value of one unit, as in nn/cost.cpp
  double least = -kUnbounded, most = kUnbounded;  // what its outputs lie between
  std::string_view parameter = "";                // the name of its parameter, if it has one
  double standard = 0.0;                          // its value where none is given
};

// In the order of the enum and of activation_rows in kernels/activation.inc.
inline constexpr std::array<ActivationInfo, kActivationCount> activation_table{{
    {"identity", true, false, false, 0.0},
    {"logistic", true, false, false, 8.0, kAboveZero, 1.0},
    {"tanh", true, false, false, 8.0, -1.0, 1.0},
    {"relu", true, false, false, 1.0, 0.0},
    {"leaky_relu", true, false, false, 1.0, -kUnbounded, kUnbounded, "negative_slope", 0.2},
    {"elu", true, false, false, 8.0, -1.0, kUnbounded, "alpha", 1.0},
    {"selu", true, false, false, 8.0, -1.7581},
    {"silu", true, false, true, 10.0, -0.2785},
    {"mish", true, false, true, 14.0, -0.3089},
    {"softplus", true, false, false, 20.0, kAboveZero},
    {"hard_sigmoid", true, false, false, 1.5, 0.0, 1.0},
    {"softmax", false, true, false, 12.0, kAboveZero, 1.0},
    {"exp", false, false, false, 8.0, kAboveZero},
    {"ascending", false, true, true, 24.0},
    {"gelu", true, false, true, 24.0, -0.17},
    {"prelu", true, false, true, 1.0},
    {"maxout", true, false, false, 2.0, -kUnbounded, kUnbounded, "pieces", 2.0},
}};

// Whether it may be a net's last: those with kernels of their own can only stand before that.
constexpr bool may_end(Activation a) { return a != Activation::kPrelu && a != Activation::kMaxout; }

inline const ActivationInfo& info(Activation a) { return activation_table[static_cast<size_t>(a)]; }

}  // namespace nnhp
