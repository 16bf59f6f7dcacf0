// Parameter updates, penalty sums and the search for numbers that are not finite.
#include <algorithm>

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
  result.beta_1 = static_cast<T>(c.beta_1);
  result.beta_2 = static_cast<T>(c.beta_2);
  result.complement_1 = static_cast<T>(1.0 - c.beta_1);
  result.complement_2 = static_cast<T>(1.0 - c.beta_2);
  result.epsilon = static_cast<T>(c.epsilon);
  return result;
}

// Parameters with the moments that their optimizer keeps; the others do not exist.
template <class T>
struct Flat {
  Flat(const Matrix& values, size_t optimizer, index_t misalignment)
      : w(values, Rows::kPacked, misalignment),
        m(Matrix(1, values.columns), Rows::kPacked, misalignment),
        v(Matrix(1, values.columns), Rows::kPacked, misalignment),
        update_moments(optimizer_table[optimizer].moments) {}

  PenaltySums update(const KernelTable<T>& kernel, size_t optimizer, const UpdateCoefficients<T>& c,
                     const T* gradient) {
    return kernel.update[optimizer](w.columns(), c, gradient, w.data(),
                                    update_moments > 0 ? m.data() : nullptr,
                                    update_moments > 1 ? v.data() : nullptr);
  }
  bool surroundings_untouched() const {
    return w.surroundings_untouched() && m.surroundings_untouched() && v.surroundings_untouched();
  }

  TestMatrix<T> w, m, v;
  int update_moments;
};

// Two steps on one parameter, worked by hand with w = 1, gradients 1/2 and 1/4, rate 1/4.
//   sgd:      1 - 1/8 = 7/8;             7/8 - 1/16 = 13/16
//   momentum (1/2): m = -1/8, w = 7/8;   m = -1/16 - 1/16 = -1/8, w = 3/4
//   nesterov (1/2): m = -1/8, w = 1 - 1/16 - 1/8 = 13/16;
//                   m = -1/8, w = 13/16 - 1/16 - 1/16 = 11/16
//   adam (beta_1 1/2, beta_2 3/4, epsilon 1/4): m = 1/4, v = 1/16, w = 1 - (1/16) / (1/2) = 7/8;
//                   m = 1/8 + 1/8 = 1/4, v = 3/64 + 1/64 = 1/16, w = 7/8 - 1/8 = 3/4
struct HandWorked {
  Optimizer optimizer;
  double first, second;
};
constexpr std::array<HandWorked, 4> hand_worked{{{Optimizer::kSgd, 7.0 / 8, 13.0 / 16},
                                                 {Optimizer::kMomentum, 7.0 / 8, 3.0 / 4},
                                                 {Optimizer::kNesterov, 13.0 / 16, 11.0 / 16},
                                                 {Optimizer::kAdam, 7.0 / 8, 3.0 / 4}}};

TEST_CASE_TEMPLATE("test_two_steps_worked_by_hand", T, float, double) {
  CHECK(hand_worked.size() == optimizer_table.size());
  const UpdateCoefficients<T> c = in_precision<T>({1.0, 0.0, 0.0, 0.25, 0.5, 0.5, 0.75, 0.25});
  const TestMatrix<T> first(Matrix(1, 1, 0.5), Rows::kPacked);
  const TestMatrix<T> second(Matrix(1, 1, 0.25), Rows::kPacked);
  for (const HandWorked& row : hand_worked) {
    CAPTURE(info(row.optimizer).name);
    const size_t i = static_cast<size_t>(row.optimizer);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      Flat<T> flat(Matrix(1, 1, 1.0), i, 0);
      flat.update(kernel, i, c, first.data());
      CHECK(static_cast<double>(flat.w(0, 0)) == row.first);
      flat.update(kernel, i, c, second.data());
      CHECK(static_cast<double>(flat.w(0, 0)) == row.second);
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
          kernel, 0, in_precision<T>({0.5, c.l2, c.l1, 0.25, 0.0, 0.0, 0.0, 0.0}), gradient.data());
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
    reference::Parameter p{start.cells[i], 0.0, 0.0};
    step(p, reference::penalized(p.w, first.cells[i], c), c);
    step(p, reference::penalized(p.w, second.cells[i], c), c);
    result.cells[i] = p.w;
  }
  return result;
}

template <class T>
void check_updates(size_t i, index_t n, const reference::Coefficients& c, Random& random) {
  // Away from 0, so that no parameter changes sign within its rounding error.
  const Matrix start = reference::each(random_matrix<T>(1, n, random, 1.0, 2.0),
                                       [&](double w) { return random.below(2) == 0 ? w : -w; });
  const Matrix g1 = random_matrix<T>(1, n, random), g2 = random_matrix<T>(1, n, random);
  const Matrix want = two_steps(start, g1, g2, optimizer_table[i].name, c);
  const Matrix tolerance = reference::scaled(reference::magnitudes(start), 32.0 * kEpsilon<T>);
  for (const index_t misalignment : kMisalignments) {
    const TestMatrix<T> first(g1, Rows::kPacked, misalignment);
    const TestMatrix<T> second(g2, Rows::kPacked, misalignment);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      Flat<T> flat(start, i, misalignment);
      flat.update(kernel, i, in_precision<T>(c), first.data());
      flat.update(kernel, i, in_precision<T>(c), second.data());
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
          check_sums<T>(flat.update(kernel, i, in_precision<T>(c), gradient.data()), values);
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
      whole.update(kernel, i, c, gradient.data());
      for (index_t j = 0; j < 100; ++j) {
        Matrix one(1, 1, start(0, j));
        Flat<T> alone(one, i, j % 3);
        alone.update(kernel, i, c, gradient.data() + j);
        NNHP_CHECK_QUIETLY(bits(alone.w(0, 0)) == bits(whole.w(0, j)));
      }
    });
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
