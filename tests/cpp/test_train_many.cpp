// Many trainings at once: each becomes what it would have become alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <thread>

#include "nnhp/train/train_many.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

// Trainings of different sizes, optimizers and helpers.
std::vector<Setup> crowd() {
  std::vector<Setup> setups;
  for (size_t i = 0; i < 12; ++i) {
    Setup setup;
    setup.seed = i + 1;
    setup.samples = static_cast<index_t>(40 + 60 * (i % 5));
    setup.hidden[0].units = static_cast<index_t>(8 + 5 * i);
    setup.hidden[0].dropout = i % 3 == 0 ? 0.5 : 0.0;
    setup.train.optimizer.kind = static_cast<Optimizer>(i % optimizer_table.size());
    setup.sparse = i % 4 == 1;
    setup.weighted = i % 2 == 1;
    setup.train.max_epochs = i == 7 ? 2 : 1000000;
    setups.push_back(setup);
  }
  return setups;
}

// Sessions of both precisions in turn.
struct Sessions {
  explicit Sessions(const std::vector<Setup>& setups) {
    for (size_t i = 0; i < setups.size(); ++i) {
      if (i % 2 == 0) {
        singles.push_back(make_session<float>(setups[i]));
      } else {
        doubles.push_back(make_session<double>(setups[i]));
      }
    }
  }
  std::vector<Trainable*> pointers() {
    std::vector<Trainable*> all;
    for (Session<float>& session : singles) all.push_back(&session);
    for (Session<double>& session : doubles) all.push_back(&session);
    return all;
  }
  std::string difference_from(const Sessions& other) const {
    for (size_t i = 0; i < singles.size(); ++i) {
      const std::string found = difference(singles[i].state(), other.singles[i].state());
      if (!found.empty()) return text_of("float session ", i, ": ", found);
    }
    for (size_t i = 0; i < doubles.size(); ++i) {
      const std::string found = difference(doubles[i].state(), other.doubles[i].state());
      if (!found.empty()) return text_of("double session ", i, ": ", found);
    }
    return "";
  }

  std::vector<Session<float>> singles;
  std::vector<Session<double>> doubles;
};

void shuffle(std::vector<Trainable*>& sessions, Random& random) {
  for (size_t i = sessions.size(); i-- > 1;) {
    std::swap(sessions[i],
              sessions[static_cast<size_t>(random.below(static_cast<index_t>(i + 1)))]);
  }
}

TEST_CASE("test_threads_and_order_change_no_bit") {
  Sessions alone(crowd());
  for (auto& session : alone.singles) advance(session, 5);
  for (auto& session : alone.doubles) advance(session, 5);
  Random random(1);
  for (const int threads : {1, 2, 4, 7}) {
    for (int order = 0; order < 3; ++order) {
      CAPTURE(threads);
      const Cpus cpus(threads);
      Sessions together(crowd());
      std::vector<Trainable*> pointers = together.pointers();
      if (order > 0) shuffle(pointers, random);
      CHECK(!train_many(pointers, 2, threads, {}));
      CHECK(!train_many(pointers, 3, threads, {}));
      CHECK(together.difference_from(alone) == "");
    }
  }
}

// Nets whose weight matrices are cut into strips, and batches of several blocks among them.
std::vector<Setup> team_work() {
  std::vector<Setup> setups = crowd();
  setups.resize(6);
  for (size_t i = 0; i < setups.size(); ++i) {
    setups[i].features = i % 4 == 1 ? 900 : 40;
    setups[i].outputs = 40;
    setups[i].hidden[0].units = static_cast<index_t>(100 + 120 * i);
    setups[i].hidden[1] = {150, Activation::kTanh, i % 3 == 1 ? 0.3 : 0.0};
    setups[i].train.penalty = {0.01, i % 2 == 0 ? 0.001 : 0.0};
    if (i % 2 == 1) setups[i].train.batch_size = 1000;
  }
  setups.back().hidden[1].activation = Activation::kSilu;
  return setups;
}

