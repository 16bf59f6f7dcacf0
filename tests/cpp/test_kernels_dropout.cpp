// Dropout: which units are kept, how often, and that nothing but their names decides it.
#include <algorithm>

#include "kernel_cases.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

// What names a draw besides the place of the unit.
struct Draw {
  uint64_t key = 0x0123456789abcdef;
  uint64_t step = 7;
  uint32_t layer = 1;
  uint32_t first_row = 0;
  uint32_t keep = 40000;  // of 65536
};

template <class T>
TestMatrix<T> draw_mask(const KernelTable<T>& kernel, index_t M, index_t N, const Draw& draw,
                        index_t misalignment = 0) {
  const TestMatrix<T> x(Matrix(M, N, 1.0), Rows::kScratch, misalignment);
  TestMatrix<T> y(M, N, Rows::kScratch, misalignment), mask(M, N, Rows::kScratch, misalignment);
  kernel.dropout(M, N, draw.key, draw.step, draw.layer, draw.first_row, draw.keep, x.data(),
                 x.stride(), y.data(), y.stride(), mask.data(), mask.stride());
  NNHP_CHECK_QUIETLY(mask.surroundings_untouched());
  NNHP_CHECK_QUIETLY(y.surroundings_untouched());
  return mask;
}

// 1 for every kept unit, 0 for the others.
template <class T>
std::vector<int> pattern(const KernelTable<T>& kernel, index_t M, index_t N, const Draw& draw) {
  const TestMatrix<T> mask = draw_mask(kernel, M, N, draw);
  std::vector<int> kept;
  for (index_t i = 0; i < M; ++i) {
    for (index_t j = 0; j < N; ++j) kept.push_back(mask(i, j) != T(0));
  }
  return kept;
}

// The mask as its definition says.
template <class T>
Matrix wanted_mask(index_t M, index_t N, const Draw& draw) {
  Matrix mask(M, N);
  const double scale = static_cast<double>(T(65536) / static_cast<T>(draw.keep));
  for (index_t i = 0; i < M; ++i) {
    for (index_t j = 0; j < N; ++j) {
      const uint32_t row = draw.first_row + static_cast<uint32_t>(i);
      const bool kept = reference::kept(draw.key, draw.step, draw.layer, row,
                                        static_cast<uint32_t>(j), draw.keep);
      mask(i, j) = kept ? scale : 0.0;
    }
  }
  return mask;
}

TEST_CASE_TEMPLATE("test_dropout_mask_is_philox_of_its_place", T, float, double) {
  const std::vector<Draw> draws{{},
                                {0, 0, 0, 0, 32768},
                                {~uint64_t{0}, (uint64_t{5} << 32) + 3, 9, 1000, 6554},
                                {1, 2, 3, ~uint32_t{0} - 2, 65535}};
  for (const Draw& draw : draws) {
    for (const index_t N : kSizes) {
      CAPTURE(N);
      const Matrix want = wanted_mask<T>(3, N, draw);
      for (const index_t misalignment : kMisalignments) {
        for_each_isa<T>([&](const KernelTable<T>& kernel) {
          const TestMatrix<T> mask = draw_mask(kernel, 3, N, draw, misalignment);
          NNHP_CHECK_NOTHING(mismatch(mask, want, Matrix(3, N)));
        });
      }
    }
  }
}

TEST_CASE("test_dropout_keeps_the_same_units_on_every_isa_and_in_both_precisions") {
  const std::vector<int> want = pattern(available_kernels().front()->f32, 20, 100, {});
  for (const Kernels* kernels : available_kernels()) {
    CHECK(pattern(kernels->f32, 20, 100, {}) == want);
    CHECK(pattern(kernels->f64, 20, 100, {}) == want);
  }
}

