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

// Something immutable that exists in both dtypes.
template <template <class> class Kind>
struct Any {
  std::variant<std::shared_ptr<const Kind<float>>, std::shared_ptr<const Kind<double>>> value;

  // The one of this dtype; TypeError naming the argument otherwise.
  template <class T>
  const std::shared_ptr<const Kind<T>>& of(const char* name) const {
    if (const auto* found = std::get_if<std::shared_ptr<const Kind<T>>>(&value)) return *found;
    throw py::type_error(std::string(name) + " must have the dtype " + dtype_name<T>());
  }

  // f of the one that there is.
  template <class F>
  auto visit(F&& f) const {
    return std::visit([&](const auto& it) { return f(*it); }, value);
  }
};
using AnyDataset = Any<Dataset>;
using AnyTrainingSet = Any<TrainingSet>;
using AnyStart = Any<Start>;

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

// A poll for a call that begins now; made with the interpreter's lock. It raises what a signal
// handler raises, which is called on the main thread only, and KeyboardInterrupt after a poll on
// the main thread has met it: then all calls under way end.
Poll poll_signals();

void bind_runtime(py::module_& m);
void bind_spec(py::module_& m);
void bind_dataset(py::module_& m);
void bind_session(py::module_& m);
void bind_predict(py::module_& m);
void bind_pickle(py::module_& m);  // of all classes that are there by then

}  // namespace nnhp::bindings
