// The MT19937 stream that NumPy's RandomState and this engine share.
#pragma once

#include <array>
#include <span>

#include "nnhp/base/types.hpp"

namespace nnhp {

// State and output of Matsumoto and Nishimura's MT19937 (1998), word for word as NumPy keeps it.
struct Mt19937 {
  std::array<uint32_t, 624> words{};
  int position = 624;

  uint32_t next();

  // Shuffles in place exactly as numpy.random.RandomState.shuffle does a 1-D array: Fisher-Yates
  // from the last index down, each index from 32-bit draws under the smallest covering bit mask,
  // drawn again while too large.
  void shuffle(std::span<row_t> values);

 private:
  void refill();
};

}  // namespace nnhp
