// Table of contents of the extension module.
#include "types.hpp"

PYBIND11_MODULE(_core, m) {
  m.doc() = "The compiled engine of nnhp.";
  nnhp::bindings::bind_runtime(m);
  nnhp::bindings::bind_spec(m);
  nnhp::bindings::bind_dataset(m);
  nnhp::bindings::bind_session(m);
  nnhp::bindings::bind_predict(m);
  nnhp::bindings::bind_pickle(m);
}
