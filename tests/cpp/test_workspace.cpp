// Aligned memory and sizes that cannot be.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <utility>

#include "nnhp/base/workspace.hpp"
#include "sizes.hpp"

namespace nnhp::testing {
namespace {

constexpr index_t kLargest = std::numeric_limits<index_t>::max();

bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % kAlignment == 0; }

TEST_CASE("test_aligned_vector_is_aligned_zeroed_and_readable_past_its_end") {
  for (const index_t n : kSizes) {
    AlignedVector<float> vector(n);
    CHECK(vector.size() == n);
    CHECK(aligned(vector.data()));
    bool zero = true;
    for (index_t i = 0; i < n + kAlignment / 4; ++i) zero = zero && vector.data()[i] == 0.0f;
    CHECK(zero);
  }
}

TEST_CASE("test_aligned_vector_copies_are_deep_and_moves_leave_nothing") {
  AlignedVector<double> one(3);
  one[0] = 1.0;
  one[2] = 3.0;
  AlignedVector<double> copy(one);
  one[0] = 9.0;
  CHECK(copy[0] == 1.0);
  CHECK(copy[2] == 3.0);

  AlignedVector<double> other(5);
  other = copy;
  CHECK(other.size() == 3);
  CHECK(other[2] == 3.0);
  const double* where = copy.data();
  copy = one;
  CHECK(copy.data() == where);  // of the same size: no new memory
  CHECK(copy[0] == 9.0);
  const AlignedVector<double>& same = copy;
  copy = same;
  CHECK(copy[0] == 9.0);

  const AlignedVector<double> moved = std::move(other);
  CHECK(moved[2] == 3.0);
  CHECK(other.empty());  // NOLINT(bugprone-use-after-move): that is the question
  other = AlignedVector<double>();
  CHECK(other.empty());
  copy = other;
  CHECK(copy.empty());
}

TEST_CASE("test_impossible_sizes_are_a_length_error") {
  CHECK_THROWS_AS(AlignedVector<double>{kLargest}, std::length_error);
  CHECK_THROWS_AS(AlignedVector<double>(kLargest / 8), std::length_error);
  CHECK_THROWS_AS(AlignedVector<char>{kLargest}, std::length_error);
  Workspace sizes;
  CHECK_THROWS_AS(sizes.take<double>(kLargest / 4), std::length_error);
  sizes.take<char>(kLargest / 2);
  CHECK_THROWS_AS(sizes.take<char>(kLargest / 2), std::length_error);
}

TEST_CASE("test_checked_sizes") {
  CHECK(checked_product(0, kLargest, "x") == 0);
  CHECK(checked_product(kLargest, 1, "x") == kLargest);
  CHECK(checked_product(index_t{1} << 31, index_t{1} << 31, "x") == index_t{1} << 62);
  CHECK_THROWS_WITH_AS(checked_product(kLargest, 2, "rows"),
                       "rows: 9223372036854775807 x 2 exceeds the address space",
                       std::length_error);
  CHECK(checked_sum(kLargest - 1, 1, "x") == kLargest);
  CHECK_THROWS_WITH_AS(checked_sum(kLargest, 1, "rows"),
                       "rows: 9223372036854775807 + 1 exceeds the address space",
                       std::length_error);
}

TEST_CASE_TEMPLATE("test_padded_strides_are_whole_vectors_off_the_kibibyte", T, float, double) {
  constexpr index_t lanes = kAlignment / static_cast<index_t>(sizeof(T));
  constexpr index_t kibibyte = 1024 / static_cast<index_t>(sizeof(T));
  CHECK(padded_stride<T>(0) == 0);
  for (index_t columns = 1; columns < 3000; ++columns) {
    const index_t stride = padded_stride<T>(columns);
    const bool right = stride >= columns && stride % lanes == 0 && stride % kibibyte != 0 &&
                       stride < columns + 2 * lanes;
    if (!right) CHECK(stride == columns);
  }
}

// The same sequence of requests for every pass.
void take_some(Workspace& workspace, char*& first, double*& second, float*& third) {
  first = workspace.take<char>(1);
  second = workspace.take<double>(100);
  third = workspace.take<float>(7);
}

TEST_CASE("test_workspace_counts_then_binds_arrays_that_do_not_touch") {
  char* first;
  double* second;
  float* third;
  Workspace sizes;
  take_some(sizes, first, second, third);
  CHECK(first == nullptr);
  CHECK(third == nullptr);

  Workspace workspace;
  workspace.reserve(sizes.bytes());
  take_some(workspace, first, second, third);
  CHECK(workspace.bytes() == sizes.bytes());
  CHECK(aligned(first));
  CHECK(aligned(second));
  CHECK(aligned(third));
  // Each may be read up to kAlignment bytes past its end.
  CHECK(reinterpret_cast<char*>(second) - first >= 1 + kAlignment);
  CHECK(reinterpret_cast<char*>(third) - reinterpret_cast<char*>(second) >= 800 + kAlignment);
  CHECK(workspace.bytes() >= (reinterpret_cast<char*>(third) - first) + 28 + kAlignment);

  char* again;
  workspace.rewind();
  take_some(workspace, again, second, third);
  CHECK(again == first);
  workspace.reserve(10);  // large enough already
  take_some(workspace, again, second, third);
  CHECK(again == first);
}

}  // namespace
}  // namespace nnhp::testing
