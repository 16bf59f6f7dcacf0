// MT19937 and the shuffle against NumPy's and the standard library's.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "nnhp/base/rng.hpp"
#include "random.hpp"
#include "reference.hpp"

namespace nnhp::testing {
namespace {

Mt19937 seeded(uint32_t seed) { return {reference::mt19937_words(seed), 624}; }

std::vector<row_t> counting(index_t n) {
  std::vector<row_t> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), row_t{0});
  return values;
}

TEST_CASE("test_mt19937_gives_the_published_answers") {
  Mt19937 generator = seeded(5489);
  for (const uint32_t want : {3499211612u, 581869302u, 3890346734u, 3586334585u, 545404204u}) {
    CHECK(generator.next() == want);
  }
}

TEST_CASE("test_mt19937_is_the_standard_library's") {
  for (const uint32_t seed : {0u, 1u, 5489u, 4294967295u}) {
    Mt19937 generator = seeded(seed);
    std::mt19937 standard(seed);
    bool equal = true;
    for (int i = 0; i < 10000; ++i) equal = equal && generator.next() == standard();
    CHECK(equal);
  }
}

TEST_CASE("test_mt19937_goes_on_from_a_copied_state") {
  Mt19937 generator = seeded(1);
  for (int i = 0; i < 700; ++i) generator.next();
  Mt19937 copy = generator;
  CHECK(copy.position == 76);
  for (int i = 0; i < 700; ++i) CHECK(copy.next() == generator.next());
}

// Made with NumPy 2.4:
//   r = numpy.random.RandomState(seed); a = numpy.arange(n); r.shuffle(a); b = a.copy();
//   r.shuffle(b) print(seed, a.tolist(), b.tolist(), r.get_state()[2])
struct Shuffled {
  uint32_t seed;
  std::vector<row_t> once, twice;
  int position;
};
const std::vector<Shuffled> shuffles{
    {0, {0}, {0}, 624},
    {0, {1, 0}, {1, 0}, 2},
    {1, {2, 1, 4, 0, 3}, {2, 4, 3, 0, 1}, 9},
    {42, {8, 1, 5, 0, 7, 2, 9, 4, 3, 6}, {8, 1, 3, 2, 0, 7, 4, 6, 9, 5}, 21},
    {5489,
     {23, 24, 6,  21, 13, 0, 15, 19, 30, 20, 18, 29, 32, 9,  8,  2, 10,
      17, 26, 31, 7,  16, 4, 27, 3,  11, 1,  5,  12, 25, 14, 22, 28},
     {30, 27, 0,  28, 14, 32, 31, 23, 3, 21, 4,  24, 18, 5, 2, 20, 17,
      13, 16, 11, 10, 22, 19, 1,  29, 7, 26, 25, 8,  12, 9, 6, 15},
     85}};

TEST_CASE("test_shuffle_is_numpy's") {
  for (const Shuffled& want : shuffles) {
    CAPTURE(want.seed);
    Mt19937 generator = seeded(want.seed);
    std::vector<row_t> values = counting(static_cast<index_t>(want.once.size()));
    generator.shuffle(values);
    CHECK(values == want.once);
    generator.shuffle(values);
    CHECK(values == want.twice);
    CHECK(generator.position == want.position);
  }
}

// Made with NumPy 2.4:
//   r = numpy.random.RandomState(7); a = numpy.arange(100000)
//   for _ in range(3): r.shuffle(a)
//   print((a * (numpy.arange(100000) % 1009)).sum(), a[:5], r.get_state()[2], r.get_state()[1][:3])
TEST_CASE("test_long_shuffles_are_numpy's") {
  Mt19937 generator = seeded(7);
  std::vector<row_t> values = counting(100000);
  for (int i = 0; i < 3; ++i) generator.shuffle(values);
  int64_t sum = 0;
  for (size_t i = 0; i < values.size(); ++i)
    sum += int64_t{values[i]} * static_cast<int64_t>(i % 1009);
  CHECK(sum == 2518976629677);
  CHECK(std::vector<row_t>(values.begin(), values.begin() + 5) ==
        std::vector<row_t>{51527, 3057, 8580, 94117, 61747});
  CHECK(generator.position == 595);
  CHECK(generator.words[0] == 2119474343u);
  CHECK(generator.words[1] == 1599013251u);
  CHECK(generator.words[2] == 264698948u);
  std::sort(values.begin(), values.end());
  CHECK(values == counting(100000));
}

TEST_CASE("test_shuffle_of_nothing_draws_nothing") {
  Mt19937 generator = seeded(3);
  std::vector<row_t> nothing;
  generator.shuffle(nothing);
  CHECK(generator.position == 624);
}

// The engine's and the tests' own, written apart from each other.
TEST_CASE("test_philox_matches_the_plain_one") {
  Random random(1);
  const auto word = [&] { return static_cast<uint32_t>(random.below(index_t{1} << 32)); };
  for (int i = 0; i < 100; ++i) {
    const std::array<uint32_t, 4> counter{word(), word(), word(), word()};
    const uint32_t low = word(), high = word();
    CHECK(philox(counter, uint64_t{high} << 32 | low) == reference::philox(counter, {low, high}));
  }
}

}  // namespace
}  // namespace nnhp::testing
