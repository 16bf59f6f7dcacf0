// The machine and the build: instruction sets, threads, peak.
#include <pybind11/stl.h>

#include <map>

#include "gil.hpp"
#include "nnhp/base/cgroup.hpp"
#include "nnhp/base/cpu.hpp"
#include "nnhp/base/parallel.hpp"
#include "nnhp/kernels/choice.hpp"
#include "nnhp/kernels/peak.hpp"
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

std::vector<std::pair<std::string, int>> memory_groups(const std::string& groups,
                                                       const std::string& own) {
  std::vector<std::pair<std::string, int>> found;
  for (const Cgroup& group : cgroups("memory", {groups, own})) {
    found.emplace_back(group.folder, group.version);
  }
  return found;
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

Poll poll_signals() {
  // Ctrl-C so far. Read and written with the interpreter's lock only.
  static int64_t interruptions = 0;
  return [before = interruptions] {
    with_gil([&] {
      if (PyErr_CheckSignals() != 0) {
        if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0) ++interruptions;
        throw py::error_already_set();
      }
      if (interruptions != before) {
        PyErr_SetNone(PyExc_KeyboardInterrupt);
        throw py::error_already_set();
      }
    });
    return false;
  };
}

void bind_runtime(py::module_& m) {
  m.attr("__version__") = NNHP_VERSION;
  kernels();  // chosen here, so that a wrong NNHP_ISA fails the import
  m.def(
      "isa", [] { return kernels().isa; },
      "Name of the instruction set in use: 'base', 'avx2' or 'avx512'.");
  m.def("available_isas", &available_isas);
  m.def("build_info", &build_info);
  m.def("thread_limit", &thread_limit);
  m.def("memory_groups", &memory_groups, py::arg("groups"), py::arg("own"));
  m.def("_pretend_cpus", &pretend_cpus, py::arg("cpus"));
  m.def("fma_peak", &fma_peak, py::arg("dtype"), py::arg("threads") = 1, py::arg("seconds") = 0.2);
}

}  // namespace nnhp::bindings
