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
};

// In the order of the enum and of activation_rows in kernels/activation.inc.
inline constexpr std::array<ActivationInfo, kActivationCount> activation_table{{
    {"identity", true, true},
    {"logistic", true, true},
    {"tanh", true, false},
    {"relu", true, false},
    {"softmax", false, true},
    {"exp", false, true},
}};

inline const ActivationInfo& info(Activation a) { return activation_table[static_cast<size_t>(a)]; }

}  // namespace nnhp
