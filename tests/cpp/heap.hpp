// The heap of the process, counted, and made to fail: heap.cpp replaces the global operator new.
// Its tests are an executable of their own, for the replacement reaches everything.
#pragma once

#include <atomic>
#include <cstddef>

namespace nnhp::testing {

struct Heap {
  std::atomic<long> allocations{0};  // ever made
  std::atomic<long> live{0};         // made and not yet given back
  std::atomic<size_t> largest_request{0};
  // Allocations until one fails, and whether the later ones do, too.
  std::atomic<long> until_failure{0};
  std::atomic<bool> stays_full{false};
  std::atomic<long> failures{0};

  // Has the n-th allocation from now on fail; 0: none.
  void fail_at(long n, bool and_later) {
    failures = 0;
    stays_full = and_later;
    until_failure = n;
  }
};
extern Heap heap;

}  // namespace nnhp::testing
