// predict and Objective.
#include <pybind11/stl.h>

#include "gil.hpp"
#include "nnhp/train/objective.hpp"
#include "nnhp/train/predict.hpp"
#include "types.hpp"

namespace nnhp::bindings {
namespace {

template <class T>
py::array predict_samples(const TypedNetSpec& net, const py::object& parameters,
                          const py::object& X, int threads) {
  const AlignedVector<T> flat = aligned_copy<T>(parameters, "parameters");
  require(flat.size() == net.spec->parameter_count(),
          "parameters must have " + std::to_string(net.spec->parameter_count()) + " entries, got " +
              std::to_string(flat.size()));
  const Dataset<T> data = make_samples<T>(X);
  require(data.features == net.spec->inputs(), "X has " + std::to_string(data.features) +
                                                   " features, the net expects " +
                                                   std::to_string(net.spec->inputs()));
  py::array_t<T> out({data.samples, net.spec->outputs()});
  T* to = out.mutable_data();
  without_gil(
      [&, poll = poll_signals()] { predict<T>(*net.spec, flat.data(), data, threads, poll, to); });
  return out;
}

struct AnyObjective {
  std::variant<std::unique_ptr<Objective<float>>, std::unique_ptr<Objective<double>>> objective;
  InUse in_use;
};

template <class T>
AnyObjective make_objective(const TypedNetSpec& net, const std::shared_ptr<TrainSpec>& train,
                            const AnyTrainingSet& set) {
  return {std::make_unique<Objective<T>>(net.spec, train, set.of<T>("training_set")), {}};
}

template <class T>
py::tuple call_objective(Objective<T>& objective, InUse& in_use, const py::object& parameters) {
  const AlignedVector<T> flat = aligned_copy<T>(parameters, "parameters");
  require(flat.size() == objective.net().parameter_count(),
          "parameters must have " + std::to_string(objective.net().parameter_count()) +
              " entries, got " + std::to_string(flat.size()));
  py::array_t<T> gradient(flat.size());
  T* to = gradient.mutable_data();
  in_use.check("the objective");
  const Claim claim({&in_use});
  const double value = without_gil(
      [&, poll = poll_signals()] { return objective.value_and_gradient(flat, poll, to); });
  return py::make_tuple(value, gradient);
}

}  // namespace

void bind_predict(py::module_& m) {
  m.def(
      "predict",
      [](const TypedNetSpec& net, const py::object& parameters, const py::object& X, int threads) {
        return with_dtype(
            net.single, [&]<class T>() { return predict_samples<T>(net, parameters, X, threads); });
      },
      py::arg("net"), py::arg("parameters"), py::arg("X"), py::arg("threads"));

  py::class_<AnyObjective>(m, "Objective")
      .def(py::init([](const TypedNetSpec& net, const std::shared_ptr<TrainSpec>& train,
                       const AnyTrainingSet& set) {
             return with_dtype(net.single,
                               [&]<class T>() { return make_objective<T>(net, train, set); });
           }),
           py::arg("net"), py::arg("train").none(false), py::arg("training_set"))
      .def(
          "__call__",
          [](AnyObjective& any, const py::object& parameters) {
            return std::visit([&](auto& o) { return call_objective(*o, any.in_use, parameters); },
                              any.objective);
          },
          py::arg("parameters"));
}

}  // namespace nnhp::bindings
