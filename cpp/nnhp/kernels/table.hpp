// The kernels of one instruction set, as a table of plain function pointers.
//
// Conventions for every kernel:
//  - matrices are row-major; `ld*` is the distance between rows in elements;
//  - a kernel may READ up to kAlignment bytes past the end of any input row or array; AlignedVector
//    and Workspace carry that slack. But not past what may be a caller's array: A of gemm and
//    narrow_gemm, the values of sparse matrices, X of gather, and what all_finite looks at;
//  - "scratch" outputs have rows padded to whole vectors (padded_stride): lanes past the last one
//    that counts hold rubbish that no kernel lets reach it. "packed" outputs are written exactly;
//  - a sum over samples or inputs is one chain of fused multiply-adds in index order (multiplied,
//    then added, on an ISA without FMA), but for narrow_gemm's, which are summed lane by lane, then
//    over a fixed tree, and for sums and moments of columns of more than kChainRows rows.
//    Parameters and predictions therefore do not depend on how rows are cut into tiles or blocks.
//    Losses and norms, which are compared and reported only, are summed lane by lane, then over a
//    fixed tree: those of so few outputs that rows share a vector depend on the cut;
//  - no allocation, no exception, no thread, no state.
#pragma once

#include "nnhp/base/types.hpp"

namespace nnhp {

inline constexpr int kActivationCount = 17;
inline constexpr int kLossCount = 14;
inline constexpr int kOptimizerCount = 13;
inline constexpr int kMostMoments = 3;  // arrays of state that an optimizer keeps

// A layer of so few units fills few lanes of a tile: its products go along rows instead.
inline constexpr index_t kNarrow = 4;
inline constexpr index_t kNarrowDepth = 512;  // of the columns that are copied to the stack

// Samples that one chain of a sum takes: longer ones are added up from several, for a chain loses
// the more the longer it is (in single precision, of 8 million, 3 % of a mean).
inline constexpr index_t kChainRows = 4096;

// Compressed sparse rows of a matrix with sorted column indices; row r holds entries
// [row_start[r], row_start[r + 1]).
template <class T>
struct CsrRows {
  const T* values;
  const int32_t* columns;
  const int64_t* row_start;
};

// What an optimizer's update needs beside its arrays; the same for all parameters of one step.
// Complements 1 - beta are formed in double, because beta_2 = 0.99999999 is 1 as a float.
template <class T>
struct UpdateCoefficients {
  T gradient_scale;  // 1 / (sum of the batch's sample weights)
  T l2, l1;          // penalty rates, added to the gradient before scaling; 0 for biases
  T learning_rate;   // of this step; with the corrections of the moments' bias folded in
  T momentum;
  T rho, complement_rho;
  T beta_1, beta_2, complement_1, complement_2;
  T epsilon;
  T moment_share, gradient_share;  // of Nadam's step
  T clipvalue;  // prepare: the greatest magnitude of a component; may be infinite
  T decay;      // prepare: what a parameter loses, as a share of itself
};

// What a loss needs beside its arrays; LossSpec (nn/loss.hpp) tells what the numbers mean.
template <class T>
struct LossCoefficients {
  double value_scale, value_divisor;  // the value is value_scale * sum / value_divisor
  T slope_scale;
  T epsilon;                                      // what keeps logarithms finite
  T delta;                                        // Huber
  T gamma, alpha_of_positive, alpha_of_negative;  // focal
  const double* quantiles;                        // [N]
};

// Sums over the weights as they were before the update.
struct PenaltySums {
  double squares;
  double magnitudes;
};

template <class T>
using ActivationKernel = void (*)(index_t M, index_t N, T* Z, index_t ld, T parameter);
template <class T>
using ActivationGradientKernel = void (*)(index_t M, index_t N, const T* kept, index_t ldk, T* D,
                                          index_t ldd, T parameter);

template <class T>
struct KernelTable {
  // C[M x N] = init[N] (every row) + A[M x K] B[K x N]. C is scratch.
  void (*gemm)(index_t M, index_t N, index_t K, const T* A, index_t lda, const T* B, index_t ldb,
               const T* init, T* C, index_t ldc);
  // The same, to the last bit, where B is the transpose of what is stored, [N x K]. K > 0.
  void (*gemm_by_transpose)(index_t M, index_t N, index_t K, const T* A, index_t lda, const T* B,
                            index_t ldb, const T* init, T* C, index_t ldc);
  // C[K x N] (+)= A[M x K]^T D[M x N], the gradient of a weight matrix. C is packed.
  void (*gemm_transposed)(index_t M, index_t N, index_t K, const T* A, index_t lda, const T* D,
                          index_t ldd, T* C, index_t ldc, bool accumulate);
  // The product of gemm for N <= kNarrow, and K <= kNarrowDepth unless ldb is 1, with sums lane by
  // lane, then over a fixed tree. Reads and writes nothing beyond a row's last element; C may be
  // packed.
  void (*narrow_gemm)(index_t M, index_t N, index_t K, const T* A, index_t lda, const T* B,
                      index_t ldb, const T* init, T* C, index_t ldc);
  // The same products with the M rows `rows` of a sparse matrix as A (null: its first M rows), to
  // the last bit.
  void (*sparse_gemm)(index_t M, index_t N, const CsrRows<T>& A, const row_t* rows, const T* B,
                      index_t ldb, const T* init, T* C, index_t ldc);
  void (*sparse_gemm_transposed)(index_t M, index_t N, const CsrRows<T>& A, const row_t* rows,
                                 const T* D, index_t ldd, T* C, index_t ldc);
  void (*sparse_narrow_gemm)(index_t M, index_t N, const CsrRows<T>& A, const row_t* rows,
                             const T* B, index_t ldb, const T* init, T* C, index_t ldc);
  // out[N] (+)= sum of the rows of D[M x N], the gradient of the biases. Packed.
  void (*column_sums)(index_t M, index_t N, const T* D, index_t ldd, T* out, bool accumulate);
  // out[M x N] = the rows `rows` of X. out is scratch.
  void (*gather)(index_t M, index_t N, const T* X, index_t ldx, const row_t* rows, T* out,
                 index_t ldo);

