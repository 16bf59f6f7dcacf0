// The one training loop: advance many sessions together.
#pragma once

#include <optional>
#include <span>

#include "nnhp/train/session.hpp"

namespace nnhp {

// Advances each session by up to as many epochs as `epochs` tells for it, on up to `threads`
// threads, the costliest first, with the epochs that it did before: each on one of them or, where
// few sessions are large enough for it (Trainable::useful_threads), one after the other on all.
// What a session becomes does not depend on the others, on their order or on the threads. Returns
// whether a stop was asked for; every session then stands between two epochs.
bool train_many(std::span<Trainable* const> sessions, std::span<const int64_t> epochs, int threads,
                const Poll& poll);

// The same with one number for all sessions.
bool train_many(std::span<Trainable* const> sessions, int64_t epochs, int threads,
                const Poll& poll);

// Rows of a session's dataset, and what is wanted of them.
struct RowsToPredict {
  const Trainable* session;
  std::span<const row_t> rows;
  void* out;             // outputs (see Trainable::predict), if not null
  index_t row_bytes;     // of a row of `out`
  const int32_t* truth;  // else: see Trainable::count_correct
};

// Predicts for all jobs together; returns how many rows of each are correct, where that was asked
// for. A row's bits depend on that row and the parameters alone. Nothing is returned, and outputs
// are incomplete, if a stop was asked for.
std::optional<std::vector<int64_t>> predict_rows(std::span<const RowsToPredict> jobs, int threads,
                                                 const Poll& poll);

}  // namespace nnhp
