#include "nnhp/train/train_many.hpp"

#include <algorithm>
#include <numeric>

namespace nnhp {

bool train_many(std::span<Trainable* const> sessions, std::span<const int64_t> epochs, int threads,
                const Poll& poll) {
  std::vector<double> costs;
  for (size_t i = 0; i < sessions.size(); ++i) {
    costs.push_back(sessions[i]->epoch_cost() * static_cast<double>(epochs[i]));
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
      sessions[turn]->advance(epochs[turn], workspaces[static_cast<size_t>(thread)], stop);
    }
  };
  if (std::accumulate(costs.begin(), costs.end(), 0.0) < kSerialCost) {
    serial_for(n, body);
    return false;
  }
  return parallel_for(n, threads, stop, poll, body);
}

bool train_many(std::span<Trainable* const> sessions, int64_t epochs, int threads,
                const Poll& poll) {
  return train_many(sessions, std::vector<int64_t>(sessions.size(), epochs), threads, poll);
}

bool predict_rows(std::span<const RowsToPredict> jobs, int threads, const Poll& poll) {
  // Long lists are cut, so that one of them cannot keep the others' threads waiting.
  constexpr double kPieceCost = 2e7;
  std::vector<RowsToPredict> pieces;
  double cost = 0.0;
  for (const RowsToPredict& job : jobs) {
    const double of_row = job.session->sample_cost();
    const size_t length = static_cast<size_t>(std::max(kPieceCost / of_row, 256.0));
    for (size_t start = 0; start < job.rows.size(); start += length) {
      const auto rows = job.rows.subspan(start, std::min(length, job.rows.size() - start));
      char* const out = static_cast<char*>(job.out) + static_cast<index_t>(start) * job.row_bytes;
      pieces.push_back({job.session, rows, out, job.row_bytes});
    }
    cost += of_row * static_cast<double>(job.rows.size());
  }
  StopToken stop;
  const index_t n = static_cast<index_t>(pieces.size());
  std::vector<Workspace> workspaces(static_cast<size_t>(std::max(threads, 1)));
  const auto body = [&](index_t item, int thread) {
    const RowsToPredict& piece = pieces[static_cast<size_t>(item)];
    piece.session->predict(piece.rows.data(), static_cast<index_t>(piece.rows.size()),
                           workspaces[static_cast<size_t>(thread)], stop, piece.out);
  };
  if (cost < kSerialCost) {
    serial_for(n, body);
    return false;
  }
  return parallel_for(n, threads, stop, poll, body);
}

}  // namespace nnhp
