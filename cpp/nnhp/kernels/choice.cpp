#include "nnhp/kernels/choice.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace nnhp {

extern const Kernels kernels_base;
#if defined(NNHP_X86_LEVELS)
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

namespace {

#if defined(NNHP_X86_LEVELS)
// What tells a processor of x86-64-v3 and v4, whose names GCC 11 does not know here. The compiler
// takes more for granted (lzcnt, movbe, f16c), which every processor with these has.
bool has_avx2_level() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
bool has_avx512_level() {
  return has_avx2_level() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

}  // namespace

const std::vector<const Kernels*>& available_kernels() {
  static const std::vector<const Kernels*> available = [] {
    std::vector<const Kernels*> found{&kernels_base};
#if defined(NNHP_X86_LEVELS)
    __builtin_cpu_init();
    if (has_avx2_level()) found.push_back(&kernels_avx2);
    if (has_avx512_level()) found.push_back(&kernels_avx512);
#endif
    return found;
  }();
  return available;
}

const Kernels& kernels() {
  static const Kernels& chosen = []() -> const Kernels& {
    const auto& available = available_kernels();
    const char* wanted = std::getenv("NNHP_ISA");
    if (wanted == nullptr || *wanted == '\0') return *available.back();
    std::string names;
    for (const Kernels* k : available) {
      if (std::string(wanted) == k->isa) return *k;
      names += (names.empty() ? "" : ", ") + std::string(k->isa);
    }
    throw std::invalid_argument("NNHP_ISA must be one of " + names + " on this machine, got '" +
                                wanted + "'");
  }();
  return chosen;
}

template <>
const KernelTable<float>& kernel_table<float>() {
  return kernels().f32;
}
template <>
const KernelTable<double>& kernel_table<double>() {
  return kernels().f64;
}

}  // namespace nnhp
