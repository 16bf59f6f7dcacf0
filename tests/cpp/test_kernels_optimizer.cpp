// Parameter updates, penalty sums and the search for numbers that are not finite.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernel_cases.hpp"
#include "nnhp/nn/optimizer.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

template <class T>
UpdateCoefficients<T> in_precision(const reference::Coefficients& c) {
  UpdateCoefficients<T> result{};
  result.gradient_scale = static_cast<T>(c.gradient_scale);
  result.l2 = static_cast<T>(c.l2);
  result.l1 = static_cast<T>(c.l1);
  result.learning_rate = static_cast<T>(c.learning_rate);
  result.momentum = static_cast<T>(c.momentum);
  result.rho = static_cast<T>(c.rho);
  result.complement_rho = static_cast<T>(1.0 - c.rho);
  result.beta_1 = static_cast<T>(c.beta_1);
  result.beta_2 = static_cast<T>(c.beta_2);
  result.complement_1 = static_cast<T>(1.0 - c.beta_1);
  result.complement_2 = static_cast<T>(1.0 - c.beta_2);
  result.epsilon = static_cast<T>(c.epsilon);
  result.moment_share = static_cast<T>(c.moment_share);
  result.gradient_share = static_cast<T>(c.gradient_share);
  return result;
}

// Parameters with the moments that their optimizer keeps; the others do not exist.
template <class T>
struct Flat {
  Flat(const Matrix& values, size_t its_optimizer, index_t misalignment)
      : optimizer(its_optimizer), w(values, Rows::kPacked, misalignment) {
    for (int i = 0; i < optimizer_table[optimizer].moments; ++i) {
      moments.emplace_back(Matrix(1, values.columns), Rows::kPacked, misalignment);
    }
  }

  PenaltySums update(const KernelTable<T>& kernel, const UpdateCoefficients<T>& c,
                     const T* gradient) {
    T* at[kMostMoments] = {};
    for (size_t i = 0; i < moments.size(); ++i) at[i] = moments[i].data();
    return kernel.update[optimizer](w.columns(), c, gradient, w.data(), at);
  }
  bool surroundings_untouched() const {
    return w.surroundings_untouched() && std::all_of(moments.begin(), moments.end(), [](auto& m) {
             return m.surroundings_untouched();
           });
  }

  size_t optimizer;
  TestMatrix<T> w;
  std::vector<TestMatrix<T>> moments;
};

