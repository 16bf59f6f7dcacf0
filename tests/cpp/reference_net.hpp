// A net and its training in plain double precision: whole batches, no blocks, no scratch.
#pragma once

#include <algorithm>
#include <vector>

#include "nnhp/train/session.hpp"
#include "reference_loss.hpp"

namespace nnhp::testing::reference {

inline Matrix weights_of(const LayerSpec& layer, const std::vector<double>& parameters) {
  Matrix w(layer.inputs, layer.units);
  std::copy_n(parameters.begin() + layer.weights_at, w.cells.size(), w.cells.begin());
  return w;
}
inline Matrix biases_of(const LayerSpec& layer, const std::vector<double>& parameters) {
  Matrix b(1, layer.units);
  std::copy_n(parameters.begin() + layer.biases_at(), b.cells.size(), b.cells.begin());
  return b;
}

// A training step, whose draws it names.
struct Draw {
  uint64_t key, step;
};

// Every cell is f(row, column), both as 32-bit numbers.
template <class F>
Matrix drawn(index_t rows, index_t columns, F&& f) {
  Matrix result(rows, columns);
  for (index_t i = 0; i < rows; ++i) {
    for (index_t j = 0; j < columns; ++j) {
      result(i, j) = f(static_cast<uint32_t>(i), static_cast<uint32_t>(j));
    }
  }
  return result;
}

// What dropout multiplies by, and what alpha dropout then adds.
struct Drop {
  Matrix multiplier, added;
};
inline Drop drop(const Stage& stage, const Draw& draw, index_t rows) {
  const uint32_t keep = static_cast<uint32_t>(std::lround((1.0 - stage.parameter) * 65536.0));
  const bool alpha = stage.kind == StageKind::kAlphaDropout;
  // Klambauer et al. (2017), section "new dropout technique".
  const double q = keep / 65536.0, s = alpha ? -1.7580993408473766 : 0.0;
  const double a = alpha ? std::pow(q + s * s * q * (1.0 - q), -0.5) : 1.0 / q;
  const double b = alpha ? -a * (1.0 - q) * s : 0.0;
  const Matrix stays = drawn(rows, stage.columns, [&](uint32_t i, uint32_t j) {
    return kept(draw.key, draw.step, stage.place, i, j, keep) ? 1.0 : 0.0;
  });
  return {scaled(stays, a), each(stays, [=](double stay) { return b + (1.0 - stay) * a * s; })};
}

inline double at(const std::vector<double>& parameters, index_t offset, index_t i) {
  return parameters[static_cast<size_t>(offset + i)];
}

// A normalization with its moments: of columns, or of rows.
struct Moments {
  std::vector<double> mean, variance;
};
inline Moments row_moments(const Matrix& x) {
  Moments moments;
  for (index_t i = 0; i < x.rows; ++i) {
    double sum = 0.0, squares = 0.0;
    for (index_t j = 0; j < x.columns; ++j) sum += x(i, j);
    const double mean = sum / static_cast<double>(x.columns);
    for (index_t j = 0; j < x.columns; ++j) squares += (x(i, j) - mean) * (x(i, j) - mean);
    moments.mean.push_back(mean);
    moments.variance.push_back(squares / static_cast<double>(x.columns));
  }
  return moments;
}

// What a stage reads and writes, and what its way back needs.
struct StagePass {
  const Stage* stage;
  Matrix in, out;
  Matrix normalized;  // or dropout's multipliers
  Moments moments;
};

inline void normalize(StagePass& pass, const std::vector<double>& parameters, bool drawing) {
  const Stage& stage = *pass.stage;
  const bool by_columns = stage.kind == StageKind::kBatchNormalization;
  pass.moments = row_moments(by_columns ? transposed(pass.in) : pass.in);
  for (index_t j = 0; by_columns && !drawing && j < stage.columns; ++j) {
    pass.moments.mean[static_cast<size_t>(j)] = at(parameters, stage.statistics_at, j);
    pass.moments.variance[static_cast<size_t>(j)] = at(parameters, stage.variance_at(), j);
  }
  for (index_t i = 0; i < pass.in.rows; ++i) {
    for (index_t j = 0; j < stage.columns; ++j) {
      const size_t k = static_cast<size_t>(by_columns ? j : i);
      const double x = (pass.in(i, j) - pass.moments.mean[k]) /
                       std::sqrt(pass.moments.variance[k] + stage.epsilon);
      pass.normalized(i, j) = x;
      pass.out(i, j) =
          at(parameters, stage.trained_at, j) * x + at(parameters, stage.shift_at(), j);
    }
  }
}

// The greatest piece of each unit, the first of equals: its column.
inline index_t winner(const Matrix& z, index_t row, index_t unit, index_t units) {
  index_t best = unit;
  for (index_t j = unit + units; j < z.columns; j += units) {
    if (z(row, j) > z(row, best)) best = j;
  }
  return best;
}

inline void activate(StagePass& pass, const std::vector<double>& parameters) {
  const Stage& stage = *pass.stage;
  const Matrix& z = pass.in;
  if (stage.is(nnhp::Activation::kPrelu)) {
    for (index_t i = 0; i < z.rows; ++i) {
      for (index_t j = 0; j < z.columns; ++j) {
        pass.out(i, j) = z(i, j) < 0.0 ? at(parameters, stage.trained_at, j) * z(i, j) : z(i, j);
      }
    }
  } else if (stage.is(nnhp::Activation::kMaxout)) {
    pass.out = Matrix(z.rows, stage.outputs());
    for (index_t i = 0; i < z.rows; ++i) {
      for (index_t j = 0; j < stage.outputs(); ++j) {
        pass.out(i, j) = z(i, winner(z, i, j, stage.outputs()));
      }
    }
  } else {
    pass.out = activated(z, info(stage.activation).name, stage.parameter);
  }
}

inline StagePass forward(const Stage& stage, const Matrix& in,
                         const std::vector<double>& parameters, const Draw* draw) {
  const auto times = [](double a, double b) { return a * b; };
  StagePass pass{&stage, in, in, Matrix(in.rows, in.columns, 1.0), {}};
  if (stage.kind == StageKind::kActivation) activate(pass, parameters);
  if (info(stage.kind).normalizes) normalize(pass, parameters, draw != nullptr);
  if (draw == nullptr || !info(stage.kind).random) return pass;
  if (stage.kind == StageKind::kNoise) {
    pass.out =
        sum(in, drawn(in.rows, in.columns, [&](uint32_t i, uint32_t j) {
              return stage.parameter * normal<double>(draw->key, draw->step, stage.place, i, j);
            }));
  } else {
    const Drop outcome = drop(stage, *draw, in.rows);
    pass.normalized = outcome.multiplier;
    pass.out = sum(each(in, outcome.multiplier, times), outcome.added);
  }
  return pass;
}

// The derivative by what a normalization reads, by its formula: over the values that share moments,
// dx = (g - mean(g) - x^ mean(g x^)) / deviation with g = scale * d.
inline Matrix back_through_normalization(const StagePass& pass, const Matrix& g) {
  const bool by_columns = pass.stage->kind == StageKind::kBatchNormalization;
  const Matrix group = by_columns ? transposed(g) : g;
  const Matrix x = by_columns ? transposed(pass.normalized) : pass.normalized;
  const double n = static_cast<double>(group.columns);
  Matrix result(group.rows, group.columns);
  for (index_t i = 0; i < group.rows; ++i) {
    double mean = 0.0, along = 0.0;
    for (index_t j = 0; j < group.columns; ++j) {
      mean += group(i, j) / n;
      along += group(i, j) * x(i, j) / n;
    }
    const double variance = pass.moments.variance[static_cast<size_t>(i)];
    for (index_t j = 0; j < group.columns; ++j) {
      result(i, j) =
          (group(i, j) - mean - x(i, j) * along) / std::sqrt(variance + pass.stage->epsilon);
    }
  }
  return by_columns ? transposed(result) : result;
}

// The derivative by what the stage reads from that by what it writes; adds those by what it trains.
inline Matrix backward(const StagePass& pass, const Matrix& d,
                       const std::vector<double>& parameters, std::vector<double>& gradient) {
  const Stage& stage = *pass.stage;
  if (stage.kind == StageKind::kActivation && !stage.is(nnhp::Activation::kPrelu) &&
      !stage.is(nnhp::Activation::kMaxout)) {
    return through(d, pass.in, pass.out, info(stage.activation).name, stage.parameter);
  }
  Matrix back(pass.in.rows, pass.in.columns);
  for (index_t i = 0; i < d.rows; ++i) {
    for (index_t j = 0; j < d.columns; ++j) {
      const double z = pass.in(i, j);
      const auto trained = [&](index_t offset) -> double& {
        return gradient[static_cast<size_t>(offset + j)];
      };
      if (stage.is(nnhp::Activation::kMaxout)) {
        back(i, winner(pass.in, i, j, stage.outputs())) = d(i, j);
      } else if (stage.is(nnhp::Activation::kPrelu)) {
        back(i, j) = d(i, j) * (z < 0.0 ? at(parameters, stage.trained_at, j) : 1.0);
        trained(stage.trained_at) += z < 0.0 ? d(i, j) * z : 0.0;
      } else if (info(stage.kind).normalizes) {
        back(i, j) = d(i, j) * at(parameters, stage.trained_at, j);
        trained(stage.trained_at) += d(i, j) * pass.normalized(i, j);
        trained(stage.shift_at()) += d(i, j);
      } else {
        back(i, j) = d(i, j) * pass.normalized(i, j);
      }
    }
  }
  return info(stage.kind).normalizes ? back_through_normalization(pass, back) : back;
}

// What a forward pass leaves behind, of the inputs (first) and of every layer.
struct Forward {
  std::vector<std::vector<StagePass>> stages;
  std::vector<Matrix> outputs;
};
inline Forward forward(const NetSpec& net, const std::vector<double>& parameters, const Matrix& x,
                       const Draw* draw) {
  Forward result;
  const auto add = [&](const std::vector<Stage>& stages, Matrix values) {
    std::vector<StagePass> passes;
    for (const Stage& stage : stages) {
      passes.push_back(forward(stage, values, parameters, draw));
      values = passes.back().out;
    }
    result.stages.push_back(passes);
    result.outputs.push_back(values);
  };
  add(net.input_stages(), x);
  for (const LayerSpec& layer : net.layers()) {
    add(layer.stages, sum(product(result.outputs.back(), weights_of(layer, parameters)),
                          repeated(biases_of(layer, parameters), x.rows)));
  }
  return result;
}
inline Matrix outputs(const NetSpec& net, const std::vector<double>& parameters, const Matrix& x) {
  return forward(net, parameters, x, nullptr).outputs.back();
}

// A batch: inputs, targets and sample weights.
struct Batch {
  Matrix x, y, w;
};

// Loss summed over the samples and the derivative that the engine follows. Without a draw nothing
// is dropped.
struct Pass {
  double loss;
  std::vector<double> gradient;
  Forward forward;
};
inline Pass pass(const NetSpec& net, const std::vector<double>& parameters, const Batch& batch,
                 const Draw* draw, const LossSpec& loss) {
  Pass result{0.0, std::vector<double>(parameters.size()), forward(net, parameters, batch.x, draw)};
  const TotalLoss total =
      total_loss(result.forward.outputs.back(), batch.y, batch.w, loss, 0x1p-52);
  result.loss = total.value;
  Matrix delta = total.slopes;
  for (size_t l = net.layers().size() + 1; l-- > 0;) {
    const std::vector<StagePass>& stages = result.forward.stages[l];
    for (size_t s = stages.size(); s-- > 0;) {
      delta = backward(stages[s], delta, parameters, result.gradient);
    }
    if (l == 0) break;
    const LayerSpec& layer = net.layers()[l - 1];
    const Matrix weights = product(transposed(result.forward.outputs[l - 1]), delta);
    const Matrix biases = column_sums(delta);
    std::copy(weights.cells.begin(), weights.cells.end(),
              result.gradient.begin() + layer.weights_at);
    std::copy(biases.cells.begin(), biases.cells.end(),
              result.gradient.begin() + layer.biases_at());
    delta = product(delta, transposed(weights_of(layer, parameters)));
  }
  return result;
}

// Moves the moving statistics towards those of the batch.
inline void update_statistics(const Forward& forward, std::vector<double>& parameters) {
  for (const std::vector<StagePass>& stages : forward.stages) {
    for (const StagePass& pass : stages) {
      const Stage& stage = *pass.stage;
      if (stage.kind != StageKind::kBatchNormalization) continue;
      for (index_t j = 0; j < stage.columns; ++j) {
        const size_t k = static_cast<size_t>(j);
        double& mean = parameters[static_cast<size_t>(stage.statistics_at) + k];
        double& variance = parameters[static_cast<size_t>(stage.variance_at()) + k];
        mean = stage.momentum * mean + (1.0 - stage.momentum) * pass.moments.mean[k];
        variance = stage.momentum * variance + (1.0 - stage.momentum) * pass.moments.variance[k];
      }
    }
  }
}

// The penalty's value before it is divided by the batch's weight.
inline double penalty(const NetSpec& net, const std::vector<double>& parameters, double l2,
                      double l1, const std::vector<index_t>& frozen = {}) {
  double total = 0.0;
  for (size_t l = 0; l < net.layers().size(); ++l) {
    if (std::count(frozen.begin(), frozen.end(), static_cast<index_t>(l)) > 0) continue;
    for (const double w : weights_of(net.layers()[l], parameters).cells) {
      total += 0.5 * l2 * w * w + l1 * std::abs(w);
    }
  }
  return total;
}

// What the optimizer's rule needs in step `step`, from 1.
inline Coefficients coefficients(const TrainSpec& train, double weight, int64_t step) {
  const OptimizerSpec& o = train.optimizer;
  const double t = static_cast<double>(step);
  const double correction_1 = 1.0 - std::pow(o.beta_1, t),
               correction_2 = 1.0 - std::pow(o.beta_2, t);
  Coefficients c{1.0 / weight, train.penalty.l2, train.penalty.l1, train.schedule.initial,
                 o.momentum,   o.beta_1,         o.beta_2,         o.epsilon,
                 o.rho};
  if (o.kind == nnhp::Optimizer::kAdam || o.kind == nnhp::Optimizer::kAmsgrad) {
    c.learning_rate *= std::sqrt(correction_2) / correction_1;
  }
  if (o.kind == nnhp::Optimizer::kNadam) {
    double product = 1.0, now = 0.0;
    for (int64_t i = 1; i <= step; ++i) {
      now = o.beta_1 * (1.0 - 0.5 * std::pow(0.96, static_cast<double>(i)));
      product *= now;
    }
    const double next = o.beta_1 * (1.0 - 0.5 * std::pow(0.96, t + 1.0));
    c.moment_share = next / (1.0 - product * next);
    c.gradient_share = (1.0 - now) / (1.0 - product);
    c.learning_rate *= std::sqrt(correction_2);
    c.epsilon *= std::sqrt(correction_2);
  }
  return c;
}

// One update of the parameters [at, at + rows x columns), step `step` from 1.
inline void update(std::vector<Parameter>& parameters, std::vector<double>& averages,
                   const std::vector<double>& gradient, size_t at, size_t rows, size_t columns,
                   bool weights, const TrainSpec& train, const Coefficients& c, int64_t step) {
  const OptimizerSpec& o = train.optimizer;
  const size_t n = rows * columns;
  Coefficients own = c;
  if (!weights) own.l2 = own.l1 = 0.0;
  std::vector<double> g(n);
  double squares = 0.0;
  for (size_t i = 0; i < n; ++i) {
    g[i] = std::clamp(penalized(parameters[at + i].w, gradient[at + i], own), -o.clipvalue,
                      o.clipvalue);
    squares += g[i] * g[i];
  }
  const double scale = std::min(1.0, o.clipnorm / std::sqrt(squares));
  for (size_t i = 0; i < n; ++i) {
    Parameter& p = parameters[at + i];
    p.w -= p.w * o.weight_decay * train.schedule.initial;
    named(optimizers, info(o.kind).name).step(p, g[i] * scale, c);
  }
  const double share = step == 1 ? 0.0 : o.ema_momentum;
  for (size_t i = 0; i < n; ++i) {
    averages[at + i] = averaged(share, averages[at + i], parameters[at + i].w);
  }
  for (size_t j = 0; weights && o.max_norm < OptimizerSpec::kUnlimited && j < columns; ++j) {
    double norm = 0.0;
    for (size_t i = 0; i < rows; ++i) norm = std::hypot(norm, parameters[at + i * columns + j].w);
    for (size_t i = 0; i < rows; ++i) {
      parameters[at + i * columns + j].w *= std::min(norm, o.max_norm) / (norm + 1e-7);
    }
  }
}

// One step of everything that is not frozen; only weights are penalized. `divisor` is that of the
// loss, which penalties of single layers are not divided by.
inline void update(const NetSpec& net, std::vector<Parameter>& parameters,
                   std::vector<double>& averages, const std::vector<double>& gradient,
                   const TrainSpec& train, double divisor, int64_t step) {
  const Coefficients c = coefficients(train, divisor, step);
  const auto size = [](index_t n) { return static_cast<size_t>(n); };
  const auto update_stages = [&](const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      if (stage.trained == 0) continue;
      update(parameters, averages, gradient, size(stage.trained_at), 1, size(stage.columns), false,
             train, c, step);
      if (!info(stage.kind).normalizes) continue;
      update(parameters, averages, gradient, size(stage.shift_at()), 1, size(stage.columns), false,
             train, c, step);
    }
  };
  update_stages(net.input_stages());
  for (size_t l = 0; l < net.layers().size(); ++l) {
    const auto& frozen = train.frozen_layers;
    if (std::count(frozen.begin(), frozen.end(), static_cast<index_t>(l)) > 0) continue;
    const LayerSpec& layer = net.layers()[l];
    Coefficients of_weights = c;
    if (!train.layer_penalties.empty()) {
      of_weights.l2 = train.layer_penalties[l].l2 * divisor;
      of_weights.l1 = train.layer_penalties[l].l1 * divisor;
    }
    update(parameters, averages, gradient, size(layer.weights_at), size(layer.inputs),
           size(layer.units), true, train, of_weights, step);
    const auto& held = train.held_biases;
    const bool holds = std::count(held.begin(), held.end(), static_cast<index_t>(l)) > 0;
    update(parameters, averages, holds ? std::vector<double>(gradient.size()) : gradient,
           size(layer.biases_at()), 1, size(layer.units), false, train, c, step);
    update_stages(layer.stages);
  }
}

}  // namespace nnhp::testing::reference
