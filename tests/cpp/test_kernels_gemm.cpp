// Matrix products, dense and sparse, against plain double-precision ones.
#include <numeric>

#include "kernel_cases.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

// Packed operands where their memory begins or ends at a boundary, gapped ones elsewhere.
Rows layout_for(index_t misalignment) {
  return misalignment == 0 || misalignment == kAtPageEnd ? Rows::kPacked : Rows::kGapped;
}

// What rounding `terms` chained operations may move a sum whose terms' magnitudes sum to `scale`.
template <class T>
Matrix rounding(index_t terms, const Matrix& scale) {
  return reference::scaled(scale, static_cast<double>(terms + 2) * kEpsilon<T>);
}

// init + A B with its tolerance in T.
template <class T>
struct Affine {
  Affine(Matrix a_values, Matrix b_values, Matrix init_values)
      : a(std::move(a_values)),
        b(std::move(b_values)),
        init(std::move(init_values)),
        want(reference::sum(reference::repeated(init, a.rows), reference::product(a, b))),
        tolerance(rounding<T>(
            a.columns, reference::sum(reference::repeated(reference::magnitudes(init), a.rows),
                                      reference::product(reference::magnitudes(a),
                                                         reference::magnitudes(b))))) {}
  Matrix a, b, init, want, tolerance;
};

template <class T>
Affine<T> random_affine(index_t M, index_t N, index_t K, Random& random) {
  Matrix a = random_matrix<T>(M, K, random), b = random_matrix<T>(K, N, random);
  return {std::move(a), std::move(b), random_matrix<T>(1, N, random)};
}

// A^T D with its tolerance in T.
template <class T>
struct Gradient {
  Gradient(Matrix a_values, Matrix d_values)
      : a(std::move(a_values)),
        d(std::move(d_values)),
        want(reference::product(reference::transposed(a), d)),
        tolerance(
            rounding<T>(a.rows, reference::product(reference::transposed(reference::magnitudes(a)),
                                                   reference::magnitudes(d)))) {}
  Matrix a, d, want, tolerance;
};

template <class F>
void for_each_shape(F&& f) {
  for (const index_t M : kSizes) {
    for (const index_t N : kSizes) {
      for (const index_t K : kDepths) f(M, N, K);
    }
  }
  for (const Shape& shape : kLargeShapes) f(shape.M, shape.N, shape.K);
}

// A shorter walk for checks that repeat much work.
template <class F>
void for_some_shapes(F&& f) {
  for (const index_t M : {7, 33, 100}) {
    for (const index_t N : {1, 9, 16, 31, 65, 100}) {
      for (const index_t K : {1, 8, 33}) f(index_t{M}, index_t{N}, index_t{K});
    }
  }
  for (const Shape& shape : kLargeShapes) f(shape.M, shape.N, shape.K);
}

template <class T>
void check_gemm(const Affine<T>& affine, index_t misalignment) {
  const TestMatrix<T> a(affine.a, layout_for(misalignment), misalignment);
  const TestMatrix<T> b(affine.b, layout_for(misalignment), misalignment);
  const TestMatrix<T> transposed(reference::transposed(affine.b), layout_for(misalignment),
                                 misalignment);
  const TestMatrix<T> init(affine.init, Rows::kPacked, misalignment);
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    TestMatrix<T> c(affine.want.rows, affine.want.columns, Rows::kScratch, misalignment);
    TestMatrix<T> same(affine.want.rows, affine.want.columns, Rows::kScratch, misalignment);
    kernel.gemm(a.rows(), b.columns(), a.columns(), a.data(), a.stride(), b.data(), b.stride(),
                init.data(), c.data(), c.stride());
    NNHP_CHECK_NOTHING(mismatch(c, affine.want, affine.tolerance));
    NNHP_CHECK_QUIETLY(c.surroundings_untouched());
    kernel.gemm_by_transpose(a.rows(), b.columns(), a.columns(), a.data(), a.stride(),
                             transposed.data(), transposed.stride(), init.data(), same.data(),
                             same.stride());
    NNHP_CHECK_NOTHING(bit_mismatch(same, c));
    NNHP_CHECK_QUIETLY(same.surroundings_untouched());
  });
}

