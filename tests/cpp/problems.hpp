// Small training problems: what a test wants to vary is a field of Setup, the rest follows from it.
#pragma once

#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "matrix.hpp"
#include "nnhp/base/cpu.hpp"
#include "nnhp/train/session.hpp"
#include "random.hpp"
#include "reference_net.hpp"

namespace nnhp::testing {

// Lets the engine run as many threads as if there were so many CPUs.
struct Cpus {
  explicit Cpus(int count) { pretend_cpus(count); }
  ~Cpus() { pretend_cpus(0); }
};

// A hidden layer with its stages in the estimators' order.
struct Hidden {
  index_t units;
  Activation activation;
  double dropout = 0.0;
  std::optional<StageKind> normalization{};
  double noise = 0.0;
  StageKind dropout_kind = StageKind::kDropout;
  std::optional<double> parameter{};  // of the activation

  operator HiddenLayer() const {
    HiddenLayer layer{units, {}};
    if (normalization) layer.stages.push_back(stage_of(*normalization));
    layer.stages.push_back(activate(activation, parameter.value_or(info(activation).standard)));
    layer.stages.push_back(stage_of(StageKind::kNoise, noise));
    layer.stages.push_back(stage_of(dropout_kind, dropout));
    return layer;
  }
};

// A parameter that is not the one without which it would not show whether it is heeded.
inline double unusual_parameter(Activation activation) { return 1.5 * info(activation).standard; }

struct Setup {
  Setup() {
    train.loss.kind = Loss::kLogLoss;
    train.batch_size = 32;
    train.max_epochs = 1000000000;
    train.n_iter_no_change = 1e9;
    train.schedule.initial = 0.01;
  }

  std::vector<Hidden> hidden{{9, Activation::kRelu, 0.0}, {6, Activation::kTanh, 0.0}};
  index_t samples = 70, features = 5, outputs = 3;
  double input_dropout = 0.0;
  std::vector<StageSpec> input_stages{};  // before that
  std::vector<StageSpec> output_stages{};
  TrainSpec train;
  bool sparse = false;
  bool weighted = false;
  bool class_ids = false;  // targets as ids of classes instead of a matrix
  bool validated = false;
  bool generator = true;  // without it, the order of the rows stays
  uint64_t seed = 1;
  std::optional<Activation> output_activation{};  // without it, that of the loss

