// A session: one resumable training of one spec on one training set.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "nnhp/base/parallel.hpp"
#include "nnhp/base/rng.hpp"
#include "nnhp/base/workspace.hpp"
#include "nnhp/nn/loss.hpp"
#include "nnhp/nn/optimizer.hpp"
#include "nnhp/nn/penalty.hpp"
#include "nnhp/nn/schedule.hpp"
#include "nnhp/train/augment.hpp"
#include "nnhp/train/evaluate.hpp"
#include "nnhp/train/training_set.hpp"

namespace nnhp {

// What patience watches. A score is better when greater.
enum class Monitor { kTrainingLoss, kAccuracy, kR2, kLoss, kExternal };

struct MonitorInfo {
  std::string_view name;
  bool needs_validation;
  Score score;  // to be computed natively
};
inline constexpr std::array<MonitorInfo, 5> monitor_table{{
    {"training_loss", false, Score::kNone},
    {"accuracy", true, Score::kAccuracy},
    {"r2", true, Score::kR2},
    {"loss", true, Score::kNone},       // the validation loss's negative
    {"external", false, Score::kNone},  // given by record_score() after each epoch
}};

// How a net is trained: immutable data.
struct TrainSpec {
  LossSpec loss;
  AugmentSpec augment;
  Penalty penalty;
  // Of each layer, in place of `penalty`, added to a batch's mean loss as they are, as in Keras;
  // empty: none.
  std::vector<Penalty> layer_penalties;
  OptimizerSpec optimizer;
  ScheduleSpec schedule;
  index_t batch_size = 200;
  bool shuffle = true;
  int64_t max_epochs = 200;  // the session stops by itself there
  double tol = 1e-4;
  double n_iter_no_change = 10;  // epochs; may be infinite
  Monitor monitor = Monitor::kTrainingLoss;
  bool records_steps = false;          // whether the loss of each step is kept
  bool restores_best = false;          // whether a training that diverges goes back; see Kept
  std::vector<index_t> frozen_layers;  // that no step changes, from 0 at the input's
  std::vector<index_t> held_biases;    // layers whose biases are 0 and stay it

  // Throws std::invalid_argument naming the field that is out of range or does not go with `net`,
  // in a training by numbers T.
  template <class T>
  void check(const NetSpec& net) const;
};

extern template void TrainSpec::check<float>(const NetSpec&) const;
extern template void TrainSpec::check<double>(const NetSpec&) const;

// A training diverges where its loss or a parameter is not finite at the end of an epoch. It is
// restored if it then went back to its best epoch.
enum class Status { kReady, kConverged, kLimit, kDiverged, kRestored };
inline constexpr std::array<std::string_view, 5> status_names{"ready", "converged", "limit",
                                                              "diverged", "restored"};

// Where a training starts. Immutable; sessions share it.
template <class T>
struct Start {
  AlignedVector<T> parameters;         // flat
  std::optional<Mt19937> generator{};  // without it, orders are given from outside
  uint64_t dropout_key = 0;
};

// Where a training stands, in numbers that do not grow.
struct Standing {
  int64_t step = 0;            // parameter updates
  int64_t steps_averaged = 0;  // that the averages hold
  int64_t epoch = 0;
  int64_t samples_seen = 0;
  double rate = 0.0;  // of the next step
  double best_loss = 0.0, best_score = 0.0;
  int64_t no_improvement_count = 0;
  PlateauState plateau;

  // Throws std::invalid_argument naming a number that no training comes to.
  void check() const;
};

// How far a training has come.
struct Progress : Standing {
  std::vector<double> loss_curve, validation_scores, validation_loss_curve;
  std::vector<double> rate_curve;       // the rate of each epoch's last step
  std::vector<double> step_loss_curve;  // where steps are recorded; NaN of one that weighs nothing
  Status status = Status::kReady;
  int diverged_layer = -1;      // first layer with a non-finite parameter; -1: it was the loss
  int64_t diverged_epoch = -1;  // of this training, counted from 1; -1: none

