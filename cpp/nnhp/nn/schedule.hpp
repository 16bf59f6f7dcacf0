// Learning-rate schedules: the rate of the next epoch.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "nnhp/nn/named_table.hpp"

namespace nnhp {

enum class Schedule { kConstant, kInvscaling, kAdaptive, kPerEpoch };

struct ScheduleSpec {
  Schedule kind = Schedule::kConstant;
  double initial = 1e-3;
  double power = 0.5;             // invscaling
  std::vector<double> per_epoch;  // per_epoch; the last one holds on
  int64_t horizon = 0;  // epochs that a schedule is laid out for, whatever stops it earlier

  // Throws std::invalid_argument naming the field that is out of range.
  void check() const {
    if (kind != Schedule::kPerEpoch) {
      require_field(initial > 0.0, "learning_rate_init", "> 0", initial);
      return;
    }
    require(!per_epoch.empty(), "learning_rates must not be empty");
    for (const double rate : per_epoch) require_field(rate > 0.0, "learning_rates", "> 0", rate);
  }
};

// What a schedule may look at after an epoch.
struct ScheduleState {
  int64_t epochs_done;
  int64_t samples_seen;
  double rate;  // of the epoch just done
};

struct ScheduleInfo {
  std::string_view name;
  bool adapts;  // divides the rate when patience runs out (see Session) instead of stopping
  double (*first_rate)(const ScheduleSpec& spec);
  double (*next_rate)(const ScheduleSpec& spec, const ScheduleState& state);
};

inline double initial_rate(const ScheduleSpec& spec) { return spec.initial; }
inline double same_rate(const ScheduleSpec&, const ScheduleState& state) { return state.rate; }

// invscaling counts samples, not epochs, as scikit-learn does.
inline constexpr std::array<ScheduleInfo, 4> schedule_table{{
    {"constant", false, initial_rate, same_rate},
    {"invscaling", false, initial_rate,
     [](const ScheduleSpec& spec, const ScheduleState& s) {
       return spec.initial / std::pow(static_cast<double>(s.samples_seen + 1), spec.power);
     }},
    {"adaptive", true, initial_rate, same_rate},
    {"per_epoch", false, [](const ScheduleSpec& spec) { return spec.per_epoch.front(); },
     [](const ScheduleSpec& spec, const ScheduleState& s) {
       const auto last = static_cast<int64_t>(spec.per_epoch.size()) - 1;
       return spec.per_epoch[static_cast<size_t>(std::min(s.epochs_done, last))];
     }},
}};

inline const ScheduleInfo& info(Schedule s) { return schedule_table[static_cast<size_t>(s)]; }

inline double first_rate(const ScheduleSpec& spec) { return info(spec.kind).first_rate(spec); }
inline double next_rate(const ScheduleSpec& spec, const ScheduleState& state) {
  return info(spec.kind).next_rate(spec, state);
}

}  // namespace nnhp
