// The tests' own reference against published numbers: a wrong yardstick would prove nothing.
#include <doctest/doctest.h>

#include "reference_loss.hpp"

namespace nnhp::testing {
namespace {

// The first known-answer vectors that Salmon et al. publish with Philox-4x32-10.
TEST_CASE("test_reference_philox_gives_the_published_answers") {
  using Words = std::array<uint32_t, 4>;
  CHECK(reference::philox({0, 0, 0, 0}, {0, 0}) ==
        Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(reference::philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(reference::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                          {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("test_reference_product_worked_by_hand") {
  reference::Matrix a(2, 3), b(3, 2);
  a.cells = {1, 2, 3, 4, 5, 6};
  b.cells = {1, 0, 0, 1, 2, -1};
  CHECK(reference::product(a, b).cells == std::vector<double>{7, -1, 16, -1});
  CHECK(reference::transposed(a).cells == std::vector<double>{1, 4, 2, 5, 3, 6});
  CHECK(reference::column_sums(a).cells == std::vector<double>{5, 7, 9});
}

TEST_CASE("test_reference_ulps_count_from_the_exact_value") {
  CHECK(reference::ulps(1.0f, 1.0L) == 0.0);
  CHECK(reference::ulps(1.0f + 0x1p-23f, 1.0L) == 1.0);
  CHECK(reference::ulps(1.0 - 0x1p-52, 1.0L) == 1.0);
  CHECK(reference::ulps(2.0, 2.0L + 0x1p-52L) == 0.5);
}

TEST_CASE("test_reference_names_what_it_lacks") {
  CHECK_THROWS_WITH(reference::named(reference::losses, "hinges"), "reference.hpp has no 'hinges'");
}

}  // namespace
}  // namespace nnhp::testing
