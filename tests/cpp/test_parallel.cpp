// Regions: every item once, errors and stops reach the caller, calls do not disturb each other.
#include <doctest/doctest.h>
#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "nnhp/base/cpu.hpp"
#include "nnhp/base/parallel.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kThreadCounts[] = {1, 2, 4, 7};

// Waits until `condition` holds; gives up after ten seconds.
template <class Condition>
bool eventually(Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

// How often each of n items ran.
class Tally {
 public:
  explicit Tally(index_t n) : counts_(static_cast<size_t>(n)) {}
  void add(index_t item) { ++counts_[static_cast<size_t>(item)]; }
  bool each_once() const {
    return std::all_of(counts_.begin(), counts_.end(), [](const auto& c) { return c == 1; });
  }
  index_t total() const {
    index_t sum = 0;
    for (const auto& count : counts_) sum += count;
    return sum;
  }

 private:
  std::vector<std::atomic<int>> counts_;
};

// Whether a region of its own runs every item once.
bool region_works(index_t n, int threads) {
  Tally tally(n);
  StopToken stop;
  const bool stopped = parallel_for(n, threads, stop, {}, [&](index_t i, int) { tally.add(i); });
  return !stopped && tally.each_once();
}

TEST_CASE("test_every_item_runs_exactly_once") {
  for (const int threads : kThreadCounts) {
    for (const index_t n : {0, 1, 2, 5, 1000}) {
      CAPTURE(threads);
      CAPTURE(n);
      CHECK(region_works(n, threads));
    }
  }
}

TEST_CASE("test_thread_numbers_are_below_the_count_and_never_shared") {
  for (const int threads : kThreadCounts) {
    std::vector<std::atomic<int>> busy(static_cast<size_t>(threads));
    std::atomic<bool> wrong{false};
    StopToken stop;
    parallel_for(200, threads, stop, {}, [&](index_t, int thread) {
      if (thread < 0 || thread >= threads || busy[static_cast<size_t>(thread)]++ != 0) {
        wrong = true;
        return;
      }
      std::this_thread::sleep_for(50us);
      --busy[static_cast<size_t>(thread)];
    });
    CHECK(!wrong);
  }
}

TEST_CASE("test_one_thread_takes_the_items_in_order") {
  std::vector<index_t> order;
  StopToken stop;
  parallel_for(5, 1, stop, {}, [&](index_t i, int) { order.push_back(i); });
  CHECK(order == std::vector<index_t>{0, 1, 2, 3, 4});
  order.clear();
  serial_for(3, [&](index_t i, int thread) { order.push_back(i + thread); });
  CHECK(order == std::vector<index_t>{0, 1, 2});
}

TEST_CASE("test_a_team_runs_every_part_once_on_threads_of_its_own_number") {
  for (const int threads : kThreadCounts) {
    for (const int wanted : {1, 2, 100}) {
      CAPTURE(threads);
      CAPTURE(wanted);
      const Cpus cpus(threads);
      std::atomic<int> wrong{0}, items{0}, size{0};
      StopToken stop;
      const bool stopped = team_for(3, threads, stop, {}, [&](index_t, const Team& all) {
        const Team team = all.up_to(wanted);
        size = team.threads();
        ++items;
        for (const index_t parts : {0, 1, 2, 5, 50}) {
          for (int again = 0; again < 20; ++again) {
            Tally tally(parts);
            team.each(parts, [&](index_t part, int thread) {
              if (thread < 0 || thread >= team.threads()) ++wrong;
              tally.add(part);
            });
            if (!tally.each_once()) ++wrong;
          }
        }
      });
      CHECK(!stopped);
      CHECK(wrong == 0);
      CHECK(items == 3);
      CHECK(size == std::min(wanted, threads));
    }
  }
}

TEST_CASE("test_threads_of_a_team_work_at_the_same_time") {
  const Cpus cpus(2);
  std::atomic<int> met{0};
  std::atomic<bool> both{false};
  StopToken stop;
  team_for(1, 2, stop, {}, [&](index_t, const Team& team) {
    std::this_thread::sleep_for(20ms);  // the other thread has gone to sleep, and is woken
    team.each(2, [&](index_t, int) {
      ++met;
      if (eventually([&] { return met == 2; })) both = true;
    });
  });
  CHECK(both);
}

TEST_CASE("test_an_exception_of_a_team_reaches_the_caller_and_ends_the_rest") {
  const Cpus cpus(4);
  int begun = 0;
  StopToken stop;
  CHECK_THROWS_WITH_AS(team_for(3, 4, stop, {},
                                [&](index_t item, const Team&) {
                                  ++begun;
                                  if (item == 1) throw std::runtime_error("item 1");
                                }),
                       "item 1", std::runtime_error);
  CHECK(begun == 2);
  CHECK(region_works(50, 4));
}

TEST_CASE("test_an_exception_reaches_the_caller_and_ends_the_rest") {
  for (const int threads : kThreadCounts) {
    CAPTURE(threads);
    Tally tally(100000);
    StopToken stop;
    CHECK_THROWS_WITH_AS(parallel_for(100000, threads, stop, {},
                                      [&](index_t i, int) {
                                        tally.add(i);
                                        if (i == 3) throw std::runtime_error("item 3");
                                      }),
                         "item 3", std::runtime_error);
    if (threads == 1) CHECK(tally.total() == 4);
    CHECK(tally.total() < 100000);
    CHECK(region_works(50, threads));
  }
}

// Both items are under way before the later one throws, then the earlier one.
TEST_CASE("test_of_several_exceptions_the_smallest_item's_reaches_the_caller") {
  std::atomic<bool> first_runs{false}, second_throws{false};
  StopToken stop;
  const auto body = [&](index_t i, int) {
    if (i == 0) {
      first_runs = true;
      if (usable_cpus() > 1) eventually([&] { return second_throws.load(); });
      std::this_thread::sleep_for(20ms);
    } else {
      eventually([&] { return first_runs.load(); });
      second_throws = true;
    }
    throw std::runtime_error("item " + std::to_string(i));
  };
  CHECK_THROWS_WITH_AS(parallel_for(2, 2, stop, {}, body), "item 0", std::runtime_error);
}

TEST_CASE("test_any_type_can_be_thrown") {
  StopToken stop;
  CHECK_THROWS_AS(parallel_for(1, 1, stop, {}, [](index_t, int) { throw 42; }), int);
}

TEST_CASE("test_poll_is_called_on_the_caller's_thread_while_it_waits") {
  const auto caller = std::this_thread::get_id();
  std::atomic<int> polls{0};
  bool own_thread = true;
  StopToken stop;
  const auto poll = [&] {
    own_thread = own_thread && std::this_thread::get_id() == caller;
    ++polls;
    return false;
  };
  const bool stopped = parallel_for(1, 1, stop, poll, [&](index_t, int) {
    CHECK(std::this_thread::get_id() != caller);
    CHECK(eventually([&] { return polls >= 3; }));
  });
  CHECK(!stopped);
  CHECK(own_thread);
}

TEST_CASE("test_poll_can_stop") {
  for (const int threads : kThreadCounts) {
    StopToken stop;
    const bool stopped = parallel_for(
        2, threads, stop, [] { return true; },
        [&](index_t, int) { CHECK(eventually([&] { return stop.requested(); })); });
    CHECK(stopped);
  }
}

TEST_CASE("test_an_exception_of_poll_stops_and_reaches_the_caller") {
  StopToken stop;
  int polls = 0;
  const auto poll = [&]() -> bool {
    ++polls;
    throw std::runtime_error("poll");
  };
  std::atomic<bool> seen{false};
  CHECK_THROWS_WITH_AS(parallel_for(1, 1, stop, poll,
                                    [&](index_t, int) {
                                      seen = eventually([&] { return stop.requested(); });
                                      std::this_thread::sleep_for(150ms);
                                    }),
                       "poll", std::runtime_error);
  CHECK(seen);
  CHECK(polls == 1);
  CHECK(region_works(10, 2));
}

TEST_CASE("test_a_stop_asked_for_before_is_returned") {
  StopToken stop;
  stop.request();
  CHECK(parallel_for(3, 2, stop, {}, [](index_t, int) {}));
}

TEST_CASE("test_poll_may_open_a_region_of_its_own") {
  std::atomic<bool> inner{false};
  StopToken stop;
  const auto poll = [&] {
    inner = inner || region_works(100, 2);
    return false;
  };
  parallel_for(1, 2, stop, poll,
               [&](index_t, int) { CHECK(eventually([&] { return inner.load(); })); });
}

// Threads that are in a body at the same time, over all calls.
class Crowd {
 public:
  void enter() {
    const std::lock_guard lock(mutex_);
    largest_ = std::max(largest_, ++present_);
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    --present_;
  }
  int largest() const { return largest_; }

 private:
  std::mutex mutex_;
  int present_ = 0, largest_ = 0;
};

TEST_CASE("test_concurrent_callers_share_one_budget_of_threads") {
  constexpr int callers = 5;
  Crowd crowd;
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 4; ++turn) {
        Tally tally(20);
        StopToken stop;
        parallel_for(20, 7, stop, {}, [&](index_t i, int) {
          crowd.enter();
          std::this_thread::sleep_for(500us);
          tally.add(i);
          crowd.leave();
        });
        right += tally.each_once();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == callers * 4);
  CHECK(crowd.largest() <= usable_cpus() + callers);
}