TEST_CASE_TEMPLATE("test_dropout_of_a_row_does_not_depend_on_its_block", T, float, double) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    const TestMatrix<T> whole = draw_mask(kernel, 20, 65, {});
    for (index_t first = 0; first < 20; ++first) {
      Draw draw;
      draw.first_row = static_cast<uint32_t>(first);
      NNHP_CHECK_NOTHING(bit_mismatch(draw_mask(kernel, 20 - first, 65, draw), whole, first));
      NNHP_CHECK_NOTHING(bit_mismatch(draw_mask(kernel, 1, 33, draw), whole, first));
    }
  });
}

TEST_CASE_TEMPLATE("test_dropout_changes_with_key_step_layer_and_row", T, float, double) {
  std::vector<Draw> others(7);
  others[0].key += 1;
  others[1].key += uint64_t{1} << 32;
  others[2].step += 1;
  others[3].step += uint64_t{1} << 32;
  others[4].layer += 1;
  others[5].first_row += 4;
  others[6].keep = 30000;
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    const std::vector<int> own = pattern(kernel, 4, 64, {});
    CHECK(pattern(kernel, 4, 64, {}) == own);
    for (const Draw& other : others) CHECK(pattern(kernel, 4, 64, other) != own);
  });
}

TEST_CASE_TEMPLATE("test_dropout_writes_inputs_times_mask", T, float, double) {
  Random random(1);
  const Draw draw;
  for (const index_t N : kSizes) {
    const Matrix values = random_matrix<T>(6, N, random);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      const TestMatrix<T> x(values, Rows::kScratch, 1);
      TestMatrix<T> y(6, N, Rows::kScratch), mask(6, N, Rows::kScratch, 3), in_place = x;
      const auto drop = [&](const T* from, T* to, index_t stride) {
        kernel.dropout(6, N, draw.key, draw.step, draw.layer, draw.first_row, draw.keep, from,
                       x.stride(), to, stride, mask.data(), mask.stride());
      };
      drop(x.data(), y.data(), y.stride());
      drop(in_place.data(), in_place.data(), in_place.stride());
      TestMatrix<T> want = x;
      for (index_t i = 0; i < 6; ++i) {
        for (index_t j = 0; j < N; ++j) want(i, j) = x(i, j) * mask(i, j);
      }
      NNHP_CHECK_NOTHING(bit_mismatch(y, want));
      NNHP_CHECK_NOTHING(bit_mismatch(in_place, want));
      TestMatrix<T> delta(values, Rows::kScratch, 1);
      kernel.apply_mask(6, N, mask.data(), mask.stride(), delta.data(), delta.stride());
      NNHP_CHECK_NOTHING(bit_mismatch(delta, want));
      NNHP_CHECK_QUIETLY(delta.surroundings_untouched());
    });
  }
}

TEST_CASE("test_dropout_keeps_everything_at_65536") {
  Draw draw;
  draw.keep = 65536;
  for_each_isa<float>([&](const KernelTable<float>& kernel) {
    const TestMatrix<float> mask = draw_mask(kernel, 50, 100, draw);
    CHECK(mismatch(mask, Matrix(50, 100, 1.0), Matrix(50, 100)) == "");
  });
}

// Share of units for which `both` holds, within five standard deviations of p.
void check_share(index_t hits, index_t trials, double p) {
  const double n = static_cast<double>(trials);
  CHECK(std::abs(static_cast<double>(hits) / n - p) < 5.0 * std::sqrt(p * (1.0 - p) / n));
}

TEST_CASE("test_dropout_rate_and_independence_of_neighbours") {
  constexpr index_t M = 500, N = 128;
  const KernelTable<float>& kernel = available_kernels().back()->f32;
  for (const uint32_t keep : {655u, 13107u, 32768u, 58982u, 65000u}) {
    CAPTURE(keep);
    Draw draw, next_step;
    draw.keep = next_step.keep = keep;
    next_step.step += 1;
    const std::vector<int> now = pattern(kernel, M, N, draw);
    const std::vector<int> later = pattern(kernel, M, N, next_step);
    const double p = keep / 65536.0;
    index_t kept = 0, with_right = 0, with_below = 0, with_later = 0;
    for (size_t i = 0; i < now.size(); ++i) {
      kept += now[i];
      with_right += now[i] & now[(i + 1) % now.size()];
      with_below += now[i] & now[(i + static_cast<size_t>(N)) % now.size()];
      with_later += now[i] & later[i];
    }
    check_share(kept, M * N, p);
    check_share(with_right, M * N, p * p);
    check_share(with_below, M * N, p * p);
    check_share(with_later, M * N, p * p);
  }
}

