// Activations and their derivatives: accuracy, special values, independence of rows and of padding.
#include <algorithm>
#include <functional>

#include "kernel_cases.hpp"
#include "nnhp/nn/activation.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

template <class T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T kTiny = std::numeric_limits<T>::denorm_min();
template <class T>
constexpr T kHuge = std::numeric_limits<T>::max();

// Prelu and maxout have kernels of their own.
bool has_a_row(size_t i) { return may_end(static_cast<Activation>(i)); }
// One that is not the standard, so that it shows whether it is heeded.
double unusual_parameter(size_t i) { return 1.5 * activation_table[i].standard; }

// The activation of single values, each in a row of its own.
template <class T>
std::vector<T> activate_each(const KernelTable<T>& kernel, Activation activation,
                             const std::vector<T>& values) {
  TestMatrix<T> z(1, static_cast<index_t>(values.size()), Rows::kScratch);
  std::copy(values.begin(), values.end(), z.data());
  kernel.activate[static_cast<size_t>(activation)](1, z.columns(), z.data(), z.stride(),
                                                   static_cast<T>(info(activation).standard));
  return {z.data(), z.data() + z.columns()};
}

// Evenly spaced values, and values evenly spaced in magnitude down to the smallest normal ones.
template <class T>
std::vector<T> wide_grid(double low, double high) {
  std::vector<T> grid;
  constexpr int steps = 20000;
  for (int i = 0; i <= steps; ++i) grid.push_back(static_cast<T>(low + (high - low) * i / steps));
  for (double x = high; x > static_cast<double>(std::numeric_limits<T>::min()); x *= 0.93) {
    grid.push_back(static_cast<T>(x));
    if (low < 0.0) grid.push_back(static_cast<T>(std::max(-x, low)));
  }
  return grid;
}

// The largest error over `grid` is within `limit` units in the last place.
template <class T>
void check_ulps(Activation activation, const std::vector<T>& grid, double limit) {
  const auto& exact = reference::named(reference::activations, info(activation).name);
  std::vector<long double> wanted;
  const long double parameter = static_cast<long double>(info(activation).standard);
  for (const T x : grid) wanted.push_back(exact.value(static_cast<long double>(x), parameter));
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    const std::vector<T> got = activate_each(kernel, activation, grid);
    double worst = 0.0;
    T at = T(0);
    for (size_t i = 0; i < grid.size(); ++i) {
      const double error = reference::ulps(got[i], wanted[i]);
      if (error > worst || std::isnan(error)) {
        worst = error;
        at = grid[i];
      }
    }
    CAPTURE(at);
    CHECK(worst <= limit);
  });
}

// Bounds of the range in which exp gives normal numbers.
template <class T>
constexpr double kExpLow = sizeof(T) == 4 ? -86.6 : -707.7;
template <class T>
constexpr double kExpHigh = sizeof(T) == 4 ? 88.7228 : 709.7827;

TEST_CASE_TEMPLATE("test_exp_is_within_2_ulp", T, float, double) {
  check_ulps(Activation::kExp, wide_grid<T>(kExpLow<T>, kExpHigh<T>), 2.0);
}
TEST_CASE_TEMPLATE("test_tanh_is_within_4_ulp", T, float, double) {
  check_ulps(Activation::kTanh, wide_grid<T>(-25.0, 25.0), 4.0);
}
TEST_CASE_TEMPLATE("test_logistic_is_within_5_ulp", T, float, double) {
  check_ulps(Activation::kLogistic, wide_grid<T>(kExpLow<T>, 50.0), 5.0);
}
TEST_CASE_TEMPLATE("test_activations_of_one_exponential_are_within_6_ulp", T, float, double) {
  for (const Activation activation : {Activation::kElu, Activation::kSelu, Activation::kSoftplus}) {
    CAPTURE(info(activation).name);
    check_ulps(activation, wide_grid<T>(kExpLow<T> + 20.0, 50.0), 6.0);
  }
}
TEST_CASE_TEMPLATE("test_mish_is_within_8_ulp", T, float, double) {
  check_ulps(Activation::kMish, wide_grid<T>(kExpLow<T> / 2.0, 50.0), 8.0);
}
TEST_CASE_TEMPLATE("test_gelu_is_within_10_ulp", T, float, double) {
  check_ulps(Activation::kGelu, wide_grid<T>(sizeof(T) == 4 ? -12.8 : -37.2, 50.0), 10.0);
}
TEST_CASE_TEMPLATE("test_leaky_relu_and_hard_sigmoid_are_within_4_ulp", T, float, double) {
  check_ulps(Activation::kLeakyRelu, wide_grid<T>(-10.0, 10.0), 4.0);
  check_ulps(Activation::kHardSigmoid, wide_grid<T>(-2.9, 10.0), 4.0);
}
TEST_CASE_TEMPLATE("test_identity_and_relu_are_exact", T, float, double) {
  check_ulps(Activation::kIdentity, wide_grid<T>(-10.0, 10.0), 0.0);
  check_ulps(Activation::kRelu, wide_grid<T>(-10.0, 10.0), 0.0);
}