TEST_CASE("test_no_call_waits_for_another") {
  std::atomic<int> present{0}, met{0};
  const auto call = [&] {
    StopToken stop;
    parallel_for(1, 7, stop, {}, [&](index_t, int) {
      ++present;
      met += eventually([&] { return present == 3; });
    });
  };
  std::thread second(call), third(call);
  call();
  second.join();
  third.join();
  CHECK(met == 3);
}

TEST_CASE("test_a_single_call_never_uses_more_threads_than_cpus") {
  std::mutex mutex;
  std::set<std::thread::id> ids;
  StopToken stop;
  parallel_for(200, 64, stop, {}, [&](index_t, int) {
    {
      const std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    }
    std::this_thread::sleep_for(100us);
  });
  CHECK(static_cast<int>(ids.size()) <= usable_cpus());
  // The budget was given back: a second call gets as many.
  CHECK(region_works(10, 64));
}

TEST_CASE("test_pretended_cpus_run_as_many_threads") {
  for (const int threads : kThreadCounts) {
    pretend_cpus(threads);
    CHECK(usable_cpus() == threads);
    std::atomic<int> present{0};
    StopToken stop;
    parallel_for(threads, 64, stop, {}, [&](index_t, int) {
      ++present;
      CHECK(eventually([&] { return present == threads; }));
    });
    CHECK(present == threads);
  }
  pretend_cpus(0);
}

