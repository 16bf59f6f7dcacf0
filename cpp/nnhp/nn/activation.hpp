// The activations: their names and properties. What they compute is in kernels/activation.inc.
#pragma once

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
  kGelu,
  kPrelu,
  kMaxout
};

struct ActivationInfo {
  std::string_view name;
  bool hidden;      // may stand in a hidden layer; the others only end a net
  bool output;      // may end a net
  bool kept_input;  // its gradient is taken from the pre-activation, which is kept; else from the
                    // output
  double cost;      // of the value of one unit, as in nn/cost.cpp
  std::string_view parameter = "";  // the name of its parameter, if it has one
  double standard = 0.0;            // its value where none is given
};

// In the order of the enum and of activation_rows in kernels/activation.inc.
inline constexpr std::array<ActivationInfo, kActivationCount> activation_table{{
    {"identity", true, true, false, 0.0},
    {"logistic", true, true, false, 8.0},
    {"tanh", true, false, false, 8.0},
    {"relu", true, false, false, 1.0},
    {"leaky_relu", true, false, false, 1.0, "negative_slope", 0.2},
    {"elu", true, false, false, 8.0, "alpha", 1.0},
    {"selu", true, false, false, 8.0},
    {"silu", true, false, true, 10.0},
    {"mish", true, false, true, 14.0},
    {"softplus", true, false, false, 20.0},
    {"hard_sigmoid", true, false, false, 1.5},
    {"softmax", false, true, false, 12.0},
    {"exp", false, true, false, 8.0},
    {"gelu", true, false, true, 24.0},
    {"prelu", true, false, true, 1.0},
    {"maxout", true, false, false, 2.0, "pieces", 2.0},
}};

inline const ActivationInfo& info(Activation a) { return activation_table[static_cast<size_t>(a)]; }

}  // namespace nnhp
