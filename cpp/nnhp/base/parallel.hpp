// The only place that opens OpenMP regions.
//
// A region is opened by an engine thread, never by the caller's: a child of fork() can then open
// its own (libgomp's pool belongs to the thread that made it), and the caller stays free to look
// for Ctrl-C. One engine thread persists for the whole process; a call that finds it busy brings a
// temporary one, so that one call's long epoch never holds up another call's prediction. Together
// they never hold more threads than usable_cpus(), beyond one each.
#pragma once

#include <atomic>
#include <functional>

#include "nnhp/base/types.hpp"

namespace nnhp {

// Set by the waiting caller, read by workers once per block of rows.
class StopToken {
 public:
  void request() { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const { return requested_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> requested_{false};
};

// Threads that the calling thread may use: the smaller of usable_cpus() and what OpenMP allows it
// (OMP_NUM_THREADS, OMP_THREAD_LIMIT, threadpoolctl); 1 in somebody else's region, whose threads
// already share the CPUs.
int thread_limit();

// Work of fewer operations (nn/cost.hpp; some 100 microseconds) is better done by serial_for.
inline constexpr double kSerialCost = 1e6;

class Crew;

// Threads that share the parts of one item's work: the one that calls each(), and others that
// team_for keeps waiting for it. Valid inside of that call only.
class Team {
 public:
  Team() = default;
  Team(Crew& crew, int threads) : crew_(&crew), threads_(threads) {}
  int threads() const { return threads_; }
  // The same threads, but no more than so many of them.
  Team up_to(int threads) const;

  // Runs body(part, thread) for every part in [0, parts), thread in [0, threads()); returns when
  // all are done. The body must not throw.
  template <class Body>
  void each(index_t parts, Body&& body) const {
    if (threads_ > 1 && parts > 1) return share(parts, std::ref(body));
    for (index_t part = 0; part < parts; ++part) body(part, 0);
  }

 private:
  void share(index_t parts, const std::function<void(index_t part, int thread)>& body) const;
  Crew* crew_ = nullptr;
  int threads_ = 1;
};

// Called on the caller's thread about every 50 ms while it waits; true asks the workers to stop.
using Poll = std::function<bool()>;

// Runs body(i, thread) for every i in [0, n), thread in [0, threads), and returns when all are
// done; the items are taken in order by whichever thread is free. `poll` may be empty. An exception
// leaves through the caller: that of the smallest item that threw; after one, no further items
// begin. Subnormal numbers are zero inside. Returns whether a stop was asked for. In a child that
// `poll` forks, and where the system starts not even one thread, it throws std::runtime_error;
// where it starts fewer than wanted, these do the work.
bool parallel_for(index_t n, int threads, StopToken& stop, const Poll& poll,
                  const std::function<void(index_t item, int thread)>& body);

// As parallel_for, but one item after the other, each on a team of up to `threads`.
bool team_for(index_t n, int threads, StopToken& stop, const Poll& poll,
              const std::function<void(index_t item, const Team& team)>& body);

// As parallel_for, but on the calling thread itself, without a region or a poll: for work that is
// over sooner than an engine thread wakes.
void serial_for(index_t n, const std::function<void(index_t item, int thread)>& body);

}  // namespace nnhp
