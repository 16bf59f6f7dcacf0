// Session and train_many.
#include <pybind11/stl.h>

#include "gil.hpp"
#include "nnhp/train/train_many.hpp"
#include "types.hpp"

namespace nnhp::bindings {
namespace {

struct AnySession {
  std::variant<std::unique_ptr<Session<float>>, std::unique_ptr<Session<double>>> session;
  InUse in_use;

  // f(session); std::runtime_error while it is being trained.
  template <class F>
  auto visit(F&& f) const {
    in_use.check("the session");
    return std::visit([&](const auto& s) { return f(*s); }, session);
  }
};

std::optional<Mt19937> generator_of(const py::object& state) {
  if (state.is_none()) return std::nullopt;
  const auto parts = value_of<py::tuple>(state, "mt_state");
  require(parts.size() == 2, "mt_state must be (words, position)");
  const auto words = vector_of<uint32_t>(parts[0], "mt_state words");
  Mt19937 generator;
  require(words.size() == generator.words.size(), "mt_state must have 624 words");
  std::copy(words.begin(), words.end(), generator.words.begin());
  generator.position = value_of<int>(parts[1], "the position of mt_state");
  require(generator.sound(), "the position of mt_state must be in [0, 624]");
  return generator;
}

py::object to_mt_state(const std::optional<Mt19937>& generator) {
  if (!generator) return py::none();
  return py::make_tuple(to_array(generator->words.data(), index_t{624}), generator->position);
}

template <class T>
AnyStart make_start(const py::object& parameters, const py::object& mt_state,
                    uint64_t dropout_key) {
  return {std::make_shared<const Start<T>>(
      Start<T>{aligned_copy<T>(parameters, "parameters"), generator_of(mt_state), dropout_key})};
}

// The names of the entries of a state, each with its way out to Python and back.
template <class State>
struct Entry {
  const char* name;
  py::object (*get)(const State&);
  void (*set)(State&, const py::object&);
};
template <class T>
using StateEntry = Entry<SessionState<T>>;

template <class State>
using Number = typename decltype(State::parameters)::value_type;

#define NNHP_FLAT_ENTRY(name, field)                                        \
  Entry<State> {                                                            \
    name, [](const State& s) { return to_array_or_none(s.field); },         \
        [](State& s, const py::object& o) {                                 \
          if (!o.is_none()) s.field = aligned_copy<Number<State>>(o, name); \
        }                                                                   \
  }
#define NNHP_PLAIN_ENTRY(name, field)                                                           \
  Entry<State> {                                                                                \
    name, [](const State& s) { return py::cast(s.field); }, [](State& s, const py::object& o) { \
      s.field = value_of<std::decay_t<decltype(s.field)>>(o, name);                             \
    }                                                                                           \
  }

// What a state and the one that is kept of it have in common.
template <class State>
std::vector<Entry<State>> entries_of_standing() {
  return {
      NNHP_FLAT_ENTRY("parameters", parameters),
      NNHP_FLAT_ENTRY("moment_1", moments[0]),
      NNHP_FLAT_ENTRY("moment_2", moments[1]),
      NNHP_FLAT_ENTRY("moment_3", moments[2]),
      NNHP_FLAT_ENTRY("averages", averages),
      NNHP_PLAIN_ENTRY("step", step),
      NNHP_PLAIN_ENTRY("steps_averaged", steps_averaged),
      NNHP_PLAIN_ENTRY("epoch", epoch),
      NNHP_PLAIN_ENTRY("n_samples_seen", samples_seen),
      NNHP_PLAIN_ENTRY("learning_rate", rate),
      NNHP_PLAIN_ENTRY("best_loss", best_loss),
      NNHP_PLAIN_ENTRY("best_score", best_score),
      NNHP_PLAIN_ENTRY("no_improvement_count", no_improvement_count),
      NNHP_PLAIN_ENTRY("plateau_best", plateau.best),
      NNHP_PLAIN_ENTRY("plateau_wait", plateau.wait),
      NNHP_PLAIN_ENTRY("plateau_cooldown", plateau.cooldown),
  };
}

template <class State>
const Entry<State>& entry_of(const std::vector<Entry<State>>& entries, const std::string& name) {
  for (const Entry<State>& entry : entries) {
    if (name == entry.name) return entry;
  }
  throw std::invalid_argument("a session's state has no entry '" + name + "'");
}

template <class State>
py::dict dict_of(const std::vector<Entry<State>>& entries, const State& state) {
  py::dict named;
  for (const Entry<State>& entry : entries) named[entry.name] = entry.get(state);
  return named;
}

template <class State>
void set_entries(const std::vector<Entry<State>>& entries, State& state, const py::dict& given) {
  for (const auto& [name, value] : given) {
    entry_of(entries, py::str(name)).set(state, py::reinterpret_borrow<py::object>(value));
  }
}

template <class T>
const std::vector<Entry<Kept<T>>>& kept_entries() {
  using State = Kept<T>;
  static const auto entries = [] {
    auto all = entries_of_standing<State>();
    all.push_back(NNHP_PLAIN_ENTRY("loss", loss));
    all.push_back(NNHP_PLAIN_ENTRY("n_steps_recorded", recorded));
    return all;
  }();
  return entries;
}

template <class T>
std::vector<StateEntry<T>> own_entries() {
  using State = SessionState<T>;
  return {
      NNHP_FLAT_ENTRY("best_parameters", best_parameters),
      NNHP_PLAIN_ENTRY("loss_curve", loss_curve),
      NNHP_PLAIN_ENTRY("learning_rate_curve", rate_curve),
      NNHP_PLAIN_ENTRY("step_loss_curve", step_loss_curve),
      NNHP_PLAIN_ENTRY("validation_scores", validation_scores),
      NNHP_PLAIN_ENTRY("validation_loss_curve", validation_loss_curve),
      NNHP_PLAIN_ENTRY("diverged_layer", diverged_layer),
      NNHP_PLAIN_ENTRY("diverged_epoch", diverged_epoch),
      {"kept",  // None: nothing so far
       [](const State& s) -> py::object {
         if (!s.kept.any()) return py::none();
         return dict_of(kept_entries<T>(), s.kept);
       },
       [](State& s, const py::object& o) {
         if (!o.is_none()) set_entries(kept_entries<T>(), s.kept, value_of<py::dict>(o, "kept"));
       }},
      {"order",
       [](const SessionState<T>& s) -> py::object {
         return to_array(s.order.data(), static_cast<index_t>(s.order.size()));
       },
       [](SessionState<T>& s, const py::object& o) { s.order = vector_of<row_t>(o, "order"); }},
      {"mt_state", [](const SessionState<T>& s) { return to_mt_state(s.generator); },
       [](SessionState<T>& s, const py::object& o) { s.generator = generator_of(o); }},
      {"status",
       [](const SessionState<T>& s) -> py::object {
         return py::cast(status_names[static_cast<size_t>(s.status)]);
       },
       [](SessionState<T>& s, const py::object& o) {
         const auto name = value_of<std::string>(o, "status");
         const auto* found = std::find(status_names.begin(), status_names.end(), name);
         require(found != status_names.end(), "unknown status '" + name + "'");
         s.status = static_cast<Status>(found - status_names.begin());
       }},
  };
}
#undef NNHP_FLAT_ENTRY
#undef NNHP_PLAIN_ENTRY

template <class T>
const std::vector<StateEntry<T>>& state_entries() {
  static const auto entries = [] {
    auto all = entries_of_standing<SessionState<T>>();
    const auto own = own_entries<T>();
    all.insert(all.end(), own.begin(), own.end());
    return all;
  }();
  return entries;
}

py::dict get_state(const AnySession& any) {
  return any.visit([]<class T>(const Session<T>& session) {
    return dict_of(state_entries<T>(), session.state());
  });
}

void restore(AnySession& any, const py::dict& state) {
  any.visit([&]<class T>(Session<T>& session) {
    SessionState<T> restored = session.state();
    set_entries(state_entries<T>(), restored, state);
    session.restore(std::move(restored));
  });
}

AnySession copy(const AnySession& any) {
  return any.visit([]<class T>(const Session<T>& s) -> AnySession {
    return {std::make_unique<Session<T>>(s), {}};
  });
}

py::object state_property(const AnySession& any, const char* name) {
  return any.visit([&]<class T>(const Session<T>& session) {
    return entry_of(state_entries<T>(), name).get(session.state());
  });
}

template <auto field>
auto progress_property() {
  return [](const AnySession& any) {
    return any.visit([](const auto& session) { return session.progress().*field; });
  };
}

void check_rows_of(const py::array_t<row_t>& rows, index_t samples) {
  for (index_t i = 0; i < rows.size(); ++i) {
    require(rows.data()[i] >= 0 && rows.data()[i] < samples,
            "rows must be in [0, " + std::to_string(samples) + ")");
  }
}

using AnySessions = std::vector<std::shared_ptr<AnySession>>;

std::vector<Trainable*> trainables_of(const AnySessions& sessions) {
  std::vector<Trainable*> trainables;
  for (const auto& any : sessions) {
    require(any != nullptr, "sessions must not hold None");
    trainables.push_back(any->visit([](auto& s) -> Trainable* { return &s; }));
  }
  return trainables;
}

void check_threads(int threads) {
  require(threads >= 1, "threads must be at least 1, got " + std::to_string(threads));
}

std::vector<InUse*> marks_of(const AnySessions& sessions) {
  std::vector<InUse*> marks;
  for (const auto& any : sessions) marks.push_back(&any->in_use);
  return marks;
}

int64_t epochs_advanced(const std::vector<Trainable*>& sessions) {
  int64_t total = 0;
  for (const Trainable* session : sessions) total += session->epochs_advanced();
  return total;
}

// Looks for signals, then asks `poll` (None: nobody), a function of the epochs done in this call.
Poll with_poll(const py::object& poll, const std::vector<Trainable*>& sessions) {
  if (poll.is_none()) return poll_signals();
  return [&poll, &sessions, signals = poll_signals(), before = epochs_advanced(sessions)] {
    bool stop = signals();
    const int64_t done = epochs_advanced(sessions) - before;
    with_gil([&] { stop = poll(done).cast<bool>(); });
    return stop;
  };
}

bool train_sessions(const AnySessions& sessions,
                    const std::variant<int64_t, std::vector<int64_t>>& epochs, int threads,
                    const py::object& poll) {
  check_threads(threads);
  const std::vector<Trainable*> trainables = trainables_of(sessions);
  std::vector<int64_t> each(sessions.size());
  if (const auto* all = std::get_if<int64_t>(&epochs)) {
    std::fill(each.begin(), each.end(), *all);
  } else {
    each = std::get<std::vector<int64_t>>(epochs);
    require(each.size() == sessions.size(), "epochs must have one entry per session");
  }
  std::vector<Trainable*> distinct(trainables);
  std::sort(distinct.begin(), distinct.end());
  require(std::adjacent_find(distinct.begin(), distinct.end()) == distinct.end(),
          "sessions must not hold one session twice");
  const Claim claim(marks_of(sessions));
  return without_gil([&, polled = with_poll(poll, trainables)] {
    return train_many(trainables, each, threads, polled);
  });
}

py::list predict_rows_of(const AnySessions& sessions, const std::vector<py::object>& rows,
                         int threads) {
  check_threads(threads);
  require(rows.size() == sessions.size(), "rows must have one entry per session");
  const std::vector<Trainable*> trainables = trainables_of(sessions);
  std::vector<RowsToPredict> jobs;
  std::vector<py::array_t<row_t>> lists;
  py::list outputs;
  for (size_t i = 0; i < sessions.size(); ++i) {
    sessions[i]->visit([&]<class T>(Session<T>& session) {
      const auto list = array_of<row_t>(rows[i], 1, "rows");
      check_rows_of(list, session.data().samples);
      const index_t width = session.net().outputs();
      py::array_t<T> out({list.shape(0), static_cast<py::ssize_t>(width)});
      jobs.push_back({trainables[i],
                      {list.data(), static_cast<size_t>(list.size())},
                      out.mutable_data(),
                      width * static_cast<index_t>(sizeof(T)),
                      nullptr});
      outputs.append(out);
      lists.push_back(list);
    });
  }
  const Claim claim(marks_of(sessions));
  without_gil([&, poll = poll_signals()] { predict_rows(jobs, threads, poll); });
  return outputs;
}

std::vector<int64_t> count_correct_of(const AnySessions& sessions,
                                      const std::vector<py::object>& rows,
                                      const std::vector<py::object>& truths, int threads) {
  check_threads(threads);
  require(rows.size() == sessions.size() && truths.size() == sessions.size(),
          "rows and truths must have one entry per session");
  const std::vector<Trainable*> trainables = trainables_of(sessions);
  std::vector<RowsToPredict> jobs;
  std::vector<py::array> kept;
  for (size_t i = 0; i < sessions.size(); ++i) {
    const auto list = array_of<row_t>(rows[i], 1, "rows");
    const auto truth = array_of<int32_t>(truths[i], 1, "truths");
    require(truth.size() == list.size(), "truths must be as long as rows");
    sessions[i]->visit([&](auto& session) { check_rows_of(list, session.data().samples); });
    jobs.push_back(
        {trainables[i], {list.data(), static_cast<size_t>(list.size())}, nullptr, 0, truth.data()});
    kept.push_back(list);
    kept.push_back(truth);
  }
  const Claim claim(marks_of(sessions));
  const auto correct =
      without_gil([&, poll = poll_signals()] { return predict_rows(jobs, threads, poll); });
  return correct.value();
}

}  // namespace

void bind_session(py::module_& m) {
  py::class_<AnyStart>(m, "Start")
      .def(py::init(
               [](const py::object& parameters, const py::object& mt_state, uint64_t dropout_key) {
                 return with_dtype(py::isinstance<py::array_t<float>>(parameters), [&]<class T>() {
                   return make_start<T>(parameters, mt_state, dropout_key);
                 });
               }),
           py::arg("parameters"), py::arg("mt_state") = py::none(), py::arg("dropout_key") = 0);

  py::class_<AnySession, std::shared_ptr<AnySession>> session(m, "Session");
  session
      .def(py::init([](const TypedNetSpec& net, const std::shared_ptr<TrainSpec>& train,
                       const AnyTrainingSet& set, const AnyStart& start) {
             return with_dtype(net.single, [&]<class T>() -> AnySession {
               return {std::make_unique<Session<T>>(typename Session<T>::Inputs{
                           net.spec, train, set.of<T>("training_set"), start.of<T>("start")}),
                       {}};
             });
           }),
           py::arg("net"), py::arg("train").none(false), py::arg("training_set"), py::arg("start"))
      .def("state", &get_state)
      .def("restore", &restore, py::arg("state"))
      .def("copy", &copy)
      .def(
          "set_order",
          [](AnySession& any, const py::object& order) {
            any.visit([&](auto& s) { s.set_order(vector_of<row_t>(order, "order")); });
          },
          py::arg("order"))
      .def(
          "record_score",
          [](AnySession& any, double score) { any.visit([&](auto& s) { s.record_score(score); }); },
          py::arg("score"))
      .def_property_readonly("learning_rate",
                             [](const AnySession& any) {
                               return any.visit([](const auto& s) { return s.step_rate(); });
                             })
      .def_property_readonly("seconds", [](const AnySession& any) {
        return any.visit([](const auto& s) { return s.seconds_advanced(); });
      });
  // Of the progress, which is there before the arrays of the state are.
  session.def_property_readonly("status", [](const AnySession& any) {
    return any.visit([](const auto& s) { return status_names[size_t(s.progress().status)]; });
  });
  session.def_property_readonly("epoch", progress_property<&Progress::epoch>());
  session.def_property_readonly("rate", progress_property<&Progress::rate>());
  session.def_property_readonly("no_improvement_count",
                                progress_property<&Progress::no_improvement_count>());
  session.def_property_readonly("loss_curve", progress_property<&Progress::loss_curve>());
  session.def_property_readonly("step_loss_curve", progress_property<&Progress::step_loss_curve>());
  session.def_property_readonly("validation_scores",
                                progress_property<&Progress::validation_scores>());
  session.def_property_readonly("validation_loss_curve",
                                progress_property<&Progress::validation_loss_curve>());
  session.def_property_readonly("diverged_layer", progress_property<&Progress::diverged_layer>());
  session.def_property_readonly("diverged_epoch", progress_property<&Progress::diverged_epoch>());
  for (const char* name : {"parameters", "mt_state"}) {
    session.def_property_readonly(
        name, [name](const AnySession& any) { return state_property(any, name); });
  }
  m.def("train_many", &train_sessions, py::arg("sessions"), py::arg("epochs"), py::arg("threads"),
        py::arg("poll") = py::none());
  m.def("count_correct", &count_correct_of, py::arg("sessions"), py::arg("rows"), py::arg("truths"),
        py::arg("threads"));
  m.def("predict_rows", &predict_rows_of, py::arg("sessions"), py::arg("rows"), py::arg("threads"));
}

}  // namespace nnhp::bindings