TEST_CASE_TEMPLATE("test_gemm_by_a_matrix_or_its_transpose_matches_the_plain_product", T, float,
                   double) {
  Random random(1);
  for_each_shape([&](index_t M, index_t N, index_t K) {
    CAPTURE(M);
    CAPTURE(N);
    CAPTURE(K);
    const Affine<T> affine = random_affine<T>(M, N, K, random);
    for (const index_t misalignment : kMisalignments) check_gemm(affine, misalignment);
  });
}

template <class T>
void check_gemm_transposed(const Gradient<T>& gradient, index_t misalignment) {
  const TestMatrix<T> a(gradient.a, layout_for(misalignment), misalignment);
  const TestMatrix<T> d(gradient.d, layout_for(misalignment), misalignment);
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    for (const Rows rows : {Rows::kPacked, Rows::kGapped}) {
      TestMatrix<T> c(a.columns(), d.columns(), rows, misalignment);
      kernel.gemm_transposed(a.rows(), d.columns(), a.columns(), a.data(), a.stride(), d.data(),
                             d.stride(), c.data(), c.stride(), false);
      NNHP_CHECK_NOTHING(mismatch(c, gradient.want, gradient.tolerance));
      NNHP_CHECK_QUIETLY(c.surroundings_untouched());
    }
  });
}

TEST_CASE_TEMPLATE("test_gemm_transposed_matches_the_plain_product", T, float, double) {
  Random random(2);
  for_each_shape([&](index_t M, index_t N, index_t K) {
    CAPTURE(M);
    CAPTURE(N);
    CAPTURE(K);
    Matrix a = random_matrix<T>(M, K, random);
    const Gradient<T> gradient(std::move(a), random_matrix<T>(M, N, random));
    for (const index_t misalignment : kMisalignments) check_gemm_transposed(gradient, misalignment);
  });
}

TEST_CASE_TEMPLATE("test_gemm_gives_a_row_the_same_bits_alone_and_in_any_block", T, float, double) {
  Random random(3);
  for_some_shapes([&](index_t M, index_t N, index_t K) {
    const Affine<T> affine = random_affine<T>(M, N, K, random);
    const TestMatrix<T> a(affine.a, Rows::kGapped), b(affine.b, Rows::kPacked);
    const TestMatrix<T> init(affine.init, Rows::kPacked);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      const auto rows_from = [&](index_t first, index_t count, index_t misalignment) {
        TestMatrix<T> c(count, N, Rows::kScratch, misalignment);
        kernel.gemm(count, N, K, &a(first, 0), a.stride(), b.data(), b.stride(), init.data(),
                    c.data(), c.stride());
        return c;
      };
      const TestMatrix<T> whole = rows_from(0, M, 0);
      for (index_t first = 0; first < M; ++first) {
        for (const index_t count : {index_t{1}, index_t{5}, M - first}) {
          if (first + count > M || (M > 100 && first % 17 != 0)) continue;
          NNHP_CHECK_NOTHING(bit_mismatch(rows_from(first, count, first % 3), whole, first));
        }
      }
    });
  });
}

// The operands of the sparse products: a thinned-out matrix and the rows to take from it.
template <class T>
struct SparseOperands {
  SparseOperands(index_t M, index_t K, Random& random) : all(random_matrix<T>(M + 5, K, random)) {
    thin_out(all, random);
    for (index_t i = 0; i < M; ++i) rows.push_back(static_cast<row_t>(random.below(M + 5)));
  }
  Matrix chosen() const { return reference::rows_of(all, rows); }

  Matrix all;
  std::vector<row_t> rows;
};