// Checks f(input) == output, NaN meaning any NaN and zeros having a sign.
template <class T>
void check_values(Activation activation, const std::vector<std::pair<T, T>>& rows) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    for (const auto& row : rows) {
      const T input = row.first, output = row.second;
      CAPTURE(input);
      const T got = activate_each<T>(kernel, activation, {input})[0];
      if (std::isnan(output)) {
        CHECK(std::isnan(got));
      } else {
        CHECK(bits(got) == bits(output));
      }
    }
  });
}

TEST_CASE_TEMPLATE("test_exp_of_special_values", T, float, double) {
  check_values<T>(Activation::kExp, {{kInfinity<T>, kInfinity<T>},
                                     {-kInfinity<T>, T(0)},
                                     {kNan<T>, kNan<T>},
                                     {T(0), T(1)},
                                     {-T(0), T(1)},
                                     {kTiny<T>, T(1)},
                                     {-kTiny<T>, T(1)},
                                     {kHuge<T>, kInfinity<T>},
                                     {-kHuge<T>, T(0)},
                                     {static_cast<T>(kExpHigh<T> + 0.01), kInfinity<T>},
                                     {static_cast<T>(kExpLow<T> - 0.1), T(0)}});
}
TEST_CASE_TEMPLATE("test_logistic_of_special_values", T, float, double) {
  check_values<T>(Activation::kLogistic, {{kInfinity<T>, T(1)},
                                          {-kInfinity<T>, T(0)},
                                          {kNan<T>, kNan<T>},
                                          {T(0), T(0.5)},
                                          {-T(0), T(0.5)},
                                          {kTiny<T>, T(0.5)},
                                          {kHuge<T>, T(1)},
                                          {-kHuge<T>, T(0)}});
}
TEST_CASE_TEMPLATE("test_tanh_of_special_values", T, float, double) {
  check_values<T>(Activation::kTanh, {{kInfinity<T>, T(1)},
                                      {-kInfinity<T>, T(-1)},
                                      {kNan<T>, kNan<T>},
                                      {T(0), T(0)},
                                      {-T(0), -T(0)},
                                      {kTiny<T>, kTiny<T>},
                                      {-kTiny<T>, -kTiny<T>},
                                      {kHuge<T>, T(1)},
                                      {-kHuge<T>, T(-1)}});
}
TEST_CASE_TEMPLATE("test_relu_of_special_values", T, float, double) {
  check_values<T>(Activation::kRelu, {{kInfinity<T>, kInfinity<T>},
                                      {-kInfinity<T>, T(0)},
                                      {kNan<T>, kNan<T>},
                                      {T(0), T(0)},
                                      {kTiny<T>, kTiny<T>},
                                      {-kTiny<T>, T(0)},
                                      {-kHuge<T>, T(0)}});
}
TEST_CASE_TEMPLATE("test_piecewise_and_smooth_activations_of_special_values", T, float, double) {
  for (const Activation activation :
       {Activation::kLeakyRelu, Activation::kElu, Activation::kSelu, Activation::kSoftplus}) {
    check_values<T>(activation, {{kInfinity<T>, kInfinity<T>}, {kNan<T>, kNan<T>}});
  }
  check_values<T>(Activation::kElu, {{-kInfinity<T>, T(-1)}, {T(0), T(0)}});
  check_values<T>(Activation::kSoftplus, {{-kInfinity<T>, T(0)}});
  check_values<T>(Activation::kMish, {{kInfinity<T>, kInfinity<T>}, {kNan<T>, kNan<T>}});
  check_values<T>(Activation::kHardSigmoid, {{-kInfinity<T>, T(0)},
                                             {kInfinity<T>, T(1)},
                                             {kNan<T>, kNan<T>},
                                             {T(-3), T(0)},
                                             {T(3), T(1)}});
}
TEST_CASE_TEMPLATE("test_gelu_of_special_values", T, float, double) {
  check_values<T>(Activation::kGelu, {{kInfinity<T>, kInfinity<T>},
                                      {-kInfinity<T>, T(0)},
                                      {kNan<T>, kNan<T>},
                                      {T(0), T(0)},
                                      {-T(0), -T(0)},
                                      {kHuge<T>, kHuge<T>},
                                      {-kHuge<T>, T(0)},
                                      {T(40), T(40)},
                                      {T(-40), T(0)}});
}
TEST_CASE_TEMPLATE("test_identity_leaves_special_values", T, float, double) {
  check_values<T>(Activation::kIdentity,
                  {{-kInfinity<T>, -kInfinity<T>}, {kNan<T>, kNan<T>}, {-T(0), -T(0)}});
}

