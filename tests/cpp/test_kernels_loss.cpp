// Losses and the derivatives they hand back, and the logarithm inside them.
#include <algorithm>

#include "kernel_cases.hpp"
#include "nnhp/nn/loss.hpp"
#include "reference_loss.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

// Fields that are not the defaults, so that each matters.
LossSpec spec_of(size_t i, index_t outputs) {
  LossSpec spec{
      .kind = static_cast<Loss>(i), .scale = 1.5, .delta = 0.6, .gamma = 1.7, .alpha = 0.3};
  for (index_t j = 1; j <= outputs; ++j) {
    spec.quantiles.push_back(static_cast<double>(j) / static_cast<double>(outputs + 1));
  }
  return spec;
}

// Outputs that the loss can take, targets that its use can have, and weights of which some are 0.
// At the ends, some probabilities are 0 or 1.
template <class T>
struct LossCase {
  LossCase(const LossInfo& loss, index_t M, index_t N, bool ends, Random& random)
      : p(random_matrix<T>(M, N, random)),
        y(random_matrix<T>(M, N, random)),
        w(random_matrix<T>(M, 1, random, 0.0, 2.0)) {
    for (size_t i = 0; i < p.cells.size(); ++i) {
      if (loss.decides != Decides::kNothing) y.cells[i] = y.cells[i] > 0.0 ? 1.0 : 0.0;
      if (loss.most == 1.0) {
        p.cells[i] = narrow(0.05 + 0.9 * std::abs(p.cells[i]));
        if (ends && random.below(8) == 0) p.cells[i] = y.cells[i];
      } else if (loss.least >= 0.0) {
        p.cells[i] = narrow(0.1 + 4.0 * std::abs(p.cells[i]));
        y.cells[i] = std::fmax(std::round(4.0 * y.cells[i]), loss.name == "gamma" ? 1.0 : 0.0);
      } else {
        p.cells[i] *= 2.0;
      }
    }
    for (double& weight : w.cells) weight = random.below(4) == 0 ? 0.0 : weight;
  }
  static double narrow(double x) { return static_cast<double>(static_cast<T>(x)); }
  Matrix p, y, w;
};

// Sum of the magnitudes of everything that a loss adds up, per sample weighted.
template <class T>
double total_magnitude(const LossCase<T>& c, const Matrix& w, const LossSpec& spec) {
  double total = 0.0;
  LossSpec of_one = spec;
  of_one.quantiles = {0.5, 0.5};
  reference::Row slopes{0.0, 0.0};
  for (index_t i = 0; i < c.p.rows; ++i) {
    for (index_t j = 0; j < c.p.columns; ++j) {
      const double p = c.p(i, j), y = c.y(i, j);
      of_one.quantiles[0] = spec.quantiles[static_cast<size_t>(j)];
      const double value = reference::sample_loss({p, p}, {y, y}, of_one, kEpsilon<T>, slopes);
      total += w(i, 0) * (std::abs(value) + std::abs(y) + std::abs(p));
    }
  }
  return spec.scale * total;
}

template <class T>
void check_loss(size_t i, const LossCase<T>& c, bool weighted) {
  const index_t M = c.p.rows, N = c.p.columns;
  const LossSpec spec = spec_of(i, N);
  const Matrix weights = weighted ? c.w : Matrix(M, 1, 1.0);
  const double want = reference::total_loss(c.p, c.y, weights, spec, kEpsilon<T>).value;
  const double tolerance =
      static_cast<double>(M * N / 8 + 16) * kEpsilon<T> * total_magnitude(c, weights, spec);
  for (const index_t misalignment : kMisalignments) {
    const TestMatrix<T> p(c.p, Rows::kScratch, misalignment), y(c.y, Rows::kScratch, misalignment);
    const TestMatrix<T> w(weights, Rows::kPacked, misalignment);
    const T* sample_weights = weighted ? w.data() : nullptr;
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      for (const auto loss : {kernel.loss[i], kernel.fused_loss[i]}) {
        if (loss == nullptr) continue;
        TestMatrix<T> d(M, N, Rows::kScratch, misalignment);
        const double got = loss(M, N, coefficients<T>(spec, N), p.data(), p.stride(), y.data(),
                                y.stride(), sample_weights, d.data(), d.stride());
        NNHP_CHECK_QUIETLY(std::abs(got - want) <= tolerance);
        NNHP_CHECK_QUIETLY(d.surroundings_untouched());
        const double again = loss(M, N, coefficients<T>(spec, N), p.data(), p.stride(), y.data(),
                                  y.stride(), sample_weights, nullptr, p.stride());
        NNHP_CHECK_QUIETLY(again == got);
        if (weighted) continue;
        const double of_ones = loss(M, N, coefficients<T>(spec, N), p.data(), p.stride(), y.data(),
                                    y.stride(), w.data(), nullptr, p.stride());
        NNHP_CHECK_QUIETLY(of_ones == got);
      }
    });
  }
}

