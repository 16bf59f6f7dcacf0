// Learning-rate schedules: the rate of each epoch, or of each step where it changes smoothly.
//
// Lengths are counted in epochs, so that they do not depend on the batch size; within an epoch the
// steps divide it evenly. A rate is a function of the place in the training, of the rate before and
// of the samples seen, so a training goes on from any epoch as if it had never paused.
#pragma once

#include <limits>
#include <vector>

#include "nnhp/base/types.hpp"
#include "nnhp/nn/named_table.hpp"

namespace nnhp {

enum class Schedule {
  kConstant,
  kInvscaling,
  kAdaptive,
  kPerEpoch,
  kStep,
  kExponential,
  kPolynomial,
  kCosine,
  kOneCycle,
  kPlateau,
  kPiecewise
};

struct ScheduleSpec {
  Schedule kind = Schedule::kConstant;
  double initial = 1e-3;  // the rate to start from, or the highest one where it warms up
  double horizon = 0.0;   // epochs that a schedule is laid out for, whatever stops it earlier
  int64_t begin = 0;      // epochs done before this training

  double power = 0.5;             // invscaling, polynomial: the exponent
  std::vector<double> per_epoch;  // per_epoch; the last one holds on
  int64_t step_size = 1;          // step: epochs between two changes
  double factor = 0.1;            // step, plateau: what each change multiplies the rate by
  double decay_rate = 0.01;       // exponential: what the horizon multiplies the rate by
  bool staircase = false;         // exponential: whether it changes at the horizon's multiples only
  double end = 0.0;               // polynomial, cosine: share of `initial` at the horizon
  double warmup = 0.0;            // cosine: epochs in which the rate rises from 0
  int64_t restarts = 0;           // cosine: how often it begins again
  double t_mul = 2.0, m_mul = 1.0;  // cosine: each restart multiplies length and height by these
  double pct_start = 0.3;           // one_cycle: share of the horizon in which the rate rises
  double div_factor = 25.0;         // one_cycle: `initial` over the first rate
  double final_div_factor = 1e4;    // one_cycle: the first rate over the last
  double patience = 10.0;           // plateau: epochs without an improvement
  double min_delta = 1e-4;          // plateau: the least improvement
  int64_t cooldown = 0;             // plateau: epochs after a change that do not count
  double min_lr = 0.0;              // plateau: the lowest rate
  std::vector<int64_t> boundaries;  // piecewise: epochs, in ascending order, at which it changes
  std::vector<double> values;       // piecewise: the rates; none: `initial`, then tenths of it

  // Throws std::invalid_argument naming the field that is out of range.
  void check() const;
};

// Where a training stands before a step.
struct ScheduleTime {
  int64_t epoch = 0;  // epochs done, those before this training included
  int64_t step = 0;   // steps done in this epoch
  int64_t steps_per_epoch = 1;
  int64_t samples_seen = 0;
  double rate = 0.0;  // of the step before; at first `initial`
};

struct ScheduleInfo {
  std::string_view name;
  bool per_step;  // the rate is asked for before each step, not only before each epoch
  bool adapts;    // divides the rate when patience runs out (see Session) instead of stopping
  double (*rate)(const ScheduleSpec& spec, const ScheduleTime& time);
};

namespace rates {
double constant(const ScheduleSpec& spec, const ScheduleTime& time);
double invscaling(const ScheduleSpec& spec, const ScheduleTime& time);
double per_epoch(const ScheduleSpec& spec, const ScheduleTime& time);
double step(const ScheduleSpec& spec, const ScheduleTime& time);
double exponential(const ScheduleSpec& spec, const ScheduleTime& time);
double polynomial(const ScheduleSpec& spec, const ScheduleTime& time);
double cosine(const ScheduleSpec& spec, const ScheduleTime& time);
double one_cycle(const ScheduleSpec& spec, const ScheduleTime& time);
double piecewise(const ScheduleSpec& spec, const ScheduleTime& time);
}  // namespace rates

// In the order of the enum.
inline constexpr std::array<ScheduleInfo, 11> schedule_table{{
    {"constant", false, false, rates::constant},
    {"invscaling", false, false, rates::invscaling},
    {"adaptive", false, true, rates::constant},
    {"per_epoch", false, false, rates::per_epoch},
    {"step", false, false, rates::step},
    {"exponential", true, false, rates::exponential},
    {"polynomial", true, false, rates::polynomial},
    {"cosine", true, false, rates::cosine},
    {"one_cycle", true, false, rates::one_cycle},
    {"plateau", false, false, rates::constant},
    {"piecewise", false, false, rates::piecewise},
}};

inline const ScheduleInfo& info(Schedule s) { return schedule_table[static_cast<size_t>(s)]; }

// The rate of the step at `time`. The first rate is that at an epoch's beginning, with `initial`.
inline double rate_at(const ScheduleSpec& spec, const ScheduleTime& time) {
  return info(spec.kind).rate(spec, time);
}

// What 'plateau' remembers from epoch to epoch.
struct PlateauState {
  double best = -std::numeric_limits<double>::infinity();
  int64_t wait = 0;      // epochs without an improvement
  int64_t cooldown = 0;  // epochs that still do not count
};

// The rate after an epoch of 'plateau' that scored `watched`, greater being better: Keras's
// ReduceLROnPlateau.
double rate_after_plateau(const ScheduleSpec& spec, PlateauState& state, double watched,
                          double rate);

}  // namespace nnhp
