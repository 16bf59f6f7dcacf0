"""The optimizers: against Keras's trajectories, by name and as objects, with all options."""

import json
import pickle
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from helpers import (
    N_FEATURES,
    N_SAMPLES,
    STOPS_EARLY,
    assert_identical,
    assert_same_fit,
    fitted_state,
    layers_of,
    problem,
    problem_for,
)
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from nnhp import MLPClassifier, MLPRegressor, _core, optimizers
from nnhp.estimators import _weights
from nnhp.estimators._optimizers import copies, fields_of, published_copies

pytestmark = STOPS_EARLY

KERAS = json.loads((Path(__file__).parent / "data" / "keras_optimizers.json").read_text())
CLASSES = [getattr(optimizers, name) for name in optimizers.__all__ if name != "Optimizer"]
NAMES = sorted(optimizers.BY_NAME)
# Objects whose constants all differ from the defaults, and with which all moments are kept.
OBJECTS = {
    "sgd": optimizers.SGD(momentum=0.6),
    "rmsprop": optimizers.RMSprop(rho=0.8, momentum=0.3, centered=True, epsilon=1e-4),
    "adagrad": optimizers.Adagrad(initial_accumulator_value=0.3, epsilon=1e-4),
    "adadelta": optimizers.Adadelta(rho=0.8, epsilon=1e-4),
    "adam": optimizers.Adam(beta_1=0.8, beta_2=0.6, epsilon=1e-4, amsgrad=True),
    "adamw": optimizers.AdamW(weight_decay=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-4),
    "nadam": optimizers.Nadam(beta_1=0.8, beta_2=0.9, epsilon=1e-4),
    "lion": optimizers.Lion(beta_1=0.8, beta_2=0.7),
}


# -------------------------------------------------------------------- against Keras


def case_id(case):
    arguments = {k: v for k, v in case["arguments"].items() if k in ("momentum", "nesterov")}
    flags = [k for k in ("centered", "amsgrad") if k in case["arguments"]]
    return " ".join([case["optimizer"], *map(str, arguments.values()), *flags, *case["extras"]])


def keras_net(case, **parameters):
    """An estimator with Keras's constants, data and weights, before its first step."""
    X, y = np.array(KERAS["X"]), np.array(KERAS["y"])
    extras = dict(case["extras"])
    penalty = extras.pop("penalty", False)
    net = MLPClassifier(
        hidden_layer_sizes=KERAS["sizes"][1:-1],
        activation="tanh",
        solver=getattr(optimizers, case["optimizer"])(**case["arguments"]),
        alpha=KERAS["alpha"] if penalty else 0.0,
        l1_ratio=KERAS["l1_ratio"] if penalty else 0.0,
        batch_size=KERAS["batch_size"],
        shuffle=False,
        warm_start=True,
        max_iter=1,
        **extras,
    ).fit(X, y)
    start = np.array(KERAS["start"])
    net.coefs_, net.intercepts_ = layers_of(start, KERAS["sizes"])
    weight = np.array(KERAS["sample_weight"]) if penalty else None
    return net.set_params(**parameters), X, y, weight


def flat(net):
    return _weights.pack(net.coefs_, net.intercepts_)


