// How many CPUs this process may use, and the floating-point mode of a thread.
#pragma once

#include "nnhp/base/types.hpp"

namespace nnhp {

// CPUs that this process may keep busy: the smaller of its affinity mask and the CPU quota of its
// control groups (rounded up), at least 1.
int usable_cpus();

// Lets usable_cpus() be `cpus`, 0 for the truth again: so that tests run as many threads as they
// mean to on any machine.
void pretend_cpus(int cpus);

// Treats subnormal numbers as zero in this thread for as long as it lives: Adam's second moments
// and the gradients of dead units become subnormal, and each such operation may cost 150 cycles.
class FlushSubnormals {
 public:
  FlushSubnormals();
  ~FlushSubnormals();
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  uint64_t saved_;
};

}  // namespace nnhp
