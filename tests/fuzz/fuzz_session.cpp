// Specs, training sets and states of any bytes: refused with a message, or trained from without
// leading out of an array.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <vector>

#include "nnhp/base/cpu.hpp"
#include "nnhp/train/session.hpp"

namespace nnhp {
namespace {

// What an input has in common with those that may pass, one bit in sixteen has not.
class Bytes : public FuzzedDataProvider {
 public:
  using FuzzedDataProvider::FuzzedDataProvider;

  bool strange() { return ConsumeIntegralInRange<int>(0, 15) == 15; }
  template <class Integer>
  Integer number(Integer least, Integer most) {
    return strange() ? ConsumeIntegral<Integer>() : ConsumeIntegralInRange<Integer>(least, most);
  }
  double real(double least, double most) {
    return strange() ? std::bit_cast<double>(ConsumeIntegral<uint64_t>())
                     : ConsumeFloatingPointInRange<double>(least, most);
  }
  template <class Enum, class Row, size_t N>
  Enum any_of(const std::array<Row, N>&) {
    return static_cast<Enum>(ConsumeIntegralInRange<size_t>(0, N - 1));
  }
  template <class Make>
  auto list(size_t most, Make&& make) {
    std::vector<decltype(make())> made;
    for (size_t n = ConsumeIntegralInRange<size_t>(0, most); n > 0; --n) made.push_back(make());
    return made;
  }
};

StageSpec stage(Bytes& bytes) {
  StageSpec made;
  made.kind = bytes.any_of<StageKind>(stage_table);
  made.activation = bytes.any_of<Activation>(activation_table);
  made.parameter = bytes.ConsumeBool() ? info(made.activation).standard : bytes.real(0.0, 3.0);
  if (bytes.ConsumeBool()) made.epsilon = bytes.real(0.0, 1.0);
  if (bytes.ConsumeBool()) made.momentum = bytes.real(0.0, 1.0);
  return made;
}

NetSpec net(Bytes& bytes, index_t features) {
  const auto stages = [&] { return bytes.list(3, [&] { return stage(bytes); }); };
  const auto layer = [&] { return HiddenLayer{bytes.number<index_t>(1, 5), stages()}; };
  const std::vector<HiddenLayer> hidden = bytes.list(3, layer);
  const index_t outputs = bytes.number<index_t>(1, 4);
  const auto output = bytes.any_of<Activation>(activation_table);
  const std::vector<StageSpec> input_stages = stages();
  return NetSpec(features, hidden, outputs, output, input_stages, stages());
}

LossSpec loss(Bytes& bytes, index_t outputs) {
  LossSpec made;
  made.kind = bytes.any_of<Loss>(loss_table);
  if (bytes.ConsumeBool()) made.over_outputs = bytes.any_of<OverOutputs>(over_outputs_table);
  if (bytes.ConsumeBool()) made.scale = bytes.real(0.0, 2.0);
  made.mean_over_samples = bytes.ConsumeBool();
  if (bytes.ConsumeBool()) made.label_smoothing = bytes.real(0.0, 1.0);
  if (bytes.ConsumeBool()) made.delta = bytes.real(0.0, 2.0);
  if (bytes.ConsumeBool()) made.gamma = bytes.real(0.0, 4.0);
  for (index_t j = 1; made.kind == Loss::kQuantile && j <= std::min<index_t>(outputs, 4); ++j) {
    made.quantiles.push_back(0.2 * static_cast<double>(j));
  }
  return made;
}

OptimizerSpec optimizer(Bytes& bytes) {
  OptimizerSpec made;
  made.kind = bytes.any_of<Optimizer>(optimizer_table);
  for (double* field : {&made.momentum, &made.rho, &made.beta_1, &made.beta_2, &made.epsilon,
                        &made.initial_accumulator, &made.weight_decay, &made.clipnorm,
                        &made.clipvalue, &made.ema_momentum, &made.max_norm, &made.weight_noise}) {
    if (bytes.strange()) *field = bytes.real(0.0, 1.0);
  }
  return made;
}

ScheduleSpec schedule(Bytes& bytes) {
  ScheduleSpec made;
  made.kind = bytes.any_of<Schedule>(schedule_table);
  made.horizon = bytes.real(0.0, 5.0);
  if (bytes.ConsumeBool()) made.begin = bytes.number<int64_t>(0, 5);
  for (double* field : {&made.initial, &made.power, &made.factor, &made.decay_rate, &made.end,
                        &made.warmup, &made.t_mul, &made.m_mul, &made.pct_start, &made.div_factor,
                        &made.final_div_factor, &made.patience, &made.min_delta, &made.min_lr}) {
    if (bytes.strange()) *field = bytes.real(0.0, 2.0);
  }
  made.per_epoch = bytes.list(3, [&] { return bytes.real(0.0, 1.0); });
  made.step_size = bytes.number<int64_t>(1, 3);
  made.staircase = bytes.ConsumeBool();
  made.restarts = bytes.number<int64_t>(0, 3);
  made.cooldown = bytes.number<int64_t>(0, 3);
  made.boundaries = bytes.list(2, [&] { return bytes.number<int64_t>(0, 4); });
  made.values = bytes.list(3, [&] { return bytes.real(0.0, 1.0); });
  return made;
}

TrainSpec train(Bytes& bytes, const NetSpec& net) {
  TrainSpec made;
  made.loss = loss(bytes, net.outputs());
  made.optimizer = optimizer(bytes);
  made.schedule = schedule(bytes);
  made.batch_size = bytes.number<index_t>(1, 9);
  made.max_epochs = bytes.number<int64_t>(1, 5);
  made.monitor = bytes.any_of<Monitor>(monitor_table);
  made.shuffle = bytes.ConsumeBool();
  made.records_steps = bytes.ConsumeBool();
  made.n_iter_no_change = bytes.real(1.0, 3.0);
  if (bytes.strange()) made.penalty = {bytes.real(0.0, 1.0), bytes.real(0.0, 1.0)};
  if (bytes.strange()) {
    made.layer_penalties =
        bytes.list(3, [&] { return Penalty{bytes.real(0.0, 1.0), bytes.real(0.0, 1.0)}; });
  }
  if (bytes.ConsumeBool()) {
    made.augment = {bytes.number<index_t>(0, 2), bytes.real(0.0, 1.0), bytes.real(0.0, 1.0),
                    bytes.real(0.0, 1.0)};
  }
  if (bytes.strange()) {
    made.frozen_layers = bytes.list(3, [&] { return bytes.number<index_t>(0, 3); });
    made.held_biases = bytes.list(3, [&] { return bytes.number<index_t>(0, 3); });
  }
  return made;
}

// The arrays of a problem. They outlive its sessions.
template <class T>
struct Problem {
  explicit Problem(Bytes& bytes) {
    auto made = std::make_shared<Dataset<T>>();
    made->samples = bytes.ConsumeIntegralInRange<index_t>(1, 9);
    made->features = bytes.ConsumeIntegralInRange<index_t>(1, 5);
    const auto count = static_cast<size_t>(made->samples);
    x.resize(count * static_cast<size_t>(made->features));
    for (T& value : x) value = static_cast<T>(bytes.ConsumeIntegral<int8_t>()) / T(16);
    if (bytes.strange()) x.front() = static_cast<T>(bytes.real(0.0, 1.0));
    made->dense = x.data();
    if (bytes.ConsumeBool()) {
      for (size_t i = 0; i < count; ++i) ids.push_back(bytes.number<int32_t>(0, 3));
      made->class_ids = ids.data();
    } else {
      made->target_count = bytes.ConsumeIntegralInRange<index_t>(1, 4);
      y.resize(count * static_cast<size_t>(made->target_count));
      for (T& value : y) value = static_cast<T>(bytes.real(0.0, 2.0));
      made->targets = y.data();
    }
    data = std::move(made);
  }
  std::shared_ptr<const TrainingSet<T>> set(Bytes& bytes) const {
    const auto rows = [&] {
      const auto last = static_cast<row_t>(data->samples - 1);
      WeightedRows<T> made{data, bytes.list(9, [&] { return bytes.number<row_t>(0, last); }),
                           nullptr};
      if (bytes.ConsumeBool()) {
        AlignedVector<T> weights(bytes.strange() ? 2 : data->samples);
        for (T& weight : weights) weight = static_cast<T>(bytes.real(0.0, 2.0));
        made.weights = std::make_shared<const AlignedVector<T>>(std::move(weights));
      }
      return made;
    };
    WeightedRows<T> training = rows();
    std::vector<int32_t> label_map;
    if (bytes.ConsumeBool()) {
      label_map = bytes.list(4, [&] { return bytes.number<int32_t>(-1, 3); });
    }
    std::optional<WeightedRows<T>> validation;
    if (bytes.ConsumeBool()) validation = rows();
    return std::make_shared<const TrainingSet<T>>(std::move(training), std::move(label_map),
                                                  std::move(validation));
  }

