// Which instruction set's kernels run.
#pragma once

#include <vector>

#include "nnhp/kernels/table.hpp"

namespace nnhp {

// The kernels of every instruction set that this build holds and this machine runs, slowest first.
const std::vector<const Kernels*>& available_kernels();

// The fastest of them, or the one that the environment variable NNHP_ISA names; chosen at the first
// call. Throws std::invalid_argument when NNHP_ISA names none of them.
const Kernels& kernels();

template <class T>
const KernelTable<T>& kernel_table();

}  // namespace nnhp
