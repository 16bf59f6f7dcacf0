// Dataset: views of NumPy arrays.
#include <limits>

#include "types.hpp"

namespace nnhp::bindings {
namespace {

template <class T>
CsrRows<T> make_csr(const py::tuple& parts, Dataset<T>& data) {
  require(parts.size() == 4, "sparse X must be (values, columns, row starts, n_features)");
  const auto values = array_of<T>(parts[0], 1, "X values");
  const auto columns = array_of<int32_t>(parts[1], 1, "X columns");
  const auto row_start = array_of<int64_t>(parts[2], 1, "X row starts");
  data.features = parts[3].cast<index_t>();
  require(data.features >= 0 && data.features <= std::numeric_limits<int32_t>::max(),
          "n_features must be in [0, 2^31), got " + std::to_string(data.features));
  data.samples = row_start.size() - 1;
  require(columns.size() == values.size(), "X values and columns must be equally long");
  require(
      row_start.size() >= 1 && row_start.at(0) == 0 && row_start.at(data.samples) == values.size(),
      "X row starts must run from 0 to the number of values");
  for (index_t i = 0; i < data.samples; ++i) {
    require(row_start.data()[i] <= row_start.data()[i + 1], "X row starts must not decrease");
    for (int64_t k = row_start.data()[i]; k < row_start.data()[i + 1]; ++k) {
      const int32_t column = columns.data()[k];
      require(column >= 0 && column < data.features &&
                  (k == row_start.data()[i] || columns.data()[k - 1] < column),
              "X columns must be sorted, unique and below n_features in each row");
    }
  }
  return {values.data(), columns.data(), row_start.data()};
}

// Keeps Python objects alive, and lets go of them with the GIL held.
std::shared_ptr<const void> keep_alive(py::object objects) {
  return {new py::object(std::move(objects)), [](const void* kept) {
            const py::gil_scoped_acquire acquire;
            delete static_cast<const py::object*>(kept);
          }};
}

template <class T>
AnyDataset make_data(const py::object& X, const py::object& class_ids, const py::object& targets) {
  auto data = std::make_shared<Dataset<T>>(make_samples<T>(X));
  data->owner = keep_alive(py::make_tuple(X, class_ids, targets));
  if (!class_ids.is_none()) {
    const auto ids = array_of<int32_t>(class_ids, 1, "class_ids");
    require(ids.size() == data->samples, "class_ids must have one entry per sample");
    data->class_ids = ids.data();
  }
  if (!targets.is_none()) {
    const auto values = array_of<T>(targets, 2, "targets");
    require(values.shape(0) == data->samples, "targets must have one row per sample");
    data->targets = values.data();
    data->target_count = values.shape(1);
  }
  return {std::shared_ptr<const Dataset<T>>(std::move(data))};
}

bool is_single(const py::object& X) {
  const py::object values = py::isinstance<py::tuple>(X) ? py::object(X.cast<py::tuple>()[0]) : X;
  return py::isinstance<py::array_t<float>>(values);
}

}  // namespace

template <class T>
Dataset<T> make_samples(const py::object& X) {
  Dataset<T> data;
  if (py::isinstance<py::tuple>(X)) {
    data.sparse = true;
    data.csr = make_csr<T>(X.cast<py::tuple>(), data);
  } else {
    const auto array = array_of<T>(X, 2, "X");
    data.samples = array.shape(0);
    data.features = array.shape(1);
    data.dense = array.data();
  }
  require(data.samples <= std::numeric_limits<row_t>::max(),
          "X must have fewer than 2^31 samples, got " + std::to_string(data.samples));
  return data;
}
template Dataset<float> make_samples(const py::object&);
template Dataset<double> make_samples(const py::object&);

std::vector<row_t> rows_of(const py::object& rows, index_t samples, const std::string& name) {
  if (!rows.is_none()) return vector_of<row_t>(rows, name);
  std::vector<row_t> all(static_cast<size_t>(samples));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<row_t>(i);
  return all;
}

void bind_dataset(py::module_& m) {
  py::class_<AnyDataset>(m, "Dataset")
      .def(
          py::init([](const py::object& X, const py::object& class_ids, const py::object& targets) {
            return with_dtype(is_single(X),
                              [&]<class T>() { return make_data<T>(X, class_ids, targets); });
          }),
          py::arg("X"), py::kw_only(), py::arg("class_ids") = py::none(),
          py::arg("targets") = py::none())
      .def_property_readonly("n_samples",
                             [](const AnyDataset& d) {
                               return std::visit([](const auto& s) { return s->samples; }, d.set);
                             })
      .def_property_readonly("n_features", [](const AnyDataset& d) {
        return std::visit([](const auto& s) { return s->features; }, d.set);
      });
}

}  // namespace nnhp::bindings
