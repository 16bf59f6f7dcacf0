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

namespace nnhp {

void TrainSpec::check(const NetSpec& net) const {
  const LossInfo& of_loss = info(loss.kind);
  require(net.output_activation() == of_loss.output,
          "loss '" + std::string(of_loss.name) + "' needs the output activation '" +
              std::string(info(of_loss.output).name) + "', got '" +
              std::string(info(net.output_activation()).name) + "'");
  require_field(penalty.l2 >= 0.0, "l2", ">= 0", penalty.l2);
  require_field(penalty.l1 >= 0.0, "l1", ">= 0", penalty.l1);
  require_field(batch_size >= 1, "batch_size", ">= 1", static_cast<double>(batch_size));
  require_field(max_epochs >= 1, "max_epochs", ">= 1", static_cast<double>(max_epochs));
  require_field(tol >= 0.0, "tol", ">= 0", tol);
  require_field(n_iter_no_change >= 1.0, "n_iter_no_change", ">= 1", n_iter_no_change);
  optimizer.check();
  schedule.check();
}

// The scratch of one worker while it advances one session.
template <class T>
struct Session<T>::Scratch {
  Scratch(const Inputs& in, bool keeps_undo, index_t training_rows, const Team& team,
          Workspace& workspace)
      : backprop(*in.net, true, workspace, gathers(*in.set), block_rows(in), team),
        evaluation(*in.net, workspace) {
    const index_t n = in.net->parameter_count();
    gradient = workspace.take<T>(n);
    block_weights = workspace.take<T>(block_rows(in));
    if (!keeps_undo) return;
    undo_parameters = workspace.take<T>(n);
    for (int i = 0; i < info(in.train->optimizer.kind).moments; ++i)
      undo_moments[i] = workspace.take<T>(n);
    undo_order = workspace.take<row_t>(training_rows);
  }

  // Samples that go through the net together in training.
  static index_t block_rows(const Inputs& in) {
    const index_t rows = static_cast<index_t>(in.set->training().rows.size());
    return Backprop<T>::training_rows(*in.net, std::min(in.train->batch_size, rows));
  }
  static bool gathers(const TrainingSet<T>& set) {
    return !set.training().data->sparse || (set.validation() && !set.validation()->data->sparse);
  }

  Backprop<T> backprop;
  EvaluationScratch<T> evaluation;
  T* gradient = nullptr;
  T* block_weights = nullptr;
  T* undo_parameters = nullptr;  // null: epochs are short and never undone
  T* undo_moments[2] = {nullptr, nullptr};
  row_t* undo_order = nullptr;
};

template <class T>
struct Session<T>::Undo {
  Undo(Session& session, Scratch& scratch)
      : session_(session),
        scratch_(scratch),
        step_(session.state_.step),
        generator_(session.state_.generator) {
    copy(session.state_.parameters.data(), scratch.undo_parameters,
         session.state_.parameters.size());
    copy(session.state_.moment_1.data(), scratch.undo_moments[0], session.state_.moment_1.size());
    copy(session.state_.moment_2.data(), scratch.undo_moments[1], session.state_.moment_2.size());
    std::copy(session.state_.order.begin(), session.state_.order.end(), scratch.undo_order);
  }
  void restore() {
    SessionState<T>& s = session_.state_;
    copy(scratch_.undo_parameters, s.parameters.data(), s.parameters.size());
    copy(scratch_.undo_moments[0], s.moment_1.data(), s.moment_1.size());
    copy(scratch_.undo_moments[1], s.moment_2.data(), s.moment_2.size());
    std::copy_n(scratch_.undo_order, s.order.size(), s.order.begin());
    s.step = step_;
    s.generator = generator_;
  }

 private:
  static void copy(const T* from, T* to, index_t n) {
    if (n > 0) std::copy_n(from, n, to);
  }
  Session& session_;
  Scratch& scratch_;
  int64_t step_;
  std::optional<Mt19937> generator_;
};

// The update of one step; pieces of the parameters may be updated by several threads at once.
template <class T>
class Session<T>::StepUpdate {
 public:
  StepUpdate(Session& session, double weight_sum)
      : kernel_(kernel_table<T>().update[static_cast<size_t>(session.in_.train->optimizer.kind)]),
        parameters_(session.state_.parameters.data()),
        moment_1_(session.state_.moment_1.data()),
        moment_2_(session.state_.moment_2.data()) {
    const OptimizerSpec& optimizer = session.in_.train->optimizer;
    of_biases_.gradient_scale = static_cast<T>(1.0 / weight_sum);
    of_biases_.learning_rate = static_cast<T>(session.step_rate());
    of_biases_.momentum = static_cast<T>(optimizer.momentum);
    of_biases_.beta_1 = static_cast<T>(optimizer.beta_1);
    of_biases_.beta_2 = static_cast<T>(optimizer.beta_2);
    of_biases_.epsilon = static_cast<T>(optimizer.epsilon);
    of_biases_.complement_1 = static_cast<T>(1.0 - optimizer.beta_1);
    of_biases_.complement_2 = static_cast<T>(1.0 - optimizer.beta_2);
    of_weights_ = of_biases_;
    of_weights_.l2 = static_cast<T>(session.in_.train->penalty.l2);
    of_weights_.l1 = static_cast<T>(session.in_.train->penalty.l1);
  }
  PenaltySums operator()(index_t at, index_t n, bool weights, const T* gradient) const {
    return kernel_(n, weights ? of_weights_ : of_biases_, gradient, parameters_ + at,
                   moment_1_ == nullptr ? nullptr : moment_1_ + at,
                   moment_2_ == nullptr ? nullptr : moment_2_ + at);
  }

