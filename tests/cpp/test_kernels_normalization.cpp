// Normalization by columns and by rows: values, derivatives, and what is left alone.
#include "kernel_cases.hpp"
#include "nnhp/base/workspace.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

constexpr double kEpsilonOfVariance = 0.01;

// The mean, the variance and 1 / sqrt(variance + epsilon) of each row.
struct Moments {
  Matrix mean, variance, inverse;
};
Moments moments_of_rows(const Matrix& x) {
  Moments moments{Matrix(1, x.rows), Matrix(1, x.rows), Matrix(1, x.rows)};
  const double n = static_cast<double>(x.columns);
  for (index_t i = 0; i < x.rows; ++i) {
    for (index_t j = 0; j < x.columns; ++j) moments.mean(0, i) += x(i, j) / n;
    for (index_t j = 0; j < x.columns; ++j) {
      moments.variance(0, i) += std::pow(x(i, j) - moments.mean(0, i), 2.0) / n;
    }
    moments.inverse(0, i) = 1.0 / std::sqrt(moments.variance(0, i) + kEpsilonOfVariance);
  }
  return moments;
}

// (x - mean) * inverse of each row.
Matrix normalized_rows(const Matrix& x, const Moments& moments) {
  Matrix result = x;
  for (index_t i = 0; i < x.rows; ++i) {
    for (index_t j = 0; j < x.columns; ++j) {
      result(i, j) = (x(i, j) - moments.mean(0, i)) * moments.inverse(0, i);
    }
  }
  return result;
}

// The derivatives by the rows' values from those by the normalized ones.
Matrix back_through_rows(const Matrix& g, const Matrix& normalized, const Moments& moments) {
  Matrix result = g;
  const double n = static_cast<double>(g.columns);
  for (index_t i = 0; i < g.rows; ++i) {
    double mean = 0.0, along = 0.0;
    for (index_t j = 0; j < g.columns; ++j) {
      mean += g(i, j) / n;
      along += g(i, j) * normalized(i, j) / n;
    }
    for (index_t j = 0; j < g.columns; ++j) {
      result(i, j) = (g(i, j) - mean - normalized(i, j) * along) * moments.inverse(0, i);
    }
  }
  return result;
}

// Each column times `scale`, plus `shift`.
Matrix scaled_and_shifted(const Matrix& x, const Matrix& scale, const Matrix& shift) {
  Matrix result = x;
  for (index_t i = 0; i < x.rows; ++i) {
    for (index_t j = 0; j < x.columns; ++j) result(i, j) = x(i, j) * scale(0, j) + shift(0, j);
  }
  return result;
}

constexpr std::array<index_t, 4> kRows{1, 2, 9, 40};

template <class T>
struct Case {
  Case(index_t M, index_t N, Random& random)
      : x(random_matrix<T>(M, N, random, -2.0, 3.0)),
        d(random_matrix<T>(M, N, random)),
        scale(random_matrix<T>(1, N, random)),
        shift(random_matrix<T>(1, N, random)) {}
  Matrix x, d, scale, shift;
};

template <class T, class Check>
void for_each_case(Check&& check) {
  Random random(1);
  for (const index_t M : kRows) {
    for (const index_t N : kSizes) {
      CAPTURE(M);
      CAPTURE(N);
      const Case<T> own(M, N, random);
      for (const index_t misalignment : kMisalignments) {
        for_each_isa<T>([&](const KernelTable<T>& kernel) { check(kernel, own, misalignment); });
      }
    }
  }
}

template <class T>
Matrix within(const Matrix& like, double ulps) {
  return Matrix(like.rows, like.columns, ulps * kEpsilon<T>);
}

TEST_CASE_TEMPLATE("test_column_moments", T, float, double) {
  for_each_case<T>([](const KernelTable<T>& kernel, const Case<T>& own, index_t misalignment) {
    const Moments want = moments_of_rows(reference::transposed(own.x));
    const TestMatrix<T> x(own.x, Rows::kScratch, misalignment);
    TestMatrix<T> mean(1, x.columns(), Rows::kPacked, misalignment);
    TestMatrix<T> variance(1, x.columns(), Rows::kPacked, misalignment);
    kernel.column_moments(x.rows(), x.columns(), x.data(), x.stride(), mean.data(),
                          variance.data());
    NNHP_CHECK_NOTHING(mismatch(mean, want.mean, within<T>(want.mean, 20.0)));
    NNHP_CHECK_NOTHING(mismatch(variance, want.variance, within<T>(want.mean, 60.0)));
    NNHP_CHECK_QUIETLY((mean.surroundings_untouched() && variance.surroundings_untouched()));
  });
}

