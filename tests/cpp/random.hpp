// Reproducible numbers for tests, the same on every platform.
#pragma once

#include <cstdint>
#include <random>

#include "nnhp/base/types.hpp"

namespace nnhp::testing {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53;
  }
  index_t below(index_t n) { return static_cast<index_t>(engine_() % static_cast<uint64_t>(n)); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace nnhp::testing