template <class T>
void check_narrow_gemm(index_t M, index_t N, index_t K, Random& random) {
  const SparseOperands<T> operands(M, K, random);
  const Affine<T> affine(operands.chosen(), random_matrix<T>(K, N, random),
                         random_matrix<T>(1, N, random));
  const SparseMatrix<T> listed(operands.all), in_order(affine.a);
  for (const index_t misalignment : kMisalignments) {
    const Rows layout_of_b = K > kNarrowDepth ? Rows::kPacked : layout_for(misalignment);
    const TestMatrix<T> a(affine.a, layout_for(misalignment), misalignment);
    const TestMatrix<T> b(affine.b, layout_of_b, misalignment);
    const TestMatrix<T> init(affine.init, Rows::kPacked, misalignment);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      const auto made = [&](Rows layout, index_t rows, auto&& multiply) {
        TestMatrix<T> c(rows, N, layout, misalignment);
        multiply(c.data(), c.stride());
        NNHP_CHECK_QUIETLY(c.surroundings_untouched());
        return c;
      };
      for (const Rows layout : {Rows::kPacked, Rows::kGapped}) {
        const TestMatrix<T> whole = made(layout, M, [&](T* c, index_t ldc) {
          kernel.narrow_gemm(M, N, K, a.data(), a.stride(), b.data(), b.stride(), init.data(), c,
                             ldc);
        });
        NNHP_CHECK_NOTHING(mismatch(whole, affine.want, affine.tolerance));
        const index_t first = M / 2;
        const TestMatrix<T> last = made(layout, M - first, [&](T* c, index_t ldc) {
          kernel.narrow_gemm(M - first, N, K, &a(first, 0), a.stride(), b.data(), b.stride(),
                             init.data(), c, ldc);
        });
        NNHP_CHECK_NOTHING(bit_mismatch(last, whole, first));
        const TestMatrix<T> of_listed = made(layout, M, [&](T* c, index_t ldc) {
          kernel.sparse_narrow_gemm(M, N, listed.view(), operands.rows.data(), b.data(), b.stride(),
                                    init.data(), c, ldc);
        });
        NNHP_CHECK_NOTHING(bit_mismatch(of_listed, whole));
        const TestMatrix<T> of_sparse = made(layout, M, [&](T* c, index_t ldc) {
          kernel.sparse_narrow_gemm(M, N, in_order.view(), nullptr, b.data(), b.stride(),
                                    init.data(), c, ldc);
        });
        NNHP_CHECK_NOTHING(bit_mismatch(of_sparse, whole));
      }
    });
  }
}

TEST_CASE_TEMPLATE("test_narrow_gemm_is_the_product_of_dense_and_sparse_rows", T, float, double) {
  Random random(9);
  for (const index_t M : kSizes) {
    for (index_t N = 1; N <= kNarrow; ++N) {
      for (const index_t K :
           {index_t{0}, index_t{1}, index_t{8}, index_t{17}, index_t{100}, kNarrowDepth}) {
        CAPTURE(M);
        CAPTURE(N);
        CAPTURE(K);
        check_narrow_gemm<T>(M, N, K, random);
      }
    }
    check_narrow_gemm<T>(M, 1, kNarrowDepth + 3, random);
  }
}

TEST_CASE_TEMPLATE("test_products_of_nothing_leave_only_the_start", T, float, double) {
  const TestMatrix<T> nothing(1, 1, Rows::kPacked), init(Matrix(1, 9, 0.5), Rows::kPacked);
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    TestMatrix<T> c(3, 9, Rows::kScratch);
    kernel.gemm(3, 9, 0, nothing.data(), 0, nothing.data(), 9, init.data(), c.data(), c.stride());
    CHECK(mismatch(c, Matrix(3, 9, 0.5), Matrix(3, 9)) == "");
    kernel.gemm(0, 9, 4, nothing.data(), 0, nothing.data(), 9, init.data(), c.data(), c.stride());
    CHECK(mismatch(c, Matrix(3, 9, 0.5), Matrix(3, 9)) == "");
  });
}

// The ways of cutting `total` rows into blocks.
std::vector<std::vector<index_t>> cuts_of(index_t total) {
  std::vector<std::vector<index_t>> cuts;
  for (const index_t size : {1, 5, 32}) {
    std::vector<index_t> blocks(static_cast<size_t>(total / size), size);
    if (total % size != 0) blocks.push_back(total % size);
    cuts.push_back(blocks);
  }
  cuts.push_back({total / 3, total - total / 3});
  return cuts;
}