  std::string_view loss_name() const { return info(train.loss.kind).name; }
  // Quantiles, where none are given, are evenly spread over the outputs.
  LossSpec loss() const {
    LossSpec spec = train.loss;
    for (index_t j = 1; j <= outputs && train.loss.quantiles.empty(); ++j) {
      spec.quantiles.push_back(static_cast<double>(j) / static_cast<double>(outputs + 1));
    }
    return spec;
  }
  Activation output() const { return output_activation.value_or(info(train.loss.kind).output); }
  index_t targets() const { return info(train.loss.kind).one_target ? 1 : outputs; }
  NetSpec net() const {
    std::vector<StageSpec> of_inputs = input_stages;
    of_inputs.push_back(stage_of(StageKind::kDropout, input_dropout));
    return NetSpec(features, {hidden.begin(), hidden.end()}, outputs, output(), of_inputs,
                   output_stages);
  }
};

struct Samples {
  reference::Matrix x, y, w;
  std::vector<int32_t> ids;
};

// A target that the loss is for: a class, labels, counts or numbers.
inline void draw_targets(const LossInfo& loss, Samples& samples, Random& random) {
  const bool labels = loss.decides != Decides::kNothing && !loss.one_of_all;
  const bool counts = loss.name.starts_with("poisson");
  for (index_t i = 0; i < samples.y.rows; ++i) {
    const index_t id = random.below(std::max<index_t>(samples.y.columns, 2));
    samples.ids.push_back(static_cast<int32_t>(id));
    for (index_t j = 0; j < samples.y.columns; ++j) {
      double& y = samples.y(i, j);
      if (loss.one_of_all) {
        y = j == id ? 1.0 : 0.0;
      } else if (labels) {
        y = static_cast<double>(random.below(2));
      } else if (counts) {
        y = static_cast<double>(random.below(4));
      } else {
        const double least = loss.name == "gamma" ? 0.25 : -2.0;
        y = static_cast<double>(static_cast<float>(random.uniform(least, 2.0)));
      }
    }
    if (labels && samples.y.columns == 1) samples.y(i, 0) = static_cast<double>(id);
  }
}

// Numbers are those that a float can hold, so both precisions see the same problem.
inline Samples draw_samples(const Setup& setup, uint64_t seed) {
  Random random(seed);
  Samples samples{random_matrix<float>(setup.samples, setup.features, random),
                  reference::Matrix(setup.samples, setup.targets()),
                  reference::Matrix(setup.samples, 1, 1.0),
                  {}};
  if (setup.sparse) thin_out(samples.x, random);
  draw_targets(info(setup.train.loss.kind), samples, random);
  if (setup.weighted) samples.w = random_matrix<float>(setup.samples, 1, random, 0.25, 2.0);
  return samples;
}

template <class T>
AlignedVector<T> aligned_copy(const std::vector<double>& values) {
  AlignedVector<T> copy(static_cast<index_t>(values.size()));
  std::transform(values.begin(), values.end(), copy.begin(),
                 [](double x) { return static_cast<T>(x); });
  return copy;
}

template <class T>
struct DatasetArrays {
  AlignedVector<T> x, y;
  std::vector<int32_t> ids;
  SparseMatrix<T> sparse;
};

template <class T>
std::shared_ptr<const Dataset<T>> make_dataset(const Samples& samples, bool sparse,
                                               bool class_ids) {
  auto arrays = std::make_shared<DatasetArrays<T>>(
      DatasetArrays<T>{aligned_copy<T>(samples.x.cells), aligned_copy<T>(samples.y.cells),
                       samples.ids, SparseMatrix<T>(samples.x)});
  Dataset<T> data;
  data.samples = samples.x.rows;
  data.features = samples.x.columns;
  data.sparse = sparse;
  if (sparse) {
    data.csr = arrays->sparse.view();
  } else {
    data.dense = arrays->x.data();
  }
  if (class_ids) {
    data.class_ids = arrays->ids.data();
  } else {
    data.targets = arrays->y.data();
    data.target_count = samples.y.columns;
  }
  data.owner = arrays;
  return std::make_shared<const Dataset<T>>(std::move(data));
}

template <class T>
std::shared_ptr<const AlignedVector<T>> make_weights(const Samples& samples) {
  return std::make_shared<const AlignedVector<T>>(aligned_copy<T>(samples.w.cells));
}

inline std::vector<row_t> all_rows(index_t n) {
  std::vector<row_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), row_t{0});
  return rows;
}

// Parameters of moderate size, none of them near 0 (where |w| has no derivative); moving variances
// are positive.
inline std::vector<double> draw_parameters(const NetSpec& net, uint64_t seed) {
  Random random(seed + 1000);
  std::vector<double> parameters;
  for (index_t i = 0; i < net.parameter_count(); ++i) {
    const double w = random.uniform(0.05, 0.5);
    parameters.push_back(static_cast<double>(static_cast<float>(random.below(2) == 0 ? w : -w)));
  }
  const auto mend = [&](const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      for (index_t j = 0; j < stage.statistics / 2; ++j) {
        double& variance = parameters[static_cast<size_t>(stage.variance_at() + j)];
        variance = 2.0 * std::abs(variance);
      }
    }
  };
  mend(net.input_stages());
  for (const LayerSpec& layer : net.layers()) mend(layer.stages);
  return parameters;
}

template <class T>
WeightedRows<T> all_rows_of(std::shared_ptr<const Dataset<T>> data,
                            std::shared_ptr<const AlignedVector<T>> weights) {
  std::vector<row_t> rows = all_rows(data->samples);
  return {std::move(data), std::move(rows), std::move(weights)};
}

// The inputs of a session, not yet checked, for tests to change.
template <class T>
struct Parts {
  std::shared_ptr<const NetSpec> net;
  std::shared_ptr<const TrainSpec> train;
  WeightedRows<T> training;
  std::vector<int32_t> label_map;
  std::optional<WeightedRows<T>> validation;
  Start<T> start;

  std::shared_ptr<const TrainingSet<T>> set() const {
    return std::make_shared<const TrainingSet<T>>(training, label_map, validation);
  }
  Session<T> session() const {
    return Session<T>({net, train, set(), std::make_shared<const Start<T>>(start)});
  }
};

inline uint64_t dropout_key_of(const Setup& setup) { return 0x9e3779b97f4a7c15 * setup.seed; }

