// Pickling in the old protocols, 0 and 1. For these, Python calls the base of all classes of
// pybind11 with the object, and that ends the process.
#include "types.hpp"

namespace nnhp::bindings {
namespace {

// The function, its arguments and the state by which an object is made again, as protocol 2 has it.
py::tuple reduce(const py::object& self) {
  const py::type type = py::type::of(self);
  if (!py::hasattr(type, "__setstate__")) {
    throw py::type_error("cannot pickle " + py::str(type).cast<std::string>());
  }
  return py::make_tuple(py::module_::import("copyreg").attr("__newobj__"), py::make_tuple(type),
                        self.attr("__getstate__")());
}

}  // namespace

void bind_pickle(py::module_& m) {
  for (const auto& [name, value] : m.attr("__dict__").cast<py::dict>()) {
    if (!py::isinstance<py::type>(value)) continue;
    if (PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(value.ptr()),
                         reinterpret_cast<PyTypeObject*>(PyExc_BaseException))) {
      continue;  // Python's own, which any protocol can
    }
    value.attr("__reduce__") =
        py::cpp_function(&reduce, py::name("__reduce__"), py::is_method(value));
  }
}

}  // namespace nnhp::bindings
