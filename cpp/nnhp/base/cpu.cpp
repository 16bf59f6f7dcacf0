#include "nnhp/base/cpu.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "nnhp/base/cgroup.hpp"

namespace nnhp {

namespace {

int affinity_cpus() {
  // A mask of 1024 CPUs is the usual size; larger machines need more, so grow until it fits.
  for (int size = 1024; size <= 1 << 20; size *= 2) {
    cpu_set_t* mask = CPU_ALLOC(static_cast<size_t>(size));
    const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(size));
    const bool ok = sched_getaffinity(0, bytes, mask) == 0;
    const int count = ok ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (ok) return std::max(count, 1);
  }
  return 1;
}

// Looked up anew after a second: reading the files takes longer than a small prediction. Without a
// lock, which a child of fork() might find held for ever; at worst several threads look it up.
int recent_quota() {
  using Clock = std::chrono::steady_clock;
  static std::atomic<Clock::rep> looked_up{0};
  static std::atomic<int> quota{0};
  const Clock::rep now = Clock::now().time_since_epoch().count();
  const Clock::rep before = looked_up.load(std::memory_order_acquire);
  if (before == 0 || Clock::duration(now - before) > std::chrono::seconds(1)) {
    quota.store(cpus_of_cgroups({}), std::memory_order_relaxed);
    looked_up.store(now, std::memory_order_release);
  }
  return quota.load(std::memory_order_relaxed);
}

std::atomic<int> pretended_cpus{0};

}  // namespace

int usable_cpus() {
  if (const int pretended = pretended_cpus; pretended > 0) return pretended;
  const int quota = recent_quota();
  const int affinity = affinity_cpus();
  return quota > 0 ? std::min(quota, affinity) : affinity;
}

void pretend_cpus(int cpus) { pretended_cpus = cpus; }

#if defined(__x86_64__)
FlushSubnormals::FlushSubnormals() : saved_(_mm_getcsr()) {
  _mm_setcsr(static_cast<unsigned>(saved_) | 0x8040u);  // flush-to-zero, denormals-are-zero
}
FlushSubnormals::~FlushSubnormals() { _mm_setcsr(static_cast<unsigned>(saved_)); }
#elif defined(__aarch64__)
FlushSubnormals::FlushSubnormals() {
  asm volatile("mrs %0, fpcr" : "=r"(saved_));
  asm volatile("msr fpcr, %0" : : "r"(saved_ | (uint64_t{1} << 24)));
}
FlushSubnormals::~FlushSubnormals() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#else
FlushSubnormals::FlushSubnormals() : saved_(0) {}
FlushSubnormals::~FlushSubnormals() = default;
#endif

}  // namespace nnhp