  // In the order of enum Activation (nn/activation.hpp), where `parameter` is named. activate:
  // Z[M x N] -> Y in place. activate_gradient: D *= dY/dZ (for those of whole rows, the product
  // with that matrix), from `kept`, which is Y, or Z where the activation's row says kept_input.
  // Both are null for prelu and maxout.
  ActivationKernel<T> activate[kActivationCount];
  ActivationGradientKernel<T> activate_gradient[kActivationCount];
  // Z[M x N] -> Y in place, with the slopes [N] of negative values. The gradient is taken from Z,
  // and that by the slopes is written, or added, packed.
  void (*prelu)(index_t M, index_t N, const T* slopes, T* Z, index_t ld);
  void (*prelu_gradient)(index_t M, index_t N, const T* slopes, const T* Z, index_t ldz, T* D,
                         index_t ldd, T* of_slopes, bool accumulate);
  // Y[M x N] = the greatest of each unit's pieces: column p * units + j of Z is piece p of unit j,
  // N <= units. The gradient sets DZ, whose rows are as far apart as Z's; it is packed.
  void (*maxout)(index_t M, index_t N, index_t pieces, index_t units, const T* Z, index_t ldz, T* Y,
                 index_t ldy);
  void (*maxout_gradient)(index_t M, index_t N, index_t pieces, index_t units, const T* Z,
                          index_t ldz, const T* DY, index_t ldy, T* DZ);

  // Normalization: Y = scale * x^ + shift, x^ = (X - mean) * inverse with
  // inverse = 1 / sqrt(variance + epsilon). Y may be X; x^ goes to `normalized` too, unless null.
  // By columns, with mean and variance [N] over the rows, of which moments are packed:
  void (*column_moments)(index_t M, index_t N, const T* X, index_t ldx, T* mean, T* variance);
  void (*normalize_columns)(index_t M, index_t N, const T* X, index_t ldx, const T* mean,
                            const T* inverse, const T* scale, const T* shift, T* normalized,
                            index_t ldn, T* Y, index_t ldy);
  // By rows, over the columns; writes inverse [M] unless null:
  void (*normalize_rows)(index_t M, index_t N, const T* X, index_t ldx, T epsilon, const T* scale,
                         const T* shift, T* normalized, index_t ldn, T* inverse, T* Y, index_t ldy);
  // of_scale [N] (+)= sums of the rows of D * x^, of_shift [N] (+)= sums of the rows of D. Packed.
  void (*normalization_sums)(index_t M, index_t N, const T* normalized, index_t ldn, const T* D,
                             index_t ldd, T* of_scale, T* of_shift, bool accumulate);
  // D becomes the derivative by X. By columns it needs those sums over the same M rows, which all
  // made the moments.
  void (*column_normalization_gradient)(index_t M, index_t N, const T* normalized, index_t ldn,
                                        const T* inverse, const T* scale, const T* of_scale,
                                        const T* of_shift, T* D, index_t ldd);
  void (*row_normalization_gradient)(index_t M, index_t N, const T* normalized, index_t ldn,
                                     const T* inverse, const T* scale, T* D, index_t ldd);

