#include "nnhp/base/parallel.hpp"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "nnhp/base/cpu.hpp"
#include "nnhp/base/error.hpp"

namespace nnhp {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(50);

// The exception of the smallest item, whichever thread met it.
class FirstError {
 public:
  void capture(index_t item) {
    const std::lock_guard lock(mutex_);
    if (item < item_) {
      item_ = item;
      error_ = std::current_exception();
    }
    any_.store(true, std::memory_order_relaxed);
  }
  bool any() const { return any_.load(std::memory_order_relaxed); }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  index_t item_ = std::numeric_limits<index_t>::max();
  std::atomic<bool> any_{false};
};

// Tells the processor that it waits.
inline void spin_once() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Forks that led to this process since the engine was loaded.
int fork_generation = 0;

std::thread started(const std::function<void()>& body) {
  try {
    return std::thread(body);
  } catch (const std::system_error& error) {
    throw std::runtime_error(std::string("the system starts no further thread: ") + error.what());
  }
}

// One thread that runs the jobs it is given, one at a time.
class EngineThread {
 public:
  EngineThread() : thread_(started([this] { serve(); })) {}
  ~EngineThread() {
    {
      const std::lock_guard lock(mutex_);
      quit_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // Runs `job` on the engine thread; the caller calls `poll` until it is done.
  void run(const std::function<void()>& job, const std::function<void()>& poll) {
    const int generation = fork_generation;
    std::unique_lock lock(mutex_);
    job_ = &job;
    changed_.notify_all();
    while (job_ != nullptr) {
      if (changed_.wait_for(lock, kPollInterval, [this] { return job_ == nullptr; })) break;
      lock.unlock();
      poll();
      // In a child that poll() forked there is no engine thread, and nobody to unlock the mutex.
      if (generation != fork_generation) {
        throw std::runtime_error("the engine's work was not taken over by a child of fork()");
      }
      lock.lock();
    }
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return quit_ || job_ != nullptr; });
      if (quit_) return;
      const auto& job = *job_;
      lock.unlock();
      job();
      lock.lock();
      job_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* job_ = nullptr;
  bool quit_ = false;
  std::thread thread_;  // last: it starts when the rest is there
};

// The persistent engine thread and the threads in use by all calls of this process.
struct Engine {
  std::mutex mutex;
  std::unique_ptr<EngineThread> persistent;
  bool persistent_busy = false;
  int threads_in_use = 0;
};

// A pointer, so that a child of fork() can leave its parent's engine, whose threads it lacks,
// behind. Made when the library is loaded: a first use might be under way while another thread
// forks. Where there is no memory for it, there is none to load anything.
// NOLINTNEXTLINE(bugprone-throwing-static-initialization)
Engine* engine = [] {
  pthread_atfork([] { engine->mutex.lock(); }, [] { engine->mutex.unlock(); },
                 [] {
                   engine = new Engine;
                   ++fork_generation;
                 });
  return new Engine;
}();

// An engine thread and a number of threads for the length of one call.
class Lease {
 public:
  explicit Lease(int wanted) : engine_(*engine) {
    const std::lock_guard lock(engine_.mutex);
    if (engine_.persistent_busy) {
      temporary_ = std::make_unique<EngineThread>();
    } else if (!engine_.persistent) {
      engine_.persistent = std::make_unique<EngineThread>();
    }
    engine_.persistent_busy = true;
    threads_ = std::clamp(usable_cpus() - engine_.threads_in_use, 1, std::max(wanted, 1));
    engine_.threads_in_use += threads_;
  }
  ~Lease() {
    if (generation_ != fork_generation) {  // everything stays with the parent
      [[maybe_unused]] const EngineThread* parents = temporary_.release();
      return;
    }
    const std::lock_guard lock(engine_.mutex);
    engine_.threads_in_use -= threads_;
    if (!temporary_) engine_.persistent_busy = false;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  int threads() const { return threads_; }
  EngineThread& thread() { return temporary_ ? *temporary_ : *engine_.persistent; }

 private:
  Engine& engine_;
  const int generation_ = fork_generation;
  int threads_ = 1;
  std::unique_ptr<EngineThread> temporary_;
};

// Whether the system starts another thread.
bool add_thread(std::vector<std::thread>& threads, const std::function<void()>& body) {
  try {
    threads.emplace_back(body);
    return true;
  } catch (const std::exception&) {  // of the system, or of memory
    return false;
  }
}

// How many of so many threads, the calling one among them, the system starts. Where it gives no
// more (in a container with a limit of processes, or for want of memory for a stack), OpenMP would
// end the process, so threads like its own are started first. It keeps those that the region before
// had.
int threads_to_be_had(int wanted) {
  static thread_local int kept = 1;
  if (wanted == 1) return 1;
  int had = std::min(kept, wanted);
  std::vector<std::thread> others;
  std::atomic<bool> all_there{false};
  while (had < wanted && add_thread(others, [&] { all_there.wait(false); })) ++had;
  all_there = true;
  all_there.notify_all();
  for (std::thread& thread : others) thread.join();
  return kept = had;
}

// Runs a job on an engine thread; an error of `poll` stops it, and leaves afterwards.
void run_polled(EngineThread& thread, const std::function<void()>& job, StopToken& stop,
                const Poll& poll) {
  std::exception_ptr poll_error;
  thread.run(job, [&] {
    try {
      if (poll && !poll_error && poll()) stop.request();
    } catch (...) {
      poll_error = std::current_exception();
      stop.request();
    }
  });
  if (poll_error) std::rethrow_exception(poll_error);
}

}  // namespace

int thread_limit() {
  if (omp_in_parallel()) return 1;
  return std::max(1, std::min({usable_cpus(), omp_get_max_threads(), omp_get_thread_limit()}));
}

// The helpers of a team, in one OpenMP region from its first task to dismiss(). A region for each
// task would do the same, but its end is a wait that spins for milliseconds: where another process
// takes one of the processors, trainings took ten times as long. For the same reason nobody waits
// for a helper that has not taken a part.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): threads write to lines of their own
class Crew {
 public:
  // Of the thread that leads: offers the parts of a task, takes some, and waits for those that
  // others took.
  void share(index_t parts, int threads, const std::function<void(index_t, int)>& body) {
    require(parts <= kMostParts, "too many parts");
    body_ = &body;
    done_.store(0, std::memory_order_relaxed);
    offer_.store(Offer{static_cast<uint32_t>(threads), static_cast<uint32_t>(parts), 0}.packed(),
                 std::memory_order_release);
    begin_task();
    take_parts(0);
    const uint32_t all = static_cast<uint32_t>(parts);
    // NOLINTNEXTLINE(bugprone-infinite-loop): its condition is read anew each time
    for (Wait wait; const uint32_t done = done_.load(std::memory_order_acquire) ^ all;) {
      wait.until_changed(done_, done ^ all);
    }
  }
  void dismiss() {
    over_.store(true, std::memory_order_release);
    begin_task();
  }
  // Of the others: takes parts of tasks until dismissed.
  void serve(int thread) {
    const FlushSubnormals flush;
    for (uint32_t seen = 0; !over_.load(std::memory_order_acquire);) {
      take_parts(thread);
      for (Wait wait; task_.load(std::memory_order_acquire) == seen;) {
        wait.until_changed(task_, seen);
      }
      seen = task_.load(std::memory_order_acquire);
    }
  }

