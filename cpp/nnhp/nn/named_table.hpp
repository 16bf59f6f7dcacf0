// A table of named rows whose order is an enum's, and the look-up of a row by its name.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "nnhp/base/error.hpp"

namespace nnhp {

// The index of the row called `name`; an unknown name is an error that lists the known ones.
template <class Row, size_t N>
size_t index_of(const std::array<Row, N>& table, std::string_view name, const char* what) {
  std::string known;
  for (size_t i = 0; i < N; ++i) {
    if (table[i].name == name) return i;
    known += (i == 0 ? "'" : ", '") + std::string(table[i].name) + "'";
  }
  throw std::invalid_argument(std::string(what) + " must be one of " + known + "; got '" +
                              std::string(name) + "'");
}

}  // namespace nnhp