@pytest.mark.parametrize("case", KERAS["cases"], ids=case_id)
def test_trajectory_of_keras(case):
    for n_epochs, expected in enumerate(case["parameters"], 1):
        net, X, y, weight = keras_net(case, max_iter=n_epochs)
        net.fit(X, y, sample_weight=weight)
        if "averages" not in case:
            assert_allclose(flat(net), expected, rtol=1e-9, atol=1e-11)
            continue
        # The averages are published; the parameters themselves are kept to go on with.
        assert_allclose(net._optimizer_state["parameters"], expected, rtol=1e-9, atol=1e-11)
        if n_epochs == len(case["parameters"]):
            assert_allclose(flat(net), case["averages"], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", KERAS["cases"], ids=case_id)
def test_keras_constants_matter(case):
    """Each constant is far enough from its default, and each limit is met, to tell them apart."""
    solver = getattr(optimizers, case["optimizer"])
    for name in {*case["arguments"], *case["extras"]} - {"learning_rate"}:
        other = json.loads(json.dumps(case))
        if name in case["arguments"]:
            other["arguments"].pop(name)
            if name == "momentum":
                other["arguments"].pop("nesterov", None)
            assert case["arguments"][name] != solver().get_params()[name]
        else:
            other["extras"].pop(name)
        net, X, y, weight = keras_net(other, max_iter=3)
        net.fit(X, y, sample_weight=weight)
        expected = case["averages"] if "averages" in case else case["parameters"][-1]
        assert np.abs(flat(net) - expected).max() > 1e-5, name


def test_keras_has_a_case_of_every_class_and_option():
    assert {case["optimizer"] for case in KERAS["cases"]} == {c.__name__ for c in CLASSES}
    for of_class in CLASSES:
        own = set(of_class().get_params()) - {"clipnorm", "clipvalue", "ema_momentum"}
        cases = [case for case in KERAS["cases"] if case["optimizer"] == of_class.__name__]
        given = set().union(*(case["arguments"] for case in cases))
        missing = own - given
        # AdamW's amsgrad is Adam's.
        assert missing <= ({"amsgrad"} if of_class is optimizers.AdamW else {"weight_decay"})
    extras = {name for case in KERAS["cases"] for name in case["extras"]}
    assert extras >= {"weight_decay", "clipnorm", "clipvalue", "ema_momentum", "max_norm"}


# -------------------------------------------------------------------- by name and as objects


def small(Estimator, **parameters):
    return Estimator(**{"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0} | parameters)


def test_the_names_are_those_of_the_classes(Estimator):
    assert sorted(of_class.name for of_class in CLASSES) == NAMES
    assert sorted(OBJECTS) == NAMES
    with pytest.raises(InvalidParameterError) as error:
        small(Estimator, solver="rmsprob").fit(*problem_for(Estimator))
    assert ", ".join(map(repr, sorted([*NAMES, "lbfgs"]))) in str(error.value)


OF_ESTIMATOR = {"beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3}
BY_NAME_AS_OBJECT = {
    "sgd": optimizers.SGD(momentum=0.9, nesterov=True),
    "rmsprop": optimizers.RMSprop(epsilon=1e-3),
    "adagrad": optimizers.Adagrad(epsilon=1e-3),
    "adadelta": optimizers.Adadelta(epsilon=1e-3),
    "adam": optimizers.Adam(**OF_ESTIMATOR),
    "adamw": optimizers.AdamW(weight_decay=0.004, **OF_ESTIMATOR),
    "nadam": optimizers.Nadam(**OF_ESTIMATOR),
    "lion": optimizers.Lion(beta_1=0.7, beta_2=0.8),
}


@pytest.mark.parametrize("name", NAMES)
def test_by_name_constants_come_from_the_estimator(name, Estimator):
    data = problem_for(Estimator)
    by_name = small(Estimator, solver=name, **OF_ESTIMATOR).fit(*data)
    assert_same_fit(by_name, small(Estimator, solver=BY_NAME_AS_OBJECT[name]).fit(*data))


@pytest.mark.parametrize("name", NAMES)
def test_an_object_takes_nothing_from_the_estimator(name):
    data = problem_for(MLPRegressor)
    plain = small(MLPRegressor, solver=OBJECTS[name]).fit(*data)
    others = {"momentum": 0.1, "nesterovs_momentum": False, **OF_ESTIMATOR}
    assert_same_fit(small(MLPRegressor, solver=OBJECTS[name], **others).fit(*data), plain)


def test_two_names_never_give_the_same_net(Estimator, dtype):
    data = problem_for(Estimator)
    nets = {name: flat(small(Estimator, solver=name, dtype=dtype).fit(*data)) for name in NAMES}
    for one, other in combinations(NAMES, 2):
        assert np.abs(nets[one] - nets[other]).max() > 1e-7, (one, other)


@pytest.mark.parametrize("name", NAMES)
def test_objects_are_values(name):
    solver = OBJECTS[name]
    assert clone(solver) == solver == pickle.loads(pickle.dumps(solver))
    assert type(solver)(**solver.get_params()) == solver
    assert solver != type(solver)()
    assert type(solver).__name__ in repr(solver)
    net = MLPRegressor(solver=clone(solver)).set_params(solver__clipnorm=2.0)
    assert net.get_params()["solver__clipnorm"] == 2.0
    assert net.solver != solver


@pytest.mark.parametrize("of_class", CLASSES)
def test_objects_refuse_bad_values(of_class):
    data = problem_for(MLPRegressor)
    numbers = [n for n, value in of_class().get_params().items() if type(value) is not bool]
    assert set(numbers) >= {"learning_rate", "weight_decay", "clipnorm", "clipvalue"}
    for name in numbers:
        for bad in (-1.0, "0.5", np.nan):
            text = f"'{name}' parameter of {of_class.__name__}"
            with pytest.raises(InvalidParameterError, match=text):
                small(MLPRegressor, solver=of_class(**{name: bad})).fit(*data)
    with pytest.raises(InvalidParameterError, match=f"Got <class.*{of_class.__name__}"):
        small(MLPRegressor, solver=of_class).fit(*data)


def test_the_object_s_rate_is_in_the_place_of_learning_rate_init():
    data = problem_for(MLPRegressor)
    own = small(MLPRegressor, solver=optimizers.Nadam(learning_rate=0.02)).fit(*data)
    given = small(MLPRegressor, solver=optimizers.Nadam(), learning_rate_init=0.02).fit(*data)
    assert_same_fit(own, given)


@pytest.mark.parametrize(
    ("of_solver", "of_estimator"),
    [
        ({"learning_rate": 0.1}, {"learning_rate_init": 0.01}),
        ({"learning_rate": 0.1}, {"learning_rate": 0.01}),
        ({"learning_rate": 0.1}, {"learning_rate": [0.01, 0.02]}),
        ({"weight_decay": 0.1}, {"weight_decay": 0.0}),
        ({"clipnorm": 0.1}, {"clipnorm": 0.2}),
        ({"clipvalue": 0.1}, {"clipvalue": 0.1}),
        ({"ema_momentum": 0.5}, {"ema_momentum": 0.9}),
    ],
)
def test_what_both_have_is_refused(of_solver, of_estimator):
    ((name, value),) = of_solver.items()
    ((other, own),) = of_estimator.items()
    net = small(MLPRegressor, solver=optimizers.Adam(**of_solver), **of_estimator)
    with pytest.raises(ValueError, match="cannot be used together") as error:
        net.fit(*problem_for(MLPRegressor))
    assert f"{name}={value!r} of the solver" in str(error.value)
    assert f"{other}={own!r} of the estimator" in str(error.value)


@pytest.mark.parametrize("option", ["weight_decay", "clipnorm", "clipvalue", "ema_momentum"])
def test_an_option_is_the_same_of_the_solver_and_of_the_estimator(option):
    data = problem_for(MLPRegressor)
    value = {option: 0.05}
    own = small(MLPRegressor, solver=optimizers.RMSprop(**value)).fit(*data)
    given = small(MLPRegressor, solver=optimizers.RMSprop(), **value).fit(*data)
    plain = small(MLPRegressor, solver=optimizers.RMSprop()).fit(*data)
    assert_same_fit(own, given)
    assert not np.array_equal(flat(own), flat(plain))


@pytest.mark.parametrize(
    ("solver", "estimator"),
    [
        (optimizers.Adam(), {"clipnorm": 1.0, "clipvalue": 2.0}),
        (optimizers.Adam(clipnorm=1.0), {"clipvalue": 2.0}),
        (optimizers.Adam(clipnorm=1.0, clipvalue=2.0), {}),
    ],
)
def test_both_kinds_of_clipping_are_refused(solver, estimator):
    with pytest.raises(ValueError, match=r"clipnorm=1\.0 and clipvalue=2\.0"):
        small(MLPRegressor, solver=solver, **estimator).fit(*problem_for(MLPRegressor))


def test_an_epsilon_that_single_precision_holds_as_0_is_refused():
    """It would make 0 / 0 of a weight without a gradient."""
    X, y = problem("one target")
    X[:, 0] = 0.0
    net = small(MLPRegressor, solver="adam", epsilon=1e-38)
    with pytest.raises(ValueError, match="epsilon must be > 0 in float32, got 1e-38"):
        net.fit(X.astype(np.float32), y)
    assert np.isfinite(net.fit(X, y).loss_)
    net.set_params(epsilon=1.2e-38)
    assert np.isfinite(net.fit(X.astype(np.float32), y).loss_)


def test_adamw_decays_by_0_004_unless_told():
    data = problem_for(MLPRegressor)
    default = small(MLPRegressor, solver="adamw").fit(*data)
    told = small(MLPRegressor, solver="adam", weight_decay=0.004).fit(*data)
    assert_identical(flat(default), flat(told))
    for net in (
        small(MLPRegressor, solver="adamw", weight_decay=0.0),
        small(MLPRegressor, solver=optimizers.AdamW(weight_decay=0.0, epsilon=1e-8)),
    ):
        plain = small(MLPRegressor, solver="adam").fit(*data)
        assert_identical(flat(net.fit(*data)), flat(plain))


def test_an_object_of_sgd_follows_scikit_learn_s_schedules():
    data = problem_for(MLPRegressor)
    parameters = {"learning_rate": "invscaling", "learning_rate_init": 0.1}
    plain = {"momentum": 0.6, "nesterovs_momentum": False}
    by_name = small(MLPRegressor, solver="sgd", **plain, **parameters)
    as_object = small(MLPRegressor, solver=optimizers.SGD(momentum=0.6), **parameters)
    constant = small(MLPRegressor, solver=optimizers.SGD(momentum=0.6), learning_rate_init=0.1)
    assert_same_fit(as_object.fit(*data), by_name.fit(*data))
    assert not np.array_equal(flat(constant.fit(*data)), flat(as_object))


# -------------------------------------------------------------------- going on

EVERYTHING = {
    "clipnorm": 0.3,
    "ema_momentum": 0.8,
    "max_norm": 1.5,
    "weight_noise": 0.01,
    "frozen_layers": [0],
    "weight_decay": 0.01,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["alone", "with everything"])
def test_partial_fit_goes_on(name, options, dtype):
    """With dropout off, the same order and so on, k calls are one fit of k epochs."""
    X, y = problem("one target")
    options = {k: v for k, v in options.items() if getattr(OBJECTS[name], k, None) is None}
    options.pop("weight_noise", None)  # its draws are named by what was seen before
    parameters = {"solver": OBJECTS[name], "shuffle": False, "tol": 0.0, "dtype": dtype, **options}
    whole = small(MLPRegressor, **parameters, hidden_layer_sizes=(5, 4)).fit(X, y)
    parts = small(MLPRegressor, **parameters, hidden_layer_sizes=(5, 4))
    for _ in range(5):
        parts.partial_fit(X, y)
    assert_identical(parts.coefs_, whole.coefs_)
    assert_identical(parts.intercepts_, whole.intercepts_)
    assert_identical(parts.loss_curve_, whole.loss_curve_)


def test_a_warm_start_goes_on_with_the_average():
    """Of sgd without momentum, which has no moments to begin anew."""
    X, y = problem("one target")
    parameters = {"solver": "sgd", "momentum": 0.0, "shuffle": False, "ema_momentum": 0.9}
    whole = small(MLPRegressor, **parameters, max_iter=6).fit(X, y)
    parts = small(MLPRegressor, **parameters, max_iter=2, warm_start=True)
    for _ in range(3):
        parts.fit(X, y)
    assert_identical(flat(parts), flat(whole))
    assert_identical(parts.loss_curve_, whole.loss_curve_)
    # What was edited counts as it is: the average begins with it.
    edited = small(MLPRegressor, **parameters, max_iter=2, warm_start=True).fit(X, y)
    edited.coefs_[0] = edited.coefs_[0] + 1.0
    fresh = small(MLPRegressor, **parameters, max_iter=2, warm_start=True).fit(X, y)
    fresh.coefs_, fresh.intercepts_ = edited.coefs_, edited.intercepts_
    del fresh._optimizer_state
    assert_identical(flat(edited.fit(X, y)), flat(fresh.fit(X, y)))


def test_early_stopping_watches_and_keeps_the_average():
    X, y = problem("one target")
    stopping = {"early_stopping": True, "scoring": "loss", "tol": 0.0, "n_iter_no_change": 50}
    net = small(MLPRegressor, ema_momentum=0.9, max_iter=60, learning_rate_init=0.3, **stopping)
    net.fit(X, y)
    assert net._optimizer_state["parameters"] is None  # a warm start goes on from the best
    best = int(np.argmax(net.validation_scores_)) + 1
    if best == net.n_iter_:
        pytest.fail("choose a case in which the best epoch is not the last")
    again = small(
        MLPRegressor, ema_momentum=0.9, max_iter=best, learning_rate_init=0.3, **stopping
    ).fit(X, y)
    assert_identical(flat(again), flat(net))
    python = net.get_params() | {
        "scoring": lambda est, X, y: -0.5 * np.mean((est.predict(X) - y) ** 2)
    }
    scored = MLPRegressor(**python).fit(X, y)
    assert_allclose(scored.validation_scores_, net.validation_scores_, rtol=1e-12)
    assert_identical(flat(scored), flat(net))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (optimizers.RMSprop(momentum=0.5), optimizers.RMSprop(centered=True)),
        (optimizers.Adam(), optimizers.Adam(amsgrad=True)),
        (optimizers.Adam(), optimizers.Nadam()),
    ],
    ids=str,
)
def test_moments_of_another_meaning_do_not_go_on(one, other):
    X, y = problem("one target")
    net = small(MLPRegressor, solver=one).partial_fit(X, y)
    fresh = clone(net).set_params(solver=other).partial_fit(X, y)
    fresh.coefs_, fresh.intercepts_ = net.coefs_, net.intercepts_
    del fresh._optimizer_state
    changed = pickle.loads(pickle.dumps(net)).set_params(solver=other)
    assert changed.partial_fit(X, y)._optimizer_state["step"] == 1
    fresh.t_, fresh.loss_curve_ = net.t_, net.loss_curve_
    assert_identical(flat(fresh.set_params(solver=other).partial_fit(X, y)), flat(changed))


# -------------------------------------------------------------------- what each option does


def test_frozen_layers_stay(Estimator):
    X, y = problem_for(Estimator)
    start = small(Estimator, hidden_layer_sizes=(5, 4), max_iter=1, learning_rate_init=1e-300)
    start.fit(X, y)
    for given, frozen in (([0], {0}), ([-1], {2}), (np.array([1, -3]), {0, 1}), ((), set())):
        for solver in ("adamw", "lbfgs"):
            net = clone(start).set_params(
                frozen_layers=given, solver=solver, learning_rate_init=0.01, max_iter=5
            )
            net.fit(X, y)
            for place in range(3):
                stays = np.array_equal(net.coefs_[place], start.coefs_[place])
                assert stays == (place in frozen)
                stays = np.array_equal(net.intercepts_[place], start.intercepts_[place])
                assert stays == (place in frozen)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ([3], ValueError, r"must lie in \[-3, 3\), for there are 3 layers with weights, got \[3\]"),
        ([-4], ValueError, r"must lie in \[-3, 3\)"),
        ([0, 1, 2], ValueError, "must leave a layer to train"),
        ([0, 1, -1], ValueError, "must leave a layer to train"),
        ([0.0], TypeError, "must be a sequence of integers"),
        ([True], TypeError, "must be a sequence of integers"),
        (["0"], TypeError, "must be a sequence of integers"),
        (1, InvalidParameterError, "frozen_layers"),
    ],
)
def test_bad_frozen_layers_are_refused(given, error, text):
    net = small(MLPRegressor, hidden_layer_sizes=(5, 4), frozen_layers=given)
    with pytest.raises(error, match=text):
        net.fit(*problem_for(MLPRegressor))
    with pytest.raises(NotFittedError):
        net.predict(problem_for(MLPRegressor)[0])


