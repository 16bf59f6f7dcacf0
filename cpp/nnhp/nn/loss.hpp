// The losses, each with the output activation for which its derivative by the pre-activation is
// "output minus target". Values are computed in kernels/loss.inc.
#pragma once

#include "nnhp/kernels/table.hpp"
#include "nnhp/nn/activation.hpp"
#include "nnhp/nn/named_table.hpp"

namespace nnhp {

enum class Loss { kLogLoss, kBinaryLogLoss, kSquaredError, kPoisson };

struct LossInfo {
  std::string_view name;
  Activation output;
};

// In the order of the enum and of loss_rows in kernels/loss.inc.
inline constexpr std::array<LossInfo, kLossCount> loss_table{{
    {"log_loss", Activation::kSoftmax},
    {"binary_log_loss", Activation::kLogistic},
    {"squared_error", Activation::kIdentity},
    {"poisson", Activation::kExp},
}};

inline const LossInfo& info(Loss l) { return loss_table[static_cast<size_t>(l)]; }

struct LossSpec {
  Loss kind = Loss::kSquaredError;
};

}  // namespace nnhp
