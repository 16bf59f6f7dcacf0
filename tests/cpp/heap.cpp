#include "heap.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace nnhp::testing {

Heap heap;

namespace {

// Whether the allocation that is asked for is to fail.
bool fails() { return heap.until_failure != 0 && heap.until_failure.fetch_sub(1) == 1; }

void* taken(size_t bytes, size_t alignment) {
  if (fails()) {
    if (heap.stays_full) heap.until_failure = 1;
    ++heap.failures;
    throw std::bad_alloc();
  }
  ++heap.allocations;
  size_t largest = heap.largest_request;
  while (bytes > largest && !heap.largest_request.compare_exchange_weak(largest, bytes)) {
  }
  const size_t rounded = (std::max<size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  void* p = std::aligned_alloc(alignment, rounded);
  if (p == nullptr) throw std::bad_alloc();
  ++heap.live;
  return p;
}

void give_back(void* p) {
  if (p != nullptr) --heap.live;
  std::free(p);
}

}  // namespace
}  // namespace nnhp::testing

using nnhp::testing::give_back;
using nnhp::testing::taken;

void* operator new(size_t bytes) { return taken(bytes, alignof(std::max_align_t)); }
void* operator new[](size_t bytes) { return taken(bytes, alignof(std::max_align_t)); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return taken(bytes, static_cast<size_t>(alignment));
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return taken(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* p) noexcept { give_back(p); }
void operator delete[](void* p) noexcept { give_back(p); }
void operator delete(void* p, size_t) noexcept { give_back(p); }
void operator delete[](void* p, size_t) noexcept { give_back(p); }
void operator delete(void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { give_back(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { give_back(p); }