  std::vector<T> x, y;
  std::vector<int32_t> ids;
  std::shared_ptr<const Dataset<T>> data;
};

template <class T>
void change(SessionState<T>& state, Bytes& bytes) {
  for (int64_t* field :
       {&state.step, &state.steps_averaged, &state.epoch, &state.samples_seen,
        &state.no_improvement_count, &state.plateau.wait, &state.plateau.cooldown}) {
    if (bytes.strange()) *field = bytes.number<int64_t>(0, 5);
  }
  for (double* field : {&state.rate, &state.best_loss, &state.best_score, &state.plateau.best}) {
    if (bytes.strange()) *field = bytes.real(0.0, 1.0);
  }
  for (auto* curve : {&state.loss_curve, &state.validation_scores, &state.rate_curve}) {
    if (bytes.strange()) *curve = bytes.list(4, [&] { return bytes.real(0.0, 1.0); });
  }
  for (AlignedVector<T>* array : state.stepped()) {
    if (bytes.strange()) *array = AlignedVector<T>(bytes.ConsumeIntegralInRange<index_t>(0, 99));
    if (bytes.ConsumeBool() && !array->empty()) (*array)[0] = static_cast<T>(bytes.real(-9.0, 9.0));
  }
  if (bytes.strange()) state.best_parameters = state.parameters;
  if (bytes.strange()) state.order = bytes.list(9, [&] { return bytes.number<row_t>(0, 9); });
  if (bytes.strange()) state.diverged_layer = bytes.number<int>(-1, 3);
  if (bytes.strange()) state.generator = Mt19937{{}, bytes.number<int>(0, 624)};
}

template <class T>
void train_from(Bytes& bytes) {
  const Problem<T> problem(bytes);
  const auto features = bytes.strange() ? bytes.number<index_t>(1, 5) : problem.data->features;
  const auto its_net = std::make_shared<const NetSpec>(net(bytes, features));
  if (its_net->parameter_count() > 1 << 14) return;  // sound, and slow
  const auto its_train = std::make_shared<const TrainSpec>(train(bytes, *its_net));
  const auto set = problem.set(bytes);
  Start<T> start;
  start.parameters = AlignedVector<T>(bytes.strange() ? 3 : its_net->parameter_count());
  for (T& value : start.parameters) {
    value = static_cast<T>(bytes.ConsumeIntegral<int8_t>()) / T(64);
  }
  if (bytes.ConsumeBool()) start.generator = Mt19937{};
  Session<T> session({its_net, its_train, set, std::make_shared<const Start<T>>(std::move(start))});
  if (session.epoch_cost() > 1e7) return;
  const FlushSubnormals flush;
  Workspace workspace;
  session.advance(2, workspace, StopToken());
  SessionState<T> state = session.state();
  change(state, bytes);
  session.restore(std::move(state));
  session.advance(2, workspace, StopToken());
  const std::vector<row_t> rows = problem.set(bytes)->training().rows;
  std::vector<T> outputs(rows.size() * static_cast<size_t>(its_net->outputs()));
  session.predict(rows.data(), static_cast<index_t>(rows.size()), workspace, StopToken(),
                  outputs.data());
}

}  // namespace
}  // namespace nnhp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  nnhp::Bytes bytes(data, size);
  try {
    if (bytes.ConsumeBool()) {
      nnhp::train_from<float>(bytes);
    } else {
      nnhp::train_from<double>(bytes);
    }
  } catch (const std::invalid_argument&) {
  } catch (const std::length_error&) {
  }
  return 0;
}
