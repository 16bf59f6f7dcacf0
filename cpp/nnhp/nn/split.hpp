// How a team shares out a matrix.
#pragma once

#include <algorithm>

#include "nnhp/base/parallel.hpp"
#include "nnhp/base/types.hpp"

namespace nnhp {

// Calls body(first, count) for a part of the columns per thread, cut between whole cache lines.
template <class T, class Body>
void split_columns(const Team& team, index_t columns, Body&& body) {
  constexpr index_t line = kAlignment / static_cast<index_t>(sizeof(T));
  const index_t lines = (columns + line - 1) / line;
  const index_t width = (lines + team.threads() - 1) / team.threads() * line;
  team.each((columns + width - 1) / width, [&](index_t part, int) {
    body(part * width, std::min(width, columns - part * width));
  });
}

// The same for rows.
template <class Body>
void split_rows(const Team& team, index_t rows, Body&& body) {
  const index_t size = (rows + team.threads() - 1) / team.threads();
  team.each((rows + size - 1) / size,
            [&](index_t part, int) { body(part * size, std::min(size, rows - part * size)); });
}

}  // namespace nnhp
