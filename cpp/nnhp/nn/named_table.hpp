// A table of named rows whose order is an enum's, and the look-up of a row by its name.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "nnhp/base/error.hpp"

namespace nnhp {

// The quoted names of the rows from `first` on.
template <class Row, size_t N>
std::string names_of(const std::array<Row, N>& table, size_t first = 0) {
  std::string names;
  for (size_t i = first; i < N; ++i) {
    names += (i == first ? "'" : ", '") + std::string(table[i].name) + "'";
  }
  return names;
}

// The index of the row called `name`; an unknown name is an error that lists the known ones.
template <class Row, size_t N>
size_t index_of(const std::array<Row, N>& table, std::string_view name, const char* what) {
  for (size_t i = 0; i < N; ++i) {
    if (table[i].name == name) return i;
  }
  throw std::invalid_argument(std::string(what) + " must be one of " + names_of(table) + "; got '" +
                              std::string(name) + "'");
}

}  // namespace nnhp
