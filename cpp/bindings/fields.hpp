// A part of a spec as Python gives it: a dict of a name and named values, or the name alone.
#pragma once

#include <pybind11/stl.h>

#include <set>
#include <string>

#include "arrays.hpp"
#include "nnhp/nn/named_table.hpp"

namespace nnhp::bindings {

class Fields {
 public:
  // `what` names the part in errors.
  Fields(const py::object& given, const char* what) : what_(what) {
    if (py::isinstance<py::str>(given)) {
      values_["name"] = given;
    } else {
      values_ = value_of<py::dict>(given, what);
    }
  }

  std::string name() {
    require(values_.contains("name"), std::string(what_) + " needs a name");
    std::string name;
    read("name", name);
    return name;
  }
  // The row of `table` that "name" names.
  template <class Enum, class Row, size_t N>
  Enum kind(const std::array<Row, N>& table) {
    return static_cast<Enum>(index_of(table, name(), what_));
  }
  // Sets `to` where a value is given.
  template <class Value>
  void read(const std::string& name, Value& to) {
    known_.insert(name);
    if (!values_.contains(name.c_str())) return;
    to = value_of<Value>(values_[name.c_str()], std::string(what_) + ": " + name);
  }
  // Throws std::invalid_argument if a value was given that nobody has read.
  void require_all_read() const {
    for (const auto& [key, value] : values_) {
      const auto name = value_of<std::string>(key, std::string("a field of ") + what_);
      require(known_.contains(name), std::string(what_) + " has no field '" + name + "'");
    }
  }

 private:
  const char* what_;
  py::dict values_;
  std::set<std::string> known_;
};

}  // namespace nnhp::bindings
