// Losses and the derivatives they hand back, and the logarithm inside them.
#include <algorithm>

#include "kernel_cases.hpp"
#include "nnhp/nn/loss.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

// Outputs that the loss's own activation can give, targets that its use can have, and weights of
// which some are 0.
template <class T>
struct LossCase {
  LossCase(Activation output, index_t M, index_t N, Random& random)
      : p(random_matrix<T>(M, N, random)),
        y(random_matrix<T>(M, N, random)),
        w(random_matrix<T>(M, 1, random, 0.0, 2.0)) {
    const bool probability = output == Activation::kSoftmax || output == Activation::kLogistic;
    for (size_t i = 0; i < p.cells.size(); ++i) {
      if (probability) {
        p.cells[i] = std::abs(p.cells[i]);
        y.cells[i] = y.cells[i] > 0.0 ? 1.0 : 0.0;
        if (random.below(8) == 0) p.cells[i] = y.cells[i];
      } else if (output == Activation::kExp) {
        p.cells[i] = 0.01 + 4.0 * std::abs(p.cells[i]);
        p.cells[i] = static_cast<double>(static_cast<T>(p.cells[i]));
        y.cells[i] = std::fmax(std::round(4.0 * y.cells[i]), 0.0);
      }
    }
    for (double& weight : w.cells) weight = random.below(4) == 0 ? 0.0 : weight;
  }
  Matrix p, y, w;
};

// Sum of the magnitudes of everything that a loss adds up, per sample weighted.
template <class T>
double total_magnitude(const LossCase<T>& c, const Matrix& w, const reference::Loss& loss) {
  double total = 0.0;
  for (index_t i = 0; i < c.p.rows; ++i) {
    for (index_t j = 0; j < c.p.columns; ++j) {
      const double value = std::abs(loss.value(c.p(i, j), c.y(i, j), kEpsilon<T>));
      total += w(i, 0) * (value + std::abs(c.y(i, j)) + std::abs(c.p(i, j)));
    }
  }
  return total;
}

template <class T>
void check_loss(size_t i, const LossCase<T>& c, bool weighted, index_t misalignment) {
  const auto& loss = reference::named(reference::losses, loss_table[i].name);
  const index_t M = c.p.rows, N = c.p.columns;
  const Matrix weights = weighted ? c.w : Matrix(M, 1, 1.0);
  const double want = reference::total_loss(c.p, c.y, weights, loss.name, kEpsilon<T>);
  const double tolerance =
      static_cast<double>(M * N / 8 + 16) * kEpsilon<T> * total_magnitude(c, weights, loss);
  const TestMatrix<T> p(c.p, Rows::kScratch, misalignment), y(c.y, Rows::kScratch, misalignment);
  const TestMatrix<T> w(weights, Rows::kPacked, misalignment);
  TestMatrix<T> delta(M, N, Rows::kScratch);
  for (index_t r = 0; r < M; ++r) {
    for (index_t j = 0; j < N; ++j) {
      delta(r, j) = weighted ? (p(r, j) - y(r, j)) * w(r, 0) : p(r, j) - y(r, j);
    }
  }
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    TestMatrix<T> d(M, N, Rows::kScratch, misalignment);
    const T* sample_weights = weighted ? w.data() : nullptr;
    const double got = kernel.loss[i](M, N, p.data(), p.stride(), y.data(), y.stride(),
                                      sample_weights, d.data(), d.stride());
    NNHP_CHECK_QUIETLY(std::abs(got - want) <= tolerance);
    NNHP_CHECK_NOTHING(bit_mismatch(d, delta));
    NNHP_CHECK_QUIETLY(d.surroundings_untouched());
    const double again = kernel.loss[i](M, N, p.data(), p.stride(), y.data(), y.stride(),
                                        sample_weights, nullptr, p.stride());
    NNHP_CHECK_QUIETLY(again == got);
  });
}