// Calls add(first, count, accumulate) for the blocks of every cut of M rows, then done().
template <class Add, class Done>
void for_each_cut(index_t M, Add&& add, Done&& done) {
  for (const std::vector<index_t>& cut : cuts_of(M)) {
    index_t first = 0;
    for (const index_t count : cut) {
      add(first, count, first > 0);
      first += count;
    }
    done();
  }
}

TEST_CASE_TEMPLATE("test_gradients_have_the_same_bits_however_the_batch_is_cut", T, float, double) {
  Random random(4);
  for_some_shapes([&](index_t M, index_t N, index_t K) {
    const TestMatrix<T> a(random_matrix<T>(M, K, random), Rows::kGapped);
    const TestMatrix<T> d(random_matrix<T>(M, N, random), Rows::kScratch);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      TestMatrix<T> weights(K, N, Rows::kGapped), biases(1, N, Rows::kPacked);
      const auto add = [&](index_t first, index_t count, bool accumulate) {
        kernel.gemm_transposed(count, N, K, &a(first, 0), a.stride(), &d(first, 0), d.stride(),
                               weights.data(), weights.stride(), accumulate);
        kernel.column_sums(count, N, &d(first, 0), d.stride(), biases.data(), accumulate);
      };
      add(0, M, false);
      const TestMatrix<T> whole_weights = weights, whole_biases = biases;
      for_each_cut(M, add, [&] {
        NNHP_CHECK_NOTHING(bit_mismatch(weights, whole_weights));
        NNHP_CHECK_NOTHING(bit_mismatch(biases, whole_biases));
        NNHP_CHECK_QUIETLY(weights.surroundings_untouched());
      });
    });
  });
}

TEST_CASE_TEMPLATE("test_column_sums_match_the_plain_sums", T, float, double) {
  Random random(5);
  for (const index_t M : kSizes) {
    for (const index_t N : kSizes) {
      const Matrix d = random_matrix<T>(M, N, random);
      const Matrix want = reference::column_sums(d);
      const Matrix tolerance = rounding<T>(M, reference::column_sums(reference::magnitudes(d)));
      for (const index_t misalignment : kMisalignments) {
        const TestMatrix<T> from(d, layout_for(misalignment), misalignment);
        for_each_isa<T>([&](const KernelTable<T>& kernel) {
          TestMatrix<T> out(1, N, Rows::kPacked, misalignment);
          kernel.column_sums(M, N, from.data(), from.stride(), out.data(), false);
          NNHP_CHECK_NOTHING(mismatch(out, want, tolerance));
          NNHP_CHECK_QUIETLY(out.surroundings_untouched());
        });
      }
    }
  }
}

// Chains of kChainRows rows, and then one of these; the first goes on with what was there.
TEST_CASE_TEMPLATE("test_column_sums_of_many_rows_are_chains_of_some", T, float, double) {
  Random random(11);
  for (const index_t M : {kChainRows - 1, kChainRows, kChainRows + 1, 3 * kChainRows + 5}) {
    const TestMatrix<T> d(random_matrix<T>(M, 3, random), Rows::kScratch);
    TestMatrix<T> want(1, 3, Rows::kPacked);
    for (index_t j = 0; j < 3; ++j) {
      T sum = T(0.3);
      for (index_t begin = 0; begin < M; begin += kChainRows) {
        T chain = begin == 0 ? sum : T(0);
        for (index_t i = begin; i < std::min(M, begin + kChainRows); ++i) chain += d(i, j);
        sum = begin == 0 ? chain : sum + chain;
      }
      want(0, j) = sum;
    }
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      TestMatrix<T> out(1, 3, Rows::kPacked);
      for (index_t j = 0; j < 3; ++j) out(0, j) = T(0.3);
      kernel.column_sums(M, 3, d.data(), d.stride(), out.data(), true);
      NNHP_CHECK_NOTHING(bit_mismatch(out, want));
    });
  }
}

