#include "nnhp/base/rng.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace nnhp {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, uint64_t key) {
  uint32_t low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ low, static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ high, static_cast<uint32_t>(a)};
    low += 0x9E3779B9u;
    high += 0xBB67AE85u;
  }
  return counter;
}

void Mt19937::refill() {
  constexpr size_t n = 624, m = 397;
  const auto mixed = [](uint32_t high, uint32_t low, uint32_t far) {
    const uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);
    return far ^ (y >> 1) ^ ((0u - (y & 1u)) & 0x9908b0dfu);
  };
  // Loops without a modulus, which compilers turn into vectors.
  for (size_t i = 0; i < n - m; ++i) words[i] = mixed(words[i], words[i + 1], words[i + m]);
  for (size_t i = n - m; i < n - 1; ++i) words[i] = mixed(words[i], words[i + 1], words[i + m - n]);
  words[n - 1] = mixed(words[n - 1], words[0], words[m - 1]);
  position = 0;
}

uint32_t Mt19937::next() {
  if (position >= 624) refill();
  uint32_t y = words[static_cast<size_t>(position++)];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

// Some draws ahead of the swaps that they are for: whether a draw is taken then only moves two
// counters, where a branch on it would be mispredicted at every third (3 times as fast).
void Mt19937::shuffle(std::span<row_t> values) {
  constexpr uint32_t kAhead = 256;
  std::array<row_t, kAhead> partners;
  uint32_t last = values.empty() ? 0 : static_cast<uint32_t>(values.size() - 1);
  while (last > 0) {
    const uint32_t mask = ~uint32_t{0} >> std::countl_zero(last);
    const uint32_t end =
        std::max(mask >> 1, last - std::min(last, kAhead));  // same mask down to it
    size_t taken = 0;
    for (uint32_t i = last; i > end;) {
      const uint32_t j = next() & mask;
      partners[taken] = static_cast<row_t>(j);
      const bool fits = j <= i;
      taken += fits;
      i -= fits;
    }
    for (size_t k = 0; k < taken; ++k) {
      std::swap(values[last - k], values[static_cast<size_t>(partners[k])]);
    }
    last = end;
  }
}

}  // namespace nnhp
