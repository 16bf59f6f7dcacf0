#include "nnhp/train/train_many.hpp"

#include <algorithm>
#include <numeric>

namespace nnhp {
bool train_many(std::span<Trainable* const> sessions, int64_t epochs, int threads,
                const Poll& poll) {
  std::vector<double> costs;
  for (const Trainable* session : sessions) {
    costs.push_back(session->epoch_cost() * static_cast<double>(epochs));
  }
  std::vector<size_t> turns(sessions.size());
  std::iota(turns.begin(), turns.end(), size_t{0});
  std::stable_sort(turns.begin(), turns.end(),
                   [&](size_t a, size_t b) { return costs[a] > costs[b]; });

  StopToken stop;
  const index_t n = static_cast<index_t>(sessions.size());
  std::vector<Workspace> workspaces(static_cast<size_t>(std::max(threads, 1)));
  const auto body = [&](index_t item, int thread) {
    const size_t turn = turns[static_cast<size_t>(item)];
    if (costs[turn] > 0.0) {
      sessions[turn]->advance(epochs, workspaces[static_cast<size_t>(thread)], stop);
    }
  };
  if (std::accumulate(costs.begin(), costs.end(), 0.0) < kSerialCost) {
    serial_for(n, body);
    return false;
  }
  return parallel_for(n, threads, stop, poll, body);
}

}  // namespace nnhp