// Two steps on one parameter, worked by hand with w = 1, rate 1/4, momentum 1/2, beta_1 1/2, beta_2
// and rho 3/4, Nadam's shares 1/2 and 1/4, the first gradient 1/2.
//   sgd:      1 - 1/8 = 7/8;             7/8 - 1/16 = 13/16
//   momentum: m = -1/8, w = 7/8;         m = -1/16 - 1/16 = -1/8, w = 3/4
//   nesterov: m = -1/8, w = 1 - 1/16 - 1/8 = 13/16;
//             m = -1/8, w = 13/16 - 1/16 - 1/16 = 11/16
//   rmsprop:  v = 1/16, w = 1 - (1/8) / (1/2) = 3/4;    v = 1/16, w = 3/4 - (1/16) / (1/2) = 5/8
//     momentum: step 1/4, w = 3/4;       step 1/8 + 1/8, w = 1/2
//     centered: mean 1/8, variance 3/64, w = 1 - (1/8) / (1/2) = 3/4;
//               mean 5/32, variance 39/1024, step (1/16) / sqrt(247/1024)
//     both:     the same steps, the first one half more
//   adagrad:  a = 1/4, w = 1 - 1/8 = 7/8;               a = 5/16, step (1/16) / sqrt(17/16)
//   adadelta: a = 1/16, delta = sqrt(3/16) / (1/2) / 2 = sqrt(3)/4, w = 1 - sqrt(3)/16;
//             a = 1/16, d = 3/64, delta = sqrt(15/64) / (1/2) / 4 = sqrt(15)/16
//   adam:     m = 1/4, v = 1/16, w = 1 - (1/16) / (1/2) = 7/8;
//             m = 1/8 + 1/8 = 1/4, v = 3/64 + 1/64 = 1/16, w = 7/8 - 1/8 = 3/4
//   amsgrad:  as adam; then gradient 0, m = 1/8, v = 3/64, but 1/16 counts, w = 7/8 - 1/16 = 13/16
//   nadam:    ahead 1/8 + 1/8, w = 1 - (1/16) / (1/2) = 7/8;
//             ahead 1/8 + 1/16, w = 7/8 - (3/64) / (1/2) = 25/32
//   lion:     w = 1 - 1/4 = 3/4, m = 1/8; then gradient -1/8, way 1/16 - 1/16, which has no sign
struct HandWorked {
  Optimizer optimizer;
  double epsilon, second_gradient, first, second;
};
const std::array<HandWorked, kOptimizerCount> hand_worked{{
    {Optimizer::kSgd, 0.25, 0.25, 7.0 / 8, 13.0 / 16},
    {Optimizer::kMomentum, 0.25, 0.25, 7.0 / 8, 3.0 / 4},
    {Optimizer::kNesterov, 0.25, 0.25, 13.0 / 16, 11.0 / 16},
    {Optimizer::kRmsprop, 3.0 / 16, 0.25, 3.0 / 4, 5.0 / 8},
    {Optimizer::kRmspropMomentum, 3.0 / 16, 0.25, 3.0 / 4, 1.0 / 2},
    {Optimizer::kRmspropCentered, 13.0 / 64, 0.25, 3.0 / 4, 3.0 / 4 - 2.0 / std::sqrt(247.0)},
    {Optimizer::kRmspropCenteredMomentum, 13.0 / 64, 0.25, 3.0 / 4,
     5.0 / 8 - 2.0 / std::sqrt(247.0)},
    {Optimizer::kAdagrad, 3.0 / 4, 0.25, 7.0 / 8, 7.0 / 8 - 0.25 / std::sqrt(17.0)},
    {Optimizer::kAdadelta, 3.0 / 16, 0.25, 1.0 - std::sqrt(3.0) / 16,
     1.0 - std::sqrt(3.0) / 16 - std::sqrt(15.0) / 64},
    {Optimizer::kAdam, 0.25, 0.25, 7.0 / 8, 3.0 / 4},
    {Optimizer::kAmsgrad, 0.25, 0.0, 7.0 / 8, 13.0 / 16},
    {Optimizer::kNadam, 0.25, 0.25, 7.0 / 8, 25.0 / 32},
    {Optimizer::kLion, 0.25, -0.125, 3.0 / 4, 3.0 / 4},
}};

TEST_CASE_TEMPLATE("test_two_steps_worked_by_hand", T, float, double) {
  const TestMatrix<T> first(Matrix(1, 1, 0.5), Rows::kPacked);
  for (const HandWorked& row : hand_worked) {
    CAPTURE(info(row.optimizer).name);
    const size_t i = static_cast<size_t>(row.optimizer);
    CHECK(i == static_cast<size_t>(&row - hand_worked.data()));
    const TestMatrix<T> second(Matrix(1, 1, row.second_gradient), Rows::kPacked);
    const UpdateCoefficients<T> c =
        in_precision<T>({1.0, 0.0, 0.0, 0.25, 0.5, 0.5, 0.75, row.epsilon, 0.75, 0.5, 0.25});
    // Roots are rounded, the rest is exact.
    const bool has_roots = row.second != std::round(row.second * 32.0) / 32.0;
    const double tolerance = has_roots ? 2.0 * kEpsilon<T> : 0.0;
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      Flat<T> flat(Matrix(1, 1, 1.0), i, 0);
      flat.update(kernel, c, first.data());
      CHECK(std::abs(static_cast<double>(flat.w(0, 0)) - row.first) <= tolerance);
      flat.update(kernel, c, second.data());
      CHECK(std::abs(static_cast<double>(flat.w(0, 0)) - row.second) <= tolerance);
    });
  }
}

