"""Learning-rate schedules: against Keras and PyTorch, by hand, and in the estimators."""

import copy
import functools
import inspect
import json
import math
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers import (
    N_SAMPLES,
    STOPS_EARLY,
    assert_identical,
    assert_same_fit,
    layers_of,
    problem,
    problem_for,
)
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from nnhp import MLPClassifier, MLPRegressor, _core, schedules
from nnhp.estimators import _weights
from nnhp.schedules import (
    BY_NAME,
    Cosine,
    Exponential,
    OneCycle,
    Piecewise,
    Plateau,
    Polynomial,
    Schedule,
    Step,
)

pytestmark = STOPS_EARLY

KERAS = json.loads((Path(__file__).parent / "data" / "keras_schedules.json").read_text())
# Each with its length, so that it does not depend on max_iter.
WITH_LENGTHS = {
    "step": Step(step_size=3, factor=0.5),
    "exponential": Exponential(decay_rate=0.1, epochs=5),
    "staircase": Exponential(decay_rate=0.5, epochs=2, staircase=True),
    "polynomial": Polynomial(end=0.1, power=2, epochs=10),
    "cosine": Cosine(warmup=2.5, restarts=1, end=0.1, epochs=12),
    "one_cycle": OneCycle(epochs=11),
    "piecewise": Piecewise([2, 5], [0.02, 0.05, 0.01]),
    "plateau": Plateau(factor=0.5, patience=1, min_delta=0.01, cooldown=1, min_lr=1e-4),
}


class Halving:
    """A schedule of one's own that can be pickled."""

    def __call__(self, epoch, rate):
        return rate / 2 if epoch else rate


FUNCTIONS = {
    "of the epoch": lambda epoch: 0.05 / (1 + epoch),
    "of epoch and rate": lambda epoch, rate: rate * 0.9 if epoch % 2 else rate,
    "of any arguments": lambda *given: 0.01 * len(given),
    "a partial": functools.partial(lambda start, epoch: start / (1 + epoch), 0.04),
    "an object": Halving(),
    "NumPy's numbers": lambda epoch: np.float32(0.05) / np.float32(epoch + 1),
    "a warm-up from 0": lambda epoch: 0.01 * min(epoch, 3),
}


def fit(Estimator=MLPRegressor, **parameters):
    X, y = problem_for(Estimator)
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 12, "batch_size": 40, "random_state": 0}
    defaults |= {"n_iter_no_change": 100, "learning_rate_init": 0.02}
    return Estimator(**defaults | parameters).fit(X, y)


# ------------------------------------------------------------------------------- Keras, PyTorch

# Keras counts steps, of which an epoch has three; its PiecewiseConstantDecay changes a step late.
LIKE_KERAS = {
    "exponential": Exponential(decay_rate=0.3, epochs=4),
    "staircase": Exponential(decay_rate=0.3, epochs=2, staircase=True),
    "polynomial": Polynomial(end=0.2, power=1.7, epochs=4),
    "cosine": Cosine(end=0.15, epochs=4),
    "warm-up": Cosine(warmup=1.5, end=0.15, epochs=5),
    "restarts": Cosine(restarts=1, t_mul=1.5, m_mul=0.6, end=0.1),
    "equal periods": Cosine(restarts=2, t_mul=1, m_mul=0.6, end=0.1),
    "piecewise": Piecewise([2, 4], [0.4, 0.1, 0.25]),
}


def test_every_trajectory_of_keras_is_compared():
    assert LIKE_KERAS.keys() == KERAS["cases"].keys()