// Keras's AlphaDropout, with its names: dropped values become alpha', then all a x + b.
struct Alpha {
  explicit Alpha(double rate)
      : a(1.0 / std::sqrt((1.0 - rate) * (1.0 + rate * limit * limit))), b(-a * limit * rate) {}
  static constexpr double limit = -1.6732632423543772 * 1.0507009873554805;
  double a, b;
};

TEST_CASE_TEMPLATE("test_alpha_dropout_drops_what_dropout_drops", T, float, double) {
  Random random(2);
  const Draw draw;
  const Alpha alpha(1.0 - draw.keep / 65536.0);
  for (const index_t N : kSizes) {
    CAPTURE(N);
    const Matrix values = random_matrix<T>(6, N, random, -2.0, 2.0);
    Matrix want(6, N), multipliers(6, N);
    for (index_t i = 0; i < 6; ++i) {
      for (index_t j = 0; j < N; ++j) {
        const bool stays =
            reference::kept(draw.key, draw.step, draw.layer, static_cast<uint32_t>(i),
                            static_cast<uint32_t>(j), draw.keep);
        want(i, j) = alpha.a * (stays ? values(i, j) : Alpha::limit) + alpha.b;
        multipliers(i, j) = stays ? alpha.a : 0.0;
      }
    }
    for (const index_t misalignment : kMisalignments) {
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        TestMatrix<T> y(values, Rows::kScratch, misalignment);
        TestMatrix<T> mask(6, N, Rows::kScratch, misalignment);
        kernel.alpha_dropout(6, N, draw.key, draw.step, draw.layer, draw.first_row, draw.keep,
                             y.data(), y.stride(), y.data(), y.stride(), mask.data(),
                             mask.stride());
        NNHP_CHECK_NOTHING(mismatch(y, want, Matrix(6, N, 8.0 * kEpsilon<T>)));
        NNHP_CHECK_NOTHING(mismatch(mask, multipliers, Matrix(6, N, kEpsilon<T>)));
        NNHP_CHECK_QUIETLY((y.surroundings_untouched() && mask.surroundings_untouched()));
      });
    }
  }
}

// Of standard normal values, within five standard errors of the mean and of the mean square.
TEST_CASE_TEMPLATE("test_alpha_dropout_keeps_mean_and_variance", T, float, double) {
  constexpr index_t M = 1000, N = 128;
  const KernelTable<T>& kernel = table_of<T>(*available_kernels().back());
  TestMatrix<T> x(Matrix(M, N), Rows::kScratch);
  kernel.add_noise(M, N, 5, 0, 0, 0, T(1), x.data(), x.stride(), x.data(), x.stride());
  for (const uint32_t keep : {13107u, 32768u, 58982u}) {
    CAPTURE(keep);
    TestMatrix<T> y(M, N, Rows::kScratch), mask(M, N, Rows::kScratch);
    kernel.alpha_dropout(M, N, 7, 3, 1, 0, keep, x.data(), x.stride(), y.data(), y.stride(),
                         mask.data(), mask.stride());
    double mean = 0.0, squares = 0.0, fourths = 0.0;
    for (index_t i = 0; i < M; ++i) {
      for (index_t j = 0; j < N; ++j) {
        const double value = static_cast<double>(y(i, j));
        mean += value / (M * N);
        squares += value * value / (M * N);
        fourths += std::pow(value, 4.0) / (M * N);
      }
    }
    const double n = M * N;
    CHECK(std::abs(mean) < 5.0 / std::sqrt(n));
    CHECK(std::abs(squares - 1.0) < 5.0 * std::sqrt((fourths - 1.0) / n));
  }
}

}  // namespace
}  // namespace nnhp::testing