 private:
  static constexpr index_t kMostParts = (index_t{1} << 24) - 1;

  // How many threads may take parts, of how many, and which is the next: one word, so that who
  // takes a part takes one of the present task. Its body is only looked at then, when the task
  // cannot end.
  struct Offer {
    uint32_t threads, parts, next;
    uint64_t packed() const { return uint64_t{threads} << 48 | uint64_t{parts} << 24 | next; }
    static Offer of(uint64_t word) {
      constexpr uint64_t part = kMostParts;
      return {static_cast<uint32_t>(word >> 48), static_cast<uint32_t>(word >> 24 & part),
              static_cast<uint32_t>(word & part)};
    }
  };

  // Spins for the time between two tasks, lets others run for that of a serial part, then sleeps.
  class Wait {
   public:
    void until_changed(const std::atomic<uint32_t>& value, uint32_t old) {
      constexpr int kSpins = 2000, kYields = 100;
      ++turns_;
      if (turns_ < kSpins) {
        spin_once();
      } else if (turns_ < kSpins + kYields) {
        std::this_thread::yield();
      } else {
        value.wait(old, std::memory_order_acquire);
      }
    }

   private:
    int turns_ = 0;
  };

  // Sequentially consistent, or the notification could be decided on before the number is seen.
  void begin_task() {
    task_.fetch_add(1);
    task_.notify_all();
  }
  void take_parts(int thread) {
    uint64_t word = offer_.load(std::memory_order_acquire);
    for (;;) {
      const Offer offer = Offer::of(word);
      if (thread >= static_cast<int>(offer.threads) || offer.next >= offer.parts) return;
      if (!offer_.compare_exchange_weak(word, word + 1, std::memory_order_acq_rel)) continue;
      (*body_)(static_cast<index_t>(offer.next), thread);
      if (done_.fetch_add(1) + 1 == offer.parts) done_.notify_one();
      word = offer_.load(std::memory_order_acquire);
    }
  }

