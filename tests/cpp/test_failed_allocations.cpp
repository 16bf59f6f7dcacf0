// Every allocation that the engine makes is made to fail, one at a time, alone or with all that
// follow: the caller gets std::bad_alloc, nothing leaks, and what there was before can be used.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "figures.hpp"
#include "heap.hpp"
#include "nnhp/train/objective.hpp"
#include "nnhp/train/predict.hpp"
#include "nnhp/train/train_many.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

// Lets each allocation of work(subject) fail that there is, for a subject of its own from make();
// after each failure, check(subject).
template <class Make, class Work, class Check>
void fail_everywhere(Make&& make, Work&& work, Check&& check) {
  {
    auto subject = make();
    work(subject);  // also what is made once for the process
  }
  long failed = 0;
  for (const bool and_later : {false, true}) {
    for (long n = 1, failures = 1; failures > 0; ++n) {
      REQUIRE(n < 10000);
      const long before = heap.live;
      std::string other;
      {
        auto subject = make();
        heap.fail_at(n, and_later);
        try {
          work(subject);
        } catch (const std::bad_alloc&) {
        } catch (const std::exception& error) {
          other = error.what();
        }
        failures = heap.failures;
        heap.fail_at(0, false);
        check(subject);
      }
      CAPTURE(n);
      CAPTURE(and_later);
      CHECK(other == "");
      CHECK(heap.live == before);
      failed += failures;
    }
  }
  CHECK(failed > 0);
  count("failed allocations", failed);
}

Setup everything() {
  Setup setup;
  setup.hidden = {{9, Activation::kRelu, 0.5, StageKind::kLayerNormalization, 0.1},
                  {6, Activation::kPrelu, 0.25}};
  setup.input_dropout = 0.1;
  setup.weighted = setup.validated = setup.class_ids = true;
  setup.train.penalty = {0.1, 0.1};
  setup.train.records_steps = true;
  setup.train.optimizer.kind = Optimizer::kAmsgrad;
  setup.train.optimizer.clipnorm = setup.train.optimizer.max_norm = 0.5;
  setup.train.optimizer.ema_momentum = 0.9;
  setup.train.optimizer.weight_noise = 0.01;
  setup.train.monitor = Monitor::kAccuracy;
  return setup;
}

Setup folding() {
  Setup setup;
  setup.hidden = {{9, Activation::kRelu, 0.0, StageKind::kBatchNormalization},
                  {6, Activation::kMaxout}};
  return setup;
}

Setup augmented() {
  Setup setup;
  setup.train.augment.mixup_alpha = 0.5;
  setup.train.augment.noisy_copies = 1;
  setup.train.augment.noise = 0.1;
  return setup;
}

Setup sparse() {
  Setup setup = everything();
  setup.sparse = true;
  return setup;
}

Setup shared() {  // by a team
  Setup setup;
  setup.samples = 600;
  setup.hidden = {{100, Activation::kRelu, 0.0}, {90, Activation::kTanh, 0.0}};
  setup.train.batch_size = 300;
  return setup;
}

const std::array<Setup (*)(), 5> kSetups{everything, folding, augmented, sparse, shared};

constexpr int64_t kEpochs = 2;

template <class T>
void train_to_the_end(Session<T>& session, int threads) {
  Trainable* const pointer = &session;
  train_many(std::span(&pointer, 1), kEpochs - session.progress().epoch, threads, {});
}

TEST_CASE_TEMPLATE("test_a_training_goes_on_after_a_failed_allocation", T, float, double) {
  for (size_t i = 0; i < kSetups.size(); ++i) {
    CAPTURE(i);
    const Parts<T> parts = parts_of<T>(kSetups[i]());
    Session<T> whole = parts.session();
    train_to_the_end(whole, 1);
    for (const int threads : {1, 2}) {
      const Cpus cpus(threads);
      fail_everywhere([&] { return parts.session(); },
                      [&](Session<T>& session) { train_to_the_end(session, threads); },
                      [&](Session<T>& session) {
                        train_to_the_end(session, 1);
                        CHECK(difference(session.state(), whole.state()) == "");
                      });
    }
  }
}