def test_the_penalty_of_frozen_layers_is_left_out_of_the_objective():
    X, y = problem("one target")
    net = _core.NetSpec(
        n_inputs=N_FEATURES, hidden=[(4, ["tanh"])], n_outputs=1,
        output_activation="identity", dtype="float64",
    )  # fmt: skip
    flat_start = np.random.RandomState(0).uniform(-1, 1, net.n_parameters)

    def objective(frozen, l2):
        train = _core.TrainSpec(
            loss="squared_error", optimizer="sgd", batch_size=1, max_epochs=1,
            schedule_horizon=1, l2=l2, frozen_layers=frozen,
        )  # fmt: skip
        data = _core.TrainingSet(_core.Dataset(X, targets=y[:, None]))
        return _core.Objective(net, train, data)(flat_start)

    of_all, gradient = objective([], 3.0)
    of_last, of_frozen = objective([0], 3.0)
    first = flat_start[: N_FEATURES * 4]
    assert of_all - of_last == pytest.approx(1.5 * (first**2).sum() / N_SAMPLES)
    n_first = N_FEATURES * 4 + 4
    assert not of_frozen[:n_first].any()
    assert_identical(of_frozen[n_first:], gradient[n_first:])


@pytest.mark.parametrize("batch_size", ["full", N_SAMPLES])
def test_a_full_batch_is_all_training_rows(batch_size, Estimator):
    X, y = problem_for(Estimator)
    full = small(Estimator, batch_size=batch_size, shuffle=False).fit(X, y)
    assert full._optimizer_state["step"] == 5
    stopping = small(Estimator, batch_size="full", early_stopping=True).fit(X, y)
    assert stopping._optimizer_state["step"] == 5


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("weight_decay", 0.1),
        ("clipnorm", 1.0),
        ("clipvalue", 1.0),
        ("ema_momentum", 0.9),
        ("max_norm", 1.0),
        ("weight_noise", 0.1),
    ],
)
def test_lbfgs_refuses_what_has_no_steps(option, value, Estimator):
    net = small(Estimator, solver="lbfgs", **{option: value})
    with pytest.raises(ValueError, match=f"^{option} cannot be used with solver='lbfgs'"):
        net.fit(*problem_for(Estimator))


