// Quotas and the floating-point mode.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <thread>

#include "nnhp/base/cpu.hpp"

namespace nnhp::testing {
namespace {

TEST_CASE("test_cpus_of_quota_rounds_up") {
  const std::pair<std::string, int> cases[] = {{"100000 100000", 1},
                                               {"50000 100000", 1},
                                               {"1000 100000", 1},
                                               {"100001 100000", 2},
                                               {"150000 100000", 2},
                                               {"200000 100000", 2},
                                               {"800000 100000\n", 8},
                                               {"1200000 50000", 24},
                                               {"max 100000", 0},
                                               {"-1 100000", 0},
                                               {"", 0},
                                               {"100000", 0},
                                               {"0 100000", 0},
                                               {"100000 0", 0},
                                               {"rubbish", 0}};
  for (const auto& row : cases) {
    CAPTURE(row.first);
    CHECK(cpus_of_quota(row.first) == row.second);
  }
}

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