TEST_CASE("test_of_trainings_together_each_goes_on_after_a_failed_allocation") {
  const Cpus cpus(2);
  std::vector<Parts<float>> parts;
  std::vector<Session<float>> whole;
  for (const auto setup : kSetups) {
    parts.push_back(parts_of<float>(setup()));
    whole.push_back(parts.back().session());
    train_to_the_end(whole.back(), 1);
  }
  fail_everywhere(
      [&] {
        std::vector<Session<float>> sessions;
        for (const Parts<float>& part : parts) sessions.push_back(part.session());
        return sessions;
      },
      [](std::vector<Session<float>>& sessions) {
        std::vector<Trainable*> pointers;
        for (Session<float>& session : sessions) pointers.push_back(&session);
        train_many(pointers, kEpochs, 2, {});
      },
      [&](std::vector<Session<float>>& sessions) {
        for (size_t i = 0; i < sessions.size(); ++i) {
          train_to_the_end(sessions[i], 1);
          CHECK(difference(sessions[i].state(), whole[i].state()) == "");
        }
      });
}

struct Nothing {};

TEST_CASE_TEMPLATE("test_making_and_copying_fail_as_a_whole", T, float, double) {
  for (const auto setup : kSetups) {
    const Parts<T> parts = parts_of<T>(setup());
    const Session<T> trained = advanced(parts.session(), kEpochs);
    fail_everywhere([] { return Nothing(); },
                    [&](Nothing) {
                      const NetSpec net = setup().net();
                      const Session<T> session = parts.session();
                      const SessionState<T> state = session.state();
                      const Session<T> copy = trained;
                    },
                    [](Nothing) {});
    fail_everywhere([&] { return advanced(parts.session(), 1); },
                    [&](Session<T>& session) { session = trained; }, [](Session<T>&) {});
  }
}

TEST_CASE_TEMPLATE("test_predictions_after_a_failed_allocation", T, float, double) {
  for (const auto setup : kSetups) {
    const Setup given = setup();
    Setup more = given;
    more.samples = 20000;
    const auto net = std::make_shared<const NetSpec>(given.net());
    const AlignedVector<T> parameters = aligned_copy<T>(draw_parameters(*net, given.seed));
    const auto data = make_dataset<T>(draw_samples(more, 1), given.sparse, false);
    const Predictor<T> expected(net, parameters);
    std::vector<int64_t> classes(static_cast<size_t>(data->samples * given.outputs));
    AlignedVector<T> outputs(data->samples * given.outputs), right = outputs;
    expected.outputs(*data, 1, {}, right.data());
    for (const int threads : {1, 2}) {
      const Cpus cpus(threads);
      fail_everywhere([] { return Nothing(); },
                      [&](Nothing) {
                        const Predictor<T> predictor(net, parameters);
                        predictor.outputs(*data, threads, {}, outputs.data());
                        predictor.classes(*data, {true, 0.0}, threads, {}, classes.data());
                      },
                      [](Nothing) {});
      CHECK(bit_mismatch(outputs, right) == "");
    }
  }
}

TEST_CASE_TEMPLATE("test_rows_of_sessions_after_a_failed_allocation", T, float, double) {
  const Cpus cpus(2);
  const Parts<T> parts = parts_of<T>(folding());
  const std::vector<row_t> rows = all_rows(parts.training.data->samples);
  const std::vector<int32_t> truth(rows.size(), 0);
  AlignedVector<T> outputs(static_cast<index_t>(rows.size()) * 3);
  fail_everywhere([&] { return parts.session(); },
                  [&](Session<T>& session) {
                    const index_t row_bytes = 3 * static_cast<index_t>(sizeof(T));
                    const RowsToPredict jobs[] = {
                        {&session, rows, outputs.data(), row_bytes, nullptr},
                        {&session, rows, nullptr, 0, truth.data()}};
                    predict_rows(jobs, 2, {});
                  },
                  [](Session<T>&) {});
}

TEST_CASE_TEMPLATE("test_an_objective_after_a_failed_allocation", T, float, double) {
  const Parts<T> parts = parts_of<T>(Setup());
  AlignedVector<T> gradient(parts.net->parameter_count());
  const auto value_of = [&](Objective<T>& objective) {
    return objective.value_and_gradient(parts.start.parameters, {}, gradient.data());
  };
  Objective<T> expected(parts.net, parts.train, parts.set());
  const double value = value_of(expected);
  fail_everywhere([] { return Nothing(); },
                  [&](Nothing) {
                    Objective<T> objective(parts.net, parts.train, parts.set());
                    value_of(objective);
                  },
                  [](Nothing) {});
  fail_everywhere([&] { return Objective<T>(parts.net, parts.train, parts.set()); },
                  [&](Objective<T>& objective) { value_of(objective); },
                  [&](Objective<T>& objective) { CHECK(value_of(objective) == value); });
}

}  // namespace
}  // namespace nnhp::testing