  const std::function<void(index_t, int)>* body_ = nullptr;
  std::atomic<bool> over_{false};
  alignas(128) std::atomic<uint32_t> task_{0};  // its number
  alignas(128) std::atomic<uint64_t> offer_{0};
  alignas(128) std::atomic<uint32_t> done_{0};  // parts
};

Team Team::up_to(int threads) const {
  Team team = *this;
  team.threads_ = std::clamp(threads, 1, threads_);
  return team;
}

void Team::share(index_t parts, const std::function<void(index_t, int)>& body) const {
  crew_->share(parts, threads_, body);
}

bool parallel_for(index_t n, int threads, StopToken& stop, const Poll& poll,
                  const std::function<void(index_t item, int thread)>& body) {
  FirstError error;
  std::atomic<index_t> next{0};
  Lease lease(static_cast<int>(std::min<index_t>(threads, n)));
  const auto work = [&](int thread) {
    const FlushSubnormals flush;
    for (index_t i; !error.any() && (i = next.fetch_add(1)) < n;) {
      try {
        body(i, thread);
      } catch (...) {
        error.capture(i);
      }
    }
  };
  const auto region = [&, wanted = lease.threads()] {
    const int team = threads_to_be_had(wanted);
    if (team == 1) {
      work(0);
      return;
    }
#pragma omp parallel num_threads(team) default(none) shared(work)
    work(omp_get_thread_num());
  };
  run_polled(lease.thread(), region, stop, poll);
  error.rethrow();
  return stop.requested();
}

bool team_for(index_t n, int threads, StopToken& stop, const Poll& poll,
              const std::function<void(index_t item, const Team& team)>& body) {
  FirstError error;
  Lease lease(threads);
  Crew crew;
  const auto lead = [&](int team) {
    const FlushSubnormals flush;
    for (index_t i = 0; i < n && !error.any(); ++i) {
      try {
        body(i, Team(crew, team));
      } catch (...) {
        error.capture(i);
      }
    }
    crew.dismiss();
  };
  const auto job = [&, wanted = lease.threads()] {
    const int had = threads_to_be_had(wanted);
    if (had == 1) return lead(1);
#pragma omp parallel num_threads(had) default(none) shared(lead, crew)
    if (omp_get_thread_num() == 0) {
      lead(omp_get_num_threads());
    } else {
      crew.serve(omp_get_thread_num());
    }
  };
  run_polled(lease.thread(), job, stop, poll);
  error.rethrow();
  return stop.requested();
}

void serial_for(index_t n, const std::function<void(index_t item, int thread)>& body) {
  const FlushSubnormals flush;
  for (index_t i = 0; i < n; ++i) body(i, 0);
}

}  // namespace nnhp
