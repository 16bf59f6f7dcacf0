#include "nnhp/train/train_many.hpp"

#include <algorithm>
#include <numeric>

namespace nnhp {
namespace {

// The most threads of which any session has some use.
int useful_threads(std::span<Trainable* const> sessions, std::span<const size_t> turns) {
  int most = 1;
  for (const size_t turn : turns) most = std::max(most, sessions[turn]->useful_threads());
  return most;
}

// What it costs to train sessions one after the other, the threads sharing each. As many threads as
// sessions take as long as the costliest alone.
double cost_of_teams(std::span<Trainable* const> sessions, std::span<const size_t> turns,
                     std::span<const double> costs, int threads) {
  double cost = 0.0;
  for (const size_t turn : turns) {
    cost += costs[turn] / std::min(threads, sessions[turn]->useful_threads());
  }
  return cost;
}

}  // namespace

bool train_many(std::span<Trainable* const> sessions, std::span<const int64_t> epochs, int threads,
                const Poll& poll) {
  std::vector<double> costs, with_past;
  std::vector<size_t> turns;  // of those that have something to do
  for (size_t i = 0; i < sessions.size(); ++i) {
    const double cost = sessions[i]->epoch_cost();
    costs.push_back(cost * static_cast<double>(epochs[i]));
    with_past.push_back(cost * (static_cast<double>(epochs[i]) +
                                static_cast<double>(sessions[i]->epochs_advanced())));
    if (costs[i] > 0.0) turns.push_back(i);
  }
  // By what they cost from their beginning: by what is left, those that a pause interrupted would
  // come last after it, and a wave that pauses often would finish them all at its end.
  std::stable_sort(turns.begin(), turns.end(),
                   [&](size_t a, size_t b) { return with_past[a] > with_past[b]; });
  const double cost = std::accumulate(costs.begin(), costs.end(), 0.0);
  const index_t n = static_cast<index_t>(turns.size());
  // Threads that share a training lose about this part of their time to each other.
  constexpr double kLost = 0.3;
  const int useful = std::min(threads, useful_threads(sessions, turns));
  if (n < threads && useful > 1 && cost >= kSerialCost &&
      cost_of_teams(sessions, turns, costs, useful) <
          (1.0 - kLost) * *std::max_element(costs.begin(), costs.end())) {
    StopToken stop;
    Workspace workspace;
    return team_for(n, useful, stop, poll, [&](index_t item, const Team& team) {
      const size_t turn = turns[static_cast<size_t>(item)];
      sessions[turn]->advance(epochs[turn], workspace, stop,
                              team.up_to(sessions[turn]->useful_threads()));
    });
  }
  StopToken stop;
  std::vector<Workspace> workspaces(static_cast<size_t>(std::max(threads, 1)));
  const auto body = [&](index_t item, int thread) {
    const size_t turn = turns[static_cast<size_t>(item)];
    sessions[turn]->advance(epochs[turn], workspaces[static_cast<size_t>(thread)], stop, Team());
  };
  if (cost < kSerialCost) {
    serial_for(n, body);
    return false;
  }
  return parallel_for(n, threads, stop, poll, body);
}

bool train_many(std::span<Trainable* const> sessions, int64_t epochs, int threads,
                const Poll& poll) {
  return train_many(sessions, std::vector<int64_t>(sessions.size(), epochs), threads, poll);
}

std::optional<std::vector<int64_t>> predict_rows(std::span<const RowsToPredict> jobs, int threads,
                                                 const Poll& poll) {
  // Long lists are cut, so that one of them cannot keep the others' threads waiting.
  constexpr double kPieceCost = 2e7;
  struct Piece {
    size_t job;
    size_t start, size;
    int64_t correct;
  };
  std::vector<Piece> pieces;
  double cost = 0.0;
  for (size_t j = 0; j < jobs.size(); ++j) {
    jobs[j].session->begin();
    const double of_row = jobs[j].session->sample_cost();
    const size_t rows = jobs[j].rows.size();
    const size_t length = static_cast<size_t>(std::max(kPieceCost / of_row, 256.0));
    for (size_t start = 0; start < rows; start += length) {
      pieces.push_back({j, start, std::min(length, rows - start), 0});
    }
    cost += of_row * static_cast<double>(rows);
  }
  StopToken stop;
  const index_t n = static_cast<index_t>(pieces.size());
  std::vector<Workspace> workspaces(static_cast<size_t>(std::max(threads, 1)));
  const auto body = [&](index_t item, int thread) {
    Piece& piece = pieces[static_cast<size_t>(item)];
    const RowsToPredict& job = jobs[piece.job];
    const row_t* rows = job.rows.data() + piece.start;
    const index_t size = static_cast<index_t>(piece.size);
    Workspace& workspace = workspaces[static_cast<size_t>(thread)];
    if (job.out == nullptr) {
      piece.correct =
          job.session->count_correct(rows, size, job.truth + piece.start, workspace, stop);
    } else {
      char* const out = static_cast<char*>(job.out);
      job.session->predict(rows, size, workspace, stop,
                           out + static_cast<index_t>(piece.start) * job.row_bytes);
    }
  };
  if (cost < kSerialCost) {
    serial_for(n, body);
  } else if (parallel_for(n, threads, stop, poll, body)) {
    return std::nullopt;
  }
  std::vector<int64_t> correct(jobs.size(), 0);
  for (const Piece& piece : pieces) {
    int64_t& total = correct[piece.job];
    total = total < 0 || piece.correct < 0 ? -1 : total + piece.correct;
  }
  return correct;
}

}  // namespace nnhp
