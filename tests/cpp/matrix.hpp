// Matrices to hand to kernels, with every byte that belongs to no cell filled with a NaN of its
// own: it spoils any result that it reaches, and it shows when it is overwritten.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "nnhp/base/workspace.hpp"
#include "nnhp/kernels/table.hpp"
#include "random.hpp"
#include "reference.hpp"
#include "sizes.hpp"

namespace nnhp::testing {

template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

template <class T>
Bits<T> bits(T value) {
  return std::bit_cast<Bits<T>>(value);
}

template <class T>
T guard() {
  if constexpr (sizeof(T) == 4) return std::bit_cast<float>(uint32_t{0x7fc5a5a5});
  if constexpr (sizeof(T) == 8) return std::bit_cast<double>(uint64_t{0x7ff85a5a5a5a5a5a});
}

// `size` values, begun as the misalignment says, and kAlignment bytes after them, all of them
// guards.
template <class T>
class TestMemory {
 public:
  TestMemory(index_t size, index_t misalignment)
      : misalignment_(misalignment),
        lead_(std::max<index_t>(misalignment, 0)),
        total_(lead_ + size + kAlignment / static_cast<index_t>(sizeof(T))) {
    const size_t bytes = static_cast<size_t>(total_) * sizeof(T);
    block_ = misalignment == kAtPageEnd ? before_forbidden_page(bytes) : aligned(bytes);
    std::fill_n(block_.get(), total_, guard<T>());
  }
  TestMemory(const TestMemory& other)
      : TestMemory(other.total_ - other.lead_ - kAlignment / static_cast<index_t>(sizeof(T)),
                   other.misalignment_) {
    std::copy_n(other.block_.get(), total_, block_.get());
  }
  TestMemory& operator=(const TestMemory&) = delete;

  T* first() { return block_.get() + lead_; }
  const T* first() const { return block_.get() + lead_; }
  // Elements before first(), and from first() to the end of the slack.
  index_t lead() const { return lead_; }
  index_t reach() const { return total_ - lead_; }

 private:
  struct Release {
    void operator()(T* p) const {
      if (mapped > 0) {
        munmap(base, mapped);
      } else {
        ::operator delete(p, std::align_val_t{kAlignment});
      }
    }
    void* base = nullptr;
    size_t mapped = 0;
  };
  using Block = std::unique_ptr<T, Release>;

  static Block aligned(size_t bytes) {
    return Block(static_cast<T*>(::operator new(bytes, std::align_val_t{kAlignment})));
  }
  static Block before_forbidden_page(size_t bytes) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t usable = (bytes + page - 1) / page * page;
    void* base =
        mmap(nullptr, usable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) throw std::bad_alloc();
    char* end = static_cast<char*>(base) + usable;
    mprotect(end, page, PROT_NONE);
    return Block(reinterpret_cast<T*>(end - bytes), Release{base, usable + page});
  }

  index_t misalignment_, lead_, total_;
  Block block_;
};

// Distance between rows: none to spare, some elements that must stay untouched, or a scratch
// matrix's.
enum class Rows { kPacked, kGapped, kScratch };

template <class T>
class TestMatrix {
 public:
  TestMatrix(index_t rows, index_t columns, Rows layout, index_t misalignment = 0)
      : rows_(rows),
        columns_(columns),
        stride_(layout == Rows::kPacked   ? columns
                : layout == Rows::kGapped ? columns + 5
                                          : padded_stride<T>(columns)),
        layout_(layout),
        memory_(rows * stride_, misalignment) {}
  TestMatrix(const reference::Matrix& values, Rows layout, index_t misalignment = 0)
      : TestMatrix(values.rows, values.columns, layout, misalignment) {
    for (index_t i = 0; i < rows_; ++i) {
      for (index_t j = 0; j < columns_; ++j) (*this)(i, j) = static_cast<T>(values(i, j));
    }
  }

  T* data() { return memory_.first(); }
  const T* data() const { return memory_.first(); }
  index_t rows() const { return rows_; }
  index_t columns() const { return columns_; }
  index_t stride() const { return stride_; }
  T* row(index_t i) { return data() + i * stride_; }
  T& operator()(index_t i, index_t j) { return data()[i * stride_ + j]; }
  const T& operator()(index_t i, index_t j) const { return data()[i * stride_ + j]; }

