// The machine and the build: instruction sets, threads, peak.
#include <pybind11/stl.h>

#include <chrono>
#include <map>

#include "gil.hpp"
#include "nnhp/base/cpu.hpp"
#include "nnhp/base/parallel.hpp"
#include "nnhp/kernels/choice.hpp"
#include "types.hpp"

namespace nnhp::bindings {
namespace {

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Kernels* k : available_kernels()) names.emplace_back(k->isa);
  return names;
}

std::map<std::string, std::string> build_info() {
  return {{"compiler", NNHP_COMPILER},
          {"flags", NNHP_BUILD_FLAGS},
          {"openmp", std::to_string(_OPENMP)}};
}

// GFLOP/s that `threads` threads reach together.
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
  double total = 0.0;
  for (const double rate : rates) total += rate;
  return total;
}

double fma_peak(const std::string& dtype, int threads, double seconds) {
  require(dtype == "float32" || dtype == "float64",
          "dtype must be 'float32' or 'float64', got '" + dtype + "'");
  require(threads >= 1 && threads <= usable_cpus(), "threads must be in [1, " +
                                                        std::to_string(usable_cpus()) + "], got " +
                                                        std::to_string(threads));
  return without_gil([&] {
    return with_dtype(dtype == "float32",
                      [&]<class T>() { return measure_peak<T>(threads, seconds); });
  });
}

}  // namespace

bool poll_signals() {
  with_gil([] {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  });
  return false;
}

void bind_runtime(py::module_& m) {
  m.attr("__version__") = NNHP_VERSION;
  kernels();  // chosen here, so that a wrong NNHP_ISA fails the import
  m.def("isa", [] { return kernels().isa; });
  m.def("available_isas", &available_isas);
  m.def("build_info", &build_info);
  m.def("thread_limit", &thread_limit);
  m.def("fma_peak", &fma_peak, py::arg("dtype"), py::arg("threads") = 1, py::arg("seconds") = 0.2);
}

}  // namespace nnhp::bindings