def test_max_norm_bounds_the_incoming_weights_of_each_unit():
    X, y = problem("one target")
    net = small(MLPRegressor, max_norm=0.4, solver="sgd", learning_rate_init=0.1).fit(X, y)
    free = small(MLPRegressor, solver="sgd", learning_rate_init=0.1).fit(X, y)
    assert max(np.linalg.norm(w, axis=0).max() for w in net.coefs_) <= 0.4
    assert max(np.linalg.norm(w, axis=0).max() for w in free.coefs_) > 0.5


def test_weight_noise_scatters_the_losses_but_not_predictions():
    X, y = problem("one target")
    still = {"solver": "sgd", "learning_rate_init": 1e-300, "batch_size": "full", "alpha": 0.0}
    noisy = small(MLPRegressor, weight_noise=0.1, max_iter=20, **still).fit(X, y)
    plain = small(MLPRegressor, max_iter=20, **still).fit(X, y)
    assert len(set(noisy.loss_curve_)) == 20
    assert len({round(loss, 12) for loss in plain.loss_curve_}) == 1
    assert_identical(noisy.predict(X), plain.predict(X))


@pytest.mark.parametrize("name", NAMES)
def test_memory_counts_all_arrays(name):
    for options in ({}, {"early_stopping": True}, EVERYTHING):
        options = {k: v for k, v in options.items() if getattr(OBJECTS[name], k, None) is None}
        net = small(MLPRegressor, solver=OBJECTS[name], **options)
        moments = _core.optimizers()[fields_of(net)["name"]]
        averaged, stopping = "ema_momentum" in options, "early_stopping" in options
        noisy = "weight_noise" in options
        assert copies(net) == 4 + 2 * moments + 2 * averaged + 2 * stopping + noisy
        state = _core_state(net)
        held = sum(isinstance(v, np.ndarray) and v.dtype == np.float64 for v in state.values())
        assert held == 1 + moments + averaged + stopping
        published = net._optimizer_state.values()
        kept = sum(isinstance(v, np.ndarray) for v in published) + 1  # coefs_ and intercepts_
        assert held + kept <= published_copies(net)


def _core_state(net):
    from nnhp.estimators._data import Given, prepare
    from nnhp.estimators._fitted import publish
    from nnhp.estimators._training import Training

    training = Training(net, prepare(net, Given(*problem_for(net)), None))
    training.advance(1, 1)
    publish(net, training.publish())
    return training.session.state()


def test_published_attributes_share_no_memory(Estimator):
    X, y = problem_for(Estimator)
    net = small(Estimator, ema_momentum=0.5).fit(X, y)
    before = pickle.loads(pickle.dumps(fitted_state(net)))
    net._optimizer_state["averages"][:] = 0.0
    net._optimizer_state["averages"][:] = before["_optimizer_state"]["averages"]
    assert_identical(fitted_state(net), before)
