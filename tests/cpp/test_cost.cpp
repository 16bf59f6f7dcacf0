// Operations stand for time: no epoch that counts as short takes long.
#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

#include "nnhp/nn/cost.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

struct Kind {
  std::string name;
  Setup setup;
};

// A net without hidden layers.
Setup linear(index_t features, index_t outputs, Loss loss) {
  Setup setup;
  setup.hidden.clear();
  setup.features = features;
  setup.outputs = outputs;
  setup.train.loss.kind = loss;
  return setup;
}

// A net whose time goes into the units of its one layer.
Setup wide(Activation activation, double dropout) {
  Setup setup = linear(1, 1, Loss::kSquaredError);
  setup.hidden = {{300, activation, dropout}};
  setup.train.batch_size = 500;
  return setup;
}

std::vector<Kind> kinds() {
  Setup products, sparse, updates, dropped = linear(300, 1, Loss::kPoisson), rows, validation;
  Setup noisy = wide(Activation::kRelu, 0.0), batches = noisy, layers = noisy;
  products.features = 120;
  products.hidden = {{150, Activation::kRelu, 0.0}, {150, Activation::kRelu, 0.0}};
  sparse.sparse = true;
  sparse.features = 200;
  updates.hidden = {{400, Activation::kRelu, 0.0}};
  updates.features = 400;
  updates.train.batch_size = 2;
  dropped.input_dropout = 0.5;
  rows.train.batch_size = 1;
  noisy.hidden[0].noise = 0.1;
  batches.hidden[0].normalization = StageKind::kBatchNormalization;
  layers.hidden[0].normalization = StageKind::kLayerNormalization;
  Setup everything = updates;
  everything.train.optimizer.kind = Optimizer::kAdadelta;
  everything.train.optimizer.ema_momentum = 0.9;
  everything.train.optimizer.clipnorm = everything.train.optimizer.max_norm = 1.0;
  everything.train.optimizer.weight_noise = 0.01;
  validation.validated = true;
  validation.train.monitor = Monitor::kAccuracy;
  return {{"few units", Setup()},
          {"products", products},
          {"relu", wide(Activation::kRelu, 0.0)},
          {"tanh", wide(Activation::kTanh, 0.0)},
          {"logistic", wide(Activation::kLogistic, 0.0)},
          {"dropout", wide(Activation::kRelu, 0.5)},
          {"tanh and dropout", wide(Activation::kTanh, 0.5)},
          {"gelu", wide(Activation::kGelu, 0.0)},
          {"prelu", wide(Activation::kPrelu, 0.0)},
          {"maxout", wide(Activation::kMaxout, 0.0)},
          {"noise", noisy},
          {"normalized batches", batches},
          {"normalized layers", layers},
          {"classes", linear(1, 200, Loss::kLogLoss)},
          {"labels", linear(1, 200, Loss::kBinaryLogLoss)},
          {"dropped inputs", dropped},
          {"sparse inputs", sparse},
          {"updates", updates},
          {"updates that do everything", everything},
          {"steps of one row", rows},
          {"validation", validation}};
}

template <class T>
double seconds_of_epoch(Session<T>& session) {
  const std::clock_t start = std::clock();
  advance(session, 1);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST_CASE_TEMPLATE("test_short_epochs_are_over_soon", T, float, double) {
  for (Kind& kind : kinds()) {
    Setup& setup = kind.setup;
    setup.samples = 2000;
    const double per_sample = make_session<T>(setup).epoch_cost() / 2000.0;
    setup.samples = static_cast<index_t>(0.2 * kUndoCost / per_sample);
    Session<T> session = make_session<T>(setup);
    double seconds = 1e9;  // of CPU, and the least of some, because the machine may be busy
    for (int i = 0; i < 5; ++i) seconds = std::min(seconds, seconds_of_epoch(session));
    const double longest = seconds * kUndoCost / session.epoch_cost();
    CAPTURE(kind.name);
    CHECK(longest < 0.2);
  }
}

TEST_CASE_TEMPLATE("test_passes_cost_more_the_more_they_do", T, float, double) {
  const Setup plain;
  Setup larger = plain, dropping = plain, simple = plain;
  larger.hidden[0].units = 100;
  dropping.hidden[0].dropout = 0.5;
  simple.hidden[0].activation = Activation::kIdentity;
  const double cost = training_cost<T>(plain.net());
  CHECK(forward_cost<T>(plain.net()) < cost);
  CHECK(training_cost<T>(larger.net()) > cost);
  CHECK(training_cost<T>(dropping.net()) > cost);
  CHECK(forward_cost<T>(dropping.net()) == forward_cost<T>(plain.net()));
  CHECK(training_cost<T>(simple.net()) < cost);
  Setup noisy = plain, batches = plain, layers = plain;
  noisy.hidden[0].noise = 0.5;
  batches.hidden[0].normalization = StageKind::kBatchNormalization;
  layers.hidden[0].normalization = StageKind::kLayerNormalization;
  for (const Setup& setup : {noisy, batches, layers}) {
    CHECK(training_cost<T>(setup.net()) > cost);
  }
}

TEST_CASE_TEMPLATE("test_updates_cost_more_the_more_they_do", T, float, double) {
  const Setup plain;
  Setup larger = plain;
  larger.hidden[0].units = 100;
  const double cost = update_cost<T>(plain.net(), {});
  CHECK(update_cost<T>(larger.net(), {}) > cost);
  const auto more = [&](auto&& change) {
    OptimizerSpec optimizer;
    change(optimizer);
    return update_cost<T>(plain.net(), optimizer) > cost;
  };
  CHECK(more([](OptimizerSpec& o) { o.kind = Optimizer::kAdadelta; }));
  CHECK(more([](OptimizerSpec& o) { o.weight_decay = 0.1; }));
  CHECK(more([](OptimizerSpec& o) { o.clipvalue = 1.0; }));
  CHECK(more([](OptimizerSpec& o) { o.clipnorm = 1.0; }));
  CHECK(more([](OptimizerSpec& o) { o.ema_momentum = 0.9; }));
  CHECK(more([](OptimizerSpec& o) { o.max_norm = 1.0; }));
  CHECK(more([](OptimizerSpec& o) { o.weight_noise = 0.1; }));
}

}  // namespace
}  // namespace nnhp::testing
