// NumPy arrays at the boundary: what may pass, and the messages when it may not.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "nnhp/base/error.hpp"
#include "nnhp/base/workspace.hpp"

namespace nnhp::bindings {

namespace py = pybind11;

template <class T>
constexpr const char* dtype_name() {
  return sizeof(T) == 4 ? "float32" : "float64";
}

// `object` as an aligned, C-contiguous array of exactly T and `dimensions` axes; TypeError or
// ValueError else.
template <class T>
py::array_t<T> array_of(const py::handle& object, py::ssize_t dimensions, const std::string& name) {
  const auto expected = [] { return py::str(py::dtype::of<T>()).cast<std::string>(); };
  if (!py::isinstance<py::array>(object)) {
    throw py::type_error(name + " must be a NumPy array of " + expected() + ", got " +
                         py::str(py::type::of(object)).cast<std::string>());
  }
  const auto array = py::reinterpret_borrow<py::array>(object);
  if (!py::isinstance<py::array_t<T>>(array)) {
    throw py::type_error(name + " must have dtype " + expected() + ", got " +
                         py::str(array.dtype()).cast<std::string>());
  }
  require(array.ndim() == dimensions, name + " must have " + std::to_string(dimensions) +
                                          " dimensions, got " + std::to_string(array.ndim()));
  require((array.flags() & py::array::c_style) != 0, name + " must be C-contiguous");
  require(reinterpret_cast<uintptr_t>(array.data()) % alignof(T) == 0, name + " must be aligned");
  return py::reinterpret_borrow<py::array_t<T>>(array);
}

// `object` as another plain value; TypeError else.
template <class T>
T value_of(const py::handle& object, const std::string& name) {
  const auto refuse = [&]() -> T {
    throw py::type_error(name + " cannot be " + py::repr(object).cast<std::string>());
  };
  try {
    return object.cast<T>();
  } catch (const py::cast_error&) {
    return refuse();
  } catch (const py::error_already_set& error) {  // as tuple(3) raises it
    if (!error.matches(PyExc_TypeError) && !error.matches(PyExc_ValueError)) throw;
    return refuse();
  }
}

template <class T>
std::vector<T> vector_of(const py::handle& object, const std::string& name) {
  const auto array = array_of<T>(object, 1, name);
  return {array.data(), array.data() + array.size()};
}

template <class T>
AlignedVector<T> aligned_copy(const py::handle& object, const std::string& name) {
  const auto array = array_of<T>(object, 1, name);
  AlignedVector<T> copy(array.size());
  std::copy_n(array.data(), array.size(), copy.data());
  return copy;
}

template <class T>
py::array_t<T> to_array(const T* values, index_t size) {
  py::array_t<T> array(size);
  std::copy_n(values, size, array.mutable_data());
  return array;
}
// None for an empty vector.
template <class T>
py::object to_array_or_none(const AlignedVector<T>& values) {
  if (values.empty()) return py::none();
  return to_array(values.data(), values.size());
}

}  // namespace nnhp::bindings