  // Whether what no kernel may write still holds the guard: everything outside the cells of a
  // packed or gapped matrix, everything before the first and after the last row of a scratch one.
  bool surroundings_untouched() const {
    for (index_t i = -memory_.lead(); i < memory_.reach(); ++i) {
      if (!writable(i) && bits(data()[i]) != bits(guard<T>())) return false;
    }
    return true;
  }

 private:
  bool writable(index_t offset) const {
    if (offset < 0 || offset >= rows_ * stride_) return false;
    return layout_ == Rows::kScratch || offset % stride_ < columns_;
  }

  index_t rows_, columns_, stride_;
  Rows layout_;
  TestMemory<T> memory_;
};

// Uniform numbers that are exactly representable in T.
template <class T>
reference::Matrix random_matrix(index_t rows, index_t columns, Random& random, double low = -1.0,
                                double high = 1.0) {
  reference::Matrix matrix(rows, columns);
  for (double& cell : matrix.cells) {
    cell = static_cast<double>(static_cast<T>(random.uniform(low, high)));
  }
  return matrix;
}

// The parts one after the other, numbers with all their digits.
template <class... Parts>
std::string text_of(const Parts&... parts) {
  std::ostringstream text;
  text.precision(17);
  (text << ... << parts);
  return text.str();
}

// The first cell further than its tolerance from what is wanted, or nothing.
template <class T>
std::string mismatch(const TestMatrix<T>& got, const reference::Matrix& want,
                     const reference::Matrix& tolerance) {
  for (index_t i = 0; i < got.rows(); ++i) {
    for (index_t j = 0; j < got.columns(); ++j) {
      const double value = static_cast<double>(got(i, j));
      if (std::abs(value - want(i, j)) <= tolerance(i, j)) continue;
      return text_of("row ", i, " [", j, "]: got ", value, ", want ", want(i, j), " +- ",
                     tolerance(i, j));
    }
  }
  return "";
}

// The first of n values whose bits differ, or nothing.
template <class T>
std::string bit_mismatch(index_t n, const T* got, const T* want) {
  for (index_t i = 0; i < n; ++i) {
    if (bits(got[i]) != bits(want[i])) {
      return text_of("[", i, "]: got ", got[i], ", want ", want[i]);
    }
  }
  return "";
}

// The same for the rows of `got` against those of `want` from `first_row` on.
template <class T>
std::string bit_mismatch(const TestMatrix<T>& got, const TestMatrix<T>& want,
                         index_t first_row = 0) {
  for (index_t i = 0; i < got.rows(); ++i) {
    const std::string found = bit_mismatch(got.columns(), &got(i, 0), &want(first_row + i, 0));
    if (!found.empty()) return text_of("row ", i, " ", found);
  }
  return "";
}

// A dense matrix's cells that are not zero, as sparse rows.
template <class T>
class SparseMatrix {
 public:
  explicit SparseMatrix(const reference::Matrix& dense) : starts_{0} {
    for (index_t i = 0; i < dense.rows; ++i) {
      for (index_t j = 0; j < dense.columns; ++j) {
        if (dense(i, j) == 0.0) continue;
        values_.push_back(static_cast<T>(dense(i, j)));
        columns_.push_back(static_cast<int32_t>(j));
      }
      starts_.push_back(static_cast<int64_t>(values_.size()));
    }
  }
  CsrRows<T> view() const { return {values_.data(), columns_.data(), starts_.data()}; }

 private:
  std::vector<T> values_;
  std::vector<int32_t> columns_;
  std::vector<int64_t> starts_;
};

// Sets about two thirds of the cells, and one whole row, to zero.
inline void thin_out(reference::Matrix& matrix, Random& random) {
  for (double& cell : matrix.cells) {
    if (random.uniform(0.0, 1.0) < 0.65) cell = 0.0;
  }
  const index_t empty = random.below(matrix.rows);
  for (index_t j = 0; j < matrix.columns; ++j) matrix(empty, j) = 0.0;
}

}  // namespace nnhp::testing