TEST_CASE("test_a_team_changes_no_bit") {
  Sessions alone(team_work());
  for (auto& session : alone.singles) advance(session, 2);
  for (auto& session : alone.doubles) advance(session, 2);
  for (const int threads : {2, 3, 7}) {
    CAPTURE(threads);
    const Cpus cpus(threads);
    Sessions shared(team_work());
    const std::vector<Trainable*> pointers = shared.pointers();
    StopToken stop;
    Workspace workspace;
    team_for(static_cast<index_t>(pointers.size()), threads, stop, {},
             [&](index_t i, const Team& team) {
               pointers[static_cast<size_t>(i)]->advance(2, workspace, stop, team);
             });
    CHECK(shared.difference_from(alone) == "");
  }
}

TEST_CASE("test_tiny_trainings_run_without_an_engine_thread_and_alike") {
  Setup setup;
  setup.samples = 6;
  setup.hidden.clear();
  Sessions one({setup}), alone({setup});
  advance(alone.singles[0], 2);
  CHECK(!train_many(one.pointers(), 2, 4, {}));
  CHECK(one.difference_from(alone) == "");
}

TEST_CASE("test_nothing_to_do_is_done") {
  CHECK(!train_many({}, 5, 4, {}));
  Sessions sessions(crowd()), untouched(crowd());
  CHECK(!train_many(sessions.pointers(), 0, 2, {}));
  CHECK(sessions.difference_from(untouched) == "");
}

TEST_CASE("test_poll_stops_every_session_between_two_epochs") {
  Sessions sessions(crowd()), fresh(crowd());
  CHECK(train_many(sessions.pointers(), 1000000000, 2, [] { return true; }));
  for (size_t i = 0; i < fresh.singles.size(); ++i) {
    advance(fresh.singles[i], sessions.singles[i].state().epoch);
  }
  for (size_t i = 0; i < fresh.doubles.size(); ++i) {
    advance(fresh.doubles[i], sessions.doubles[i].state().epoch);
  }
  CHECK(sessions.difference_from(fresh) == "");
}

TEST_CASE("test_poll_stops_a_team_between_two_epochs") {
  Setup setup;
  setup.samples = 1000;
  setup.hidden = {{200, Activation::kRelu, 0.0}, {200, Activation::kTanh, 0.0}};
  setup.train.batch_size = 1000;
  const Cpus cpus(2);
  Sessions sessions({setup}), fresh({setup});
  REQUIRE(sessions.singles[0].useful_threads() > 1);
  Session<float>& session = sessions.singles[0];
  CHECK(train_many(sessions.pointers(), 1000000000, 2,
                   [&] { return session.epochs_advanced() > 0; }));
  advance(fresh.singles[0], session.state().epoch);
  CHECK(sessions.difference_from(fresh) == "");
}

// A training that only pretends.
class Pretended : public Trainable {
 public:
  void begin() const override {}
  double sample_cost() const override { return 0.0; }
  void predict(const row_t*, index_t, Workspace&, const StopToken&, void*) const override {}
  int64_t count_correct(const row_t*, index_t, const int32_t*, Workspace&,
                        const StopToken&) const override {
    return 0;
  }
  int useful_threads() const override { return 1; }
};

// Writes down the turns that it gets.
class Recorder final : public Pretended {
 public:
  Recorder(double cost, std::vector<double>& turns) : cost_(cost), turns_(turns) {}
  double epoch_cost() const override { return cost_; }
  void advance(int64_t epochs, Workspace&, const StopToken&, const Team&) override {
    turns_.push_back(cost_);
    epochs_advanced_.add(std::min<int64_t>(epochs, 100));  // its end
  }

 private:
  double cost_;
  std::vector<double>& turns_;
};

TEST_CASE("test_the_costliest_session_goes_first_and_the_ended_ones_not_at_all") {
  std::vector<double> turns;
  Recorder small(1e7, turns), ended(0.0, turns), large(3e7, turns), middle(2e7, turns);
  const std::vector<Trainable*> sessions{&small, &ended, &large, &middle};
  CHECK(!train_many(sessions, 4, 1, {}));
  CHECK(turns == std::vector<double>{3e7, 2e7, 1e7});
  CHECK(large.epochs_advanced() == 4);
  CHECK(ended.epochs_advanced() == 0);
}

