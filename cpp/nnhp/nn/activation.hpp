// The activations: their names and properties. What they compute is in kernels/activation.inc.
#pragma once

#include "nnhp/kernels/table.hpp"
#include "nnhp/nn/named_table.hpp"

namespace nnhp {

enum class Activation { kIdentity, kLogistic, kTanh, kRelu, kSoftmax, kExp };

struct ActivationInfo {
  std::string_view name;
  bool hidden;  // may stand in a hidden layer; the others only end a net
  bool output;  // may end a net
  double cost;  // of the value of one unit, as in nn/cost.cpp
};

// In the order of the enum and of activation_rows in kernels/activation.inc.
inline constexpr std::array<ActivationInfo, kActivationCount> activation_table{{
    {"identity", true, true, 0.0},
    {"logistic", true, true, 8.0},
    {"tanh", true, false, 8.0},
    {"relu", true, false, 1.0},
    {"softmax", false, true, 12.0},
    {"exp", false, true, 8.0},
}};

inline const ActivationInfo& info(Activation a) { return activation_table[static_cast<size_t>(a)]; }

}  // namespace nnhp
