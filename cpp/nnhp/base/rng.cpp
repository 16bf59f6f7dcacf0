#include "nnhp/base/rng.hpp"

#include <bit>
#include <utility>

namespace nnhp {

void Mt19937::refill() {
  constexpr int n = 624, m = 397;
  for (int i = 0; i < n; ++i) {
    const auto at = [](int k) { return static_cast<size_t>(k % n); };
    const uint32_t y = (words[at(i)] & 0x80000000u) | (words[at(i + 1)] & 0x7fffffffu);
    words[at(i)] = words[at(i + m)] ^ (y >> 1) ^ ((y & 1u) != 0 ? 0x9908b0dfu : 0u);
  }
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

void Mt19937::shuffle(std::span<row_t> values) {
  for (size_t i = values.size(); i-- > 1;) {
    const uint32_t last = static_cast<uint32_t>(i);
    const uint32_t mask = ~uint32_t{0} >> std::countl_zero(last);
    uint32_t j;
    do {
      j = next() & mask;
    } while (j > last);
    std::swap(values[i], values[j]);
  }
}

}  // namespace nnhp
