// The one training loop: advance many sessions together.
#pragma once

#include <span>

#include "nnhp/train/session.hpp"

namespace nnhp {

// Advances each session by up to `epochs` epochs on up to `threads` threads, the costliest first.
// What a session becomes does not depend on the others, on their order or on the threads. Returns
// whether a stop was asked for; every session then stands between two epochs.
bool train_many(std::span<Trainable* const> sessions, int64_t epochs, int threads,
                const Poll& poll);

}  // namespace nnhp