TEST_CASE_TEMPLATE("test_columns_are_normalized_there_and_back", T, float, double) {
  for_each_case<T>([](const KernelTable<T>& kernel, const Case<T>& own, index_t misalignment) {
    const Matrix turned = reference::transposed(own.x);
    const Moments moments = moments_of_rows(turned);
    const Matrix normalized = reference::transposed(normalized_rows(turned, moments));
    const index_t M = own.x.rows, N = own.x.columns;
    const TestMatrix<T> mean(moments.mean, Rows::kPacked), scale(own.scale, Rows::kPacked),
        shift(own.shift, Rows::kPacked), inverse(moments.inverse, Rows::kPacked, misalignment);
    TestMatrix<T> y(own.x, Rows::kScratch, misalignment), kept(M, N, Rows::kScratch), alone = y;
    const auto normalize = [&](TestMatrix<T>& in_place, T* to) {
      kernel.normalize_columns(M, N, in_place.data(), in_place.stride(), mean.data(),
                               inverse.data(), scale.data(), shift.data(), to, kept.stride(),
                               in_place.data(), in_place.stride());
    };
    normalize(y, kept.data());
    normalize(alone, nullptr);
    const Matrix want = scaled_and_shifted(normalized, own.scale, own.shift);
    NNHP_CHECK_NOTHING(mismatch(kept, normalized, within<T>(want, 300.0)));
    NNHP_CHECK_NOTHING(mismatch(y, want, within<T>(want, 300.0)));
    NNHP_CHECK_NOTHING(bit_mismatch(alone, y));

    TestMatrix<T> d(own.d, Rows::kScratch, misalignment);
    TestMatrix<T> of_scale(1, N, Rows::kPacked, misalignment), of_shift = of_scale;
    kernel.normalization_sums(M, N, kept.data(), kept.stride(), d.data(), d.stride(),
                              of_scale.data(), of_shift.data(), false);
    const Matrix along = reference::each(own.d, normalized, std::multiplies<>());
    NNHP_CHECK_NOTHING(
        mismatch(of_scale, reference::column_sums(along), within<T>(own.scale, 9e3)));
    NNHP_CHECK_NOTHING(
        mismatch(of_shift, reference::column_sums(own.d), within<T>(own.scale, 99.0)));
    const Matrix g = scaled_and_shifted(own.d, own.scale, Matrix(1, N));
    const Matrix back = reference::transposed(
        back_through_rows(reference::transposed(g), reference::transposed(normalized), moments));
    kernel.column_normalization_gradient(M, N, kept.data(), kept.stride(), inverse.data(),
                                         scale.data(), of_scale.data(), of_shift.data(), d.data(),
                                         d.stride());
    NNHP_CHECK_NOTHING(mismatch(d, back, within<T>(want, 3e3)));
    NNHP_CHECK_QUIETLY((of_scale.surroundings_untouched() && of_shift.surroundings_untouched()));
    NNHP_CHECK_QUIETLY((y.surroundings_untouched() && d.surroundings_untouched()));
  });
}

TEST_CASE_TEMPLATE("test_rows_are_normalized_there_and_back", T, float, double) {
  for_each_case<T>([](const KernelTable<T>& kernel, const Case<T>& own, index_t misalignment) {
    const Moments moments = moments_of_rows(own.x);
    const Matrix normalized = normalized_rows(own.x, moments);
    const index_t M = own.x.rows, N = own.x.columns;
    const TestMatrix<T> scale(own.scale, Rows::kPacked), shift(own.shift, Rows::kPacked);
    TestMatrix<T> y(own.x, Rows::kScratch, misalignment), kept(M, N, Rows::kScratch), alone = y;
    TestMatrix<T> inverse(1, M, Rows::kPacked, misalignment);
    const auto normalize = [&](TestMatrix<T>& in_place, T* to, T* inverses) {
      kernel.normalize_rows(M, N, in_place.data(), in_place.stride(),
                            static_cast<T>(kEpsilonOfVariance), scale.data(), shift.data(), to,
                            kept.stride(), inverses, in_place.data(), in_place.stride());
    };
    normalize(y, kept.data(), inverse.data());
    normalize(alone, nullptr, nullptr);
    const Matrix want = scaled_and_shifted(normalized, own.scale, own.shift);
    NNHP_CHECK_NOTHING(mismatch(inverse, moments.inverse, within<T>(moments.inverse, 900.0)));
    NNHP_CHECK_NOTHING(mismatch(kept, normalized, within<T>(want, 900.0)));
    NNHP_CHECK_NOTHING(mismatch(y, want, within<T>(want, 900.0)));
    NNHP_CHECK_NOTHING(bit_mismatch(alone, y));

    TestMatrix<T> d(own.d, Rows::kScratch, misalignment);
    kernel.row_normalization_gradient(M, N, kept.data(), kept.stride(), inverse.data(),
                                      scale.data(), d.data(), d.stride());
    const Matrix g = scaled_and_shifted(own.d, own.scale, Matrix(1, N));
    const Matrix back = back_through_rows(g, normalized, moments);
    NNHP_CHECK_NOTHING(mismatch(d, back, within<T>(want, 9e3)));
    NNHP_CHECK_QUIETLY(inverse.surroundings_untouched());
    NNHP_CHECK_QUIETLY((y.surroundings_untouched() && d.surroundings_untouched()));
  });
}

