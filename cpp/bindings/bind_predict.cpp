// Predictor and Objective.
#include <pybind11/stl.h>

#include "gil.hpp"
#include "nnhp/train/objective.hpp"
#include "nnhp/train/predict.hpp"
#include "types.hpp"

namespace nnhp::bindings {
namespace {

using AnyPredictor = Any<Predictor>;

// What a caller may ask classes by.
struct DecisionInfo {
  std::string_view name;
  Decision (*of)(Activation output);
};
constexpr std::array<DecisionInfo, 3> decision_table{{
    {"probabilities", [](Activation output) { return decision_of(output); }},
    {"greatest", [](Activation) { return Decision{true, 0.0}; }},
    {"signs", [](Activation) { return Decision{false, 0.0}; }},
}};

AnyPredictor make_predictor(const TypedNetSpec& net, const py::object& parameters,
                            bool checks_samples) {
  return with_dtype(net.single, [&]<class T>() -> AnyPredictor {
    return {std::make_shared<const Predictor<T>>(
        net.spec, aligned_copy<T>(parameters, "parameters"), checks_samples)};
  });
}

template <class T>
Dataset<T> make_rows(const Predictor<T>& predictor, const py::object& X) {
  Dataset<T> data = make_samples<T>(X);
  const index_t expected = predictor.net()->inputs();
  require(data.features == expected, "X has " + std::to_string(data.features) +
                                         " features, the net expects " + std::to_string(expected));
  return data;
}

// Calls predict(threads, poll), without the interpreter's lock where that is worth it.
template <class T, class Predict>
void call(const Predictor<T>& predictor, const Dataset<T>& data, const py::function& threads,
          Predict&& predict) {
  if (predictor.are_few(data.samples)) {
    predict(1, Poll());
    return;
  }
  const int most = threads().template cast<int>();
  without_gil([&, poll = poll_signals()] { predict(most, poll); });
}

py::array outputs_of(const AnyPredictor& any, const py::object& X, const py::function& threads) {
  return any.visit([&]<class T>(const Predictor<T>& predictor) -> py::array {
    const Dataset<T> data = make_rows(predictor, X);
    py::array_t<T> out({data.samples, predictor.net()->outputs()});
    T* const to = out.mutable_data();
    call(predictor, data, threads,
         [&](int most, const Poll& poll) { predictor.outputs(data, most, poll, to); });
    return out;
  });
}

py::array classes_of(const AnyPredictor& any, const py::object& X, const py::function& threads,
                     const std::string& by) {
  return any.visit([&]<class T>(const Predictor<T>& predictor) -> py::array {
    const Decision decision =
        decision_table[index_of(decision_table, by, "by")].of(predictor.net()->output_activation());
    const Dataset<T> data = make_rows(predictor, X);
    std::vector<py::ssize_t> shape{data.samples};
    const index_t columns = predictor.class_columns(decision);
    if (columns > 1) shape.push_back(columns);
    py::array_t<int64_t> out(shape);
    int64_t* const to = out.mutable_data();
    call(predictor, data, threads,
         [&](int most, const Poll& poll) { predictor.classes(data, decision, most, poll, to); });
    return out;
  });
}

py::array hidden_outputs_of(const AnyPredictor& any, const py::object& X, size_t layer,
                            const py::function& threads) {
  return any.visit([&]<class T>(const Predictor<T>& predictor) -> py::array {
    const Dataset<T> data = make_rows(predictor, X);
    const std::vector<LayerSpec>& layers = predictor.net()->layers();
    require(layer < layers.size() - 1, "the net has " + std::to_string(layers.size() - 1) +
                                           " hidden layers, got layer " + std::to_string(layer));
    py::array_t<T> out({data.samples, layers[layer].outputs()});
    T* const to = out.mutable_data();
    call(predictor, data, threads, [&](int most, const Poll& poll) {
      predictor.hidden_outputs(data, layer, most, poll, to);
    });
    return out;
  });
}

TypedNetSpec net_of(const AnyPredictor& any) {
  return any.visit([]<class T>(const Predictor<T>& predictor) -> TypedNetSpec {
    return {predictor.net(), sizeof(T) == 4};
  });
}

py::array parameters_of(const AnyPredictor& any) {
  return any.visit([]<class T>(const Predictor<T>& predictor) -> py::array {
    const AlignedVector<T>& parameters = predictor.parameters();
    return to_array(parameters.data(), parameters.size());
  });
}

py::tuple predictor_state(const AnyPredictor& any) {
  const bool checks_samples =
      any.visit([](const auto& predictor) { return predictor.checks_samples(); });
  return py::make_tuple(net_of(any), parameters_of(any), checks_samples);
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

template <class T>
py::object call_evaluate(const TypedNetSpec& net, const TrainSpec& train,
                         const py::object& parameters, const AnyTrainingSet& set) {
  const AlignedVector<T> flat = aligned_copy<T>(parameters, "parameters");
  const auto& its_set = set.of<T>("training_set");
  const Score score = monitor_table[static_cast<size_t>(train.monitor)].score;
  const std::optional<Evaluation> found = without_gil([&, poll = poll_signals()] {
    return evaluate_alone(*net.spec, train.loss, score, flat, *its_set, poll);
  });
  return found ? py::make_tuple(found->loss, found->score) : py::object(py::none());
}

}  // namespace

void bind_predict(py::module_& m) {
  py::register_exception<NotFiniteError>(m, "NotFiniteError", PyExc_ValueError);
  py::class_<AnyPredictor>(m, "Predictor")
      .def(py::init(&make_predictor), py::arg("net"), py::arg("parameters"), py::kw_only(),
           py::arg("checks_samples") = false)
      .def_property_readonly("net", &net_of)
      .def_property_readonly("parameters", &parameters_of)
      .def_property_readonly(
          "n_outputs",
          [](const AnyPredictor& any) {
            return any.visit([](const auto& predictor) { return predictor.net()->outputs(); });
          })
      .def("outputs", &outputs_of, py::arg("X"), py::arg("threads"))
      .def("hidden_outputs", &hidden_outputs_of, py::arg("X"), py::arg("layer"), py::arg("threads"))
      .def("classes", &classes_of, py::arg("X"), py::arg("threads"),
           py::arg("by") = "probabilities")
      .def(py::pickle(&predictor_state, [](const py::tuple& state) {
        return make_predictor(state[0].cast<TypedNetSpec>(), state[1], state[2].cast<bool>());
      }));

  m.def(
      "evaluate",
      [](const TypedNetSpec& net, const std::shared_ptr<TrainSpec>& train,
         const py::object& parameters, const AnyTrainingSet& set) {
        return with_dtype(
            net.single, [&]<class T>() { return call_evaluate<T>(net, *train, parameters, set); });
      },
      py::arg("net"), py::arg("train").none(false), py::arg("parameters"), py::arg("training_set"));

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