 private:
  std::decay_t<decltype(KernelTable<T>::update[0])> kernel_;
  T* const parameters_;
  T* const moment_1_;  // null where the optimizer has none
  T* const moment_2_;
  UpdateCoefficients<T> of_weights_{}, of_biases_{};
};

template <class T>
Session<T>::Session(Inputs inputs) : in_(std::move(inputs)) {
  const NetSpec& net = *in_.net;
  in_.train->check(net);
  in_.set->check(net);
  require(in_.start->parameters.size() == net.parameter_count(),
          "parameters must have " + std::to_string(net.parameter_count()) + " entries, got " +
              std::to_string(in_.start->parameters.size()));
  const MonitorInfo& monitor = monitor_table[static_cast<size_t>(in_.train->monitor)];
  require(!monitor.needs_validation || in_.set->validation().has_value(),
          "monitor '" + std::string(monitor.name) + "' needs validation data");
  if (can_fold(net)) folded_ = std::make_shared<const NetSpec>(fold(net));
  state_.rate = first_rate(in_.train->schedule);
  state_.best_loss = std::numeric_limits<double>::infinity();
  state_.best_score = -std::numeric_limits<double>::infinity();
}

template <class T>
void Session<T>::begin() const {
  if (!state_.parameters.empty()) return;
  AlignedVector<T> parameters = in_.start->parameters;
  state_.generator = in_.start->generator;
  state_.order = in_.set->training().rows;
  if (in_.train->monitor != Monitor::kTrainingLoss) state_.best_parameters = parameters;
  const int moments = info(in_.train->optimizer.kind).moments;
  const index_t n = in_.net->parameter_count();
  if (moments > 0) state_.moment_1 = AlignedVector<T>(n);
  if (moments > 1) state_.moment_2 = AlignedVector<T>(n);
  // Last, for they tell that all is there: any allocation before may fail.
  state_.parameters = std::move(parameters);
}

template <class T>
double Session<T>::work_of_epoch() const {
  const NetSpec& net = *in_.net;
  const double rows = static_cast<double>(in_.set->training().rows.size());
  const double steps = std::ceil(rows / static_cast<double>(in_.train->batch_size));
  const auto& validation = in_.set->validation();
  const double validated = validation ? static_cast<double>(validation->rows.size()) : 0.0;
  return training_cost<T>(net) * rows + update_cost<T>(net) * steps +
         forward_cost<T>(net) * validated;
}

template <class T>
double Session<T>::epoch_cost() const {
  return state_.status == Status::kReady ? work_of_epoch() : 0.0;
}

template <class T>
int Session<T>::useful_threads() const {
  // Operations of a block that are worth a thread of their own, or some 200 microseconds.
  constexpr double kShare = 2e6;
  const index_t rows = std::min(in_.train->batch_size, Scratch::block_rows(in_));
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
  const index_t rows = static_cast<index_t>(state_.order.size());
  Workspace sizes;
  Scratch(in_, keeps_undo(), rows, team, sizes);
  workspace.reserve(sizes.bytes());
  Scratch scratch(in_, keeps_undo(), rows, team, workspace);
  scratch.backprop.clear();
  scratch.backprop.refresh_transposes(state_.parameters.data());
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
  int64_t correct = 0;
  forward_blocks(rows, count, workspace, stop,
                 [&](const T* from, index_t stride, index_t start, index_t size) {
                   for (index_t i = 0; i < size; ++i) {
                     const T* row = from + i * stride;
                     if (!std::all_of(row, row + outputs, [](T p) { return std::isfinite(p); })) {
                       correct = -1;
                       return false;
                     }
                     const index_t best = outputs == 1 ? row[0] > T(0.5)
                                                       : std::max_element(row, row + outputs) - row;
                     correct += best == truth[start + i];
                   }
                   return true;
                 });
  return correct;
}

// False if the epoch was undone.
template <class T>
bool Session<T>::run_epoch(Scratch& scratch, const StopToken& stop) {
  std::optional<Undo> undo;
  if (scratch.undo_parameters != nullptr) undo.emplace(*this, scratch);
  const StopToken* heeded = undo ? &stop : nullptr;
  const std::optional<double> loss = train_epoch(scratch, heeded);
  Evaluation evaluation{true, 0.0, 0.0};
  if (loss && in_.set->validation()) {
    evaluation = evaluate(scratch.backprop, *in_.net, state_.parameters.data(), in_.train->loss,
                          monitor_table[static_cast<size_t>(in_.train->monitor)].score, *in_.set,
                          scratch.evaluation, heeded);
  }
  if (!loss || !evaluation.finished) {
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
  double total = 0.0, counted = 0.0;
  for (index_t start = 0; start < rows; start += in_.train->batch_size) {
    const index_t count = std::min(in_.train->batch_size, rows - start);
    const std::optional<double> loss =
        train_batch(scratch, state_.order.data() + start, count, stop);
    if (stop != nullptr && stop->requested()) return std::nullopt;
    if (!loss) continue;
    total += *loss * static_cast<double>(count);
    counted += static_cast<double>(count);
  }
  return counted > 0.0 ? total / counted : 0.0;
}

// The mean loss of a batch; nothing if its samples all weigh nothing: it then teaches nothing.
template <class T>
std::optional<double> Session<T>::train_batch(Scratch& scratch, const row_t* rows, index_t count,
                                              const StopToken* stop) {
  Backprop<T>& backprop = scratch.backprop;
  const TrainSpec& train = *in_.train;
  const index_t block = Scratch::block_rows(in_);
  const WeightedRows<T>& training = in_.set->training();
  T* const parameters = state_.parameters.data();
  double loss_sum = 0.0, weight_sum = training.weights ? 0.0 : static_cast<double>(count);
  for (index_t start = 0;; start += block) {
    if (stop != nullptr && stop->requested()) return std::nullopt;
    const index_t size = std::min(block, count - start);
    const SampleRows<T> samples = data().block(rows + start, size);
    const DropoutDraw draw{in_.start->dropout_key, static_cast<uint64_t>(state_.step), start};
    backprop.forward(parameters, samples, &draw);
    fill_targets<T>(data(), in_.set->label_map(), samples.rows, size, in_.net->outputs(),
                    backprop.targets(), backprop.output_stride());
    const T* weights = training.weights_of(samples.rows, size, scratch.block_weights);
    for (index_t i = 0; weights != nullptr && i < size; ++i) {
      weight_sum += static_cast<double>(weights[i]);
    }
    loss_sum += backprop.loss_and_delta(train.loss, size, weights);
    const bool first = start == 0, last = start + size == count;
    if (!last) {
      backprop.backward(samples, first, scratch.gradient);
      continue;
    }
    if (weight_sum == 0.0) return std::nullopt;
    ++state_.step;
    const StepUpdate update(*this, weight_sum);
    const PenaltySums sums =
        backprop.backward(samples, first, scratch.gradient, parameters, std::cref(update));
    backprop.update_statistics(parameters);
    return loss_sum / weight_sum + train.penalty.value(sums, weight_sum);
  }
}

template <class T>
void Session<T>::end_epoch(double loss, const Evaluation& evaluation) {
  ++state_.epoch;
  state_.samples_seen += static_cast<int64_t>(state_.order.size());
  state_.loss_curve.push_back(loss);
  if (in_.set->validation()) state_.validation_loss_curve.push_back(evaluation.loss);
  find_divergence();
  switch (in_.train->monitor) {
    case Monitor::kTrainingLoss:
      // As scikit-learn: a NaN counts as an improvement.
      if (loss > state_.best_loss - in_.train->tol) {
        ++state_.no_improvement_count;
      } else {
        state_.no_improvement_count = 0;
      }
      state_.best_loss = loss < state_.best_loss ? loss : state_.best_loss;
      close_epoch();
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
    state_.best_parameters = state_.parameters;
  }
  close_epoch();
}

// The schedule's turn, then patience's, in scikit-learn's order.
template <class T>
void Session<T>::close_epoch() {
  const TrainSpec& train = *in_.train;
  state_.rate = next_rate(train.schedule, {state_.epoch, state_.samples_seen, state_.rate});
  if (state_.status == Status::kDiverged) return;
  if (static_cast<double>(state_.no_improvement_count) > train.n_iter_no_change) {
    constexpr double kSmallestAdaptiveRate = 1e-6;
    if (info(train.schedule.kind).adapts && state_.rate > kSmallestAdaptiveRate) {
      state_.rate /= 5.0;
      state_.no_improvement_count = 0;
    } else {
      state_.status = Status::kConverged;
      return;
    }
  }
  if (state_.epoch >= train.max_epochs) state_.status = Status::kLimit;
}

template <class T>
void Session<T>::find_divergence() {
  const auto all_finite = kernel_table<T>().all_finite;
  if (all_finite(state_.parameters.size(), state_.parameters.data())) return;
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
  state_.status = Status::kDiverged;
}

template class Session<float>;
template class Session<double>;

}  // namespace nnhp