// A single unit's values may lie side by side.
std::vector<Rows> layouts(size_t activation, index_t N) {
  if (N > 1 || activation_table[activation].whole_row) return {Rows::kScratch};
  return {Rows::kScratch, Rows::kPacked};
}

// Every activation over the grid of shapes; the padding of Z holds NaN.
TEST_CASE_TEMPLATE("test_activations_match_plain_ones_at_any_shape", T, float, double) {
  Random random(1);
  for (size_t i = 0; i < activation_table.size(); ++i) {
    if (!has_a_row(i)) continue;
    CAPTURE(activation_table[i].name);
    for (const index_t N : kSizes) {
      CAPTURE(N);
      const Matrix z = random_matrix<T>(5, N, random, -6.0, 6.0);
      const Matrix want = reference::activated(z, activation_table[i].name, unusual_parameter(i));
      const double terms = activation_table[i].whole_row ? static_cast<double>(N) + 3.0 : 0.0;
      // A row that ascends passes 0.
      const Matrix sizes = activation_table[i].name == "ascending"
                               ? Matrix(5, N, 10.0 * static_cast<double>(N))
                               : want;
      const Matrix tolerance = reference::scaled(sizes, (5.0 + terms) * kEpsilon<T>);
      for (const index_t misalignment : kMisalignments) {
        for_each_isa<T>([&](const KernelTable<T>& kernel) {
          for (const Rows rows : layouts(i, N)) {
            TestMatrix<T> y(z, rows, misalignment);
            kernel.activate[i](5, N, y.data(), y.stride(), static_cast<T>(unusual_parameter(i)));
            NNHP_CHECK_NOTHING(mismatch(y, want, reference::magnitudes(tolerance)));
            NNHP_CHECK_QUIETLY(y.surroundings_untouched());
          }
        });
      }
    }
  }
}

