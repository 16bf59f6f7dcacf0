#include "nnhp/train/session.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>

#include "nnhp/kernels/choice.hpp"
#include "nnhp/nn/cost.hpp"
#include "nnhp/nn/fold.hpp"
#include "nnhp/nn/split.hpp"
#include "nnhp/train/step_update.hpp"

namespace nnhp {
namespace {

// Draws for the weights of layer l are made in place kWeightNoise + l; those below are of samples.
constexpr uint32_t kWeightNoise = 1u << 12;

}  // namespace

template <class T>
void TrainSpec::check(const NetSpec& net) const {
  net.check<T>();
  loss.check<T>(net.outputs(), net.output_activation());
  augment.check();
  require(monitor != Monitor::kR2 || !info(loss.kind).one_target,
          "monitor 'r2' needs a target per output, which the loss '" +
              std::string(info(loss.kind).name) + "' has not");
  require_field(penalty.l2 >= 0.0, "l2", ">= 0", penalty.l2);
  require_field(penalty.l1 >= 0.0, "l1", ">= 0", penalty.l1);
  require(layer_penalties.empty() || layer_penalties.size() == net.layers().size(),
          "layer_penalties must have one entry per layer, got " +
              std::to_string(layer_penalties.size()));
  require(layer_penalties.empty() || (penalty.l2 == 0.0 && penalty.l1 == 0.0),
          "layer_penalties stand in place of l2 and l1, which must then be 0");
  for (const Penalty& own : layer_penalties) {
    require_field(own.l2 >= 0.0 && own.l1 >= 0.0, "layer_penalties", ">= 0",
                  std::min(own.l2, own.l1));
  }
  require_field(batch_size >= 1, "batch_size", ">= 1", static_cast<double>(batch_size));
  require_field(max_epochs >= 1, "max_epochs", ">= 1", static_cast<double>(max_epochs));
  require_field(tol >= 0.0, "tol", ">= 0", tol);
  require_field(n_iter_no_change >= 1.0, "n_iter_no_change", ">= 1", n_iter_no_change);
  const index_t layers = static_cast<index_t>(net.layers().size());
  const auto require_layer = [&](index_t l, const char* name) {
    require(l >= 0 && l < layers, std::string(name) + " must be in [0, " + std::to_string(layers) +
                                      "), got " + std::to_string(l));
  };
  for (const index_t l : held_biases) require_layer(l, "held_biases");
  std::vector<bool> frozen(net.layers().size());
  for (const index_t l : frozen_layers) {
    require_layer(l, "frozen_layers");
    frozen[static_cast<size_t>(l)] = true;
  }
  require(std::find(frozen.begin(), frozen.end(), false) != frozen.end(),
          "frozen_layers must leave a layer to train");
  optimizer.check<T>();
  schedule.check();
}

template void TrainSpec::check<float>(const NetSpec&) const;
template void TrainSpec::check<double>(const NetSpec&) const;

void Standing::check() const {
  constexpr int64_t kMost = int64_t{1} << 53;  // which a double still counts to
  for (const auto& [name, value] : {std::pair{"step", step},
                                    {"steps_averaged", steps_averaged},
                                    {"epoch", epoch},
                                    {"n_samples_seen", samples_seen},
                                    {"no_improvement_count", no_improvement_count},
                                    {"plateau_wait", plateau.wait},
                                    {"plateau_cooldown", plateau.cooldown}}) {
    require_field(value >= 0 && value <= kMost, name, "in [0, 2^53]", static_cast<double>(value));
  }
}

void Progress::check(index_t layers) const {
  Standing::check();
  require_field(diverged_layer >= -1 && diverged_layer < layers, "diverged_layer",
                "a layer's number or -1", diverged_layer);
}

// The scratch of one worker while it advances one session.
template <class T>
struct Session<T>::Scratch {
  Scratch(const Inputs& in, SessionState<T>& state, bool keeps_undo, const Team& its_team,
          Workspace& workspace)
      : team(its_team),
        block_rows(training_block(in)),
        backprop(*in.net, true, workspace, gathers(in), block_rows, its_team),
        evaluation(*in.net, workspace),
        update(*in.net, *in.train, state) {
    if (in.train->augment.any()) {
      augmenter.emplace(in.train->augment, *in.net, block_rows, workspace, team);
    }
    const index_t n = in.net->parameter_count();
    const OptimizerSpec& optimizer = in.train->optimizer;
    gradient = workspace.take<T>(n);
    block_weights = workspace.take<T>(block_rows);
    backprop.freeze(in.train->frozen_layers);
    backprop.hold_biases(in.train->held_biases);
    if (optimizer.weight_noise > 0.0) noisy = workspace.take<T>(n);
    if (optimizer.needs_whole_gradient()) {
      trained = trained_arrays<T>(*in.net, in.train->frozen_layers);
      index_t pieces = 0;
      for (const TrainedArray& array : trained) pieces = std::max(pieces, array.pieces());
      piece_sums.resize(static_cast<size_t>(pieces));
    }
    if (!keeps_undo) return;
    const int arrays = 1 + optimizer.averages() + info(optimizer.kind).moments;
    undo_arrays = workspace.take<T>(checked_product(arrays, n, "copies of the parameters"));
    undo_order = workspace.take<row_t>(static_cast<index_t>(state.order.size()));
  }

