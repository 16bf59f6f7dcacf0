#include "nnhp/nn/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nnhp {
namespace {

// Epochs that have gone by.
double epochs_at(const ScheduleTime& time) {
  return static_cast<double>(time.epoch) +
         static_cast<double>(time.step) / static_cast<double>(time.steps_per_epoch);
}

// From 1 down to 0 as `share` goes from 0 to 1.
double half_wave(double share) { return 0.5 * (1.0 + std::cos(std::numbers::pi * share)); }

bool all_positive(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value) && value > 0.0; });
}

void check_rates_per_epoch(const std::vector<double>& rates) {
  require(!rates.empty(), "learning_rates must not be empty");
  for (const double rate : rates) {
    require_field(std::isfinite(rate) && rate >= 0.0, "learning_rates", ">= 0", rate);
  }
}

}  // namespace

void ScheduleSpec::check() const {
  constexpr int64_t kMost = int64_t{1} << 53;
  require_field(begin >= 0 && begin <= kMost, "begin", "in [0, 2^53]", static_cast<double>(begin));
  if (kind == Schedule::kPerEpoch) {
    check_rates_per_epoch(per_epoch);
    return;
  }
  require_field(initial > 0.0, "learning_rate_init", "> 0", initial);
  require_field(!info(kind).per_step || horizon > 0.0, "schedule_horizon", "> 0", horizon);
  require_field(step_size >= 1, "step_size", ">= 1", static_cast<double>(step_size));
  require_field(factor > 0.0, "factor", "> 0", factor);
  require_field(decay_rate > 0.0, "decay_rate", "> 0", decay_rate);
  require_field(end >= 0.0, "end", ">= 0", end);
  require_field(warmup >= 0.0, "warmup", ">= 0", warmup);
  require_field(restarts >= 0 && restarts <= 1000, "restarts", "in [0, 1000]",
                static_cast<double>(restarts));
  require_field(t_mul > 0.0 && std::isfinite(std::pow(t_mul, static_cast<double>(restarts))),
                "t_mul", "> 0 and not too large for the number of restarts", t_mul);
  require_field(m_mul > 0.0, "m_mul", "> 0", m_mul);
  require_field(pct_start >= 0.0 && pct_start <= 1.0, "pct_start", "in [0, 1]", pct_start);
  require_field(div_factor > 0.0, "div_factor", "> 0", div_factor);
  require_field(final_div_factor > 0.0, "final_div_factor", "> 0", final_div_factor);
  require_field(min_lr >= 0.0, "min_lr", ">= 0", min_lr);
  require(std::is_sorted(boundaries.begin(), boundaries.end()), "boundaries must ascend");
  require(values.empty() || values.size() == boundaries.size() + 1,
          "values must have one entry more than boundaries");
  require(all_positive(values), "values must be > 0");
}

namespace rates {

// Also of what changes by other means: 'adaptive' by patience, 'plateau' by what it watches.
double constant(const ScheduleSpec&, const ScheduleTime& time) { return time.rate; }

// Counts samples, not epochs, as scikit-learn does.
double invscaling(const ScheduleSpec& spec, const ScheduleTime& time) {
  return spec.initial / std::pow(static_cast<double>(time.samples_seen + 1), spec.power);
}

double per_epoch(const ScheduleSpec& spec, const ScheduleTime& time) {
  const auto last = static_cast<int64_t>(spec.per_epoch.size()) - 1;
  return spec.per_epoch[static_cast<size_t>(std::min(time.epoch, last))];
}

double step(const ScheduleSpec& spec, const ScheduleTime& time) {
  const int64_t changes = time.epoch / spec.step_size;
  return spec.initial * std::pow(spec.factor, static_cast<double>(changes));
}

// Keras's ExponentialDecay.
double exponential(const ScheduleSpec& spec, const ScheduleTime& time) {
  const double share = epochs_at(time) / spec.horizon;
  return spec.initial * std::pow(spec.decay_rate, spec.staircase ? std::floor(share) : share);
}

// Keras's PolynomialDecay.
double polynomial(const ScheduleSpec& spec, const ScheduleTime& time) {
  const double share = std::min(epochs_at(time) / spec.horizon, 1.0);
  return spec.initial * ((1.0 - spec.end) * std::pow(1.0 - share, spec.power) + spec.end);
}

// Keras's CosineDecay and CosineDecayRestarts, the first after a warm-up; the periods fill the
// horizon.
double cosine(const ScheduleSpec& spec, const ScheduleTime& time) {
  const double epochs = epochs_at(time);
  if (epochs < spec.warmup) return spec.initial * epochs / spec.warmup;
  if (epochs >= spec.horizon) return spec.initial * spec.end;
  double periods = 0.0, length = 1.0, height = 1.0;  // lengths in terms of the first period's
  for (int64_t i = 0; i <= spec.restarts; ++i, length *= spec.t_mul) periods += length;
  double share = (epochs - spec.warmup) / (spec.horizon - spec.warmup) * periods;
  length = 1.0;
  for (int64_t i = 0; i < spec.restarts && share >= length; ++i) {
    share -= length;
    length *= spec.t_mul;
    height *= spec.m_mul;
  }
  const double wave = height * half_wave(share / length);
  return spec.initial * ((1.0 - spec.end) * wave + spec.end);
}

// PyTorch's OneCycleLR of two phases: it counts steps, and the last of each phase is its end.
double one_cycle(const ScheduleSpec& spec, const ScheduleTime& time) {
  const auto steps = static_cast<double>(time.steps_per_epoch);
  const double total = std::max(std::round(spec.horizon * steps), 1.0);
  const double done = std::min(
      static_cast<double>(time.epoch) * steps + static_cast<double>(time.step), total - 1.0);
  const double top = spec.pct_start * total - 1.0;
  const double first = spec.initial / spec.div_factor, last = first / spec.final_div_factor;
  if (done <= top) {
    const double share = top > 0.0 ? done / top : 1.0;
    return spec.initial + (first - spec.initial) * half_wave(share);
  }
  return last + (spec.initial - last) * half_wave((done - top) / (total - 1.0 - top));
}

double piecewise(const ScheduleSpec& spec, const ScheduleTime& time) {
  const auto passed = std::upper_bound(spec.boundaries.begin(), spec.boundaries.end(), time.epoch);
  const auto piece = passed - spec.boundaries.begin();
  if (spec.values.empty()) return spec.initial * std::pow(0.1, static_cast<double>(piece));
  return spec.values[static_cast<size_t>(piece)];
}

}  // namespace rates

double rate_after_plateau(const ScheduleSpec& spec, PlateauState& state, double watched,
                          double rate) {
  if (state.cooldown > 0) {
    --state.cooldown;
    state.wait = 0;
  }
  if (watched - spec.min_delta > state.best) {
    state.best = watched;
    state.wait = 0;
    return rate;
  }
  if (state.cooldown > 0) return rate;
  ++state.wait;
  if (static_cast<double>(state.wait) < spec.patience || rate <= spec.min_lr) return rate;
  state.cooldown = spec.cooldown;
  state.wait = 0;
  return std::max(rate * spec.factor, spec.min_lr);
}

}  // namespace nnhp