// One step of sgd at rate 1/4 and scale 1/2 on w = -1, 0, 1 with gradient 1/2, worked by hand.
//   l2 = 1/2:           g = (1/2 + w/2) / 2 = 0, 1/4, 1/2          w = -1, -1/16, 7/8
//   l1 = 1/4:           g = (1/2 + sign(w)/4) / 2 = 1/8, 1/4, 3/8  w = -33/32, -1/16, 29/32
//   both:               g = -1/8, 1/4, 5/8                         w = -31/32, -1/16, 27/32
TEST_CASE_TEMPLATE("test_penalized_steps_worked_by_hand", T, float, double) {
  struct Case {
    double l2, l1;
    std::array<double, 3> want;
  };
  const std::array<Case, 3> cases{{{0.5, 0.0, {-1.0, -1.0 / 16, 7.0 / 8}},
                                   {0.0, 0.25, {-33.0 / 32, -1.0 / 16, 29.0 / 32}},
                                   {0.5, 0.25, {-31.0 / 32, -1.0 / 16, 27.0 / 32}}}};
  Matrix start(1, 3);
  start.cells = {-1.0, 0.0, 1.0};
  const TestMatrix<T> gradient(Matrix(1, 3, 0.5), Rows::kPacked);
  for (const Case& c : cases) {
    Matrix want(1, 3);
    want.cells.assign(c.want.begin(), c.want.end());
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      Flat<T> flat(start, 0, 0);
      const PenaltySums sums = flat.update(
          kernel, in_precision<T>({0.5, c.l2, c.l1, 0.25, 0.0, 0.0, 0.0, 0.0}), gradient.data());
      CHECK(mismatch(flat.w, want, Matrix(1, 3)) == "");
      CHECK(sums.squares == 2.0);
      if (c.l1 > 0.0) CHECK(sums.magnitudes == 2.0);
    });
  }
}

constexpr std::array<std::array<double, 2>, 4> kPenalties{
    {{0.0, 0.0}, {0.3, 0.0}, {0.0, 0.2}, {0.3, 0.2}}};

// Two steps of the reference's rule on every parameter.
Matrix two_steps(const Matrix& start, const Matrix& first, const Matrix& second,
                 std::string_view optimizer, const reference::Coefficients& c) {
  const auto step = reference::named(reference::optimizers, optimizer).step;
  Matrix result = start;
  for (size_t i = 0; i < result.cells.size(); ++i) {
    reference::Parameter p{start.cells[i]};
    step(p, reference::penalized(p.w, first.cells[i], c), c);
    step(p, reference::penalized(p.w, second.cells[i], c), c);
    result.cells[i] = p.w;
  }
  return result;
}

template <class T>
void check_updates(size_t i, index_t n, const reference::Coefficients& c, Random& random) {
  // Away from 0, so that no parameter changes sign within its rounding error, and no gradient is
  // the small rest of itself and its penalty, whose rounding Adam would see as large.
  const auto away_from_0 = [&] {
    return reference::each(random_matrix<T>(1, n, random, 1.0, 2.0),
                           [&](double x) { return random.below(2) == 0 ? x : -x; });
  };
  const Matrix start = away_from_0(), g1 = away_from_0(), g2 = away_from_0();
  const Matrix want = two_steps(start, g1, g2, optimizer_table[i].name, c);
  const Matrix tolerance = reference::scaled(reference::magnitudes(start), 32.0 * kEpsilon<T>);
  for (const index_t misalignment : kMisalignments) {
    const TestMatrix<T> first(g1, Rows::kPacked, misalignment);
    const TestMatrix<T> second(g2, Rows::kPacked, misalignment);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      Flat<T> flat(start, i, misalignment);
      flat.update(kernel, in_precision<T>(c), first.data());
      flat.update(kernel, in_precision<T>(c), second.data());
      NNHP_CHECK_NOTHING(mismatch(flat.w, want, tolerance));
      NNHP_CHECK_QUIETLY(flat.surroundings_untouched());
    });
  }
}