TEST_CASE_TEMPLATE("test_losses_match_plain_ones_at_any_shape", T, float, double) {
  Random random(1);
  for (size_t i = 0; i < loss_table.size(); ++i) {
    CAPTURE(loss_table[i].name);
    for (const index_t M : kSizes) {
      CAPTURE(M);
      for (const index_t N : kSizes) {
        CAPTURE(N);
        const LossCase<T> c(loss_table[i], M, N, true, random);
        check_loss(i, c, false);
        check_loss(i, c, true);
      }
    }
  }
}

// By the outputs, and fused with the gradient of the output activation that belongs to the loss.
template <class T>
void check_slopes(size_t i, const LossCase<T>& c, bool weighted) {
  const index_t M = c.p.rows, N = c.p.columns;
  const LossSpec spec = spec_of(i, N);
  const Matrix weights = weighted ? c.w : Matrix(M, 1, 1.0);
  const Matrix by_outputs = reference::total_loss(c.p, c.y, weights, spec, kEpsilon<T>).slopes;
  const Activation output = loss_table[i].output;
  // The gradients of logistic and exp are functions of their outputs.
  const Matrix fused = reference::through(by_outputs, c.p, c.p, info(output).name);
  const TestMatrix<T> p(c.p, Rows::kScratch), y(c.y, Rows::kScratch), w(weights, Rows::kPacked);
  const T* sample_weights = weighted ? w.data() : nullptr;
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    const auto check = [&](const auto& loss, const Matrix& want) {
      if (loss == nullptr) return;
      TestMatrix<T> d(M, N, Rows::kScratch);
      loss(M, N, coefficients<T>(spec, N), p.data(), p.stride(), y.data(), y.stride(),
           sample_weights, d.data(), d.stride());
      NNHP_CHECK_NOTHING(mismatch(d, want, Matrix(M, N, 2000.0 * kEpsilon<T>)));
    };
    check(kernel.loss[i], by_outputs);
    if (output != Activation::kSoftmax) check(kernel.fused_loss[i], fused);
  });
}

TEST_CASE_TEMPLATE("test_slopes_of_losses_match_plain_ones", T, float, double) {
  Random random(2);
  for (size_t i = 0; i < loss_table.size(); ++i) {
    CAPTURE(loss_table[i].name);
    for (const index_t N : kSizes) {
      CAPTURE(N);
      const LossCase<T> c(loss_table[i], 7, N, false, random);
      check_slopes(i, c, false);
      check_slopes(i, c, true);
    }
  }
}

