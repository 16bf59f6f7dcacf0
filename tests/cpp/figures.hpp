// Counts for docs/reliability.md: a line of JSON each in the file that NNHP_FIGURES names, as
// tests/python/reliability.py reads them.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>

namespace nnhp::testing {

inline void count(const std::string& figure, long value) {
  const char* const path = std::getenv("NNHP_FIGURES");
  if (path == nullptr) return;
  std::ofstream(path, std::ios::app)
      << "{\"figure\": \"" << figure << "\", \"value\": " << value << "}\n";
}

}  // namespace nnhp::testing