TEST_CASE_TEMPLATE("test_updates_match_plain_ones_at_any_length", T, float, double) {
  Random random(1);
  for (size_t i = 0; i < optimizer_table.size(); ++i) {
    CAPTURE(optimizer_table[i].name);
    for (const auto& penalty : kPenalties) {
      const double l2 = penalty[0], l1 = penalty[1];
      CAPTURE(l2);
      CAPTURE(l1);
      for (const index_t n : kLengths) {
        CAPTURE(n);
        check_updates<T>(i, n, {0.125, l2, l1, 0.05, 0.9, 0.9, 0.999, 1e-8}, random);
        // The second gradient's square weighs less than the first one's: Amsgrad's maximum counts.
        check_updates<T>(i, n, {0.125, l2, l1, 0.05, 0.9, 0.8, 0.6, 1e-3, 0.7}, random);
      }
    }
  }
}

double sum_of(const Matrix& a, double (*f)(double)) {
  double total = 0.0;
  for (const double cell : a.cells) total += f(cell);
  return total;
}

// `sums` are those of `values`, up to the rounding of chains of at most 4096 values.
template <class T>
void check_sums(const PenaltySums& sums, const Matrix& values) {
  const double squares = sum_of(values, [](double x) { return x * x; });
  const double magnitudes = sum_of(values, [](double x) { return std::abs(x); });
  const double tolerance =
      static_cast<double>(std::min<index_t>(values.columns, 4096) + 2) * kEpsilon<T>;
  NNHP_CHECK_QUIETLY(std::abs(sums.squares - squares) <= tolerance * squares);
  NNHP_CHECK_QUIETLY(std::abs(sums.magnitudes - magnitudes) <= tolerance * magnitudes);
}

TEST_CASE_TEMPLATE("test_penalty_sums_are_those_of_the_weights_before_the_update", T, float,
                   double) {
  Random random(2);
  for (const index_t n : kLengths) {
    CAPTURE(n);
    const Matrix values = random_matrix<T>(1, n, random);
    for (const index_t misalignment : kMisalignments) {
      const TestMatrix<T> weights(values, Rows::kPacked, misalignment);
      const TestMatrix<T> gradient(Matrix(1, n, 1.0), Rows::kPacked, misalignment);
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        check_sums<T>(kernel.penalty_sums(n, weights.data()), values);
        for (size_t i = 0; i < optimizer_table.size(); ++i) {
          Flat<T> flat(values, i, misalignment);
          const reference::Coefficients c{1.0, 0.5, 0.5, 0.1, 0.9, 0.9, 0.999, 1e-8};
          check_sums<T>(flat.update(kernel, in_precision<T>(c), gradient.data()), values);
        }
      });
    }
  }
}

TEST_CASE_TEMPLATE("test_an_update_changes_each_parameter_as_if_alone", T, float, double) {
  Random random(3);
  const Matrix start = random_matrix<T>(1, 100, random), g = random_matrix<T>(1, 100, random);
  const UpdateCoefficients<T> c = in_precision<T>({0.125, 0.3, 0.2, 0.05, 0.9, 0.9, 0.999, 1e-8});
  const TestMatrix<T> gradient(g, Rows::kPacked);
  for (size_t i = 0; i < optimizer_table.size(); ++i) {
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      Flat<T> whole(start, i, 0);
      whole.update(kernel, c, gradient.data());
      for (index_t j = 0; j < 100; ++j) {
        Matrix one(1, 1, start(0, j));
        Flat<T> alone(one, i, j % 3);
        alone.update(kernel, c, gradient.data() + j);
        NNHP_CHECK_QUIETLY(bits(alone.w(0, 0)) == bits(whole.w(0, j)));
      }
    });
  }
}

