#include "nnhp/kernels/peak.hpp"

#include <chrono>
#include <numeric>
#include <vector>

#include "nnhp/base/parallel.hpp"
#include "nnhp/kernels/choice.hpp"

namespace nnhp {

template <class T>
double measure_peak(int threads, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr index_t kIterations = 10000;
  std::vector<double> rates(static_cast<size_t>(threads), 0.0);
  std::vector<T> sinks(rates.size());
  StopToken stop;
  parallel_for(threads, threads, stop, {}, [&](index_t item, int) {
    const auto start = Clock::now();
    double operations = 0.0, elapsed = 0.0;
    while (elapsed < seconds) {
      operations += kernel_table<T>().fma_burst(kIterations, &sinks[static_cast<size_t>(item)]);
      elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    }
    rates[static_cast<size_t>(item)] = operations / elapsed / 1e9;
  });
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

template double measure_peak<float>(int, double);
template double measure_peak<double>(int, double);

}  // namespace nnhp