  // The same for all of it, where the net has so many layers.
  void check(index_t layers) const;
};

// Arrays that steps change; those that there are not are empty.
template <class T>
struct Stepped {
  AlignedVector<T> parameters;                           // flat, as all of these are
  std::array<AlignedVector<T>, kMostMoments> moments{};  // of the optimizer
  AlignedVector<T> averages;  // of the parameters; empty unless the optimizer averages
};

// What a training goes back to when it diverges: all that it was after its best epoch, which has
// the highest score where one is monitored, else the lowest loss of validation or, without
// validation, of training.
template <class T>
struct Kept : Standing, Stepped<T> {
  double loss = 0.0;     // that it is best by, or the negative of the score
  int64_t recorded = 0;  // losses of steps

  bool any() const { return this->epoch > 0; }
};

// Everything that changes during training. Copying it copies the training.
template <class T>
struct SessionState : Progress, Stepped<T> {
  AlignedVector<T> best_parameters;  // empty unless a score is monitored
  Kept<T> kept;                      // its arrays are empty unless the best epoch is restored
  std::vector<row_t> order;          // running order of the training rows, noisy copies included
  std::optional<Mt19937> generator;

  // The parameters that count: those that are validated, published and predicted from.
  const AlignedVector<T>& outcome() const {
    return this->averages.empty() ? this->parameters : this->averages;
  }
  // The arrays that steps change.
  std::array<AlignedVector<T>*, kMostMoments + 2> stepped() {
    return {&this->parameters, &this->averages, &this->moments[0], &this->moments[1],
            &this->moments[2]};
  }
};

// A number that the one thread that changes it shares with readers; copies are independent.
template <class T>
class Shared {
 public:
  Shared() = default;
  Shared(const Shared& other) : value_(other.get()) {}
  Shared& operator=(const Shared& other) {
    value_.store(other.get(), std::memory_order_relaxed);
    return *this;
  }
  T get() const { return value_.load(std::memory_order_relaxed); }
  void add(T amount) { value_.store(get() + amount, std::memory_order_relaxed); }

 private:
  std::atomic<T> value_{};
};

// An epoch of fewer operations (nn/cost.hpp) is finished when a stop is requested; a longer one is
// undone, for which its beginning is copied.
inline constexpr double kUndoCost = 5e8;

// What train_many and predict_rows need of a session of any dtype.
class Trainable {
 public:
  virtual ~Trainable() = default;
  // Operations (nn/cost.hpp) of one epoch, validation included; 0 once the session has stopped.
  virtual double epoch_cost() const = 0;
  // Trains up to `epochs` epochs. When a stop is requested, an epoch that takes long is undone and
  // a short one finished, so a session is only ever seen between two epochs, also after an
  // allocation that failed. The same bits need the mode that parallel_for and serial_for set:
  // subnormal numbers are zero.
  virtual void advance(int64_t epochs, Workspace& workspace, const StopToken& stop,
                       const Team& team) = 0;
  // Threads that make a training shorter when they share it: few, where a block of rows is little.
  virtual int useful_threads() const = 0;
  // Makes the arrays of the state, which is left to the first who needs them, mostly a worker: a
  // search makes sessions by the thousand on one thread, and most of that time was their page
  // faults. Must have happened before several threads predict.
  virtual void begin() const = 0;
  // Operations of the forward pass of one sample.
  virtual double sample_cost() const = 0;
  // Activated outputs of the published parameters for listed rows of the dataset, into
  // out [count x outputs], an array of the session's dtype.
  virtual void predict(const row_t* rows, index_t count, Workspace& workspace,
                       const StopToken& stop, void* out) const = 0;
  // How many of the listed rows have `truth` (an output; with one output 0 or 1; -1: none) as their
  // class, as the net's outputs tell it (nn/loss.hpp), the first of equals; -1 if some output is
  // not finite.
  virtual int64_t count_correct(const row_t* rows, index_t count, const int32_t* truth,
                                Workspace& workspace, const StopToken& stop) const = 0;

