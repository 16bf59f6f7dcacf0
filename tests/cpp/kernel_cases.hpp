// Runs a check on the kernels of every instruction set that this machine has.
#pragma once

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <type_traits>

#include "matrix.hpp"
#include "nnhp/kernels/choice.hpp"
#include "sizes.hpp"

namespace nnhp::testing {

template <class T>
inline constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

template <class T>
const KernelTable<T>& table_of(const Kernels& kernels) {
  if constexpr (std::is_same_v<T, float>) return kernels.f32;
  if constexpr (std::is_same_v<T, double>) return kernels.f64;
}

template <class T, class Check>
void for_each_isa(Check&& check) {
  for (const Kernels* kernels : available_kernels()) {
    const std::string isa = kernels->isa;
    CAPTURE(isa);
    check(table_of<T>(*kernels));
  }
}

// The checks of the size grids go by the hundred thousand, so they are only reported when they
// fail.
#define NNHP_CHECK_NOTHING(text)                      \
  do {                                                \
    const std::string nnhp_found = (text);            \
    if (!nnhp_found.empty()) CHECK(nnhp_found == ""); \
  } while (false)
#define NNHP_CHECK_QUIETLY(condition)   \
  do {                                  \
    if (!(condition)) CHECK(condition); \
  } while (false)

}  // namespace nnhp::testing
