// NetSpec and TrainSpec from names and numbers.

#include <map>

#include "fields.hpp"
#include "types.hpp"

namespace nnhp::bindings {
namespace {

using GivenStages = std::vector<py::object>;
using GivenLayer = std::pair<index_t, GivenStages>;  // units, stages

// A stage by its name, which may be an activation's.
StageSpec make_stage(const py::object& given) {
  Fields fields(given, "stage");
  const std::string name = fields.name();
  StageSpec stage;
  std::string_view parameter;
  for (size_t k = 1; k < stage_table.size(); ++k) {
    if (stage_table[k].name != name) continue;
    stage.kind = static_cast<StageKind>(k);
    parameter = stage_table[k].parameter;
  }
  if (stage.kind == StageKind::kActivation) {
    const std::string what = "a stage, if not " + names_of(stage_table, 1) + ",";
    stage = activate(static_cast<Activation>(index_of(activation_table, name, what.c_str())));
    parameter = info(stage.activation).parameter;
  }
  if (!parameter.empty()) fields.read(std::string(parameter), stage.parameter);
  if (info(stage.kind).normalizes) fields.read("epsilon", stage.epsilon);
  if (stage.kind == StageKind::kBatchNormalization) fields.read("momentum", stage.momentum);
  fields.require_all_read();
  return stage;
}

std::vector<StageSpec> make_stages(const GivenStages& given) {
  std::vector<StageSpec> stages;
  for (const py::object& stage : given) stages.push_back(make_stage(stage));
  return stages;
}

// What make_stage makes this of.
py::object stage_state(const Stage& stage) {
  const bool activates = stage.kind == StageKind::kActivation;
  py::dict state;
  state["name"] = activates ? info(stage.activation).name : info(stage.kind).name;
  const std::string parameter(activates ? info(stage.activation).parameter
                                        : info(stage.kind).parameter);
  if (!parameter.empty()) state[parameter.c_str()] = stage.parameter;
  if (info(stage.kind).normalizes) state["epsilon"] = stage.epsilon;
  if (stage.kind == StageKind::kBatchNormalization) state["momentum"] = stage.momentum;
  return state;
}

GivenStages stages_state(const std::vector<Stage>& stages) {
  GivenStages states;
  for (const Stage& stage : stages) states.push_back(stage_state(stage));
  return states;
}

TypedNetSpec make_net(index_t n_inputs, const std::vector<GivenLayer>& hidden, index_t n_outputs,
                      const std::string& output_activation, const GivenStages& input_stages,
                      const GivenStages& output_stages, const std::string& dtype) {
  require(dtype == "float32" || dtype == "float64",
          "dtype must be 'float32' or 'float64', got '" + dtype + "'");
  std::vector<HiddenLayer> layers;
  for (const auto& [units, stages] : hidden) layers.push_back({units, make_stages(stages)});
  const auto output =
      static_cast<Activation>(index_of(activation_table, output_activation, "activation"));
  return {std::make_shared<NetSpec>(n_inputs, layers, n_outputs, output, make_stages(input_stages),
                                    make_stages(output_stages)),
          dtype == "float32"};
}

std::vector<std::pair<index_t, index_t>> layer_shapes(const TypedNetSpec& net) {
  std::vector<std::pair<index_t, index_t>> shapes;
  for (const LayerSpec& layer : net.spec->layers()) shapes.emplace_back(layer.inputs, layer.units);
  return shapes;
}

// Layer (-1: the inputs), number of the stage in it, name, offset and size of every array that a
// stage has in the flat parameters.
using StageArray = std::tuple<int, int, std::string, index_t, index_t>;

std::vector<StageArray> stage_arrays(const TypedNetSpec& net) {
  std::vector<StageArray> arrays;
  const auto add = [&](int layer, const std::vector<Stage>& stages) {
    for (size_t s = 0; s < stages.size(); ++s) {
      const Stage& stage = stages[s];
      const auto array = [&](const char* name, index_t at) {
        arrays.emplace_back(layer, static_cast<int>(s), name, at, stage.columns);
      };
      if (stage.is(Activation::kPrelu)) array("slopes", stage.trained_at);
      if (info(stage.kind).normalizes) {
        array("scale", stage.trained_at);
        array("shift", stage.shift_at());
      }
      if (stage.statistics == 0) continue;
      array("mean", stage.statistics_at);
      array("variance", stage.variance_at());
    }
  };
  add(-1, net.spec->input_stages());
  int number = 0;
  for (const LayerSpec& layer : net.spec->layers()) add(number++, layer.stages);
  return arrays;
}

// Those of the inputs, then those of each layer.
std::vector<GivenStages> stages_of(const TypedNetSpec& net) {
  std::vector<GivenStages> stages{stages_state(net.spec->input_stages())};
  for (const LayerSpec& layer : net.spec->layers()) stages.push_back(stages_state(layer.stages));
  return stages;
}

index_t scratch_bytes(const TypedNetSpec& net, index_t batch_size) {
  return with_dtype(net.single, [&]<class T>() {
    Workspace sizes;
    Backprop<T>(*net.spec, true, sizes, true, Backprop<T>::training_rows(*net.spec, batch_size));
    return sizes.bytes();
  });
}

// The arguments of make_net.
py::tuple net_state(const TypedNetSpec& net) {
  std::vector<GivenLayer> hidden;
  for (const LayerSpec& layer : net.spec->layers()) {
    hidden.emplace_back(layer.outputs(), stages_state(layer.stages));
  }
  GivenStages output_stages = hidden.back().second;
  output_stages.pop_back();
  hidden.pop_back();
  return py::make_tuple(net.spec->inputs(), hidden, net.spec->outputs(),
                        info(net.spec->output_activation()).name,
                        stages_state(net.spec->input_stages()), output_stages,
                        net.single ? dtype_name<float>() : dtype_name<double>());
}

TypedNetSpec net_of_state(const py::tuple& state) {
  return make_net(state[0].cast<index_t>(), state[1].cast<std::vector<GivenLayer>>(),
                  state[2].cast<index_t>(), state[3].cast<std::string>(),
                  state[4].cast<GivenStages>(), state[5].cast<GivenStages>(),
                  state[6].cast<std::string>());
}

LossSpec make_loss(const py::object& given) {
  Fields fields(given, "loss");
  LossSpec loss;
  loss.kind = fields.kind<Loss>(loss_table);
  std::string over_outputs = "own";
  fields.read("over_outputs", over_outputs);
  loss.over_outputs =
      static_cast<OverOutputs>(index_of(over_outputs_table, over_outputs, "over_outputs"));
  fields.read("scale", loss.scale);
  fields.read("mean_over_samples", loss.mean_over_samples);
  fields.read("epsilon", loss.epsilon);
  fields.read("label_smoothing", loss.label_smoothing);
  fields.read("delta", loss.delta);
  fields.read("gamma", loss.gamma);
  fields.read("alpha", loss.alpha);
  fields.read("quantiles", loss.quantiles);
  fields.require_all_read();
  return loss;
}

AugmentSpec make_augment(const py::object& given) {
  AugmentSpec augment;
  if (given.is_none()) return augment;
  Fields fields(given, "augment");
  fields.read("noisy_copies", augment.noisy_copies);
  fields.read("noise", augment.noise);
  fields.read("mixup_alpha", augment.mixup_alpha);
  fields.read("cutmix_alpha", augment.cutmix_alpha);
  fields.require_all_read();
  return augment;
}

OptimizerSpec make_optimizer(const py::object& given) {
  Fields fields(given, "optimizer");
  OptimizerSpec optimizer;
  optimizer.kind = fields.kind<Optimizer>(optimizer_table);
  fields.read("momentum", optimizer.momentum);
  fields.read("rho", optimizer.rho);
  fields.read("beta_1", optimizer.beta_1);
  fields.read("beta_2", optimizer.beta_2);
  fields.read("epsilon", optimizer.epsilon);
  fields.read("initial_accumulator_value", optimizer.initial_accumulator);
  fields.read("weight_decay", optimizer.weight_decay);
  fields.read("clipnorm", optimizer.clipnorm);
  fields.read("clipvalue", optimizer.clipvalue);
  fields.read("ema_momentum", optimizer.ema_momentum);
  fields.read("max_norm", optimizer.max_norm);
  fields.read("weight_noise", optimizer.weight_noise);
  fields.require_all_read();
  return optimizer;
}

ScheduleSpec make_schedule(const py::object& given, double horizon) {
  Fields fields(given, "schedule");
  ScheduleSpec schedule;
  schedule.kind = fields.kind<Schedule>(schedule_table);
  schedule.horizon = horizon;
  fields.read("initial", schedule.initial);
  fields.read("begin", schedule.begin);
  fields.read("power", schedule.power);
  fields.read("per_epoch", schedule.per_epoch);
  fields.read("step_size", schedule.step_size);
  fields.read("factor", schedule.factor);
  fields.read("decay_rate", schedule.decay_rate);
  fields.read("staircase", schedule.staircase);
  fields.read("end", schedule.end);
  fields.read("warmup", schedule.warmup);
  fields.read("restarts", schedule.restarts);
  fields.read("t_mul", schedule.t_mul);
  fields.read("m_mul", schedule.m_mul);
  fields.read("pct_start", schedule.pct_start);
  fields.read("div_factor", schedule.div_factor);
  fields.read("final_div_factor", schedule.final_div_factor);
  fields.read("patience", schedule.patience);
  fields.read("min_delta", schedule.min_delta);
  fields.read("cooldown", schedule.cooldown);
  fields.read("min_lr", schedule.min_lr);
  fields.read("boundaries", schedule.boundaries);
  fields.read("values", schedule.values);
  fields.require_all_read();
  return schedule;
}

TrainSpec make_train(const py::object& loss, const py::object& optimizer, index_t batch_size,
                     int64_t max_epochs, double schedule_horizon, double l2, double l1,
                     const py::object& schedule, bool shuffle, double tol, double n_iter_no_change,
                     const std::string& monitor, bool records_steps, bool restores_best,
                     const py::object& augment, const std::vector<index_t>& frozen_layers,
                     const std::vector<index_t>& held_biases,
                     const std::vector<std::pair<double, double>>& layer_penalties) {
  TrainSpec train;
  train.loss = make_loss(loss);
  train.augment = make_augment(augment);
  train.penalty = {l2, l1};
  for (const auto& [own_l2, own_l1] : layer_penalties)
    train.layer_penalties.push_back({own_l2, own_l1});
  train.optimizer = make_optimizer(optimizer);
  train.schedule = make_schedule(schedule, schedule_horizon);
  train.batch_size = batch_size;
  train.max_epochs = max_epochs;
  train.shuffle = shuffle;
  train.tol = tol;
  train.n_iter_no_change = n_iter_no_change;
  train.monitor = static_cast<Monitor>(index_of(monitor_table, monitor, "monitor"));
  train.records_steps = records_steps;
  train.restores_best = restores_best;
  train.frozen_layers = frozen_layers;
  train.held_biases = held_biases;
  return train;
}

std::vector<std::string> hidden_activations() {
  std::vector<std::string> names;
  for (const ActivationInfo& row : activation_table) {
    if (row.hidden) names.emplace_back(row.name);
  }
  return names;
}

std::map<std::string, std::string> losses() {
  std::map<std::string, std::string> outputs;
  for (const LossInfo& row : loss_table) outputs.emplace(row.name, info(row.output).name);
  return outputs;
}

std::map<std::string, int> optimizers() {
  std::map<std::string, int> moments;
  for (const OptimizerInfo& row : optimizer_table) moments.emplace(row.name, row.moments);
  return moments;
}

std::vector<std::string> schedules() {
  std::vector<std::string> names;
  for (const ScheduleInfo& row : schedule_table) names.emplace_back(row.name);
  return names;
}

}  // namespace

void bind_spec(py::module_& m) {
  m.def("activations", &hidden_activations);
  m.def("losses", &losses);
  m.def("optimizers", &optimizers);
  m.def("schedules", &schedules);

  py::class_<TypedNetSpec>(m, "NetSpec")
      .def(py::init(&make_net), py::kw_only(), py::arg("n_inputs"), py::arg("hidden"),
           py::arg("n_outputs"), py::arg("output_activation"),
           py::arg("input_stages") = GivenStages(), py::arg("output_stages") = GivenStages(),
           py::arg("dtype"))
      .def_property_readonly("n_parameters",
                             [](const TypedNetSpec& n) { return n.spec->parameter_count(); })
      .def_property_readonly("n_trained",
                             [](const TypedNetSpec& n) { return n.spec->trained_count(); })
      .def_property_readonly("stages", &stages_of)
      .def_property_readonly("stage_arrays", &stage_arrays)
      .def("scratch_bytes", &scratch_bytes, py::arg("batch_size"))
      .def_property_readonly("layer_shapes", &layer_shapes)
      .def(py::pickle(&net_state, &net_of_state));

  py::class_<TrainSpec, std::shared_ptr<TrainSpec>>(m, "TrainSpec")
      .def(py::init(&make_train), py::kw_only(), py::arg("loss"), py::arg("optimizer"),
           py::arg("batch_size"), py::arg("max_epochs"), py::arg("schedule_horizon"),
           py::arg("l2") = 0.0, py::arg("l1") = 0.0, py::arg("schedule") = "constant",
           py::arg("shuffle") = true, py::arg("tol") = 1e-4, py::arg("n_iter_no_change") = 10.0,
           py::arg("monitor") = "training_loss", py::arg("records_steps") = false,
           py::arg("restores_best") = false, py::arg("augment") = py::none(),
           py::arg("frozen_layers") = std::vector<index_t>(),
           py::arg("held_biases") = std::vector<index_t>(),
           py::arg("layer_penalties") = std::vector<std::pair<double, double>>());
}

}  // namespace nnhp::bindings
