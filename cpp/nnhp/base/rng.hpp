// The MT19937 stream that NumPy's RandomState and this engine share, and draws by name.
#pragma once

#include <array>
#include <span>

#include "nnhp/base/types.hpp"

namespace nnhp {

// Philox-4x32 with 10 rounds (Salmon, Moraes, Dror and Shaw, SC 2011).
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, uint64_t key);

// State and output of Matsumoto and Nishimura's MT19937 (1998), word for word as NumPy keeps it.
struct Mt19937 {
  std::array<uint32_t, 624> words{};
  int position = 624;

  // Whether the position is one that this generator comes to.
  bool sound() const { return position >= 0 && position <= 624; }
  uint32_t next();

  // Shuffles in place exactly as numpy.random.RandomState.shuffle does a 1-D array: Fisher-Yates
  // from the last index down, each index from 32-bit draws under the smallest covering bit mask,
  // drawn again while too large.
  void shuffle(std::span<row_t> values);

 private:
  void refill();
};

}  // namespace nnhp
