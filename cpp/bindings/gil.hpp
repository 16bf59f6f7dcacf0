// The interpreter's lock around long native work.
//
// A thread that outlives the interpreter must not take the lock again: before 3.14 CPython answers
// by pthread_exit, whose unwinding of C++ frames aborts the process. Such a thread sleeps here for
// ever instead, as CPython itself lets it from 3.14 on.
#pragma once

#include <pybind11/pybind11.h>
#if defined(__linux__)
#include <cxxabi.h>
#endif

#include <chrono>
#include <exception>
#include <thread>
#include <type_traits>
#include <utility>

namespace nnhp::bindings {

// Calls take(), which takes the lock.
template <class F>
void take_lock(F&& take) {
#if defined(__linux__)
  try {
    std::forward<F>(take)();
  } catch (abi::__forced_unwind&) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
#else
  std::forward<F>(take)();
#endif
}

// Runs f without the lock, whose result or exception it passes on.
template <class F>
auto without_gil(F&& f) {
  PyThreadState* const state = PyEval_SaveThread();
  const auto take_back = [state] { take_lock([state] { PyEval_RestoreThread(state); }); };
  std::exception_ptr error;
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      std::forward<F>(f)();
      take_back();
      return;
    } else {
      auto result = std::forward<F>(f)();
      take_back();
      return result;
    }
  } catch (...) {
    error = std::current_exception();
  }
  take_back();
  std::rethrow_exception(error);
}

// Runs f, of no result, with the lock in a thread that gave it up.
template <class F>
void with_gil(F&& f) {
  PyGILState_STATE state{};
  take_lock([&] { state = PyGILState_Ensure(); });
  try {
    std::forward<F>(f)();
  } catch (...) {
    PyGILState_Release(state);
    throw;
  }
  PyGILState_Release(state);
}

}  // namespace nnhp::bindings
