// Gaussian noise: its numbers, their moments, and that nothing but their names decides them.
#include <algorithm>

#include "kernel_cases.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

// What names a draw besides the place of the number.
struct Draw {
  uint64_t key = 0x0123456789abcdef;
  uint64_t step = 7;
  uint32_t place = 1;
  uint32_t first_row = 0;
};

template <class T>
TestMatrix<T> draw_noise(const KernelTable<T>& kernel, index_t M, index_t N, const Draw& draw,
                         index_t misalignment = 0) {
  const TestMatrix<T> x(Matrix(M, N), Rows::kPacked, misalignment);
  TestMatrix<T> y(M, N, Rows::kGapped, misalignment);
  kernel.add_noise(M, N, draw.key, draw.step, draw.place, draw.first_row, T(1), x.data(),
                   x.stride(), y.data(), y.stride());
  NNHP_CHECK_QUIETLY(y.surroundings_untouched());
  return y;
}

template <class T>
std::vector<double> numbers(const KernelTable<T>& kernel, index_t M, index_t N, const Draw& draw) {
  const TestMatrix<T> drawn = draw_noise(kernel, M, N, draw);
  std::vector<double> result;
  for (index_t i = 0; i < M; ++i) {
    for (index_t j = 0; j < N; ++j) result.push_back(static_cast<double>(drawn(i, j)));
  }
  return result;
}

TEST_CASE_TEMPLATE("test_noise_is_philox_of_its_place", T, float, double) {
  const std::vector<Draw> draws{{},
                                {0, 0, 0, 0},
                                {~uint64_t{0}, (uint64_t{5} << 32) + 3, 9, 1000},
                                {1, 2, 0xFFFF, ~uint32_t{0} - 2}};
  for (const Draw& draw : draws) {
    for (const index_t N : kSizes) {
      CAPTURE(N);
      Matrix want(3, N);
      for (index_t i = 0; i < 3; ++i) {
        for (index_t j = 0; j < N; ++j) {
          want(i, j) = reference::normal<T>(draw.key, draw.step, draw.place,
                                            draw.first_row + static_cast<uint32_t>(i),
                                            static_cast<uint32_t>(j));
        }
      }
      for (const index_t misalignment : kMisalignments) {
        for_each_isa<T>([&](const KernelTable<T>& kernel) {
          const TestMatrix<T> got = draw_noise(kernel, 3, N, draw, misalignment);
          NNHP_CHECK_NOTHING(mismatch(got, want, Matrix(3, N, 20.0 * kEpsilon<T>)));
        });
      }
    }
  }
}

TEST_CASE_TEMPLATE("test_noise_of_a_row_does_not_depend_on_its_block", T, float, double) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    const TestMatrix<T> whole = draw_noise(kernel, 20, 65, {});
    for (index_t first = 0; first < 20; ++first) {
      Draw draw;
      draw.first_row = static_cast<uint32_t>(first);
      NNHP_CHECK_NOTHING(bit_mismatch(draw_noise(kernel, 20 - first, 65, draw), whole, first));
      NNHP_CHECK_NOTHING(bit_mismatch(draw_noise(kernel, 1, 33, draw), whole, first));
    }
  });
}

TEST_CASE_TEMPLATE("test_noise_changes_with_key_step_place_and_row", T, float, double) {
  std::vector<Draw> others(6);
  others[0].key += 1;
  others[1].key += uint64_t{1} << 32;
  others[2].step += 1;
  others[3].step += uint64_t{1} << 32;
  others[4].place += 1;
  others[5].first_row += 4;
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    const std::vector<double> own = numbers(kernel, 4, 64, {});
    CHECK(numbers(kernel, 4, 64, {}) == own);
    for (const Draw& other : others) CHECK(numbers(kernel, 4, 64, other) != own);
  });
}

TEST_CASE_TEMPLATE("test_noise_is_scaled_and_added", T, float, double) {
  Random random(1);
  const Draw draw;
  for (const index_t N : kSizes) {
    const Matrix values = random_matrix<T>(6, N, random);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      const TestMatrix<T> noise = draw_noise(kernel, 6, N, draw);
      const TestMatrix<T> x(values, Rows::kScratch, 1);
      TestMatrix<T> y(6, N, Rows::kScratch), in_place = x;
      const auto add = [&](const T* from, T* to, index_t stride) {
        kernel.add_noise(6, N, draw.key, draw.step, draw.place, draw.first_row, T(0.25), from,
                         x.stride(), to, stride);
      };
      add(x.data(), y.data(), y.stride());
      add(in_place.data(), in_place.data(), in_place.stride());
      Matrix want(6, N);
      for (index_t i = 0; i < 6; ++i) {
        for (index_t j = 0; j < N; ++j) {
          want(i, j) = values(i, j) + 0.25 * static_cast<double>(noise(i, j));
        }
      }
      NNHP_CHECK_NOTHING(mismatch(y, want, Matrix(6, N, 4.0 * kEpsilon<T>)));
      NNHP_CHECK_NOTHING(bit_mismatch(in_place, y));
    });
  }
}

// Every bound is five standard errors, of means of n products of standard normal numbers.
TEST_CASE_TEMPLATE("test_noise_has_the_moments_of_independent_normal_numbers", T, float, double) {
  constexpr index_t M = 2000, N = 100;
  Draw next_step, next_place;
  next_step.step += 1;
  next_place.place += 1;
  const KernelTable<T>& kernel = table_of<T>(*available_kernels().back());
  const std::vector<double> now = numbers(kernel, M, N, {});
  const std::vector<double> later = numbers(kernel, M, N, next_step);
  const std::vector<double> beside = numbers(kernel, M, N, next_place);
  const size_t n = now.size();
  const auto mean = [&](auto&& f) {
    double total = 0.0;
    for (size_t i = 0; i < n; ++i) total += f(i);
    return total / static_cast<double>(n);
  };
  const double error = 5.0 / std::sqrt(static_cast<double>(n));
  CHECK(std::abs(mean([&](size_t i) { return now[i]; })) < error);
  CHECK(std::abs(mean([&](size_t i) { return now[i] * now[i]; }) - 1.0) < error * std::sqrt(2.0));
  CHECK(std::abs(mean([&](size_t i) { return std::pow(now[i], 3.0); })) < error * std::sqrt(15.0));
  CHECK(std::abs(mean([&](size_t i) { return std::pow(now[i], 4.0); }) - 3.0) <
        error * std::sqrt(96.0));
  CHECK(std::abs(mean([&](size_t i) { return now[i] < 1.0 ? 1.0 : 0.0; }) - 0.841344746) < error);
  for (const size_t distance : {size_t{1}, size_t{8}, size_t{16}, size_t{100}}) {
    CAPTURE(distance);
    CHECK(std::abs(mean([&](size_t i) { return now[i] * now[(i + distance) % n]; })) < error);
  }
  CHECK(std::abs(mean([&](size_t i) { return now[i] * later[i]; })) < error);
  CHECK(std::abs(mean([&](size_t i) { return now[i] * beside[i]; })) < error);
}

}  // namespace
}  // namespace nnhp::testing