template <class Body>
bool flushes_subnormals(Body&& run) {
  volatile double smallest = std::numeric_limits<double>::min();
  std::atomic<bool> flushed{true};
  run([&](index_t, int) {
    volatile double half = smallest * 0.5;
    if (half != 0.0) flushed = false;
  });
  volatile double after = smallest * 0.5;
  return flushed && after != 0.0;
}

TEST_CASE("test_subnormals_are_zero_inside_and_not_outside") {
  CHECK(flushes_subnormals([](const auto& body) { serial_for(2, body); }));
  CHECK(flushes_subnormals([](const auto& body) {
    StopToken stop;
    parallel_for(50, 4, stop, {}, body);
  }));
}

TEST_CASE("test_thread_limit_heeds_the_calling_thread's_openmp_setting") {
  const int before = omp_get_max_threads();
  CHECK(thread_limit() >= 1);
  CHECK(thread_limit() <= usable_cpus());
  omp_set_num_threads(1);
  CHECK(thread_limit() == 1);
  omp_set_num_threads(10000);
  CHECK(thread_limit() == std::min(usable_cpus(), omp_get_thread_limit()));
  omp_set_num_threads(before);
}

TEST_CASE("test_one_thread_is_what_somebody_else's_region_leaves") {
  std::atomic<int> threads{0}, wrong{0};
#pragma omp parallel num_threads(2) default(none) shared(threads, wrong)
  {
    ++threads;
    if (omp_in_parallel() && thread_limit() != 1) ++wrong;
  }
  CHECK(threads >= 1);
  CHECK(wrong == 0);
}

// Runs `work` in a child process; whether it returned true within twenty seconds.
template <class Work>
bool succeeds_in_child(Work&& work) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);
    _exit(work() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("test_parent_then_child_then_parent_open_regions") {
  CHECK(region_works(100, 2));
  CHECK(succeeds_in_child([] { return region_works(100, 2) && region_works(100, 7); }));
  CHECK(region_works(100, 2));
}

TEST_CASE("test_a_child_that_poll_forks_is_not_left_waiting") {
  for (const bool busy : {false, true}) {
    CAPTURE(busy);
    StopToken ended;
    std::thread other([&] {
      StopToken stop;
      if (busy) {
        parallel_for(1, 1, stop, {},
                     [&](index_t, int) { CHECK(eventually([&] { return ended.requested(); })); });
      }
    });
    std::this_thread::sleep_for(20ms);
    const pid_t parent = getpid();
    pid_t child = -1;
    StopToken stop;
    try {
      parallel_for(
          1, 1, stop,
          [&] {
            if (child < 0) child = fork();
            if (child == 0) alarm(20);
            return true;
          },
          [&](index_t, int) { CHECK(eventually([&] { return stop.requested(); })); });
    } catch (const std::runtime_error&) {
      if (getpid() != parent) _exit(region_works(100, 2) ? 7 : 1);
    }
    REQUIRE(getpid() == parent);
    ended.request();
    other.join();
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
  }
}

TEST_CASE("test_child_opens_regions_before_its_parent") {
  // The child has opened none when it forks the grandchild.
  CHECK(succeeds_in_child([] {
    return succeeds_in_child([] { return region_works(100, 2); }) && region_works(100, 2) &&
           succeeds_in_child([] { return region_works(100, 2); });
  }));
}

TEST_CASE("test_a_child_forked_while_a_region_runs_opens_its_own") {
  std::atomic<bool> runs{false}, done{false};
  std::thread caller([&] {
    StopToken stop;
    parallel_for(2, 2, stop, {}, [&](index_t, int) {
      runs = true;
      eventually([&] { return done.load(); });
    });
  });
  CHECK(eventually([&] { return runs.load(); }));
  CHECK(succeeds_in_child([] { return region_works(100, 2); }));
  done = true;
  caller.join();
}

}  // namespace
}  // namespace nnhp::testing
