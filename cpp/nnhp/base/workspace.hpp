// Aligned memory: AlignedVector for state that lives long, Workspace for the scratch of one worker.
#pragma once

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "nnhp/base/error.hpp"
#include "nnhp/base/types.hpp"

namespace nnhp {

// Tells how much was asked for.
class NotEnoughMemory : public std::bad_alloc {
 public:
  explicit NotEnoughMemory(index_t bytes) noexcept {
    std::snprintf(text_, sizeof text_, "%lld bytes could not be allocated",
                  static_cast<long long>(bytes));
  }
  const char* what() const noexcept override { return text_; }

 private:
  char text_[64];
};

// A fixed-size array of plain values, zero-initialised, aligned to kAlignment and readable for
// kAlignment bytes past its end. Copies are deep.
template <class T>
class AlignedVector {
 public:
  using value_type = T;

  AlignedVector() = default;
  explicit AlignedVector(index_t size) : size_(size) {
    const index_t bytes =
        checked_sum(checked_product(size, sizeof(T), "array"), kAlignment, "array");
    data_.reset(static_cast<T*>(::operator new(static_cast<size_t>(bytes), kAlign, std::nothrow)));
    if (data_ == nullptr) throw NotEnoughMemory(bytes);
    std::memset(static_cast<void*>(data_.get()), 0, static_cast<size_t>(bytes));
  }
  AlignedVector(const AlignedVector& other) : AlignedVector() { *this = other; }
  AlignedVector(AlignedVector&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  AlignedVector& operator=(const AlignedVector& other) {
    if (this != &other) {
      if (size_ != other.size_) *this = AlignedVector(other.size_);
      if (size_ > 0) std::memcpy(data(), other.data(), static_cast<size_t>(size_) * sizeof(T));
    }
    return *this;
  }
  AlignedVector& operator=(AlignedVector&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  index_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](index_t i) { return data_.get()[i]; }
  const T& operator[](index_t i) const { return data_.get()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }

 private:
  static constexpr std::align_val_t kAlign{kAlignment};
  struct Free {
    void operator()(T* p) const { ::operator delete(static_cast<void*>(p), kAlign); }
  };
  std::unique_ptr<T, Free> data_;
  index_t size_ = 0;
};

// Elements between the starts of two rows of `columns` values in scratch: whole vectors, and never
// a multiple of 1 KiB, because rows that far apart fall into the same cache sets.
template <class T>
constexpr index_t padded_stride(index_t columns) {
  constexpr index_t lanes = kAlignment / static_cast<index_t>(sizeof(T));
  const index_t stride = (columns + lanes - 1) / lanes * lanes;
  return stride % (1024 / static_cast<index_t>(sizeof(T))) == 0 && stride > 0 ? stride + lanes
                                                                              : stride;
}

// Bump allocation over one block. Sized first (a Workspace without memory only counts), then bound:
// run the same sequence of take() calls on Workspace() to learn `bytes()`, reserve them, and run it
// again to get the pointers.
class Workspace {
 public:
  template <class T>
  T* take(index_t count) {
    const index_t bytes = checked_product(count, sizeof(T), "workspace");
    const index_t rounded =
        (checked_sum(bytes, 2 * kAlignment, "workspace")) / kAlignment * kAlignment;
    T* result = memory_.empty() ? nullptr : reinterpret_cast<T*>(memory_.data() + used_);
    used_ = checked_sum(used_, rounded, "workspace");
    return result;
  }
  index_t bytes() const { return used_; }
  void rewind() { used_ = 0; }
  // Grows to at least `bytes`; earlier pointers become invalid.
  void reserve(index_t bytes) {
    if (memory_.size() < bytes) memory_ = AlignedVector<char>(bytes);
    rewind();
  }

 private:
  AlignedVector<char> memory_;
  index_t used_ = 0;
};

}  // namespace nnhp