TEST_CASE_TEMPLATE("test_sums_of_a_normalization_are_added_in_one_chain", T, float, double) {
  Random random(2);
  for (const index_t N : kSizes) {
    const Matrix x = random_matrix<T>(12, N, random), d = random_matrix<T>(12, N, random);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      const TestMatrix<T> kept(x, Rows::kScratch), delta(d, Rows::kScratch);
      TestMatrix<T> whole(2, N, Rows::kPacked), parts(2, N, Rows::kPacked);
      const auto sum = [&](index_t first, index_t rows, TestMatrix<T>& to) {
        kernel.normalization_sums(rows, N, &kept(first, 0), kept.stride(), &delta(first, 0),
                                  delta.stride(), to.row(0), to.row(1), first > 0);
      };
      sum(0, 12, whole);
      sum(0, 5, parts);
      sum(5, 7, parts);
      NNHP_CHECK_NOTHING(bit_mismatch(parts, whole));
    });
  }
}

// One row has no variance: what it becomes is the shift, and nothing goes back.
TEST_CASE_TEMPLATE("test_a_batch_of_one_row_becomes_the_shift", T, float, double) {
  Random random(3);
  const Case<T> own(1, 9, random);
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    TestMatrix<T> x(own.x, Rows::kScratch), mean(1, 9, Rows::kPacked), variance = mean;
    kernel.column_moments(1, 9, x.data(), x.stride(), mean.data(), variance.data());
    CHECK(mismatch(mean, own.x, Matrix(1, 9)) == "");
    CHECK(mismatch(variance, Matrix(1, 9), Matrix(1, 9)) == "");
    const TestMatrix<T> inverse(Matrix(1, 9, 10.0), Rows::kPacked), scale(own.scale, Rows::kPacked),
        shift(own.shift, Rows::kPacked);
    TestMatrix<T> kept(1, 9, Rows::kScratch);
    kernel.normalize_columns(1, 9, x.data(), x.stride(), mean.data(), inverse.data(), scale.data(),
                             shift.data(), kept.data(), kept.stride(), x.data(), x.stride());
    CHECK(mismatch(x, own.shift, Matrix(1, 9)) == "");
    TestMatrix<T> d(own.d, Rows::kScratch), sums(2, 9, Rows::kPacked);
    kernel.normalization_sums(1, 9, kept.data(), kept.stride(), d.data(), d.stride(), sums.row(0),
                              sums.row(1), false);
    kernel.column_normalization_gradient(1, 9, kept.data(), kept.stride(), inverse.data(),
                                         scale.data(), sums.row(0), sums.row(1), d.data(),
                                         d.stride());
    CHECK(mismatch(d, Matrix(1, 9), Matrix(1, 9)) == "");
  });
}

// One chain of so many would lose the third digit of a float.
TEST_CASE_TEMPLATE("test_moments_and_sums_of_many_rows_lose_little", T, float, double) {
  const index_t M = 3000000;
  AlignedVector<T> x(M), d(M);
  std::fill(d.begin(), d.end(), T(0.1));
  for (index_t i = 0; i < M; ++i) x[i] = i % 2 == 0 ? T(9.1) : T(11.1);
  // The values are two, so their sums are products.
  const double low = static_cast<double>(x[0]), high = static_cast<double>(x[1]);
  const double share = static_cast<double>(d[0]), n = static_cast<double>(M);
  const double mean = 0.5 * (low + high), deviation = 0.5 * (high - low);
  const double tolerance = std::is_same_v<T, float> ? 1e-4 : 1e-12;
  const auto near = [&](T got, double want) {
    return std::abs(static_cast<double>(got) - want) < tolerance * want;
  };
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    AlignedVector<T> found(4);
    kernel.column_moments(M, 1, x.data(), 1, &found[0], &found[1]);
    kernel.normalization_sums(M, 1, x.data(), 1, d.data(), 1, &found[2], &found[3], false);
    CHECK(near(found[0], mean));
    CHECK(near(found[1], deviation * deviation));
    CHECK(near(found[2], n * mean * share));
    CHECK(near(found[3], n * share));
  });
}

}  // namespace
}  // namespace nnhp::testing
