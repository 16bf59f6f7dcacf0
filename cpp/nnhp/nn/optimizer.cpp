#include "nnhp/nn/optimizer.hpp"

#include <algorithm>
#include <cmath>

namespace nnhp {
namespace {

// Nadam's momentum in step t is beta_1 (1 - 0.96^t / 2): Dozat, "Incorporating Nesterov momentum
// into Adam", 2016, with Keras's constants.
double warmth(int64_t step) { return 1.0 - 0.5 * std::pow(0.96, static_cast<double>(step)); }

// The products of the warmths of steps 1 to i + 1. From some step on they are 1 as doubles, so the
// product is a matter of the step alone, whatever training came before.
using WarmthProducts = std::array<double, 1024>;
WarmthProducts make_warmth_products() noexcept {
  WarmthProducts products{};
  double product = 1.0;
  for (size_t i = 0; i < products.size(); ++i) {
    products[i] = product *= warmth(static_cast<int64_t>(i) + 1);
  }
  return products;
}

// Made when the library is loaded: a static variable of a function has a lock, which a child of
// `fork` could find held.
const WarmthProducts warmth_products = make_warmth_products();

double warmth_product(int64_t step) {
  const int64_t last = static_cast<int64_t>(warmth_products.size());
  return warmth_products[static_cast<size_t>(std::clamp<int64_t>(step, 1, last) - 1)];
}

// Nadam's step: a share of the mean of the gradients, which looks one step ahead, and a share of
// the present one, each with its correction; that of the mean square goes into rate and epsilon.
template <class T>
void set_nadam(const OptimizerSpec& spec, double rate, int64_t step, UpdateCoefficients<T>& c) {
  const double t = static_cast<double>(step);
  const double product = std::pow(spec.beta_1, t) * warmth_product(step);
  const double next = spec.beta_1 * warmth(step + 1);
  const double correction = std::sqrt(1.0 - std::pow(spec.beta_2, t));
  c.moment_share = static_cast<T>(next / (1.0 - product * next));
  c.gradient_share = static_cast<T>((1.0 - spec.beta_1 * warmth(step)) / (1.0 - product));
  c.learning_rate = static_cast<T>(rate * correction);
  c.epsilon = std::max(static_cast<T>(spec.epsilon * correction), std::numeric_limits<T>::min());
}

}  // namespace

template <class T>
void OptimizerSpec::check() const {
  require_field(momentum >= 0.0 && momentum <= 1.0, "momentum", "in [0, 1]", momentum);
  require_field(rho >= 0.0 && rho < 1.0, "rho", "in [0, 1)", rho);
  require_field(beta_1 >= 0.0 && beta_1 < 1.0, "beta_1", "in [0, 1)", beta_1);
  require_field(beta_2 >= 0.0 && beta_2 < 1.0, "beta_2", "in [0, 1)", beta_2);
  require_positive<T>("epsilon", epsilon);
  require_field(initial_accumulator >= 0.0, "initial_accumulator_value", ">= 0",
                initial_accumulator);
  require_field(weight_decay >= 0.0, "weight_decay", ">= 0", weight_decay);
  require_field(clipnorm > 0.0, "clipnorm", "> 0", clipnorm);
  require_field(clipvalue > 0.0, "clipvalue", "> 0", clipvalue);
  require_field(ema_momentum >= 0.0 && ema_momentum < 1.0, "ema_momentum", "in [0, 1)",
                ema_momentum);
  require_field(max_norm > 0.0, "max_norm", "> 0", max_norm);
  require_field(weight_noise >= 0.0, "weight_noise", ">= 0", weight_noise);
}

double step_rate(const OptimizerSpec& spec, double rate, int64_t step) {
  if (!info(spec.kind).bias_corrected) return rate;
  const double t = static_cast<double>(step);
  return rate * std::sqrt(1.0 - std::pow(spec.beta_2, t)) / (1.0 - std::pow(spec.beta_1, t));
}

template <class T>
UpdateCoefficients<T> coefficients(const OptimizerSpec& spec, double rate, int64_t step) {
  UpdateCoefficients<T> c{};
  c.learning_rate = static_cast<T>(step_rate(spec, rate, step));
  c.momentum = static_cast<T>(spec.momentum);
  c.rho = static_cast<T>(spec.rho);
  c.complement_rho = static_cast<T>(1.0 - spec.rho);
  c.beta_1 = static_cast<T>(spec.beta_1);
  c.beta_2 = static_cast<T>(spec.beta_2);
  c.complement_1 = static_cast<T>(1.0 - spec.beta_1);
  c.complement_2 = static_cast<T>(1.0 - spec.beta_2);
  c.epsilon = static_cast<T>(spec.epsilon);
  c.clipvalue = static_cast<T>(spec.clipvalue);
  c.decay = static_cast<T>(spec.weight_decay * rate);
  if (spec.kind == Optimizer::kNadam) set_nadam(spec, rate, step, c);
  return c;
}

template void OptimizerSpec::check<float>() const;
template void OptimizerSpec::check<double>() const;
template UpdateCoefficients<float> coefficients(const OptimizerSpec&, double, int64_t);
template UpdateCoefficients<double> coefficients(const OptimizerSpec&, double, int64_t);

}  // namespace nnhp