@pytest.mark.parametrize("name", LIKE_KERAS)
def test_trajectory_of_keras(name):
    schedule, case = LIKE_KERAS[name], KERAS["cases"][name]
    n_epochs = len(case["parameters"])
    if schedule.get_params().get("epochs", 0) is None:
        schedule = schedule.laid_out(n_epochs)
    coefs, intercepts = layers_of(np.array(KERAS["start"]), KERAS["sizes"])
    net = MLPClassifier(
        KERAS["sizes"][1:-1],
        "tanh",
        solver="sgd",
        momentum=0.7,
        nesterovs_momentum=False,
        learning_rate=schedule,
        learning_rate_init=0.4,
        alpha=0,
        batch_size=KERAS["batch_size"],
        shuffle=False,
        kernel_initializer=coefs,
        bias_initializer=intercepts,
    )
    for epoch, expected in enumerate(case["parameters"], start=1):
        net.set_params(max_iter=epoch).fit(np.array(KERAS["X"]), np.array(KERAS["y"]))
        assert_allclose(_weights.pack(net.coefs_, net.intercepts_), expected, rtol=1e-9, atol=1e-12)
    assert_allclose(net.learning_rate_curve_, case["rates"][2::3], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", KERAS["plateaus"]["cases"], ids=range(3))
def test_plateau_is_that_of_keras(case):
    options = dict(case["options"])
    plateau = Plateau(min_lr=options.pop("min_lr"), **options)
    rates = rates_of_scores(plateau, [-loss for loss in KERAS["plateaus"]["losses"]])
    assert_allclose(rates, case["rates"], rtol=1e-12)
    assert len(set(case["rates"])) > 3


def rates_of_scores(schedule, scores, initial=0.4):
    """The rate after each epoch of a training that is told these scores."""
    X, y = problem("one target")
    net = _core.NetSpec(
        n_inputs=X.shape[1], hidden=[], n_outputs=1, output_activation="identity", dtype="float64"
    )
    train = _core.TrainSpec(
        loss="squared_error",
        optimizer="sgd",
        batch_size=len(X),
        max_epochs=len(scores) + 1,
        schedule_horizon=len(scores),
        schedule={**schedule.fields(), "initial": initial},
        n_iter_no_change=np.inf,
        monitor="external",
    )
    data = _core.Dataset(X, targets=y[:, np.newaxis])
    start = _core.Start(np.zeros(net.n_parameters))
    session = _core.Session(net, train, _core.TrainingSet(data), start)
    rates = []
    for score in scores:
        _core.train_many([session], 1, 1)
        session.record_score(score)
        rates.append(session.rate)
    return rates


LIKE_TORCH = {
    "one cycle": (
        OneCycle(pct_start=0.4, div_factor=5, final_div_factor=50),
        lambda lr, optimizer, n: lr.OneCycleLR(
            optimizer, 0.1, total_steps=n, pct_start=0.4, div_factor=5, final_div_factor=50,
            cycle_momentum=False,
        ),
    ),
    "one cycle by default": (
        "one_cycle", lambda lr, optimizer, n: lr.OneCycleLR(optimizer, 0.1, n, cycle_momentum=False)
    ),
    "cosine": (
        Cosine(end=0.2), lambda lr, optimizer, n: lr.CosineAnnealingLR(optimizer, n, eta_min=0.02)
    ),
    "polynomial": (
        Polynomial(power=1.5), lambda lr, optimizer, n: lr.PolynomialLR(optimizer, n, power=1.5)
    ),
}  # fmt: skip
LIKE_TORCH_BY_EPOCH = {
    "step": (Step(4, 0.3), lambda lr, optimizer: lr.StepLR(optimizer, 4, gamma=0.3)),
    "exponential": (
        Exponential(0.8, epochs=1, staircase=True),
        lambda lr, optimizer: lr.ExponentialLR(optimizer, gamma=0.8),
    ),
    "piecewise": (
        Piecewise([3, 7]), lambda lr, optimizer: lr.MultiStepLR(optimizer, [3, 7], gamma=0.1)
    ),
}  # fmt: skip


def torch_rates(make, n_steps):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    rates = []
    for _ in range(n_steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("batch_size", [N_SAMPLES, 40, 7])
@pytest.mark.parametrize(("ours", "theirs"), LIKE_TORCH.values(), ids=LIKE_TORCH)
def test_rates_are_those_of_torch(ours, theirs, batch_size):
    n_steps = math.ceil(N_SAMPLES / batch_size)
    rates = torch_rates(lambda lr, optimizer: theirs(lr, optimizer, 10 * n_steps), 10 * n_steps)
    net = fit(learning_rate=ours, learning_rate_init=0.1, max_iter=10, batch_size=batch_size)
    assert_allclose(net.learning_rate_curve_, rates[n_steps - 1 :: n_steps], rtol=1e-9)


@pytest.mark.parametrize(("ours", "theirs"), LIKE_TORCH_BY_EPOCH.values(), ids=LIKE_TORCH_BY_EPOCH)
def test_rates_by_the_epoch_are_those_of_torch(ours, theirs):
    net = fit(learning_rate=ours, learning_rate_init=0.1, max_iter=10)
    assert_allclose(net.learning_rate_curve_, torch_rates(theirs, 10), rtol=1e-12)


# ------------------------------------------------------------------------------- what a name means


def test_the_names_are_those_of_the_engine():
    assert set(_core.schedules()) == {*BY_NAME, "constant", "invscaling", "adaptive", "per_epoch"}
    public = {getattr(schedules, name) for name in schedules.__all__}
    assert public == {*BY_NAME.values(), Schedule}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_name_is_its_object_with_the_defaults(Estimator, name):
    named = fit(Estimator, learning_rate=name)
    given = fit(Estimator, learning_rate=BY_NAME[name]())
    assert_same_fit(given, named)


DEFAULTS = {
    "step": [0.02] * 4 + [0.002] * 4 + [0.0002] * 4,
    "piecewise": [0.02] * 6 + [0.002] * 3 + [0.0002] * 3,
    "polynomial": [0.02 * (1 - t / 12) for t in range(12)],
    "exponential": [0.02 * 0.01 ** (t / 12) for t in range(12)],
    "cosine": [0.01 * (1 + math.cos(math.pi * t / 12)) for t in range(12)],
    "plateau": [0.02] * 12,
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_laid_out_over_max_iter(name):
    net = fit(learning_rate=name, batch_size=N_SAMPLES)
    assert_allclose(net.learning_rate_curve_, DEFAULTS[name], rtol=1e-12)


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("max_iter", [1, 2])
def test_defaults_suit_the_shortest_trainings(name, max_iter):
    rates = fit(learning_rate=name, max_iter=max_iter).learning_rate_curve_
    assert len(rates) == max_iter
    assert all(0 <= rate <= 0.02 for rate in rates)


@pytest.mark.parametrize(("solver", "rate"), [("sgd", 0.5), ("adam", 0.02)])
def test_no_two_names_train_alike(solver, rate):
    names = ["constant", *BY_NAME]
    # Until the loss hardly falls any more, so that 'plateau' comes down.
    settings = {"solver": solver, "learning_rate_init": rate, "max_iter": 500}
    nets = [fit(MLPClassifier, learning_rate=name, **settings) for name in names]
    assert len({net.coefs_[0].tobytes() for net in nets}) == len(names)


def test_a_rate_per_step_changes_within_the_epoch():
    """The last step of ten in the first epoch has the rate 0.02 * (1 - 9 / 20)."""
    net = fit(learning_rate="polynomial", batch_size=10, max_iter=2)
    assert_allclose(net.learning_rate_curve_, [0.02 * (1 - 9 / 20), 0.02 / 20])
    constant = fit(learning_rate=[0.02 * (1 - 9 / 20), 0.02 / 20], batch_size=10, max_iter=2)
    assert (net.coefs_[0] != constant.coefs_[0]).any()


# ------------------------------------------------------------------------------- functions


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_is_the_sequence_of_its_values(Estimator, function):
    two = len(inspect.signature(function).parameters) == 2 or function is FUNCTIONS[
        "of any arguments"
    ]  # fmt: skip
    rates, rate = [], 0.02
    for epoch in range(12):
        rate = float(function(epoch, rate) if two else function(epoch))
        rates.append(rate)
    asked = fit(Estimator, learning_rate=function)
    assert asked.learning_rate_curve_ == rates
    assert_same_fit(asked, fit(Estimator, learning_rate=rates))


@pytest.mark.parametrize(
    ("function", "rates"),
    {
        lambda epoch, start=0.05: start * 0.9**epoch: [0.05, 0.05 * 0.9, 0.05 * 0.9**2],
        lambda epoch, *, rate=0.05: rate * 0.9**epoch: [0.05, 0.05 * 0.9, 0.05 * 0.9**2],
        lambda epoch=7, start=0.05: start + epoch: [0.05, 1.05, 2.05],
        lambda epoch, rate=None: rate / 2: [0.01, 0.005, 0.0025],
        lambda epoch, lr=0.3: lr / 2: [0.01, 0.005, 0.0025],
        lambda epoch, learning_rate=0.3, power=1: learning_rate / 2: [0.01, 0.005, 0.0025],
        lambda epoch, before, factor=0.5: before * factor: [0.01, 0.005, 0.0025],
        functools.partial(lambda epoch, start: start, start=0.05): [0.05, 0.05, 0.05],
    }.items(),
)
def test_a_default_is_overwritten_by_the_rate_only_where_its_name_says_so(function, rates):
    net = fit(learning_rate=function, learning_rate_init=0.02, max_iter=3)
    assert net.learning_rate_curve_ == pytest.approx(rates, rel=1e-15)


@pytest.mark.parametrize(
    "value",
    [-0.1, np.nan, np.inf, None, "0.1", True, [0.1], 1j, np.array([0.1])],
    ids=repr,
)
def test_a_wrong_value_of_a_function_names_the_epoch(value):
    message = "learning_rate as a function must return finite numbers >= 0, got .* for epoch 3"
    with pytest.raises(ValueError, match=message):
        fit(learning_rate=lambda epoch: value if epoch == 3 else 0.1)


def test_a_function_that_is_always_0_is_refused():
    with pytest.raises(ValueError, match="must not return 0 for all epochs"):
        fit(learning_rate=lambda _: 0)
    with pytest.raises(ValueError, match="that are not all 0"):
        fit(learning_rate=[0.0, 0.0])


def test_a_function_that_fails_fails_the_fit():
    with pytest.raises(ZeroDivisionError):
        fit(learning_rate=lambda epoch: 1 / max(2 - epoch, 0))


def test_a_function_is_not_asked_for_more_epochs_than_a_million():
    with pytest.raises(ValueError, match="max_iter must not exceed 1000000 with it, got 1000001"):
        fit(learning_rate=lambda _: 0.1, max_iter=1_000_001)


# ------------------------------------------------------------------------------- what is refused

BAD_OBJECTS = {
    "step_size": (Step(step_size=0), "'step_size' parameter of Step must be"),
    "factor": (Step(factor=0.0), "'factor' parameter of Step must be"),
    "decay_rate": (Exponential(decay_rate=0), "'decay_rate' parameter of Exponential must be"),
    "epochs": (Exponential(epochs=0), "'epochs' parameter of Exponential must be"),
    "staircase": (Exponential(staircase="no"), "'staircase' parameter of Exponential must be"),
    "power": (Polynomial(power=-1), "'power' parameter of Polynomial must be"),
    "end": (Polynomial(end=-0.1), "'end' parameter of Polynomial must be"),
    "warmup": (Cosine(warmup=-1), "'warmup' parameter of Cosine must be"),
    "restarts": (Cosine(restarts=1.5), "'restarts' parameter of Cosine must be"),
    "t_mul": (Cosine(t_mul=0), "'t_mul' parameter of Cosine must be"),
    "m_mul": (Cosine(m_mul=np.nan), "'m_mul' parameter of Cosine must be"),
    "growth": (Cosine(t_mul=1e10, restarts=100), "t_mul must be > 0 and not too large"),
    "pct_start": (OneCycle(pct_start=1.1), "'pct_start' parameter of OneCycle must be"),
    "div_factor": (OneCycle(div_factor=0), "'div_factor' parameter of OneCycle must be"),
    "final_div_factor": (
        OneCycle(final_div_factor=-1), "'final_div_factor' parameter of OneCycle must be",
    ),
    "factor 1": (Plateau(factor=1.0), "'factor' parameter of Plateau must be"),
    "patience": (Plateau(patience=-1), "'patience' parameter of Plateau must be"),
    "min_delta": (Plateau(min_delta=-1), "'min_delta' parameter of Plateau must be"),
    "cooldown": (Plateau(cooldown=0.5), "'cooldown' parameter of Plateau must be"),
    "min_lr": (Plateau(min_lr="0"), "'min_lr' parameter of Plateau must be"),
    "descending": (Piecewise([5, 2]), "'boundaries' parameter of Piecewise must be ascending"),
    "from 0": (Piecewise([0, 2]), "'boundaries' parameter of Piecewise must be ascending"),
    "fractions": (Piecewise([1.5]), "'boundaries' parameter of Piecewise must be ascending"),
    "too few": (Piecewise([1], [0.1]), "'values' parameter of Piecewise must be positive"),
    "value 0": (Piecewise([1], [0.1, 0]), "'values' parameter of Piecewise must be positive"),
    "a class": (Cosine, "learning_rate must be an object, got the class Cosine"),
}  # fmt: skip


@pytest.mark.parametrize(("schedule", "message"), BAD_OBJECTS.values(), ids=BAD_OBJECTS)
def test_parameters_of_schedules_are_checked(schedule, message):
    with pytest.raises(ValueError, match=message):
        fit(learning_rate=schedule)


@pytest.mark.parametrize("learning_rate", [*BY_NAME, Step(2), len, [0.1, 0.2]], ids=str)
def test_lbfgs_refuses_schedules(Estimator, learning_rate):
    with pytest.raises(ValueError, match=r"learning_rate \(a schedule\) cannot be used with"):
        fit(Estimator, solver="lbfgs", learning_rate=learning_rate)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", ["invscaling", "adaptive"])
def test_a_name_that_has_no_effect_warns(Estimator, name, solver):
    with pytest.warns(UserWarning, match=f"'{name}' acts with solver='sgd' only") as caught:
        ignored = fit(Estimator, learning_rate=name, solver=solver)
    (warning,) = [w for w in caught if "acts with" in str(w.message)]
    assert Path(warning.filename) == Path(__file__)
    constant = fit(Estimator, solver=solver)
    assert_identical(ignored.coefs_, constant.coefs_)


def test_lbfgs_warns_that_it_ignores_a_number(Estimator):
    with pytest.warns(UserWarning, match=r"^learning_rate=0\.5 acts with all solvers but 'lbfgs'"):
        ignored = fit(Estimator, solver="lbfgs", learning_rate=0.5)
    assert_identical(ignored.coefs_, fit(Estimator, solver="lbfgs").coefs_)


def test_names_that_have_an_effect_do_not_warn(Estimator):
    with warnings.catch_warnings(action="error"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        for solver in ("sgd", "adam"):
            fit(Estimator, solver=solver, learning_rate="constant", max_iter=2, tol=0)
            fit(Estimator, solver=solver, learning_rate="cosine", max_iter=2, tol=0)
        fit(Estimator, solver="sgd", learning_rate="invscaling", max_iter=2, tol=0)
        fit(Estimator, solver="adam", learning_rate=0.5, max_iter=2, tol=0)
        fit(Estimator, solver="lbfgs", max_iter=2)


# ------------------------------------------------------------------------------- plateaus


def test_plateau_watches_the_training_loss_or_the_validation_score():
    for watched in ({}, {"early_stopping": True}, {"early_stopping": True, "scoring": "loss"}):
        net = fit(MLPClassifier, learning_rate=WITH_LENGTHS["plateau"], max_iter=40, **watched)
        scores = net.validation_scores_ if watched else [-loss for loss in net.loss_curve_]
        after = rates_of_scores(WITH_LENGTHS["plateau"], scores, initial=0.02)
        assert net.learning_rate_curve_ == [0.02, *after[:-1]]
        assert len(set(after)) > 1


def test_a_plateau_gives_the_lower_rate_time():
    """With a patience of 3 epochs, the rate falls after 3, 6, ... until it is 1e-6 or less."""
    stuck = {"tol": 1e9, "n_iter_no_change": 3, "max_iter": 200, "learning_rate_init": 1e-3}
    net = fit(learning_rate=Plateau(patience=3, min_delta=1e9), **stuck)
    rates = net.learning_rate_curve_
    assert rates[:7] == [1e-3] * 4 + [1e-4] * 3
    assert min(rates) <= 1e-6
    assert net.n_iter_ < 40
    assert fit(learning_rate="constant", **stuck).n_iter_ == 5


def test_verbose_tells_of_a_plateau(capsys):
    fit(learning_rate=Plateau(patience=2, min_delta=1e9), max_iter=6, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("Iteration")] == [
        "Setting learning rate to 0.002000",
        "Setting learning rate to 0.000200",
    ]


@pytest.mark.parametrize(
    "learning_rate",
    ["cosine", "one_cycle", Plateau(patience=2), Halving()],
    ids=["cosine", "one_cycle", "plateau", "function"],
)
def test_early_stopping_on_any_metric_returns_to_the_best_weights(learning_rate):
    X, y = problem("binary")
    held_out = {"X_val": X[60:], "y_val": y[60:]}
    net = MLPClassifier(
        (6,),
        learning_rate=learning_rate,
        learning_rate_init=0.1,
        kernel_initializer="auto",
        early_stopping=True,
        scoring="balanced_accuracy",
        n_iter_no_change=30,
        max_iter=20,
        random_state=0,
    ).fit(X[:60], y[:60], **held_out)
    score = balanced_accuracy_score(y[60:], net.predict(X[60:]))
    assert score == max(net.validation_scores_) == net.best_validation_score_
    assert min(net.validation_scores_) < score
    assert len(net.learning_rate_curve_) == net.n_iter_


# ------------------------------------------------------------------------------- going on

ALL = WITH_LENGTHS | FUNCTIONS


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("learning_rate", ALL.values(), ids=ALL)
def test_partial_fit_goes_on(Estimator, learning_rate, solver):
    X, y = problem_for(Estimator)
    settings = {"learning_rate": learning_rate, "solver": solver, "shuffle": False, "tol": 0}
    at_once = fit(Estimator, max_iter=9, **settings)
    in_parts = fit(Estimator, max_iter=4, **settings)
    for _ in range(5):
        in_parts = pickle.loads(pickle.dumps(in_parts)) if solver == "sgd" and not callable(
            learning_rate
        ) else in_parts  # fmt: skip
        in_parts.partial_fit(X, y)
    assert in_parts.learning_rate_curve_ == at_once.learning_rate_curve_
    assert_identical(in_parts.coefs_, at_once.coefs_)


def test_partial_fit_holds_the_end_of_what_is_laid_out_over_max_iter():
    X, y = problem("one target")
    net = fit(learning_rate=Polynomial(end=0.5), max_iter=4, batch_size=N_SAMPLES)
    for _ in range(3):
        net.partial_fit(X, y)
    assert_allclose(net.learning_rate_curve_, [0.02, 0.0175, 0.015, 0.0125, 0.01, 0.01, 0.01])


def test_a_plateau_that_was_set_anew_begins_anew():
    X, y = problem("one target")
    net = fit(learning_rate=Plateau(patience=2, min_delta=1e9), max_iter=5)
    assert net.learning_rate_curve_ == pytest.approx([0.02] * 3 + [0.002] * 2)
    again = copy.deepcopy(net).set_params(learning_rate__patience=1).partial_fit(X, y)
    assert again.learning_rate_curve_[-1] == 0.02
    assert net.partial_fit(X, y).learning_rate_curve_[-1] == pytest.approx(0.0002)


@pytest.mark.parametrize("learning_rate", ALL.values(), ids=ALL)
def test_a_warm_start_begins_anew(learning_rate):
    X, y = problem("one target")
    net = fit(learning_rate=learning_rate, max_iter=6, warm_start=True, tol=0)
    first = net.learning_rate_curve_
    net.fit(X, y)
    assert len(net.loss_curve_) == len(net.learning_rate_curve_) == 12
    second = net.learning_rate_curve_[6:]
    if isinstance(learning_rate, Plateau):  # by its own losses
        assert second[0] == first[0]
    else:
        assert second == first


# ------------------------------------------------------------------------------- objects


@pytest.mark.parametrize("schedule", WITH_LENGTHS.values(), ids=WITH_LENGTHS)
def test_schedules_are_values(schedule):
    assert clone(schedule) == pickle.loads(pickle.dumps(schedule)) == schedule
    assert hash(clone(schedule)) == hash(schedule)
    assert type(schedule)() != schedule
    (name, value), *_ = sorted(schedule.get_params().items())
    changed = clone(MLPRegressor(learning_rate=schedule)).set_params(
        **{f"learning_rate__{name}": 7}
    )
    assert changed.get_params()[f"learning_rate__{name}"] == 7
    assert schedule.get_params()[name] == value


@pytest.mark.parametrize("schedule", [kind() for kind in BY_NAME.values()], ids=BY_NAME)
def test_what_is_laid_out_does_not_depend_on_max_iter(schedule):
    whole = schedule.laid_out(12)
    assert whole.laid_out(5) == whole
    expected = fit(learning_rate=schedule).learning_rate_curve_
    assert fit(learning_rate=whole, max_iter=9).learning_rate_curve_ == expected[:9]
    assert schedule == type(schedule)()


def test_scikit_learns_search_over_parameters_of_a_schedule():
    X, y = problem("binary")
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=6, random_state=0))
    pipeline.set_params(mlpclassifier__learning_rate=Cosine())
    grid = {"mlpclassifier__learning_rate__warmup": [0, 2.5]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    best = search.best_estimator_[-1]
    assert best.learning_rate.warmup == search.best_params_[next(iter(grid))]
    assert pipeline[-1].learning_rate == Cosine()


def test_a_fit_leaves_its_schedule_as_it_is():
    schedule = Cosine(warmup=1)
    net = fit(learning_rate=schedule)
    assert net.learning_rate is schedule
    assert schedule == Cosine(warmup=1)
    with pytest.raises(InvalidParameterError, match="'epochs' parameter of Cosine"):
        net.set_params(learning_rate__epochs=-1).fit(*problem("one target"))
