#include "nnhp/nn/loss.hpp"

#include <cmath>
#include <string>

namespace nnhp {

template <class T>
void LossSpec::check(index_t outputs, Activation output) const {
  const LossInfo& row = info(kind);
  const ActivationInfo& of_output = info(output);
  require(of_output.least >= row.least && of_output.most <= row.most,
          "loss '" + std::string(row.name) + "' needs outputs " +
              (row.most == 1.0   ? "between 0 and 1"
               : row.least > 0.0 ? "above 0"
                                 : "that are never negative") +
              ", which the output activation '" + std::string(of_output.name) + "' does not give");
  require_field(scale > 0.0 && std::isfinite(scale), "loss scale", "> 0", scale);
  require_field(epsilon >= 0.0 && epsilon < 0.5, "loss epsilon", "in [0, 0.5)", epsilon);
  // Which 1 - epsilon then is not.
  constexpr bool single = sizeof(T) == sizeof(float);
  require_field(epsilon == 0.0 || epsilon >= (single ? 0x1p-24 : 0x1p-53), "loss epsilon",
                single ? "0 or >= 6e-8 in float32" : "0 or >= 1.2e-16 in float64", epsilon);
  require_field(label_smoothing >= 0.0 && label_smoothing < 1.0, "label_smoothing", "in [0, 1)",
                label_smoothing);
  require(label_smoothing == 0.0 || row.decides != Decides::kNothing,
          "label_smoothing needs a loss of classes, got '" + std::string(row.name) + "'");
  require_field(delta > 0.0, "delta", "> 0", delta);
  require_field(gamma >= 0.0, "gamma", ">= 0", gamma);
  require_field(alpha >= 0.0 && alpha <= 1.0, "alpha", "in [0, 1]", alpha);
  if (kind != Loss::kQuantile) return;
  require(static_cast<index_t>(quantiles.size()) == outputs,
          "quantiles must have one entry per output (" + std::to_string(outputs) + "), got " +
              std::to_string(quantiles.size()));
  double before = 0.0;
  for (const double quantile : quantiles) {
    require_field(quantile > before && quantile < 1.0, "quantiles", "rising in (0, 1)", quantile);
    before = quantile;
  }
}

template void LossSpec::check<float>(index_t, Activation) const;
template void LossSpec::check<double>(index_t, Activation) const;

}  // namespace nnhp
