// What stands behind the Python classes, and the functions that register them.
#pragma once

#include <memory>
#include <variant>

#include "arrays.hpp"
#include "nnhp/train/session.hpp"

namespace nnhp::bindings {

// A net and the dtype that its sessions compute in.
struct TypedNetSpec {
  std::shared_ptr<const NetSpec> spec;
  bool single;  // float32
};

struct AnyDataset {
  std::variant<std::shared_ptr<const Dataset<float>>, std::shared_ptr<const Dataset<double>>> set;

  template <class T>
  std::shared_ptr<const Dataset<T>> of(const std::string& name) const {
    if (const auto* data = std::get_if<std::shared_ptr<const Dataset<T>>>(&set)) return *data;
    throw py::type_error(name + " must have the net's dtype " + dtype_name<T>());
  }
};

// Runs f.operator()<float>() or <double>().
template <class F>
auto with_dtype(bool single, F&& f) {
  return single ? f.template operator()<float>() : f.template operator()<double>();
}

// Whether native work, which gives up the interpreter's lock, is using an object. Read and written
// with that lock only.
class InUse {
 public:
  void check(const char* what) const {
    if (in_use_) throw std::runtime_error(std::string(what) + " is in use by another thread");
  }

 private:
  friend class Claim;
  bool in_use_ = false;
};

// Marks objects as in use while it lives.
class Claim {
 public:
  explicit Claim(std::vector<InUse*> marks) : marks_(std::move(marks)) { set(true); }
  ~Claim() { set(false); }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  void set(bool in_use) {
    for (InUse* mark : marks_) mark->in_use_ = in_use;
  }
  std::vector<InUse*> marks_;
};

// Samples, without targets, from a dense array or a tuple (values, columns, row starts,
// n_features).
template <class T>
Dataset<T> make_samples(const py::object& X);

// Outputs of the class ids, and weights of the samples, in the form that sessions take them;
// nothing for None.
inline std::vector<int32_t> label_map_of(const py::object& label_map) {
  return label_map.is_none() ? std::vector<int32_t>{} : vector_of<int32_t>(label_map, "label_map");
}
template <class T>
std::shared_ptr<const AlignedVector<T>> weights_of(const py::object& weights, const char* name) {
  if (weights.is_none()) return nullptr;
  return std::make_shared<AlignedVector<T>>(aligned_copy<T>(weights, name));
}

// Rows to use: all of them for None.
std::vector<row_t> rows_of(const py::object& rows, index_t samples, const std::string& name);

// A poll for a call that begins now; made with the interpreter's lock. It raises what a signal
// handler raises, which is called on the main thread only, and KeyboardInterrupt after a poll on
// the main thread has met it: then all calls under way end.
Poll poll_signals();

void bind_runtime(py::module_& m);
void bind_spec(py::module_& m);
void bind_dataset(py::module_& m);
void bind_session(py::module_& m);
void bind_predict(py::module_& m);

}  // namespace nnhp::bindings