  // Samples that go through the net together in training.
  static index_t training_block(const Inputs& in) {
    const index_t rows =
        static_cast<index_t>(in.set->training().rows.size()) * (1 + in.train->augment.noisy_copies);
    return Backprop<T>::training_rows(*in.net, std::min(in.train->batch_size, rows));
  }
  static bool gathers(const Inputs& in) {
    const TrainingSet<T>& set = *in.set;
    return !set.training().data->sparse || (set.validation() && !set.validation()->data->sparse);
  }

  const Team team;
  const index_t block_rows;
  Backprop<T> backprop;
  EvaluationScratch<T> evaluation;
  StepUpdate<T> update;
  std::optional<Augmenter<T>> augmenter;
  T* gradient = nullptr;
  T* block_weights = nullptr;
  T* noisy = nullptr;  // parameters, where weights have noise
  // Where a step needs the whole gradient.
  std::vector<TrainedArray> trained;
  std::vector<PieceSums> piece_sums;
  T* undo_arrays = nullptr;     // what steps change, one after the other
  row_t* undo_order = nullptr;  // null: epochs are short and never undone
};

template <class T>
struct Session<T>::Undo {
  Undo(Session& session, Scratch& scratch)
      : session_(session),
        scratch_(scratch),
        step_(session.state_.step),
        steps_averaged_(session.state_.steps_averaged),
        recorded_(session.state_.step_loss_curve.size()),
        rate_(session.state_.rate),
        generator_(session.state_.generator) {
    T* to = scratch.undo_arrays;
    for (const AlignedVector<T>* array : session.state_.stepped()) {
      if (!array->empty()) to = std::copy(array->begin(), array->end(), to);
    }
    std::copy(session.state_.order.begin(), session.state_.order.end(), scratch.undo_order);
  }
  void restore() {
    SessionState<T>& s = session_.state_;
    const T* from = scratch_.undo_arrays;
    for (AlignedVector<T>* array : s.stepped()) {
      if (array->empty()) continue;
      std::copy_n(from, array->size(), array->begin());
      from += array->size();
    }
    std::copy_n(scratch_.undo_order, s.order.size(), s.order.begin());
    s.step = step_;
    s.step_loss_curve.resize(recorded_);
    s.rate = rate_;
    s.steps_averaged = steps_averaged_;
    s.generator = generator_;
  }