template <class T>
Parts<T> parts_of(const Setup& setup) {
  const auto rows_of = [&](const Samples& samples) {
    return all_rows_of<T>(make_dataset<T>(samples, setup.sparse, setup.class_ids),
                          setup.weighted ? make_weights<T>(samples) : nullptr);
  };
  Parts<T> parts;
  parts.net = std::make_shared<const NetSpec>(setup.net());
  TrainSpec train = setup.train;
  train.loss = setup.loss();
  parts.train = std::make_shared<const TrainSpec>(train);
  parts.training = rows_of(draw_samples(setup, setup.seed));
  if (setup.validated) parts.validation = rows_of(draw_samples(setup, setup.seed + 500));
  parts.start.parameters = aligned_copy<T>(draw_parameters(*parts.net, setup.seed));
  if (setup.generator) {
    parts.start.generator =
        Mt19937{reference::mt19937_words(static_cast<uint32_t>(setup.seed)), 624};
  }
  parts.start.dropout_key = dropout_key_of(setup);
  return parts;
}

template <class T>
Session<T> make_session(const Setup& setup) {
  return parts_of<T>(setup).session();
}

template <class T>
void advance(Session<T>& session, int64_t epochs) {
  const FlushSubnormals flush;
  Workspace workspace;
  session.advance(epochs, workspace, StopToken());
}
template <class T>
Session<T> advanced(Session<T> session, int64_t epochs) {
  advance(session, epochs);
  return session;
}

inline std::string bit_mismatch(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return "sizes differ";
  return bit_mismatch(static_cast<index_t>(a.size()), a.data(), b.data());
}
template <class T>
std::string bit_mismatch(const AlignedVector<T>& a, const AlignedVector<T>& b) {
  if (a.size() != b.size()) return "sizes differ";
  return bit_mismatch(a.size(), a.data(), b.data());
}

inline bool same(const std::optional<Mt19937>& a, const std::optional<Mt19937>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->words == b->words && a->position == b->position;
}

// What differs, to the bit, between two trainings; nothing if they are the same.
template <class T>
std::string difference(const SessionState<T>& a, const SessionState<T>& b) {
  const std::pair<const char*, std::string> arrays[] = {
      {"parameters", bit_mismatch(a.parameters, b.parameters)},
      {"moment 0", bit_mismatch(a.moments[0], b.moments[0])},
      {"moment 1", bit_mismatch(a.moments[1], b.moments[1])},
      {"moment 2", bit_mismatch(a.moments[2], b.moments[2])},
      {"averages", bit_mismatch(a.averages, b.averages)},
      {"best_parameters", bit_mismatch(a.best_parameters, b.best_parameters)},
      {"kept.parameters", bit_mismatch(a.kept.parameters, b.kept.parameters)},
      {"loss_curve", bit_mismatch(a.loss_curve, b.loss_curve)},
      {"rate_curve", bit_mismatch(a.rate_curve, b.rate_curve)},
      {"step_loss_curve", bit_mismatch(a.step_loss_curve, b.step_loss_curve)},
      {"validation_scores", bit_mismatch(a.validation_scores, b.validation_scores)},
      {"validation_loss_curve", bit_mismatch(a.validation_loss_curve, b.validation_loss_curve)},
      {"rate, best_loss, best_score",
       bit_mismatch({a.rate, a.best_loss, a.best_score}, {b.rate, b.best_loss, b.best_score})},
      {"plateau.best", bit_mismatch({a.plateau.best}, {b.plateau.best})}};
  for (const auto& [name, found] : arrays) {
    if (!found.empty()) return text_of(name, " ", found);
  }
  const std::pair<const char*, bool> others[] = {
      {"step", a.step == b.step},
      {"steps_averaged", a.steps_averaged == b.steps_averaged},
      {"epoch", a.epoch == b.epoch},
      {"samples_seen", a.samples_seen == b.samples_seen},
      {"no_improvement_count", a.no_improvement_count == b.no_improvement_count},
      {"plateau.wait", a.plateau.wait == b.plateau.wait},
      {"plateau.cooldown", a.plateau.cooldown == b.plateau.cooldown},
      {"order", a.order == b.order},
      {"generator", same(a.generator, b.generator)},
      {"status", a.status == b.status},
      {"diverged_layer", a.diverged_layer == b.diverged_layer},
      {"diverged_epoch", a.diverged_epoch == b.diverged_epoch},
      {"kept.epoch", a.kept.epoch == b.kept.epoch}};
  for (const auto& [name, equal] : others) {
    if (!equal) return name;
  }
  return "";
}

}  // namespace nnhp::testing