TEST_CASE_TEMPLATE("test_activations_give_a_row_the_same_bits_at_any_place", T, float, double) {
  Random random(2);
  for (size_t i = 0; i < activation_table.size(); ++i) {
    if (!has_a_row(i)) continue;
    CAPTURE(activation_table[i].name);
    for (const index_t N : kSizes) {
      const Matrix z = random_matrix<T>(9, N, random, -30.0, 30.0);
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        TestMatrix<T> whole(z, Rows::kScratch);
        kernel.activate[i](9, N, whole.data(), whole.stride(), T(0.5));
        for (index_t row = 0; row < 9; ++row) {
          const std::vector<index_t> chosen{row};
          TestMatrix<T> alone(reference::rows_of(z, chosen), Rows::kScratch, row);
          kernel.activate[i](1, N, alone.data(), alone.stride(), T(0.5));
          NNHP_CHECK_NOTHING(bit_mismatch(alone, whole, row));
        }
      });
    }
  }
}

TEST_CASE_TEMPLATE("test_activation_gradients_multiply_by_the_slope", T, float, double) {
  Random random(3);
  for (size_t i = 0; i < activation_table.size(); ++i) {
    if (!has_a_row(i)) {
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        CHECK(bool{kernel.activate_gradient[i] == nullptr});
      });
      continue;
    }
    const std::string_view name = activation_table[i].name;
    CAPTURE(name);
    for (const index_t N : kSizes) {
      const Matrix z = random_matrix<T>(7, N, random, -3.0, 3.0);
      // As T holds them, some of them exactly 0.
      const double parameter = unusual_parameter(i);
      const Matrix y = reference::each(reference::activated(z, name, parameter), [](double x) {
        return static_cast<double>(static_cast<T>(x));
      });
      const Matrix d = random_matrix<T>(7, N, random);
      const Matrix want = reference::through(d, z, y, name, parameter);
      const double terms = activation_table[i].whole_row ? static_cast<double>(N) : 0.0;
      const double size = activation_table[i].name == "exp" ? 20.0 : 1.0;  // exp(3)
      const Matrix tolerance =
          terms == 0.0 ? reference::scaled(reference::magnitudes(d), 4.0 * size * kEpsilon<T>)
                       : Matrix(7, N, (4.0 + terms) * kEpsilon<T>);
      for (const index_t misalignment : kMisalignments) {
        for (const Rows rows : layouts(i, N)) {
          const TestMatrix<T> kept(activation_table[i].kept_input ? z : y, rows, misalignment);
          for_each_isa<T>([&](const KernelTable<T>& kernel) {
            TestMatrix<T> delta(d, rows, misalignment);
            kernel.activate_gradient[i](7, N, kept.data(), kept.stride(), delta.data(),
                                        delta.stride(), static_cast<T>(parameter));
            NNHP_CHECK_NOTHING(mismatch(delta, want, tolerance));
            NNHP_CHECK_QUIETLY(delta.surroundings_untouched());
          });
        }
      }
    }
  }
}

// A unit that is switched off passes nothing back, whatever arrives.
TEST_CASE_TEMPLATE("test_relu_gradient_of_a_dead_unit_is_zero_even_of_nan", T, float, double) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    TestMatrix<T> y(Matrix(1, 3, 0.0), Rows::kScratch), d(1, 3, Rows::kScratch);
    d(0, 0) = kNan<T>;
    d(0, 1) = kInfinity<T>;
    d(0, 2) = T(3);
    y(0, 2) = -T(0);
    kernel.activate_gradient[static_cast<size_t>(Activation::kRelu)](1, 3, y.data(), y.stride(),
                                                                     d.data(), d.stride(), T(0));
    CHECK(mismatch(d, Matrix(1, 3), Matrix(1, 3)) == "");
  });
}

TEST_CASE_TEMPLATE("test_ascending_rows_never_fall", T, float, double) {
  Random random(5);
  const T most = kHuge<T> / T(4);
  for (const T size : {T(1e-30), T(1), T(50), T(1e6), most}) {
    for (const index_t N : kSizes) {
      TestMatrix<T> z(random_matrix<T>(3, N, random), Rows::kScratch);
      for (index_t i = 0; i < 3; ++i) {
        for (index_t j = 0; j < N; ++j) z(i, j) *= size;
      }
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        TestMatrix<T> y = z;
        kernel.activate[static_cast<size_t>(Activation::kAscending)](3, N, y.data(), y.stride(),
                                                                     T(0));
        for (index_t i = 0; i < 3; ++i) {
          NNHP_CHECK_QUIETLY(bits(y(i, 0)) == bits(z(i, 0)));
          for (index_t j = 1; j < N; ++j) NNHP_CHECK_QUIETLY(y(i, j) >= y(i, j - 1));
        }
      });
    }
  }
}

