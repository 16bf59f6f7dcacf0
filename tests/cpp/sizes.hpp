// The sizes at which kernels are tried: around the vector lengths of every instruction set, their
// tiles and the units of a dropout block.
#pragma once

#include <array>

#include "nnhp/base/types.hpp"

namespace nnhp::testing {

inline constexpr std::array<index_t, 14> kSizes{1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100};

// Lengths of sums, fewer because they only meet the unrolling of one loop.
inline constexpr std::array<index_t, 6> kDepths{1, 3, 8, 17, 33, 100};

// Products [M x K] [K x N] of which K x N or M x N does not fit a first-level cache, so that panels
// are packed, in one or several blocks of K.
struct Shape {
  index_t M, N, K;
};
inline constexpr std::array<Shape, 6> kLargeShapes{{{33, 65, 129},
                                                    {31, 100, 300},
                                                    {40, 100, 300},
                                                    {300, 100, 40},
                                                    {64, 520, 257},
                                                    {257, 33, 520}}};

// Elements by which a buffer begins past a boundary of kAlignment bytes; kAtPageEnd places it so
// that a page which must not be touched follows the bytes that may be read past its end.
inline constexpr index_t kAtPageEnd = -1;
inline constexpr std::array<index_t, 4> kMisalignments{0, 1, 5, kAtPageEnd};

// Lengths of flat arrays: the same, and some around the 4096 values that are summed in one chunk.
inline constexpr std::array<index_t, 17> kLengths{1,  3,  7,  8,   9,    15,   16,   17,  31,
                                                  33, 64, 65, 100, 4095, 4096, 4097, 9000};

}  // namespace nnhp::testing
