// The vector of the instruction set that this file is compiled for, for float and double.
//
// Included only by the isa_*.cpp files (through kernels.inc), inside an anonymous namespace: the
// same names mean other things in other objects, and the linker must never merge them. Arithmetic
// and comparisons are the compiler's own operators on vector types; only what those lack is here.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#define NNHP_VECTOR_BYTES 64
#define NNHP_AVX512 1
#elif defined(__AVX2__) && defined(__FMA__)
#define NNHP_VECTOR_BYTES 32
#define NNHP_AVX2 1
#else
#define NNHP_VECTOR_BYTES 16
#endif

#define NNHP_INLINE inline __attribute__((always_inline))

template <class T>
struct Types;
template <>
struct Types<float> {
  typedef float V __attribute__((vector_size(NNHP_VECTOR_BYTES)));
  typedef float H __attribute__((vector_size(NNHP_VECTOR_BYTES / 2)));
  typedef int32_t I __attribute__((vector_size(NNHP_VECTOR_BYTES)));
  using Integer = int32_t;
};
template <>
struct Types<double> {
  typedef double V __attribute__((vector_size(NNHP_VECTOR_BYTES)));
  typedef double H __attribute__((vector_size(NNHP_VECTOR_BYTES / 2)));
  typedef int64_t I __attribute__((vector_size(NNHP_VECTOR_BYTES)));
  using Integer = int64_t;
};
template <class T>
using Vec = typename Types<T>::V;
// Half a vector, for the last columns of a matrix.
template <class T>
using Half = typename Types<T>::H;
template <class T>
using IntVec = typename Types<T>::I;

template <class T>
constexpr index_t kLanes = NNHP_VECTOR_BYTES / static_cast<index_t>(sizeof(T));

// `s - 0` folds to a plain broadcast; `0 + s` would not, because 0 + -0 is +0.
template <class T, class V = Vec<T>>
NNHP_INLINE V broadcast(T s) {
  return s - V{};
}

template <class T, class V = Vec<T>>
NNHP_INLINE V load(const T* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class T, class V = Vec<T>>
NNHP_INLINE void store(T* p, V v) {
  __builtin_memcpy(p, &v, sizeof v);
}

// Lane by lane: a loop up to `count` would be a call of memcpy, around which no vector register is
// kept.
template <class T>
NNHP_INLINE void store_lanes(T* p, Vec<T> v, index_t count) {
#pragma GCC unroll 4
  for (index_t i = 0; i < kLanes<T>; ++i) {
    if (i < count) p[i] = v[i];
  }
}

template <class T>
NNHP_INLINE Vec<T> load_lanes(const T* p, index_t count) {
  Vec<T> v{};
#pragma GCC unroll 4
  for (index_t i = 0; i < kLanes<T>; ++i) {
    if (i < count) v[i] = p[i];
  }
  return v;
}

// Writes the first `count` lanes, 0 < count <= lanes.
NNHP_INLINE void store_first(float* p, Vec<float> v, index_t count) {
#if NNHP_AVX512
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), (__m512)v);
#elif NNHP_AVX2
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  _mm256_maskstore_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane),
                      (__m256)v);
#else
  store_lanes(p, v, count);
#endif
}
NNHP_INLINE void store_first(double* p, Vec<double> v, index_t count) {
#if NNHP_AVX512
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << count) - 1), (__m512d)v);
#elif NNHP_AVX2
  const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  _mm256_maskstore_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lane), (__m256d)v);
#else
  store_lanes(p, v, count);
#endif
}

// Reads the first `count` elements and none beyond them, 0 in the other lanes, 0 < count <= lanes.
NNHP_INLINE Vec<float> load_first(const float* p, index_t count) {
#if NNHP_AVX512
  return (Vec<float>)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
#elif NNHP_AVX2
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (Vec<float>)_mm256_maskload_ps(
      p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane));
#else
  return load_lanes(p, count);
#endif
}
NNHP_INLINE Vec<double> load_first(const double* p, index_t count) {
#if NNHP_AVX512
  return (Vec<double>)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1), p);
#elif NNHP_AVX2
  const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  return (Vec<double>)_mm256_maskload_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lane));
#else
  return load_lanes(p, count);
#endif
}

