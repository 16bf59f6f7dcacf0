// Failures of the core. Wrong arguments are std::invalid_argument (ValueError in Python),
// impossible sizes std::length_error (MemoryError in Python). A diverging training is no failure:
// it is a status of its session.
#pragma once

#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>

#include "nnhp/base/types.hpp"

namespace nnhp {

// Samples that a prediction refuses because not all of them are finite.
struct NotFiniteError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

inline void require(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

// The same for the value of a named field.
inline void require_field(bool condition, const char* name, const char* expected, double got) {
  if (condition) return;
  std::ostringstream message;
  message << name << " must be " << expected << ", got " << got;
  throw std::invalid_argument(message.str());
}

// The same for what must still be above 0 as a T, whose subnormal numbers are 0 to the engine.
template <class T>
void require_positive(const char* name, double got) {
  constexpr bool single = sizeof(T) == sizeof(float);
  require_field(got >= static_cast<double>(std::numeric_limits<T>::min()), name,
                single ? "> 0 in float32" : "> 0 in float64", got);
}

// a * b for non-negative sizes; throws before an overflow can reach an allocation.
inline index_t checked_product(index_t a, index_t b, const char* what) {
  if (a != 0 && b > std::numeric_limits<index_t>::max() / a) {
    throw std::length_error(std::string(what) + ": " + std::to_string(a) + " x " +
                            std::to_string(b) + " exceeds the address space");
  }
  return a * b;
}

inline index_t checked_sum(index_t a, index_t b, const char* what) {
  if (b > std::numeric_limits<index_t>::max() - a) {
    throw std::length_error(std::string(what) + ": " + std::to_string(a) + " + " +
                            std::to_string(b) + " exceeds the address space");
  }
  return a + b;
}

}  // namespace nnhp
