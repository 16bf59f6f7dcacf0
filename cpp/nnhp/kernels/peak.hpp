// The yardstick of every benchmark.
#pragma once

namespace nnhp {

// GFLOP/s that `threads` threads reach together in `seconds` of independent fused multiply-adds of
// T.
template <class T>
double measure_peak(int threads, double seconds);

extern template double measure_peak<float>(int, double);
extern template double measure_peak<double>(int, double);

}  // namespace nnhp