 private:
  Session& session_;
  Scratch& scratch_;
  int64_t step_, steps_averaged_;
  size_t recorded_;
  double rate_;
  std::optional<Mt19937> generator_;
};

template <class T>
Session<T>::Session(Inputs inputs) : in_(std::move(inputs)) {
  const NetSpec& net = *in_.net;
  in_.train->template check<T>(net);
  in_.set->check(net, in_.train->loss);
  in_.train->augment.check_samples(in_.set->training().data->samples);
  require(in_.start->parameters.size() == net.parameter_count(),
          "parameters must have " + std::to_string(net.parameter_count()) + " entries, got " +
              std::to_string(in_.start->parameters.size()));
  const MonitorInfo& monitor = monitor_table[static_cast<size_t>(in_.train->monitor)];
  require(!monitor.needs_validation || in_.set->validation().has_value(),
          "monitor '" + std::string(monitor.name) + "' needs validation data");
  require(monitor.score != Score::kR2 || in_.set->validation()->data->targets != nullptr,
          "monitor 'r2' needs validation data with targets, not class_ids");
  if (can_fold(net)) folded_ = std::make_shared<const NetSpec>(fold(net));
  state_.rate = in_.train->schedule.initial;
  state_.rate = rate_of_step(0);
  state_.best_loss = std::numeric_limits<double>::infinity();
  state_.best_score = -std::numeric_limits<double>::infinity();
}

template <class T>
void Session<T>::begin() const {
  if (!state_.parameters.empty()) return;
  AlignedVector<T> parameters = in_.start->parameters;
  state_.generator = in_.start->generator;
  state_.order = epoch_entries(in_.train->augment, in_.set->training());
  if (in_.train->monitor != Monitor::kTrainingLoss) state_.best_parameters = parameters;
  const OptimizerSpec& optimizer = in_.train->optimizer;
  for (int i = 0; i < info(optimizer.kind).moments; ++i) {
    AlignedVector<T>& moment = state_.moments[static_cast<size_t>(i)];
    moment = AlignedVector<T>(in_.net->parameter_count());
    const T value = static_cast<T>(optimizer.first_moment(i));
    if (value != T(0)) std::fill(moment.begin(), moment.end(), value);
  }
  if (optimizer.averages()) state_.averages = parameters;
  if (in_.train->restores_best) {
    state_.kept.parameters = parameters;
    state_.kept.moments = state_.moments;
    state_.kept.averages = state_.averages;
  }
  // Last, for they tell that all is there: any allocation before may fail.
  state_.parameters = std::move(parameters);
}

namespace {

template <class T>
void require_size(const AlignedVector<T>& given, const AlignedVector<T>& own,
                  const std::string& name) {
  require(given.size() == own.size(), name + " must have " + std::to_string(own.size()) +
                                          " entries, got " + std::to_string(given.size()));
}

template <class T>
void require_sizes(const Stepped<T>& given, const Stepped<T>& own, const std::string& of) {
  require_size(given.parameters, own.parameters, of + "parameters");
  for (size_t i = 0; i < given.moments.size(); ++i) {
    require_size(given.moments[i], own.moments[i], of + "moment_" + std::to_string(i + 1));
  }
  require_size(given.averages, own.averages, of + "averages");
}

}  // namespace

template <class T>
void Session<T>::restore(SessionState<T> state) {
  begin();
  state.check(static_cast<index_t>(in_.net->layers().size()));
  require_sizes<T>(state, state_, "");
  require_size(state.best_parameters, state_.best_parameters, "best_parameters");
  check_kept(state);
  require(!state.generator || state.generator->sound(),
          "the position of mt_state must be in [0, 624]");
  check_order(state.order);
  state_ = std::move(state);
}

// What restore_best() takes for granted: that the epochs to undo, and the losses of their steps,
// are there.
template <class T>
void Session<T>::check_kept(const SessionState<T>& state) const {
  const Kept<T>& kept = state.kept;
  require_sizes<T>(kept, state_.kept, "kept ");
  if (!kept.any()) return;
  static_cast<const Standing&>(kept).check();
  require(kept.epoch <= state.epoch, "the epoch that is kept must not lie ahead");
  const auto undone = static_cast<size_t>(state.epoch - kept.epoch);
  require(state.loss_curve.size() >= undone && state.rate_curve.size() >= undone &&
              (!in_.set->validation() || state.validation_loss_curve.size() >= undone) &&
              (in_.train->monitor == Monitor::kTrainingLoss ||
               state.validation_scores.size() >= undone),
          "curves must reach back to the epoch that is kept");
  require(kept.recorded >= 0 && kept.recorded <= static_cast<int64_t>(state.step_loss_curve.size()),
          "step_loss_curve must reach back to the epoch that is kept");
}

template <class T>
void Session<T>::set_order(std::vector<row_t> order) {
  begin();
  check_order(order);
  state_.order = std::move(order);
}

template <class T>
void Session<T>::check_order(const std::vector<row_t>& order) const {
  std::vector<row_t> given(order), own(state_.order);
  std::sort(given.begin(), given.end());
  std::sort(own.begin(), own.end());
  require(given == own, "order must be a permutation of the session's rows");
}

template <class T>
index_t Session<T>::rows_per_epoch() const {
  return static_cast<index_t>(in_.set->training().rows.size()) *
         (1 + in_.train->augment.noisy_copies);
}

template <class T>
index_t Session<T>::steps_per_epoch() const {
  const index_t rows = rows_per_epoch();
  return rows / in_.train->batch_size + (rows % in_.train->batch_size != 0);
}

template <class T>
double Session<T>::rate_of_step(index_t step) const {
  const ScheduleSpec& schedule = in_.train->schedule;
  return rate_at(schedule, {schedule.begin + state_.epoch, step, steps_per_epoch(),
                            state_.samples_seen, state_.rate});
}

template <class T>
double Session<T>::work_of_epoch() const {
  const NetSpec& net = *in_.net;
  const AugmentSpec& augment = in_.train->augment;
  const double rows = static_cast<double>(rows_per_epoch());
  const double steps = static_cast<double>(steps_per_epoch());
  const auto& validation = in_.set->validation();
  const double validated = validation ? static_cast<double>(validation->rows.size()) : 0.0;
  return (training_cost<T>(net) + augment_cost<T>(augment, net.inputs())) * rows +
         update_cost<T>(net, in_.train->optimizer) * steps + forward_cost<T>(net) * validated;
}

template <class T>
double Session<T>::epoch_cost() const {
  return state_.status == Status::kReady ? work_of_epoch() : 0.0;
}

template <class T>
int Session<T>::useful_threads() const {
  // Operations of a block that are worth a thread of their own, or some 200 microseconds.
  constexpr double kShare = 2e6;
  const index_t rows = std::min(in_.train->batch_size, Scratch::training_block(in_));
  const double cost = training_cost<T>(*in_.net) * static_cast<double>(rows);
  return static_cast<int>(std::clamp(cost / kShare, 1.0, 1e6));
}

template <class T>
bool Session<T>::keeps_undo() const {
  return work_of_epoch() > kUndoCost;
}

template <class T>
double Session<T>::step_rate() const {
  return nnhp::step_rate(in_.train->optimizer, state_.rate, std::max<int64_t>(state_.step, 1));
}

template <class T>
void Session<T>::advance(int64_t epochs, Workspace& workspace, const StopToken& stop,
                         const Team& team) {
  begin();
  Workspace sizes;
  Scratch(in_, state_, keeps_undo(), team, sizes);
  workspace.reserve(sizes.bytes());
  Scratch scratch(in_, state_, keeps_undo(), team, workspace);
  scratch.backprop.clear();
  using Clock = std::chrono::steady_clock;
  auto begun = Clock::now();
  for (int64_t e = 0; e < epochs && state_.status == Status::kReady && !stop.requested(); ++e) {
    if (!run_epoch(scratch, stop)) return;
    const auto now = Clock::now();
    epochs_advanced_.add(1);
    seconds_advanced_.add(std::chrono::duration<double>(now - begun).count());
    begun = now;
  }
}

template <class T>
double Session<T>::sample_cost() const {
  return forward_cost<T>(*in_.net);
}

template <class T>
template <class Use>
void Session<T>::forward_blocks(const row_t* rows, index_t count, Workspace& workspace,
                                const StopToken& stop, Use&& use) const {
  const NetSpec& net = folded_ ? *folded_ : *in_.net;
  const T* parameters = published_parameters().data();
  Workspace sizes;
  Backprop<T>(net, false, sizes, !data().sparse);
  if (folded_) sizes.take<T>(net.parameter_count());
  workspace.reserve(sizes.bytes());
  Backprop<T> backprop(net, false, workspace, !data().sparse);
  backprop.clear();
  if (folded_) {
    T* const folded = workspace.take<T>(net.parameter_count());
    fold_parameters(*in_.net, net, parameters, folded);
    parameters = folded;
  }
  const index_t block = Backprop<T>::block_rows(net);
  for (index_t start = 0; start < count && !stop.requested(); start += block) {
    const index_t size = std::min(block, count - start);
    backprop.forward(parameters, data().block(rows + start, size), nullptr);
    if (!use(backprop.outputs(), backprop.output_stride(), start, size)) return;
  }
}

template <class T>
void Session<T>::predict(const row_t* rows, index_t count, Workspace& workspace,
                         const StopToken& stop, void* out) const {
  const index_t outputs = in_.net->outputs();
  forward_blocks(rows, count, workspace, stop,
                 [&](const T* from, index_t stride, index_t start, index_t size) {
                   for (index_t i = 0; i < size; ++i) {
                     std::copy_n(from + i * stride, outputs,
                                 static_cast<T*>(out) + (start + i) * outputs);
                   }
                   return true;
                 });
}

template <class T>
int64_t Session<T>::count_correct(const row_t* rows, index_t count, const int32_t* truth,
                                  Workspace& workspace, const StopToken& stop) const {
  const index_t outputs = in_.net->outputs();
  const Decision decision = decision_of(in_.train->loss, in_.net->output_activation());
  int64_t correct = 0;
  forward_blocks(rows, count, workspace, stop,
                 [&](const T* from, index_t stride, index_t start, index_t size) {
                   for (index_t i = 0; i < size; ++i) {
                     const T* row = from + i * stride;
                     if (!std::all_of(row, row + outputs, [](T p) { return std::isfinite(p); })) {
                       correct = -1;
                       return false;
                     }
                     const index_t best = outputs == 1 ? row[0] > static_cast<T>(decision.threshold)
                                                       : std::max_element(row, row + outputs) - row;
                     correct += best == truth[start + i];
                   }
                   return true;
                 });
  return correct;
}

// Room for what an epoch adds to the history. Afterwards it cannot fail for want of memory.
template <class T>
void Session<T>::make_room() {
  const auto room_for = [](index_t more, std::vector<double>& curve) {
    const size_t needed = curve.size() + static_cast<size_t>(more);
    if (needed > curve.capacity()) curve.reserve(std::max(needed, 2 * curve.size()));
  };
  room_for(1, state_.loss_curve);
  room_for(1, state_.rate_curve);
  if (in_.set->validation()) room_for(1, state_.validation_loss_curve);
  if (in_.train->monitor != Monitor::kTrainingLoss) room_for(1, state_.validation_scores);
  if (in_.train->records_steps) room_for(steps_per_epoch(), state_.step_loss_curve);
}

// False if the epoch was undone.
template <class T>
bool Session<T>::run_epoch(Scratch& scratch, const StopToken& stop) {
  make_room();
  std::optional<Undo> undo;
  if (scratch.undo_order != nullptr) undo.emplace(*this, scratch);
  const StopToken* heeded = undo ? &stop : nullptr;
  const std::optional<double> loss = train_epoch(scratch, heeded);
  Evaluation evaluation{true, 0.0, 0.0};
  if (loss && in_.set->validation()) {
    evaluation = evaluate(scratch.backprop, *in_.net, state_.outcome().data(), in_.train->loss,
                          monitor_table[static_cast<size_t>(in_.train->monitor)].score, *in_.set,
                          scratch.evaluation, heeded);
  }
  if (undo && (!loss || !evaluation.finished)) {  // nothing else has heeded the token
    undo->restore();
    return false;
  }
  end_epoch(*loss, evaluation);
  return true;
}

// The mean of the losses of the batches that weigh something, each before its update and weighted
// by its size; nothing if stopped.
template <class T>
std::optional<double> Session<T>::train_epoch(Scratch& scratch, const StopToken* stop) {
  if (in_.train->shuffle && state_.generator) state_.generator->shuffle(state_.order);
  const index_t rows = static_cast<index_t>(state_.order.size());
  const bool per_step = info(in_.train->schedule.kind).per_step;
  double total = 0.0, counted = 0.0;
  for (index_t start = 0, step = 0; start < rows; start += in_.train->batch_size, ++step) {
    const index_t count = std::min(in_.train->batch_size, rows - start);
    if (per_step) state_.rate = rate_of_step(step);
    const std::optional<double> loss =
        train_batch(scratch, state_.order.data() + start, count, stop);
    if (stop != nullptr && stop->requested()) return std::nullopt;
    if (in_.train->records_steps) {
      state_.step_loss_curve.push_back(loss.value_or(std::numeric_limits<double>::quiet_NaN()));
    }
    if (!loss) continue;
    total += *loss * static_cast<double>(count);
    counted += static_cast<double>(count);
  }
  return counted > 0.0 ? total / counted : 0.0;
}

// Samples, targets and weights of rows [start, start + size) of a batch.
template <class T>
typename Augmenter<T>::Block Session<T>::load_block(Scratch& scratch, std::span<const row_t> batch,
                                                    index_t start, index_t size) const {
  Backprop<T>& backprop = scratch.backprop;
  if (scratch.augmenter) {
    const StepDraws draws{in_.start->dropout_key, static_cast<uint64_t>(state_.step)};
    return scratch.augmenter->make(*in_.set, batch, start, size, draws, backprop.targets(),
                                   backprop.output_stride());
  }
  const row_t* rows = batch.data() + start;
  fill_targets<T>(data(), in_.set->label_map(), rows, size, in_.net->outputs(), backprop.targets(),
                  backprop.output_stride());
  return {data().block(rows, size),
          in_.set->training().weights_of(rows, size, scratch.block_weights)};
}

// The parameters that a step's gradient is taken at, where weights have noise.
template <class T>
const T* Session<T>::noisy_parameters(Scratch& scratch) const {
  std::copy(state_.parameters.begin(), state_.parameters.end(), scratch.noisy);
  const std::vector<LayerSpec>& layers = in_.net->layers();
  for (size_t l = 0; l < layers.size(); ++l) {
    const index_t units = layers[l].units;
    split_rows(scratch.team, layers[l].inputs, [&](index_t row, index_t rows) {
      T* weights = scratch.noisy + layers[l].weights_at + row * units;
      kernel_table<T>().add_noise(
          rows, units, in_.start->dropout_key, static_cast<uint64_t>(state_.step),
          kWeightNoise + static_cast<uint32_t>(l), static_cast<uint32_t>(row),
          static_cast<T>(in_.train->optimizer.weight_noise), weights, units, weights, units);
    });
  }
  return scratch.noisy;
}

template <class T>
double Session<T>::layer_penalties() const {
  double total = 0.0;
  const std::vector<LayerSpec>& layers = in_.net->layers();
  for (size_t l = 0; l < in_.train->layer_penalties.size(); ++l) {
    const PenaltySums sums = kernel_table<T>().penalty_sums(
        layers[l].weight_count(), state_.parameters.data() + layers[l].weights_at);
    total += in_.train->layer_penalties[l].value(sums, 1.0);
  }
  return total;
}

// What no optimizer moves: the batch's share of the moving statistics. Averages have them too.
template <class T>
void Session<T>::update_statistics(const Backprop<T>& backprop) {
  const NetSpec& net = *in_.net;
  if (!net.normalizes_batches()) return;
  T* const parameters = state_.parameters.data();
  backprop.update_statistics(parameters);
  if (!in_.train->optimizer.averages()) return;
  std::copy(parameters + net.trained_count(), parameters + net.parameter_count(),
            state_.averages.data() + net.trained_count());
}

// The mean loss of a batch; nothing if its samples all weigh nothing: it then teaches nothing,
// unless the loss is divided by their number.
template <class T>
std::optional<double> Session<T>::train_batch(Scratch& scratch, const row_t* rows, index_t count,
                                              const StopToken* stop) {
  Backprop<T>& backprop = scratch.backprop;
  const TrainSpec& train = *in_.train;
  const index_t block = scratch.block_rows;
  T* const parameters = state_.parameters.data();
  const T* used = scratch.noisy == nullptr ? parameters : noisy_parameters(scratch);
  const bool weighted = in_.set->training().weights != nullptr;
  double loss_sum = 0.0, weight_sum = weighted ? 0.0 : static_cast<double>(count);
  for (index_t start = 0;; start += block) {
    if (stop != nullptr && stop->requested()) return std::nullopt;
    const index_t size = std::min(block, count - start);
    const auto [samples, weights] =
        load_block(scratch, {rows, static_cast<size_t>(count)}, start, size);
    const DropoutDraw draw{in_.start->dropout_key, static_cast<uint64_t>(state_.step), start};
    backprop.forward(used, samples, &draw);
    for (index_t i = 0; weights != nullptr && i < size; ++i) {
      weight_sum += static_cast<double>(weights[i]);
    }
    loss_sum += backprop.loss_and_delta(train.loss, size, weights);
    const bool first = start == 0, last = start + size == count;
    if (!last) {
      backprop.backward(samples, first, scratch.gradient);
      continue;
    }
    const double divisor = train.loss.divisor(count, weight_sum);
    if (divisor == 0.0) return std::nullopt;
    const double own_penalties = layer_penalties();
    StepUpdate<T>& update = scratch.update;
    update.begin(divisor);
    PenaltySums sums;
    if (train.optimizer.needs_whole_gradient()) {
      backprop.backward(samples, first, scratch.gradient);
      sums = update.whole(scratch.trained, scratch.gradient, scratch.team, scratch.piece_sums);
    } else {
      sums = backprop.backward(samples, first, scratch.gradient, std::cref(update));
    }
    update_statistics(backprop);
    return loss_sum / divisor + train.penalty.value(sums, divisor) + own_penalties;
  }
}

template <class T>
void Session<T>::end_epoch(double loss, const Evaluation& evaluation) {
  ++state_.epoch;
  state_.samples_seen += static_cast<int64_t>(state_.order.size());
  state_.loss_curve.push_back(loss);
  state_.rate_curve.push_back(state_.rate);
  if (in_.set->validation()) state_.validation_loss_curve.push_back(evaluation.loss);
  find_divergence(loss);
  switch (in_.train->monitor) {
    case Monitor::kTrainingLoss:
      // As scikit-learn: a NaN counts as an improvement.
      if (loss > state_.best_loss - in_.train->tol) {
        ++state_.no_improvement_count;
      } else {
        state_.no_improvement_count = 0;
      }
      state_.best_loss = loss < state_.best_loss ? loss : state_.best_loss;
      close_epoch(-loss);
      break;
    case Monitor::kExternal:
      break;  // record_score() closes it
    case Monitor::kLoss:
      update_patience(-evaluation.loss);
      break;
    default:
      update_patience(evaluation.score);
  }
}

template <class T>
void Session<T>::record_score(double score) {
  require(in_.train->monitor == Monitor::kExternal, "record_score needs monitor='external'");
  require(state_.validation_scores.size() < state_.loss_curve.size(),
          "record_score needs an epoch that has no score yet");
  update_patience(score);
}

template <class T>
void Session<T>::update_patience(double score) {
  state_.validation_scores.push_back(score);
  if (score < state_.best_score + in_.train->tol) {
    ++state_.no_improvement_count;
  } else {
    state_.no_improvement_count = 0;
  }
  // Non-finite parameters may still score by chance; they are never the best.
  if (score > state_.best_score && state_.status != Status::kDiverged) {
    state_.best_score = score;
    state_.best_parameters = state_.outcome();
  }
  close_epoch(score);
}

// The schedule's turn, then patience's, in scikit-learn's order. `watched`, greater being better,
// is what patience watches.
template <class T>
void Session<T>::close_epoch(double watched) {
  constexpr double kSmallestAdaptiveRate = 1e-6;
  const TrainSpec& train = *in_.train;
  if (state_.status == Status::kDiverged && state_.kept.any()) return restore_best();
  state_.rate = rate_of_step(0);
  if (train.schedule.kind == Schedule::kPlateau) {
    const double before = state_.rate;
    state_.rate = rate_after_plateau(train.schedule, state_.plateau, watched, before);
    // As 'adaptive' does: a lower rate is given time to show what it can do.
    if (state_.rate < before && before > kSmallestAdaptiveRate) state_.no_improvement_count = 0;
  }
  if (state_.status == Status::kDiverged) return;
  if (static_cast<double>(state_.no_improvement_count) > train.n_iter_no_change) {
    if (info(train.schedule.kind).adapts && state_.rate > kSmallestAdaptiveRate) {
      state_.rate /= 5.0;
      state_.no_improvement_count = 0;
    } else {
      state_.status = Status::kConverged;
    }
  }
  if (state_.status == Status::kReady && state_.epoch >= train.max_epochs) {
    state_.status = Status::kLimit;
  }
  if (train.restores_best) keep_if_best(watched);
}

template <class T>
void Session<T>::keep_if_best(double watched) {
  const bool by_loss = in_.train->monitor == Monitor::kTrainingLoss;
  const double loss =
      by_loss && in_.set->validation() ? state_.validation_loss_curve.back() : -watched;
  Kept<T>& kept = state_.kept;
  // A first epoch counts whatever its score; one that is no number gives way to any other.
  const bool better = loss < kept.loss || (std::isnan(kept.loss) && !std::isnan(loss));
  if (kept.any() && !better) return;
  static_cast<Standing&>(kept) = state_;
  static_cast<Stepped<T>&>(kept) = state_;
  kept.loss = loss;
  kept.recorded = static_cast<int64_t>(state_.step_loss_curve.size());
}

template <class T>
void Session<T>::restore_best() {
  const Kept<T>& kept = state_.kept;
  const auto undone = static_cast<size_t>(state_.epoch - kept.epoch);
  const auto shorten = [&](std::vector<double>& curve) { curve.resize(curve.size() - undone); };
  shorten(state_.loss_curve);
  shorten(state_.rate_curve);
  if (in_.set->validation()) shorten(state_.validation_loss_curve);
  if (in_.train->monitor != Monitor::kTrainingLoss) shorten(state_.validation_scores);
  state_.step_loss_curve.resize(static_cast<size_t>(kept.recorded));
  static_cast<Standing&>(state_) = kept;
  static_cast<Stepped<T>&>(state_) = kept;
  state_.status = Status::kRestored;
}

template <class T>
void Session<T>::find_divergence(double loss) {
  const auto all_finite = kernel_table<T>().all_finite;
  const bool sound = all_finite(state_.parameters.size(), state_.parameters.data());
  if (sound && std::isfinite(loss)) return;
  state_.status = Status::kDiverged;
  state_.diverged_epoch = state_.epoch;
  if (sound) return;
  const auto finite = [&](index_t at, index_t n) {
    return all_finite(n, state_.parameters.data() + at);
  };
  const auto stages_finite = [&](const std::vector<Stage>& stages) {
    return std::all_of(stages.begin(), stages.end(), [&](const Stage& stage) {
      return finite(stage.trained_at, stage.trained) &&
             finite(stage.statistics_at, stage.statistics);
    });
  };
  const std::vector<LayerSpec>& layers = in_.net->layers();
  size_t l = 0;
  while (stages_finite(in_.net->input_stages()) && l + 1 < layers.size() &&
         finite(layers[l].weights_at, layers[l].weight_count() + layers[l].units) &&
         stages_finite(layers[l].stages)) {
    ++l;
  }
  state_.diverged_layer = static_cast<int>(l);
}

template class Session<float>;
template class Session<double>;

}  // namespace nnhp
