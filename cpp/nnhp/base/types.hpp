// The vocabulary of shapes. Everything is row-major; a weight matrix W is [I x O] (inputs by
// outputs), as in scikit-learn's coefs_. B counts samples of a batch.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace nnhp {

// Every size, count and offset. Products are formed with checked_product (base/error.hpp) before
// anything is allocated.
using index_t = ptrdiff_t;

// Index of a sample in a Dataset: half the memory of index_t, which matters because each session
// owns a shuffled list of them.
using row_t = int32_t;

// Rows of scratch matrices start on this boundary, and every buffer that a kernel reads may be read
// up to this many bytes past its end (see kernels/table.hpp).
inline constexpr index_t kAlignment = 64;

}  // namespace nnhp