  // Inverted dropout: draws mask[M x N] (0, or 1/(1 - rate) to keep) and writes Y = X * mask.
  // Element (i, j) depends only on (key, step, place, first_row + i, j), place below 2^16. `keep` =
  // kept outcomes of 65536. All are scratch; Y may be X.
  void (*dropout)(index_t M, index_t N, uint64_t key, uint64_t step, uint32_t place,
                  uint32_t first_row, uint32_t keep, const T* X, index_t ldx, T* Y, index_t ldy,
                  T* mask, index_t ldm);
  // The same draws, but dropped units take the value that selu tends to, and all are scaled and
  // shifted so that mean 0 and variance 1 stay. mask = dY/dX.
  void (*alpha_dropout)(index_t M, index_t N, uint64_t key, uint64_t step, uint32_t place,
                        uint32_t first_row, uint32_t keep, const T* X, index_t ldx, T* Y,
                        index_t ldy, T* mask, index_t ldm);
  // D *= mask.
  void (*apply_mask)(index_t M, index_t N, const T* mask, index_t ldm, T* D, index_t ldd);
  // Y[M x N] = X + stddev * standard normal numbers. Element (i, j) of these depends only on
  // (key, step, place, first_row + i, j), place below 2^16; they have nothing in common with
  // dropout's draws of the same names. Y is packed; it may be X. Nothing beyond a row's last
  // element is read: threads may work on neighbouring rows.
  void (*add_noise)(index_t M, index_t N, uint64_t key, uint64_t step, uint32_t place,
                    uint32_t first_row, T stddev, const T* X, index_t ldx, T* Y, index_t ldy);

  // In the order of enum Loss (nn/loss.hpp). From activated outputs P, targets Y and sample weights
  // w[M] (null: all 1): returns the weighted sum of the samples' losses, and unless D is null
  // writes D[M x N] = w * d(loss)/dP.
  double (*loss[kLossCount])(index_t M, index_t N, const LossCoefficients<T>& c, const T* P,
                             index_t ldp, const T* Y, index_t ldy, const T* w, T* D, index_t ldd);
  // The same with D = w * d(loss)/d(pre-activation) for the output activation that belongs to the
  // loss, where that is simpler and loses nothing at its ends; null where it is not.
  double (*fused_loss[kLossCount])(index_t M, index_t N, const LossCoefficients<T>& c, const T* P,
                                   index_t ldp, const T* Y, index_t ldy, const T* w, T* D,
                                   index_t ldd);

  // In the order of enum Optimizer (nn/optimizer.hpp). One pass over n parameters; `moments` points
  // to the optimizer's moments, as many as its row says.
  PenaltySums (*update[kOptimizerCount])(index_t n, const UpdateCoefficients<T>& c,
                                         const T* gradient, T* parameters, T* const* moments);
  // The parts of a step that come before update[], where it has more of them than a penalty: makes
  // the gradient that of the mean loss with its penalty, clipped, and lets the parameters decay.
  // Returns the sums of the parameters before. An update follows with a scale of 1, no penalty.
  PenaltySums (*prepare)(index_t n, const UpdateCoefficients<T>& c, T* gradient, T* parameters);
  // averages = momentum * averages + complement * values.
  void (*average)(index_t n, T momentum, T complement, const T* values, T* averages);
  // Scales each column of W[M x N] of a norm r by min(r, most) / (r + 1e-7). W is packed.
  void (*limit_columns)(index_t M, index_t N, T most, T* W, index_t ldw);
  // Sums of the squares and magnitudes of n values.
  PenaltySums (*penalty_sums)(index_t n, const T* values);
  // Reads nothing beyond the last value.
  bool (*all_finite)(index_t n, const T* values);

  // Does independent fused multiply-adds on full vectors, a dozen or two per iteration, and returns
  // the number of floating-point operations: the yardstick of every benchmark. (The numbers decay:
  // after some 80,000 iterations they would be subnormal.)
  double (*fma_burst)(index_t iterations, T* sink);
};

struct Kernels {
  const char* isa;
  index_t vector_bytes;
  KernelTable<float> f32;
  KernelTable<double> f64;
};

}  // namespace nnhp