// Of the log-losses and the Poisson loss it is "output minus target", to the bit and whatever the
// outputs.
TEST_CASE_TEMPLATE("test_canonical_slopes_are_output_minus_target", T, float, double) {
  Random random(3);
  for (const Loss loss : {Loss::kLogLoss, Loss::kBinaryLogLoss, Loss::kPoisson}) {
    const size_t i = static_cast<size_t>(loss);
    for (const index_t N : kSizes) {
      const LossCase<T> c(loss_table[i], 9, N, true, random);
      const TestMatrix<T> p(c.p, Rows::kScratch), y(c.y, Rows::kScratch), w(c.w, Rows::kPacked);
      TestMatrix<T> want(9, N, Rows::kScratch);
      for (index_t r = 0; r < 9; ++r) {
        for (index_t j = 0; j < N; ++j) want(r, j) = (p(r, j) - y(r, j)) * w(r, 0);
      }
      for_each_isa<T>([&](const KernelTable<T>& kernel) {
        TestMatrix<T> d(9, N, Rows::kScratch);
        kernel.fused_loss[i](9, N, coefficients<T>(LossSpec{loss}, N), p.data(), p.stride(),
                             y.data(), y.stride(), w.data(), d.data(), d.stride());
        NNHP_CHECK_NOTHING(bit_mismatch(d, want));
      });
    }
  }
}

template <class T>
struct AtOne {
  double value;
  T slope;
};
// Of one output and target; fused with the output activation where the engine has that.
template <class T>
AtOne<T> at_one(const KernelTable<T>& kernel, const LossSpec& spec, T output, T target,
                T weight = T(1)) {
  const TestMatrix<T> p(Matrix(1, 1, static_cast<double>(output)), Rows::kScratch);
  const TestMatrix<T> y(Matrix(1, 1, static_cast<double>(target)), Rows::kScratch);
  TestMatrix<T> d(1, 1, Rows::kScratch);
  const size_t i = static_cast<size_t>(spec.kind);
  const auto loss = kernel.fused_loss[i] != nullptr ? kernel.fused_loss[i] : kernel.loss[i];
  const double value = loss(1, 1, coefficients<T>(spec, 1), p.data(), p.stride(), y.data(),
                            y.stride(), &weight, d.data(), d.stride());
  return {value, d(0, 0)};
}
template <class T>
double loss_of_one(const KernelTable<T>& kernel, Loss loss, T output, T target, T weight = T(1)) {
  return at_one(kernel, LossSpec{loss}, output, target, weight).value;
}

// A net that is certain and wrong is pulled back, however certain.
TEST_CASE_TEMPLATE("test_fused_slopes_lose_nothing_at_the_ends", T, float, double) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    for (const double gamma : {0.0, 0.5, 2.0}) {
      const LossSpec focal{.kind = Loss::kBinaryFocal, .gamma = gamma};
      CHECK(static_cast<double>(at_one(kernel, focal, T(1), T(0)).slope) ==
            doctest::Approx(1.0).epsilon(1e-4));
      CHECK(static_cast<double>(at_one(kernel, focal, T(0), T(1)).slope) ==
            doctest::Approx(-1.0).epsilon(1e-4));
      CHECK(std::abs(at_one(kernel, focal, T(1), T(1)).slope) <= T(1e-3));
      CHECK(std::abs(at_one(kernel, focal, T(0), T(0)).slope) <= T(1e-3));
    }
    CHECK(static_cast<double>(at_one(kernel, LossSpec{Loss::kGamma}, T(1e6), T(1)).slope) ==
          doctest::Approx(1.0));
  });
}

TEST_CASE_TEMPLATE("test_slopes_at_kinks", T, float, double) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    const LossSpec quantile{.kind = Loss::kQuantile, .quantiles = {0.2}};
    CHECK(at_one(kernel, LossSpec{Loss::kAbsoluteError}, T(2), T(2)).slope == T(0));
    CHECK(at_one(kernel, quantile, T(2), T(2)).slope == T(0));
    CHECK(at_one(kernel, LossSpec{Loss::kHinge}, T(1), T(1)).slope == T(0));
    CHECK(at_one(kernel, LossSpec{Loss::kHuber}, T(3), T(2)).slope == T(1));
  });
}

TEST_CASE_TEMPLATE("test_losses_of_nan_are_nan", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    for (size_t i = 0; i < loss_table.size(); ++i) {
      if (static_cast<Loss>(i) == Loss::kMulticlassHinge) continue;  // has no rival here
      CAPTURE(loss_table[i].name);
      CHECK(std::isnan(at_one(kernel, spec_of(i, 1), nan, T(1)).value));
    }
  });
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
