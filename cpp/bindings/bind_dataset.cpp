// Dataset and TrainingSet: views of NumPy arrays, and rows of them.
#include <algorithm>
#include <limits>
#include <numeric>

#include "types.hpp"

namespace nnhp::bindings {
namespace {

// What a Dataset views. Numbers are the caller's, who may change them; whatever is an index is a
// copy, because it is checked only once.
struct Owner {
  py::object numbers, targets;
  std::vector<int32_t> columns, class_ids;
  std::vector<int64_t> row_start;
};

// Lets go of the Python objects with the GIL held.
std::shared_ptr<Owner> make_owner() {
  return {new Owner, [](const Owner* owner) {
            const py::gil_scoped_acquire acquire;
            delete owner;
          }};
}

template <class T>
Dataset<T> view_csr(const py::tuple& parts, Owner& owner) {
  require(parts.size() == 4, "sparse X must be (values, columns, row starts, n_features)");
  const auto values = array_of<T>(parts[0], 1, "X values");
  owner.numbers = values;
  owner.columns = vector_of<int32_t>(parts[1], "X columns");
  owner.row_start = vector_of<int64_t>(parts[2], "X row starts");
  return csr_samples<T>({values.data(), static_cast<size_t>(values.size())}, owner.columns,
                        owner.row_start, parts[3].cast<index_t>());
}

template <class T>
Dataset<T> view_samples(const py::object& X, Owner& owner) {
  Dataset<T> data;
  if (py::isinstance<py::tuple>(X)) {
    data = view_csr<T>(X.cast<py::tuple>(), owner);
  } else {
    const auto array = array_of<T>(X, 2, "X");
    data.samples = array.shape(0);
    data.features = array.shape(1);
    data.dense = array.data();
    owner.numbers = array;
  }
  require(data.samples <= std::numeric_limits<row_t>::max(),
          "X must have fewer than 2^31 samples, got " + std::to_string(data.samples));
  return data;
}

template <class T>
AnyDataset make_data(const py::object& X, const py::object& class_ids, const py::object& targets) {
  require(class_ids.is_none() || targets.is_none(), "class_ids and targets must not both be given");
  const std::shared_ptr<Owner> owner = make_owner();
  auto data = std::make_shared<Dataset<T>>(view_samples<T>(X, *owner));
  data->owner = owner;
  if (!class_ids.is_none()) {
    owner->class_ids = vector_of<int32_t>(class_ids, "class_ids");
    require(static_cast<index_t>(owner->class_ids.size()) == data->samples,
            "class_ids must have one entry per sample");
    data->class_ids = owner->class_ids.data();
  }
  if (!targets.is_none()) {
    const auto values = array_of<T>(targets, 2, "targets");
    require(values.shape(0) == data->samples, "targets must have one row per sample");
    data->targets = values.data();
    data->target_count = values.shape(1);
    owner->targets = values;
  }
  return {std::shared_ptr<const Dataset<T>>(std::move(data))};
}

bool is_single(const py::object& X) {
  const py::object values = py::isinstance<py::tuple>(X) ? py::object(X.cast<py::tuple>()[0]) : X;
  return py::isinstance<py::array_t<float>>(values);
}

// Rows to use: all of them for None.
std::vector<row_t> rows_of(const py::object& rows, index_t samples, const char* name) {
  if (!rows.is_none()) return vector_of<row_t>(rows, name);
  std::vector<row_t> all(static_cast<size_t>(samples));
  std::iota(all.begin(), all.end(), row_t{0});
  return all;
}

template <class T>
WeightedRows<T> weighted_rows(const std::shared_ptr<const Dataset<T>>& data, const py::object& rows,
                              const char* rows_name, const py::object& weight,
                              const char* weight_name) {
  WeightedRows<T> part{data, rows_of(rows, data->samples, rows_name), nullptr};
  if (!weight.is_none()) {
    part.weights = std::make_shared<const AlignedVector<T>>(aligned_copy<T>(weight, weight_name));
  }
  return part;
}

template <class T>
AnyTrainingSet make_training_set(const std::shared_ptr<const Dataset<T>>& data,
                                 const py::object& rows, const py::object& label_map,
                                 const py::object& sample_weight, const AnyDataset* validation_data,
                                 const py::object& validation_rows,
                                 const py::object& validation_weight) {
  std::optional<WeightedRows<T>> validation;
  if (validation_data != nullptr) {
    validation = weighted_rows<T>(validation_data->of<T>("validation_data"), validation_rows,
                                  "validation_rows", validation_weight, "validation_weight");
  }
  std::vector<int32_t> outputs;
  if (!label_map.is_none()) outputs = vector_of<int32_t>(label_map, "label_map");
  return {std::make_shared<const TrainingSet<T>>(
      weighted_rows<T>(data, rows, "rows", sample_weight, "sample_weight"), std::move(outputs),
      std::move(validation))};
}

}  // namespace

template <class T>
Dataset<T> make_samples(const py::object& X) {
  const std::shared_ptr<Owner> owner = make_owner();
  Dataset<T> data = view_samples<T>(X, *owner);
  data.owner = owner;
  return data;
}
template Dataset<float> make_samples(const py::object&);
template Dataset<double> make_samples(const py::object&);

void bind_dataset(py::module_& m) {
  py::class_<AnyDataset>(m, "Dataset")
      .def(
          py::init([](const py::object& X, const py::object& class_ids, const py::object& targets) {
            return with_dtype(is_single(X),
                              [&]<class T>() { return make_data<T>(X, class_ids, targets); });
          }),
          py::arg("X"), py::kw_only(), py::arg("class_ids") = py::none(),
          py::arg("targets") = py::none())
      .def_property_readonly(
          "n_samples",
          [](const AnyDataset& d) { return d.visit([](const auto& s) { return s.samples; }); })
      .def_property_readonly("n_features", [](const AnyDataset& d) {
        return d.visit([](const auto& s) { return s.features; });
      });
  py::class_<AnyTrainingSet>(m, "TrainingSet")
      .def(py::init([](const AnyDataset& data, const py::object& rows, const py::object& label_map,
                       const py::object& sample_weight, const AnyDataset* validation_data,
                       const py::object& validation_rows, const py::object& validation_weight) {
             return std::visit(
                 [&](const auto& set) {
                   return make_training_set(set, rows, label_map, sample_weight, validation_data,
                                            validation_rows, validation_weight);
                 },
                 data.value);
           }),
           py::arg("data"), py::arg("rows") = py::none(), py::kw_only(),
           py::arg("label_map") = py::none(), py::arg("sample_weight") = py::none(),
           py::arg("validation_data") = nullptr, py::arg("validation_rows") = py::none(),
           py::arg("validation_weight") = py::none());
}

}  // namespace nnhp::bindings
