// Usable CPUs and the floating-point mode.
#include <doctest/doctest.h>

#include <limits>
#include <thread>

#include "nnhp/base/cpu.hpp"

namespace nnhp::testing {
namespace {

TEST_CASE("test_usable_cpus_is_at_least_one_and_no_more_than_there_are") {
  CHECK(usable_cpus() >= 1);
  CHECK(usable_cpus() <= static_cast<int>(std::thread::hardware_concurrency()));
}

// Half of the smallest normal number, computed at run time.
template <class T>
T half_of_smallest() {
  volatile T smallest = std::numeric_limits<T>::min();
  volatile T half = T(0.5);
  return smallest * half;
}

TEST_CASE_TEMPLATE("test_flush_subnormals_ends_with_its_scope", T, float, double) {
  CHECK(half_of_smallest<T>() > T(0));
  {
    const FlushSubnormals flush;
    CHECK(half_of_smallest<T>() == T(0));
  }
  CHECK(half_of_smallest<T>() > T(0));
}

}  // namespace
}  // namespace nnhp::testing