  // Epochs and seconds that advance() took so far. May be read while it is advanced.
  int64_t epochs_advanced() const { return epochs_advanced_.get(); }
  double seconds_advanced() const { return seconds_advanced_.get(); }

 protected:
  Shared<int64_t> epochs_advanced_;
  Shared<double> seconds_advanced_;
};

template <class T>
class Session final : public Trainable {
 public:
  struct Inputs {
    std::shared_ptr<const NetSpec> net;
    std::shared_ptr<const TrainSpec> train;
    std::shared_ptr<const TrainingSet<T>> set;
    std::shared_ptr<const Start<T>> start;
  };
  // Throws std::invalid_argument when sizes do not fit together.
  explicit Session(Inputs inputs);

  double epoch_cost() const override;
  void advance(int64_t epochs, Workspace& workspace, const StopToken& stop,
               const Team& team = Team()) override;
  int useful_threads() const override;
  void begin() const override;
  double sample_cost() const override;
  void predict(const row_t* rows, index_t count, Workspace& workspace, const StopToken& stop,
               void* out) const override;
  int64_t count_correct(const row_t* rows, index_t count, const int32_t* truth,
                        Workspace& workspace, const StopToken& stop) const override;

  // With Monitor::kExternal: the score of the epoch just done; updates patience.
  void record_score(double score);

  const NetSpec& net() const { return *in_.net; }
  const TrainSpec& train() const { return *in_.train; }
  const Dataset<T>& data() const { return *in_.set->training().data; }
  // Those of the best score where one is monitored, else the present ones.
  const AlignedVector<T>& published_parameters() const {
    return state().best_parameters.empty() ? state_.outcome() : state_.best_parameters;
  }
  const Progress& progress() const { return state_; }
  const SessionState<T>& state() const {
    begin();
    return state_;
  }
  // Rate that the last step used, Adam's bias correction included.
  double step_rate() const;

  // Goes on from another state. Throws std::invalid_argument, and changes nothing, unless it could
  // be one of this session's: whatever is an index or a size is checked.
  void restore(SessionState<T> state);
  // The same for the running order alone.
  void set_order(std::vector<row_t> order);

 private:
  struct Scratch;
  // What a long epoch changes, kept so that it can be undone.
  struct Undo;

  // Calls use(outputs, stride, start, size) for each block of the listed rows until it says false.
  template <class Use>
  void forward_blocks(const row_t* rows, index_t count, Workspace& workspace, const StopToken& stop,
                      Use&& use) const;
  index_t rows_per_epoch() const;  // trained on, noisy copies included
  index_t steps_per_epoch() const;
  double rate_of_step(index_t step) const;
  double work_of_epoch() const;
  bool keeps_undo() const;
  void check_order(const std::vector<row_t>& order) const;
  void check_kept(const SessionState<T>& state) const;
  typename Augmenter<T>::Block load_block(Scratch& scratch, std::span<const row_t> batch,
                                          index_t start, index_t size) const;
  void make_room();
  bool run_epoch(Scratch& scratch, const StopToken& stop);
  std::optional<double> train_epoch(Scratch& scratch, const StopToken* stop);
  const T* noisy_parameters(Scratch& scratch) const;
  double layer_penalties() const;
  void update_statistics(const Backprop<T>& backprop);
  std::optional<double> train_batch(Scratch& scratch, const row_t* rows, index_t count,
                                    const StopToken* stop);
  void end_epoch(double loss, const Evaluation& evaluation);
  void update_patience(double score);
  void close_epoch(double watched);
  void find_divergence(double loss);
  void keep_if_best(double watched);
  void restore_best();

  Inputs in_;
  std::shared_ptr<const NetSpec> folded_;  // as it predicts, where it folds
  mutable SessionState<T> state_;          // for begin()
};

extern template class Session<float>;
extern template class Session<double>;

}  // namespace nnhp