TEST_CASE_TEMPLATE("test_prelu_has_a_slope_for_each_column", T, float, double) {
  Random random(5);
  for (const index_t N : kSizes) {
    CAPTURE(N);
    const Matrix z = random_matrix<T>(7, N, random, -3.0, 3.0), d = random_matrix<T>(7, N, random);
    const Matrix slopes = random_matrix<T>(1, N, random), before = random_matrix<T>(1, N, random);
    Matrix want(7, N), back(7, N), sums = before;
    for (index_t i = 0; i < 7; ++i) {
      for (index_t j = 0; j < N; ++j) {
        const bool negative = z(i, j) < 0.0;
        want(i, j) = negative ? slopes(0, j) * z(i, j) : z(i, j);
        back(i, j) = negative ? slopes(0, j) * d(i, j) : d(i, j);
        if (negative) sums(0, j) += d(i, j) * z(i, j);
      }
    }
    for (const index_t misalignment : kMisalignments) {
      const TestMatrix<T> of_columns(slopes, Rows::kPacked, misalignment);
      const TestMatrix<T> kept(z, Rows::kScratch, misalignment);
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        TestMatrix<T> y(z, Rows::kScratch), delta(d, Rows::kScratch, misalignment);
        TestMatrix<T> added(before, Rows::kPacked, misalignment), begun = added;
        kernel.prelu(7, N, of_columns.data(), y.data(), y.stride());
        NNHP_CHECK_NOTHING(mismatch(y, want, Matrix(7, N, 4.0 * kEpsilon<T>)));
        kernel.prelu_gradient(7, N, of_columns.data(), kept.data(), kept.stride(), delta.data(),
                              delta.stride(), added.data(), true);
        NNHP_CHECK_NOTHING(mismatch(delta, back, Matrix(7, N, kEpsilon<T>)));
        NNHP_CHECK_NOTHING(mismatch(added, sums, Matrix(1, N, 60.0 * kEpsilon<T>)));
        kernel.prelu_gradient(7, N, of_columns.data(), kept.data(), kept.stride(), delta.data(),
                              delta.stride(), begun.data(), false);
        NNHP_CHECK_QUIETLY((begun.surroundings_untouched() && added.surroundings_untouched()));
        NNHP_CHECK_QUIETLY((y.surroundings_untouched() && delta.surroundings_untouched()));
      });
    }
  }
}

// Pieces that are equal, as a result of rounding to quarters: the first counts.
TEST_CASE_TEMPLATE("test_maxout_takes_the_greatest_piece_and_passes_its_derivative", T, float,
                   double) {
  Random random(6);
  for (const index_t pieces : {1, 2, 3, 5}) {
    for (const index_t N : kSizes) {
      CAPTURE(pieces);
      CAPTURE(N);
      const Matrix z = reference::each(random_matrix<T>(6, pieces * N, random, -2.0, 2.0),
                                       [](double x) { return std::round(4.0 * x) / 4.0; });
      const Matrix d = random_matrix<T>(6, N, random);
      Matrix want(6, N), back(6, pieces * N);
      for (index_t i = 0; i < 6; ++i) {
        for (index_t j = 0; j < N; ++j) {
          index_t best = 0;
          for (index_t p = 1; p < pieces; ++p) {
            if (z(i, p * N + j) > z(i, best * N + j)) best = p;
          }
          want(i, j) = z(i, best * N + j);
          back(i, best * N + j) = d(i, j);
        }
      }
      for (const index_t misalignment : kMisalignments) {
        const TestMatrix<T> sums(z, Rows::kScratch, misalignment);
        const TestMatrix<T> delta(d, Rows::kScratch, misalignment);
        for_each_isa<T>([&](const KernelTable<T>& kernel) {
          TestMatrix<T> y(6, N, Rows::kScratch), into(6, pieces * N, Rows::kScratch);
          kernel.maxout(6, N, pieces, N, sums.data(), sums.stride(), y.data(), y.stride());
          NNHP_CHECK_NOTHING(mismatch(y, want, Matrix(6, N)));
          NNHP_CHECK_QUIETLY(y.surroundings_untouched());
          kernel.maxout_gradient(6, N, pieces, N, sums.data(), sums.stride(), delta.data(),
                                 delta.stride(), into.data());
          NNHP_CHECK_NOTHING(mismatch(into, back, Matrix(6, pieces * N)));
          NNHP_CHECK_QUIETLY(into.surroundings_untouched());
        });
      }
    }
  }
}