TEST_CASE_TEMPLATE("test_sparse_gemm_has_the_bits_of_the_dense_one", T, float, double) {
  Random random(6);
  for_some_shapes([&](index_t M, index_t N, index_t K) {
    const SparseOperands<T> operands(M, K, random);
    const Affine<T> affine(operands.chosen(), random_matrix<T>(K, N, random),
                           random_matrix<T>(1, N, random));
    const SparseMatrix<T> listed(operands.all), in_order(affine.a);
    const TestMatrix<T> a(affine.a, Rows::kGapped), b(affine.b, Rows::kGapped, 1);
    const TestMatrix<T> init(affine.init, Rows::kPacked, 1);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      TestMatrix<T> dense(M, N, Rows::kScratch), sparse(M, N, Rows::kScratch, 1);
      kernel.gemm(M, N, K, a.data(), a.stride(), b.data(), b.stride(), init.data(), dense.data(),
                  dense.stride());
      kernel.sparse_gemm(M, N, listed.view(), operands.rows.data(), b.data(), b.stride(),
                         init.data(), sparse.data(), sparse.stride());
      NNHP_CHECK_NOTHING(mismatch(sparse, affine.want, affine.tolerance));
      NNHP_CHECK_NOTHING(bit_mismatch(sparse, dense));
      kernel.sparse_gemm(M, N, in_order.view(), nullptr, b.data(), b.stride(), init.data(),
                         sparse.data(), sparse.stride());
      NNHP_CHECK_NOTHING(bit_mismatch(sparse, dense));
      NNHP_CHECK_QUIETLY(sparse.surroundings_untouched());
    });
  });
}

// The sparse product adds to what is there, so a batch begins from zeros.
template <class T>
void fill_with_zeros(TestMatrix<T>& matrix) {
  for (index_t i = 0; i < matrix.rows(); ++i) {
    for (index_t j = 0; j < matrix.columns(); ++j) matrix(i, j) = T(0);
  }
}

TEST_CASE_TEMPLATE("test_sparse_gemm_transposed_has_the_bits_of_the_dense_one", T, float, double) {
  Random random(7);
  for_some_shapes([&](index_t M, index_t N, index_t K) {
    const SparseOperands<T> operands(M, K, random);
    const Gradient<T> gradient(operands.chosen(), random_matrix<T>(M, N, random));
    const SparseMatrix<T> listed(operands.all), in_order(gradient.a);
    const TestMatrix<T> a(gradient.a, Rows::kGapped), d(gradient.d, Rows::kScratch, 1);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      TestMatrix<T> dense(K, N, Rows::kPacked), sparse(K, N, Rows::kGapped, 1);
      kernel.gemm_transposed(M, N, K, a.data(), a.stride(), d.data(), d.stride(), dense.data(),
                             dense.stride(), false);
      fill_with_zeros(sparse);
      kernel.sparse_gemm_transposed(M, N, in_order.view(), nullptr, d.data(), d.stride(),
                                    sparse.data(), sparse.stride());
      NNHP_CHECK_NOTHING(mismatch(sparse, gradient.want, gradient.tolerance));
      NNHP_CHECK_NOTHING(bit_mismatch(sparse, dense));
      fill_with_zeros(sparse);
      const index_t half = M / 2;
      kernel.sparse_gemm_transposed(half, N, listed.view(), operands.rows.data(), d.data(),
                                    d.stride(), sparse.data(), sparse.stride());
      kernel.sparse_gemm_transposed(M - half, N, listed.view(), operands.rows.data() + half,
                                    &d(half, 0), d.stride(), sparse.data(), sparse.stride());
      NNHP_CHECK_NOTHING(bit_mismatch(sparse, dense));
      NNHP_CHECK_QUIETLY(sparse.surroundings_untouched());
    });
  });
}

TEST_CASE_TEMPLATE("test_fma_burst_counts_its_operations", T, float, double) {
  for_each_isa<T>([&](const KernelTable<T>& kernel) {
    T sink = T(0);
    const double operations = kernel.fma_burst(10, &sink);
    CHECK(operations > 0.0);
    CHECK(kernel.fma_burst(30, &sink) == 3.0 * operations);
    CHECK(std::isfinite(sink));
  });
}

}  // namespace
}  // namespace nnhp::testing