// A gradient that is not a number must not be lost, or a training would never end.
TEST_CASE_TEMPLATE("test_nan_stays_nan", T, float, double) {
  constexpr T nan = std::numeric_limits<T>::quiet_NaN();
  TestMatrix<T> gradient(Matrix(1, 9, 0.5), Rows::kPacked);
  gradient(0, 4) = nan;
  UpdateCoefficients<T> c = in_precision<T>({1.0, 0.0, 0.0, 0.1, 0.9, 0.9, 0.99, 1e-3});
  c.clipvalue = T(0.1);
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    for (size_t i = 0; i < optimizer_table.size(); ++i) {
      CAPTURE(optimizer_table[i].name);
      Flat<T> flat(Matrix(1, 9, 1.0), i, 0);
      flat.update(kernel, c, gradient.data());
      for (index_t j = 0; j < 9; ++j) CHECK(std::isnan(flat.w(0, j)) == (j == 4));
    }
    TestMatrix<T> clipped(gradient), w(Matrix(1, 9, 1.0), Rows::kPacked);
    kernel.prepare(9, c, clipped.data(), w.data());
    for (index_t j = 0; j < 9; ++j) CHECK(std::isnan(clipped(0, j)) == (j == 4));
    w(0, 4) = nan;
    kernel.limit_columns(1, 9, T(0.1), w.data(), 9);
    for (index_t j = 0; j < 9; ++j) CHECK(std::isnan(w(0, j)) == (j == 4));
  });
}

// A variance that rounding made negative counts as 0: each gradient is the same, so there is none.
TEST_CASE_TEMPLATE("test_centered_rmsprop_of_a_constant_gradient_is_finite", T, float, double) {
  const TestMatrix<T> gradient(Matrix(1, 40, 1234.5), Rows::kPacked);
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    Flat<T> flat(Matrix(1, 40, 1.0), static_cast<size_t>(Optimizer::kRmspropCentered), 0);
    for (int step = 0; step < 500; ++step) {
      flat.update(kernel, in_precision<T>({1.0, 0.0, 0.0, 1e-12, 0.9, 0.9, 0.9, 1e-7}),
                  gradient.data());
    }
    CHECK(kernel.all_finite(40, flat.w.data()));
  });
}

TEST_CASE_TEMPLATE("test_prepare_penalizes_clips_and_decays", T, float, double) {
  Random random(4);
  for (const auto& penalty : kPenalties) {
    const reference::Coefficients plain{0.5, penalty[0], penalty[1], 0.1, 0.0, 0.0, 0.0, 0.0};
    UpdateCoefficients<T> c = in_precision<T>(plain);
    c.clipvalue = T(0.25);
    c.decay = T(0.125);
    for (const index_t n : kLengths) {
      CAPTURE(n);
      const Matrix start = random_matrix<T>(1, n, random), g = random_matrix<T>(1, n, random);
      Matrix want = g;
      for (size_t i = 0; i < want.cells.size(); ++i) {
        const double all = reference::penalized(start.cells[i], g.cells[i], plain);
        want.cells[i] = std::clamp(all, -0.25, 0.25);
      }
      const Matrix decayed = reference::scaled(start, 0.875);
      const Matrix tolerance = reference::each(start, [](double) { return 4.0 * kEpsilon<T>; });
      for (const index_t misalignment : kMisalignments) {
        for_each_isa<T>([&](const KernelTable<T>& kernel) {
          TestMatrix<T> w(start, Rows::kPacked, misalignment);
          TestMatrix<T> gradient(g, Rows::kPacked, misalignment);
          check_sums<T>(kernel.prepare(n, c, gradient.data(), w.data()), start);
          NNHP_CHECK_NOTHING(mismatch(gradient, want, tolerance));
          NNHP_CHECK_NOTHING(mismatch(w, decayed, tolerance));
          NNHP_CHECK_QUIETLY(gradient.surroundings_untouched());
          NNHP_CHECK_QUIETLY(w.surroundings_untouched());
        });
      }
    }
  }
}

// Prepared and then updated without penalty is the same, to the bit, as updated at once.
TEST_CASE_TEMPLATE("test_prepare_and_update_is_update", T, float, double) {
  Random random(5);
  const Matrix start = random_matrix<T>(1, 100, random), g = random_matrix<T>(1, 100, random);
  for (const auto& penalty : kPenalties) {
    UpdateCoefficients<T> c =
        in_precision<T>({0.125, penalty[0], penalty[1], 0.05, 0.9, 0.9, 0.999, 1e-8});
    c.clipvalue = std::numeric_limits<T>::infinity();
    UpdateCoefficients<T> rest = c;
    rest.l2 = rest.l1 = T(0);
    rest.gradient_scale = T(1);
    for (size_t i = 0; i < optimizer_table.size(); ++i) {
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        Flat<T> at_once(start, i, 0), in_parts(start, i, 0);
        TestMatrix<T> gradient(g, Rows::kPacked);
        at_once.update(kernel, c, gradient.data());
        kernel.prepare(100, c, gradient.data(), in_parts.w.data());
        in_parts.update(kernel, rest, gradient.data());
        CHECK(bit_mismatch(index_t{100}, at_once.w.data(), in_parts.w.data()) == "");
      });
    }
  }
}