TEST_CASE_TEMPLATE("test_maxout_passes_nan", T, float, double) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    for (const index_t at : {0, 1, 2}) {
      TestMatrix<T> z(Matrix(1, 3, 1.0), Rows::kScratch), y(1, 1, Rows::kScratch);
      z(0, at) = kNan<T>;
      kernel.maxout(1, 1, 3, 1, z.data(), z.stride(), y.data(), y.stride());
      CHECK(std::isnan(y(0, 0)));
    }
  });
}

template <class T>
std::vector<T> softmax_of(const KernelTable<T>& kernel, const std::vector<T>& row) {
  // Of rows that take turns with others, since narrow rows share a vector.
  constexpr index_t M = 9;
  const index_t N = static_cast<index_t>(row.size());
  TestMatrix<T> z(M, N, Rows::kScratch);
  for (index_t i = 0; i < M; ++i) {
    for (index_t j = 0; j < N; ++j) {
      z(i, j) = i % 2 == 0 ? row[static_cast<size_t>(j)] : static_cast<T>(j);
    }
  }
  kernel.activate[static_cast<size_t>(Activation::kSoftmax)](M, N, z.data(), z.stride(), T(0));
  for (index_t i = 2; i < M; ++i) NNHP_CHECK_NOTHING(bit_mismatch(N, &z(i, 0), &z(i % 2, 0)));
  for (index_t j = 0; j < N; ++j) CHECK(std::isfinite(z(1, j)));
  return {z.data(), z.data() + N};
}

TEST_CASE_TEMPLATE("test_softmax_of_extreme_rows", T, float, double) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    CHECK(softmax_of<T>(kernel, {kHuge<T>, T(0)}) == std::vector<T>{T(1), T(0)});
    CHECK(softmax_of<T>(kernel, {-kHuge<T>, -kHuge<T>}) == std::vector<T>{T(0.5), T(0.5)});
    CHECK(softmax_of<T>(kernel, {T(-1000), T(-1000), T(-1000), T(-1000)}) ==
          std::vector<T>(4, T(0.25)));
    CHECK(softmax_of<T>(kernel, {-kInfinity<T>, T(5)}) == std::vector<T>{T(0), T(1)});
    CHECK(softmax_of<T>(kernel, {T(-3)}) == std::vector<T>{T(1)});
    for (const T value : softmax_of<T>(kernel, {T(1), kNan<T>, T(2)})) CHECK(std::isnan(value));
    for (const T value : softmax_of<T>(kernel, {T(1), kInfinity<T>})) CHECK(std::isnan(value));
  });
}

TEST_CASE_TEMPLATE("test_softmax_adds_up_to_one", T, float, double) {
  Random random(4);
  for (const index_t N : kSizes) {
    const Matrix z = random_matrix<T>(1, N, random, -80.0, 80.0);
    std::vector<T> row;
    for (const double cell : z.cells) row.push_back(static_cast<T>(cell));
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      double total = 0.0;
      for (const T value : softmax_of(kernel, row)) total += static_cast<double>(value);
      CHECK(std::abs(total - 1.0) <= static_cast<double>(N) * kEpsilon<T>);
    });
  }
}

}  // namespace
}  // namespace nnhp::testing