// The first `count` elements of a column whose elements lie `ld` apart, 0 in the other lanes; and
// their way back.
template <class T>
NNHP_INLINE Vec<T> load_column(const T* p, index_t ld, index_t count) {
  if (ld == 1) return load_first(p, count);
  Vec<T> v{};
  if (count == kLanes<T>) {
#pragma GCC unroll 16
    for (index_t i = 0; i < kLanes<T>; ++i) v[i] = p[i * ld];
  } else {
    for (index_t i = 0; i < count; ++i) v[i] = p[i * ld];
  }
  return v;
}
template <class T>
NNHP_INLINE void store_column(T* p, index_t ld, Vec<T> v, index_t count) {
  if (ld == 1) return store_first(p, v, count);
  T lanes[kLanes<T>];
  store(lanes, v);
  for (index_t i = 0; i < count; ++i) p[i * ld] = lanes[i];
}

template <class T, class V = Vec<T>>
NNHP_INLINE Half<T> first_half(V v) {
  Half<T> half;
  __builtin_memcpy(&half, &v, sizeof half);
  return half;
}

// a * b + c, rounded once where the ISA can.
NNHP_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
#if NNHP_AVX512
  return (Vec<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif NNHP_AVX2
  return (Vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
  return (Vec<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}
NNHP_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
#if NNHP_AVX512
  return (Vec<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif NNHP_AVX2
  return (Vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
  return (Vec<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}

#if NNHP_AVX512
NNHP_INLINE Half<float> fma(Half<float> a, Half<float> b, Half<float> c) {
  return (Half<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
NNHP_INLINE Half<double> fma(Half<double> a, Half<double> b, Half<double> c) {
  return (Half<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
NNHP_INLINE void store_first(float* p, Half<float> v, index_t count) {
  _mm256_mask_storeu_ps(p, static_cast<__mmask8>((1u << count) - 1), (__m256)v);
}
NNHP_INLINE void store_first(double* p, Half<double> v, index_t count) {
  _mm256_mask_storeu_pd(p, static_cast<__mmask8>((1u << count) - 1), (__m256d)v);
}
#endif

NNHP_INLINE float square_root(float a) { return __builtin_sqrtf(a); }
NNHP_INLINE double square_root(double a) { return __builtin_sqrt(a); }
NNHP_INLINE Vec<float> square_root(Vec<float> a) {
#if NNHP_AVX512
  return (Vec<float>)_mm512_maskz_sqrt_ps(0xFFFF, (__m512)a);
#elif NNHP_AVX2
  return (Vec<float>)_mm256_sqrt_ps((__m256)a);
#elif defined(__aarch64__)
  return (Vec<float>)vsqrtq_f32((float32x4_t)a);
#else
  return (Vec<float>)_mm_sqrt_ps((__m128)a);
#endif
}
NNHP_INLINE Vec<double> square_root(Vec<double> a) {
#if NNHP_AVX512
  return (Vec<double>)_mm512_maskz_sqrt_pd(0xFF, (__m512d)a);
#elif NNHP_AVX2
  return (Vec<double>)_mm256_sqrt_pd((__m256d)a);
#elif defined(__aarch64__)
  return (Vec<double>)vsqrtq_f64((float64x2_t)a);
#else
  return (Vec<double>)_mm_sqrt_pd((__m128d)a);
#endif
}

template <class T>
NNHP_INLINE Vec<T> larger(Vec<T> a, Vec<T> b) {
  return a > b ? a : b;
}
template <class T>
NNHP_INLINE Vec<T> smaller(Vec<T> a, Vec<T> b) {
  return a < b ? a : b;
}
template <class T>
NNHP_INLINE Vec<T> magnitude(Vec<T> a) {
  constexpr auto mask = static_cast<typename Types<T>::Integer>(~(1ull << (8 * sizeof(T) - 1)));
  return (Vec<T>)((IntVec<T>)a & mask);
}

// Lane numbers 0, 1, 2, ...
template <class T>
NNHP_INLINE IntVec<T> lane_numbers() {
  IntVec<T> lanes{};
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T>; ++i) lanes[i] = i;
  return lanes;
}

// The first `count` lanes of v, `rest` in the others.
template <class T>
NNHP_INLINE Vec<T> keep_first(Vec<T> v, index_t count, Vec<T> rest) {
  return lane_numbers<T>() < static_cast<typename Types<T>::Integer>(count) ? v : rest;
}

// exchange: lane i of the result is lane i ^ DISTANCE of v. interleave: lanes FIRST, FIRST + 1, ...
// of a and of b in turns. Clang takes the lanes as constants, GCC (11 only so) as a vector.
#if defined(__clang__)
template <class Index, Index... INDICES>
struct Indices {};
template <class T>
using LaneIndices = __make_integer_seq<Indices, int, static_cast<int>(kLanes<T>)>;

template <int DISTANCE, class V, int... I>
NNHP_INLINE V exchange_lanes(V v, Indices<int, I...>) {
  return __builtin_shufflevector(v, v, (I ^ DISTANCE)...);
}
template <int FIRST, class V, int... I>
NNHP_INLINE V interleave_lanes(V a, V b, Indices<int, I...>) {
  constexpr int lanes = sizeof...(I);
  return __builtin_shufflevector(a, b, (FIRST + I / 2 + (I % 2) * lanes)...);
}
template <class T, int DISTANCE>
NNHP_INLINE Vec<T> exchange(Vec<T> v) {
  return exchange_lanes<DISTANCE>(v, LaneIndices<T>{});
}
template <class T, int FIRST>
NNHP_INLINE Vec<T> interleave(Vec<T> a, Vec<T> b) {
  return interleave_lanes<FIRST>(a, b, LaneIndices<T>{});
}
#else
template <class T, int DISTANCE>
NNHP_INLINE Vec<T> exchange(Vec<T> v) {
  return __builtin_shuffle(v,
                           lane_numbers<T>() ^ static_cast<typename Types<T>::Integer>(DISTANCE));
}
template <class T, int FIRST>
NNHP_INLINE Vec<T> interleave(Vec<T> a, Vec<T> b) {
  constexpr int lanes = kLanes<T>;
  IntVec<T> from{};
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) from[i] = FIRST + i / 2 + (i % 2) * lanes;
  return __builtin_shuffle(a, b, from);
}
#endif

// combine() of each WIDTH lanes, in every one of them: by halves, the same tree in every call.
template <class T, int WIDTH, class F>
NNHP_INLINE Vec<T> across_lanes(Vec<T> v, F&& combine) {
  if constexpr (WIDTH == 1) {
    return v;
  } else {
    return across_lanes<T, WIDTH / 2>(combine(v, exchange<T, WIDTH / 2>(v)), combine);
  }
}
template <class T, int WIDTH = static_cast<int>(kLanes<T>)>
NNHP_INLINE Vec<T> sum_lanes(Vec<T> v) {
  return across_lanes<T, WIDTH>(v, [](Vec<T> a, Vec<T> b) { return a + b; });
}
template <class T, int WIDTH = static_cast<int>(kLanes<T>)>
NNHP_INLINE Vec<T> largest_lane(Vec<T> v) {
  return across_lanes<T, WIDTH>(v, [](Vec<T> a, Vec<T> b) { return larger<T>(a, b); });
}

// Narrow rows share a vector: WIDTH elements each of ROWS rows that lie `ld` apart, side by side.
// Rows are read and written as whole vectors, what lies beyond a row's WIDTH becomes anything.
template <class T, int WIDTH, int ROWS = static_cast<int>(kLanes<T>) / WIDTH>
NNHP_INLINE Vec<T> load_rows(const T* p, index_t ld) {
  if constexpr (ROWS == 1) {
    return load(p);
  } else {
    constexpr int half = WIDTH * ROWS / 2;
    const Vec<T> first = load_rows<T, WIDTH, ROWS / 2>(p, ld);
    const Vec<T> second = load_rows<T, WIDTH, ROWS / 2>(p + ROWS / 2 * ld, ld);
    return (lane_numbers<T>() & half) == 0 ? first : exchange<T, half>(second);
  }
}
template <class T, int WIDTH, int ROWS = static_cast<int>(kLanes<T>) / WIDTH>
NNHP_INLINE void store_rows(T* p, index_t ld, Vec<T> v) {
  if constexpr (ROWS == 1) {
    store(p, v);
  } else {
    store_rows<T, WIDTH, ROWS / 2>(p, ld, v);
    store_rows<T, WIDTH, ROWS / 2>(p + ROWS / 2 * ld, ld, exchange<T, WIDTH * ROWS / 2>(v));
  }
}
// A number for each of the rows, in all of its lanes.
template <class T, int WIDTH, int ROWS = static_cast<int>(kLanes<T>) / WIDTH>
NNHP_INLINE Vec<T> of_rows(const T* p) {
  if constexpr (ROWS == 1) {
    return broadcast(*p);
  } else {
    const Vec<T> first = of_rows<T, WIDTH, ROWS / 2>(p);
    const Vec<T> second = of_rows<T, WIDTH, ROWS / 2>(p + ROWS / 2);
    return (lane_numbers<T>() & (WIDTH * ROWS / 2)) == 0 ? first : second;
  }
}
// Which lanes are of the first n elements of each row.
template <class T, int WIDTH>
NNHP_INLINE auto in_row(index_t n) {
  return (lane_numbers<T>() & (WIDTH - 1)) < static_cast<typename Types<T>::Integer>(n);
}
// Calls body<WIDTH>() with the least width that holds n elements, if it is part of a vector.
template <class T, class Body>
NNHP_INLINE void if_narrow(index_t n, Body&& body) {
  constexpr int pair = 2, quarter = 16 / static_cast<int>(sizeof(T)), half = 2 * quarter;
  if constexpr (pair < quarter && pair < kLanes<T>) {
    if (n <= pair) return body.template operator()<pair>();
  }
  if constexpr (quarter < kLanes<T>) {
    if (n <= quarter) return body.template operator()<quarter>();
  }
  if constexpr (half < kLanes<T>) {
    if (n <= half) return body.template operator()<half>();
  }
}

// Turns a square block of kLanes vectors: each of log2(kLanes) rounds interleaves its two halves.
template <class T>
NNHP_INLINE void transpose_block(Vec<T> (&block)[kLanes<T>]) {
  constexpr int lanes = kLanes<T>;
#pragma GCC unroll 4
  for (int round = 1; round < lanes; round *= 2) {
    Vec<T> turned[lanes];
#pragma GCC unroll 16
    for (int i = 0; i < lanes / 2; ++i) {
      turned[2 * i] = interleave<T, 0>(block[i], block[i + lanes / 2]);
      turned[2 * i + 1] = interleave<T, lanes / 2>(block[i], block[i + lanes / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) block[i] = turned[i];
  }
}

// Lane i is the sum of the lanes of block[i], over a tree that is the same for each: every round
// adds two halves of all vectors, two vectors at a time.
template <class T>
NNHP_INLINE Vec<T> sums_across(Vec<T> (&block)[kLanes<T>]) {
  constexpr int lanes = kLanes<T>;
#pragma GCC unroll 4
  for (int left = lanes / 2; left > 0; left /= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < left; ++i) {
      block[i] = interleave<T, 0>(block[i], block[i + left]) +
                 interleave<T, lanes / 2>(block[i], block[i + left]);
    }
  }
  return block[0];
}

// Products of the low 32 bits of each 64-bit lane.
typedef uint64_t Words __attribute__((vector_size(NNHP_VECTOR_BYTES)));
NNHP_INLINE Words multiply_low_halves(Words a, Words b) {
#if NNHP_AVX512
  return (Words)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b);
#elif NNHP_AVX2
  return (Words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__aarch64__)
  return (Words)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
  return (Words)_mm_mul_epu32((__m128i)a, (__m128i)b);
#endif
}

// Calls f(offset, count) for each vector of a row of n elements; count is the constant kLanes
// except in the last, partial one.
template <class T, class F>
NNHP_INLINE void for_each_vector(index_t n, F&& f) {
  index_t j = 0;
  for (; j + kLanes<T> <= n; j += kLanes<T>) f(j, kLanes<T>);
  if (j < n) f(j, n - j);
}
template <class T>
NNHP_INLINE Vec<T> load_count(const T* p, index_t count) {
  return count == kLanes<T> ? load(p) : load_first(p, count);
}
template <class T>
NNHP_INLINE void store_count(T* p, Vec<T> v, index_t count) {
  if (count == kLanes<T>) {
    store(p, v);
  } else {
    store_first(p, v, count);
  }
}