TEST_CASE_TEMPLATE("test_losses_match_plain_ones_at_any_shape", T, float, double) {
  Random random(1);
  for (size_t i = 0; i < loss_table.size(); ++i) {
    CAPTURE(loss_table[i].name);
    for (const index_t M : kSizes) {
      CAPTURE(M);
      for (const index_t N : kSizes) {
        CAPTURE(N);
        const LossCase<T> c(loss_table[i].output, M, N, random);
        for (const index_t misalignment : kMisalignments) {
          check_loss(i, c, false, misalignment);
          check_loss(i, c, true, misalignment);
        }
      }
    }
  }
}

template <class T>
double loss_of_one(const KernelTable<T>& kernel, Loss loss, T output, T target, T weight = T(1)) {
  const TestMatrix<T> p(Matrix(1, 1, static_cast<double>(output)), Rows::kScratch);
  const TestMatrix<T> y(Matrix(1, 1, static_cast<double>(target)), Rows::kScratch);
  TestMatrix<T> d(1, 1, Rows::kScratch);
  return kernel.loss[static_cast<size_t>(loss)](1, 1, p.data(), p.stride(), y.data(), y.stride(),
                                                &weight, d.data(), d.stride());
}

// -log p is what the log-loss of a certain target is.
TEST_CASE_TEMPLATE("test_logarithm_is_within_2_ulp", T, float, double) {
  std::vector<T> grid;
  for (double p = kEpsilon<T>; p < 1.0; p *= 1.003) grid.push_back(static_cast<T>(p));
  for (int i = 1; i < 4000; ++i) grid.push_back(static_cast<T>(i / 4000.0));
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    for (const Loss loss : {Loss::kLogLoss, Loss::kBinaryLogLoss}) {
      double worst = 0.0;
      for (const T p : grid) {
        const T got = static_cast<T>(loss_of_one(kernel, loss, p, T(1)));
        worst = std::max(worst, reference::ulps(got, -std::log(static_cast<long double>(p))));
      }
      CHECK(worst <= 2.0);
    }
  });
}

TEST_CASE_TEMPLATE("test_log_losses_clip_probabilities", T, float, double) {
  const double most = -std::log(kEpsilon<T>);
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    for (const Loss loss : {Loss::kLogLoss, Loss::kBinaryLogLoss}) {
      CHECK(loss_of_one(kernel, loss, T(0), T(1)) == doctest::Approx(most));
      CHECK(loss_of_one(kernel, loss, T(1), T(1)) == doctest::Approx(kEpsilon<T>));
      CHECK(std::isnan(loss_of_one(kernel, loss, std::numeric_limits<T>::quiet_NaN(), T(1))));
    }
    CHECK(loss_of_one(kernel, Loss::kBinaryLogLoss, T(1), T(0)) == doctest::Approx(most));
    CHECK(loss_of_one(kernel, Loss::kLogLoss, T(0.3), T(0)) == 0.0);
  });
}

TEST_CASE_TEMPLATE("test_poisson_loss_at_its_limits", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity();
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    CHECK(loss_of_one(kernel, Loss::kPoisson, T(3), T(3)) == 0.0);
    CHECK(loss_of_one(kernel, Loss::kPoisson, T(0), T(0)) == 0.0);
    CHECK(loss_of_one(kernel, Loss::kPoisson, T(2), T(0)) == 2.0);
    CHECK(std::isinf(loss_of_one(kernel, Loss::kPoisson, T(0), T(2))));
    CHECK(std::isinf(loss_of_one(kernel, Loss::kPoisson, infinity, T(0))));
    CHECK(
        std::isnan(loss_of_one(kernel, Loss::kPoisson, std::numeric_limits<T>::quiet_NaN(), T(2))));
  });
}

TEST_CASE_TEMPLATE("test_a_sample_without_weight_adds_not_even_an_infinite_loss", T, float,
                   double) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    CHECK(loss_of_one(kernel, Loss::kPoisson, T(0), T(2), T(0)) == 0.0);
    CHECK(loss_of_one(kernel, Loss::kSquaredError, std::numeric_limits<T>::infinity(), T(0),
                      T(0)) == 0.0);
  });
}

}  // namespace
}  // namespace nnhp::testing