TEST_CASE("test_a_session_that_a_pause_interrupted_keeps_its_turn") {
  std::vector<double> turns;
  Recorder begun(2e7, turns), fresh(1e7, turns);
  CHECK(!train_many(std::vector<Trainable*>{&begun}, 6, 1, {}));
  turns.clear();
  // 4e7 and 5e7 are left; from their beginnings they cost 16e7 and 5e7.
  CHECK(!train_many(std::vector<Trainable*>{&fresh, &begun}, std::vector<int64_t>{5, 2}, 1, {}));
  CHECK(turns == std::vector<double>{2e7, 1e7});
  // Nor is one that may take as many more epochs as there are numbers taken for a short one.
  turns.clear();
  const std::vector<int64_t> epochs{5, std::numeric_limits<int64_t>::max()};
  CHECK(!train_many(std::vector<Trainable*>{&fresh, &begun}, epochs, 1, {}));
  CHECK(turns == std::vector<double>{2e7, 1e7});
}

class Failing final : public Pretended {
 public:
  double epoch_cost() const override { return 1e8; }
  void advance(int64_t, Workspace&, const StopToken&, const Team&) override {
    throw std::runtime_error("no memory left");
  }
};

// Writes down the size of the team that it gets.
class TeamPlayer final : public Pretended {
 public:
  TeamPlayer(double cost, int useful) : cost_(cost), useful_(useful) {}
  double epoch_cost() const override { return cost_; }
  void advance(int64_t, Workspace&, const StopToken&, const Team& team) override {
    threads_ = team.threads();
  }
  int useful_threads() const override { return useful_; }
  int threads() const { return threads_; }

 private:
  double cost_;
  int useful_;
  int threads_ = 0;
};

TEST_CASE("test_threads_share_a_session_where_that_is_shorter") {
  const Cpus cpus(4);
  const auto sizes = [](std::vector<TeamPlayer> players) {
    std::vector<Trainable*> sessions;
    for (TeamPlayer& player : players) sessions.push_back(&player);
    train_many(sessions, 1, 4, {});
    std::vector<int> found;
    for (const TeamPlayer& player : players) found.push_back(player.threads());
    return found;
  };
  CHECK(sizes({{1e8, 100}}) == std::vector<int>{4});
  CHECK(sizes({{1e8, 3}}) == std::vector<int>{3});
  CHECK(sizes({{1e8, 1}}) == std::vector<int>{1});
  CHECK(sizes({{1e5, 100}}) == std::vector<int>{1});             // sooner done than begun
  CHECK(sizes({{1e8, 4}, {1e7, 2}}) == std::vector<int>{4, 2});  // 3e7 in all, 1e8 side by side
  CHECK(sizes({{1e8, 4}, {1e8, 1}}) == std::vector<int>{1, 1});  // 1.25e8 in all
  CHECK(sizes({{1e8, 4}, {1e8, 4}, {1e8, 4}}) == std::vector<int>{1, 1, 1});  // 0.75e8: too little
  CHECK(sizes({{1e8, 4}, {1e8, 4}, {1e8, 4}, {1e8, 4}}) == std::vector<int>{1, 1, 1, 1});
}

TEST_CASE("test_an_exception_of_a_session_reaches_the_caller") {
  for (const int threads : {1, 4}) {
    Failing failing;
    Sessions others(crowd());
    std::vector<Trainable*> sessions = others.pointers();
    sessions.push_back(&failing);
    CHECK_THROWS_WITH_AS(train_many(sessions, 1, threads, {}), "no memory left",
                         std::runtime_error);
  }
}

TEST_CASE("test_concurrent_calls_do_not_disturb_each_other") {
  Sessions alone(crowd());
  CHECK(!train_many(alone.pointers(), 3, 1, {}));
  std::vector<Sessions> groups(3, Sessions(crowd()));
  std::vector<std::thread> callers;
  for (Sessions& group : groups) {
    callers.emplace_back([&group] { train_many(group.pointers(), 3, 2, {}); });
  }
  for (std::thread& caller : callers) caller.join();
  for (const Sessions& group : groups) CHECK(group.difference_from(alone) == "");
}

}  // namespace
}  // namespace nnhp::testing
