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
  double (*next_rate)(const ScheduleSpec& spec, const ScheduleState& state);
};

// 'adaptive' changes its rate when patience runs out (see Session), not here. invscaling counts
// samples, not epochs, as scikit-learn does.
inline constexpr std::array<ScheduleInfo, 4> schedule_table{{
    {"constant", [](const ScheduleSpec&, const ScheduleState& s) { return s.rate; }},
    {"invscaling",
     [](const ScheduleSpec& spec, const ScheduleState& s) {
       return spec.initial / std::pow(static_cast<double>(s.samples_seen + 1), spec.power);
     }},
    {"adaptive", [](const ScheduleSpec&, const ScheduleState& s) { return s.rate; }},
    {"per_epoch",
     [](const ScheduleSpec& spec, const ScheduleState& s) {
       const auto last = static_cast<int64_t>(spec.per_epoch.size()) - 1;
       return spec.per_epoch[static_cast<size_t>(std::min(s.epochs_done, last))];
     }},
}};

inline double next_rate(const ScheduleSpec& spec, const ScheduleState& state) {
  return schedule_table[static_cast<size_t>(spec.schedule)].next_rate(spec, state);
}
inline double first_rate(const ScheduleSpec& spec) {
  return spec.schedule == Schedule::kPerEpoch ? spec.per_epoch.front() : spec.initial;
}

}  // namespace nnhp