TEST_CASE_TEMPLATE("test_averages_match_plain_ones", T, float, double) {
  Random random(6);
  for (const index_t n : kLengths) {
    const Matrix values = random_matrix<T>(1, n, random), before = random_matrix<T>(1, n, random);
    const Matrix want =
        reference::each(before, values, [](double a, double x) { return 0.75 * a + 0.25 * x; });
    const Matrix tolerance = reference::each(want, [](double) { return 2.0 * kEpsilon<T>; });
    for (const index_t misalignment : kMisalignments) {
      const TestMatrix<T> given(values, Rows::kPacked, misalignment);
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        TestMatrix<T> averages(before, Rows::kPacked, misalignment);
        kernel.average(n, T(0.75), T(0.25), given.data(), averages.data());
        NNHP_CHECK_NOTHING(mismatch(averages, want, tolerance));
        NNHP_CHECK_QUIETLY(averages.surroundings_untouched());
      });
    }
  }
}

// Columns alone come out as among others: threads share them out.
TEST_CASE_TEMPLATE("test_columns_are_limited_to_their_norm", T, float, double) {
  Random random(7);
  for (const index_t rows : kDepths) {
    for (const index_t columns : kSizes) {
      Matrix start = random_matrix<T>(rows, columns, random);
      for (index_t i = 0; i < rows; ++i) start(i, 0) = 0.0;
      Matrix want = start;
      for (index_t j = 0; j < columns; ++j) {
        double squares = 0.0;
        for (index_t i = 0; i < rows; ++i) squares += start(i, j) * start(i, j);
        const double norm = std::sqrt(squares);
        for (index_t i = 0; i < rows; ++i) want(i, j) *= std::min(norm, 0.75) / (norm + 1e-7);
      }
      const Matrix tolerance = reference::scaled(reference::magnitudes(start),
                                                 static_cast<double>(rows + 8) * kEpsilon<T>);
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        TestMatrix<T> whole(start, Rows::kGapped), parts(start, Rows::kGapped);
        kernel.limit_columns(rows, columns, T(0.75), whole.data(), whole.stride());
        NNHP_CHECK_NOTHING(mismatch(whole, want, tolerance));
        NNHP_CHECK_QUIETLY(whole.surroundings_untouched());
        for (index_t j = 0; j < columns; ++j) {
          kernel.limit_columns(rows, 1, T(0.75), parts.data() + j, parts.stride());
        }
        for (index_t i = 0; i < rows; ++i) {
          NNHP_CHECK_NOTHING(bit_mismatch(columns, whole.row(i), parts.row(i)));
        }
      });
    }
  }
}

TEST_CASE_TEMPLATE("test_all_finite_finds_a_bad_value_at_every_place", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity();
  for (const index_t n : kSizes) {
    for (const index_t misalignment : kMisalignments) {
      TestMatrix<T> values(Matrix(1, n, 1.0), Rows::kPacked, misalignment);
      values(0, 0) = std::numeric_limits<T>::max();
      values(0, n - 1) = -std::numeric_limits<T>::max();
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        NNHP_CHECK_QUIETLY(kernel.all_finite(n, values.data()));
        NNHP_CHECK_QUIETLY(kernel.all_finite(0, values.data()));
        for (index_t j = 0; j < n; ++j) {
          const T kept = values(0, j);
          for (const T bad : {infinity, -infinity, std::numeric_limits<T>::quiet_NaN()}) {
            values(0, j) = bad;
            NNHP_CHECK_QUIETLY(!kernel.all_finite(n, values.data()));
          }
          values(0, j) = kept;
        }
      });
    }
  }
}

}  // namespace
}  // namespace nnhp::testing
