// Learning-rate schedules: the rate of the next epoch.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "nnhp/nn/named_table.hpp"

namespace nnhp {

enum class Schedule { kConstant, kInvscaling, kAdaptive, kPerEpoch };

struct ScheduleSpec {
  Schedule schedule = Schedule::kConstant;
  double initial = 1e-3;
  double power = 0.5;             // invscaling
  std::vector<double> per_epoch;  // per_epoch; the last one holds on
  int64_t horizon = 0;  // epochs that a schedule is laid out for, whatever stops it earlier
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

inline double first_rate(const ScheduleSpec& spec) { return info(spec.schedule).first_rate(spec); }
inline double next_rate(const ScheduleSpec& spec, const ScheduleState& state) {
  return info(spec.schedule).next_rate(spec, state);
}

}  // namespace nnhp
