"""The engine's promises: the same bits however the work is cut, paused, ordered or threaded."""

import ast
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import (
    N_FEATURES,
    N_SAMPLES,
    STOPS_EARLY,
    assert_identical,
    assert_same_fit,
    count_threads,
    cpus,
    fitted_state,
    one_thread,
    problem,
    problem_for,
    raw_outputs,
    run_child,
)
from numpy.testing import assert_allclose

import nnhp
from nnhp import _core
from nnhp.estimators._data import Given, prepare
from nnhp.estimators._fitted import publish
from nnhp.estimators._training import Training

pytestmark = STOPS_EARLY

THREADS = (1, 2, 4, 7)


# What sums go through in the first hidden layer and what features do, beside dropout.
STAGES = [
    ["relu"],
    ["relu"],
    ["batch_normalization", "prelu", {"name": "noise", "stddev": 0.1}],
    [{"name": "maxout", "pieces": 3}, "layer_normalization"],
    ["gelu", "batch_normalization", {"name": "alpha_dropout", "rate": 0.2}],
    ["layer_normalization", {"name": "elu", "alpha": 0.7}],
]
INPUT_STAGES = [[], [], [], ["batch_normalization"], [{"name": "noise", "stddev": 0.1}], []]


def make_specs(i=0, *, dtype="float64", solver="adam", max_epochs=50):
    """Net, training and data of one of many different sessions."""
    X, y = problem("multiclass")
    first = [*STAGES[i % len(STAGES)], {"name": "dropout", "rate": 0.1 * (i % 3)}]
    net = _core.NetSpec(
        n_inputs=N_FEATURES,
        hidden=[(5 + 3 * i, first), (4, ["tanh"])],
        n_outputs=3,
        output_activation="softmax",
        input_stages=[
            *INPUT_STAGES[i % len(STAGES)],
            {"name": "dropout", "rate": 0.05 * (i % 2)},
        ],
        dtype=dtype,
    )
    train = _core.TrainSpec(
        loss="log_loss",
        optimizer=solver,
        batch_size=8 + 5 * i,
        max_epochs=max_epochs,
        schedule_horizon=max_epochs,
        schedule={"name": "constant", "initial": 0.01},
        l2=1e-3,
        tol=0.0,
        n_iter_no_change=float("inf"),
    )
    data = _core.Dataset(np.ascontiguousarray(X, dtype=dtype), class_ids=y.astype(np.int32))
    return net, train, data


def make_session(i=0, *, dtype="float64", dropout_key=123, sample_weight=None, **options):
    """One of many different sessions: `i` varies its width, batch, seed and dropout."""
    net, train, data = make_specs(i, dtype=dtype, **options)
    rng = np.random.RandomState(i)
    _, words, position, *_ = rng.get_state()
    parameters = rng.uniform(-0.5, 0.5, net.n_parameters)
    for _, _, name, start, size in net.stage_arrays:
        if name == "variance":
            parameters[start : start + size] = np.abs(parameters[start : start + size])
    return _core.Session(
        net,
        train,
        _core.TrainingSet(
            data,
            np.arange(0, N_SAMPLES - i, dtype=np.int32),
            sample_weight=sample_weight,
            validation_data=data,
            validation_rows=np.arange(N_SAMPLES - 10, N_SAMPLES, dtype=np.int32),
        ),
        _core.Start(
            parameters.astype(dtype),
            (words.astype(np.uint32), int(position)),
            dropout_key,
        ),
    )


def states(sessions):
    return [session.state() for session in sessions]


@pytest.mark.parametrize("solver", sorted(_core.optimizers()))
def test_same_bits_for_any_threads_and_any_order(solver, dtype):
    def trained(threads, order):
        sessions = [make_session(i, solver=solver, dtype=dtype) for i in range(6)]
        _core.train_many([sessions[i] for i in order], 4, threads)
        return states(sessions)

    expected = trained(1, range(6))
    for threads in THREADS:
        with cpus(threads):
            assert_identical(trained(threads, range(6)), expected)
            # They really ran, beside the caller's: the engine keeps them.
            assert count_threads() > min(threads, 6)
    assert_identical(trained(2, [5, 2, 0, 3, 1, 4]), expected)
    together = expected[3]
    alone = make_session(3, solver=solver, dtype=dtype)
    _core.train_many([alone], 4, 1)
    assert_identical(alone.state(), together)


def test_advance_3_then_2_equals_5(dtype):
    for i in range(4):
        paused, at_once = make_session(i, dtype=dtype), make_session(i, dtype=dtype)
        _core.train_many([paused], 3, 2)
        assert paused.epoch == 3
        _core.train_many([paused], 2, 1)
        _core.train_many([at_once], 5, 1)
        assert at_once.epoch == 5
        assert_identical(paused.state(), at_once.state())


def test_copy_is_another_session(dtype):
    session = make_session(1, dtype=dtype)
    _core.train_many([session], 2, 1)
    copy = session.copy()
    before = session.state()
    _core.train_many([copy], 3, 1)
    assert_identical(session.state(), before)
    _core.train_many([session], 3, 1)
    assert_identical(session.state(), copy.state())


def test_state_restored_into_a_fresh_session_goes_on(dtype):
    session = make_session(2, dtype=dtype)
    _core.train_many([session], 3, 1)
    fresh = make_session(2, dtype=dtype)
    fresh.restore(session.state())
    assert_identical(fresh.state(), session.state())
    _core.train_many([session, fresh], 4, 2)
    assert_identical(fresh.state(), session.state())
    assert fresh.epoch == 7


def test_restore_refuses_what_does_not_fit():
    session = make_session()
    before = session.state()
    for wrong, message in [
        ({"no such entry": 1}, "no such entry"),
        ({"parameters": np.zeros(3)}, "parameters must have"),
        ({"step": 5, "order": np.zeros(N_SAMPLES, np.int32)}, "permutation"),
        ({"status": "tired"}, "tired"),
        ({"epoch": -5}, "epoch must be in"),
        ({"n_samples_seen": 2**62}, "n_samples_seen must be in"),
        ({"diverged_layer": 99}, "diverged_layer must be"),
        ({"epoch": "three"}, "epoch cannot be 'three'"),
        ({"kept": 3}, "kept cannot be 3"),
        ({"mt_state": 3}, "mt_state cannot be 3"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            session.restore(wrong)
        assert_identical(session.state(), before)


def test_session_stops_at_its_limit():
    session = make_session(max_epochs=3)
    assert session.status == "ready"
    _core.train_many([session], 100, 1)
    assert (session.status, session.epoch, len(session.loss_curve)) == ("limit", 3, 3)
    before = session.state()
    _core.train_many([session], 5, 1)
    assert_identical(session.state(), before)


def weights_of_other_rows(n_rows, dtype):
    """Weights that are zero in the first `n_rows` rows, on which alone one trains."""
    return (np.arange(N_SAMPLES) >= n_rows).astype(dtype)


def test_a_session_whose_rows_weigh_nothing_learns_nothing(dtype):
    session = make_session(7, dtype=dtype, sample_weight=weights_of_other_rows(90, dtype))
    before = session.parameters
    _core.train_many([session], 3, 1)
    assert_identical(session.parameters, before)
    assert (session.status, session.loss_curve) == ("ready", [0.0] * 3)
    assert np.isfinite(session.validation_loss_curve).all()


def test_batches_that_weigh_nothing_do_not_count_in_the_mean_loss(dtype):
    X, y = problem("one target")
    weight = np.ones(N_SAMPLES)
    weight[:40] = 0
    still = {"solver": "sgd", "learning_rate_init": 1e-300, "alpha": 0.0, "max_iter": 1}
    net = nnhp.MLPRegressor(
        hidden_layer_sizes=(3,), batch_size=20, shuffle=False, dtype=dtype, random_state=0, **still
    )
    with_them = net.fit(X, y, sample_weight=weight).loss_
    assert with_them == net.fit(X[40:], y[40:]).loss_


def test_an_objective_refuses_rows_that_weigh_nothing(dtype):
    net, train, data = make_specs(dtype=dtype)
    rows = np.arange(90, dtype=np.int32)
    for weight, of_rows in (
        (weights_of_other_rows(90, dtype), rows),
        (np.zeros(N_SAMPLES, dtype), rows),
        (np.zeros(N_SAMPLES, dtype), None),
    ):
        with pytest.raises(ValueError, match="sample_weight"):
            _core.Objective(net, train, _core.TrainingSet(data, of_rows, sample_weight=weight))
    weight = weights_of_other_rows(89, dtype)
    objective = _core.Objective(net, train, _core.TrainingSet(data, rows, sample_weight=weight))
    value, gradient = objective(np.full(net.n_parameters, 0.1, dtype))
    assert np.isfinite([value, *gradient]).all()


def test_an_objective_of_many_samples_loses_little():
    """One chain of a million equal numbers in single precision is off by one percent."""
    n = 1_000_000
    X, y = np.full((n, 1), 0.7, np.float32), np.zeros((n, 1), np.float32)
    net = _core.NetSpec(
        n_inputs=1, hidden=[], n_outputs=1, output_activation="identity", dtype="float32"
    )
    train = _core.TrainSpec(
        loss="squared_error", optimizer="sgd", batch_size=1, max_epochs=1, schedule_horizon=1.0
    )
    objective = _core.Objective(net, train, _core.TrainingSet(_core.Dataset(X, targets=y)))
    value, gradient = objective(np.array([0.0, 0.1], np.float32))
    assert_allclose(value, 0.005, rtol=1e-6)
    assert_allclose(gradient, [0.07, 0.1], rtol=1e-4)


def test_a_list_with_something_else_than_sessions_trains_none():
    session = make_session()
    before = session.state()
    for others in ([None], [3], [session]):
        with pytest.raises((TypeError, ValueError)):
            _core.train_many([session, *others], 1, 1)
        assert_identical(session.state(), before)


def test_dropout_follows_its_key_and_nothing_else():
    def curve(**options):
        session, other = make_session(2, **options), make_session(1, dropout_key=5)
        _core.train_many([other, session], 3, 2)
        return session.loss_curve

    assert curve() == curve(dropout_key=123)
    assert curve() != curve(dropout_key=124)


def test_the_engine_shuffles_as_numpy_does():
    session = make_session()
    reference = np.random.RandomState(0)
    order = np.arange(N_SAMPLES, dtype=np.int32)
    for _ in range(9):
        _core.train_many([session], 1, 1)
        reference.shuffle(order)
        np.testing.assert_array_equal(session.state()["order"], order)
    words, position = session.state()["mt_state"]
    np.testing.assert_array_equal(words, reference.get_state()[1])
    assert position == reference.get_state()[2]


# -------------------------------------------------------------------- the prefix rule

STOPPING = {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 4}
PREFIX = {
    "adam": {},
    "early stopping": STOPPING,
    "early stopping by loss": STOPPING | {"scoring": "loss", "learning_rate_init": 0.05},
    "early stopping by a scorer": STOPPING | {"scoring": "neg_max_error"},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.1,
        "tol": 0.05,
        "n_iter_no_change": 1,
    },
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    "a rate per epoch": {"learning_rate": [0.01, 0.02, 0.005]},
    "step": {"learning_rate": nnhp.schedules.Step(step_size=3, factor=0.5)},
    "exponential": {"learning_rate": nnhp.schedules.Exponential(epochs=14)},
    "polynomial": {"learning_rate": nnhp.schedules.Polynomial(power=2, epochs=9)},
    "cosine": {"learning_rate": nnhp.schedules.Cosine(warmup=1.5, restarts=1, epochs=14)},
    "one_cycle": {"learning_rate": nnhp.schedules.OneCycle(epochs=14)},
    "piecewise": {"learning_rate": nnhp.schedules.Piecewise([2, 5], [0.02, 0.05, 0.01])},
    "plateau": {
        "learning_rate": nnhp.schedules.Plateau(0.5, patience=1, min_delta=0.02, cooldown=1),
        "learning_rate_init": 0.1,
    },
    "plateau of a scorer": STOPPING
    | {
        "learning_rate": nnhp.schedules.Plateau(patience=2),
        "learning_rate_init": 0.1,
        "scoring": "neg_max_error",
    },
    "a function": {"learning_rate": lambda epoch, rate: 0.9 * rate if epoch % 3 else 0.05},
    "initializers": {"kernel_initializer": "auto", "bias_initializer": "normal"},
    "dropout": {"dropout": 0.3, "input_dropout": 0.1},
    "stops by itself": {"tol": 10.0, "n_iter_no_change": 3},
    "other generator": {"random_state": np.random.PCG64},
    "averages and clipping": STOPPING | {"ema_momentum": 0.9, "clipvalue": 0.01, "solver": "lion"},
    "norms and noise": {
        "solver": "adadelta",
        "learning_rate_init": 1.0,
        "clipnorm": 0.1,
        "max_norm": 0.8,
        "weight_noise": 0.05,
        "weight_decay": 0.01,
        "frozen_layers": [1],
    },
}


def instance(parameters, **more):
    parameters = {"hidden_layer_sizes": (6, 4), "batch_size": 15, "random_state": 1, **parameters}
    if parameters["random_state"] is np.random.PCG64:
        parameters["random_state"] = np.random.RandomState(np.random.PCG64(4))
    return nnhp.MLPRegressor(**parameters, **more)


@pytest.mark.parametrize("parameters", PREFIX.values(), ids=PREFIX.keys())
def test_prefix_rule(parameters):
    """After k epochs a training equals a fresh fit with max_iter=k, and can go on."""
    X, y = problem("one target")
    estimator = instance(parameters, max_iter=14)
    training = Training(estimator, prepare(estimator, Given(X, y), None))
    for epochs in (1, 2, 3, 5, 1, 2):
        training.advance(epochs, 1)
        published = instance(parameters)
        publish(published, training.publish())
        fresh = instance(parameters, max_iter=training.epoch).fit(X, y)
        assert_same_fit(published, fresh)
    whole = instance(parameters, max_iter=14).fit(X, y)
    assert whole.n_iter_ == training.epoch
    publish(published, training.publish())
    assert_same_fit(published, whole)


def test_published_attributes_share_no_memory_with_the_training():
    X, y = problem("one target")
    estimator = instance({})
    training = Training(estimator, prepare(estimator, Given(X, y), None))
    training.advance(2, 1)
    first, untouched = training.publish(), training.publish()
    first["coefs_"][0][:] = 99
    first["loss_curve_"].append(99)
    first["_optimizer_state"]["moment_1"][:] = 99
    assert_identical(training.publish(), untouched)


# -------------------------------------------------------------------- predictions


@pytest.fixture
def fitted(Estimator, dtype):
    X, y = problem_for(Estimator)
    # 300 and 33 units: more than one tile, and not a multiple of any vector length
    net = Estimator(hidden_layer_sizes=(300, 33), dtype=dtype, max_iter=2, random_state=0)
    return net.fit(X, y)


def many_rows(n_rows=1500):
    return np.random.RandomState(6).standard_normal((n_rows, N_FEATURES))


def test_a_row_has_the_same_prediction_alone_and_in_any_company(fitted):
    X = many_rows()
    together = raw_outputs(fitted, X)
    for rows in (
        np.array([1499]),
        np.arange(1, 1500, 7),
        np.random.RandomState(0).permutation(1500)[:600],
        np.arange(640, 1111),
        np.repeat([3, 4], 40),
    ):
        assert_identical(raw_outputs(fitted, X[rows]), together[rows])
    for row in (0, 1, 63, 64, 65, 700, 1023, 1024):
        assert_identical(raw_outputs(fitted, X[row : row + 1]), together[row : row + 1])


# Those that go piece by piece, and those that need the whole gradient.
BY_PIECES = {"clipvalue": 0.001, "ema_momentum": 0.9, "weight_decay": 0.1}
WHOLE = {"clipnorm": 0.01, "ema_momentum": 0.9, "max_norm": 0.9, "weight_noise": 0.01}


# The layers are wide, and the batches large, enough to be shared.
@pytest.mark.parametrize(
    ("solver", "extras"),
    [("sgd", {}), ("adam", {}), ("nadam", BY_PIECES), ("rmsprop", WHOLE | {"frozen_layers": [0]})],
    ids=str,
)
def test_threads_that_share_one_training_change_no_bit(solver, extras, dtype):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((700, 90)).astype(dtype)
    y = rng.randint(5, size=700)
    net = nnhp.MLPClassifier(
        (300, 170), solver=solver, batch_size=400, max_iter=2, dropout=0.2, l1_ratio=0.5,
        early_stopping=True, dtype=dtype, random_state=0, **extras,
    )  # fmt: skip
    expected = fitted_state(net.set_params(n_jobs=1).fit(X, y))
    for threads in THREADS[1:]:
        with cpus(threads):
            assert_identical(fitted_state(net.set_params(n_jobs=threads).fit(X, y)), expected)
            assert count_threads() > threads  # the engine keeps them


@pytest.mark.parametrize("n_jobs", [2, 4, 7, -1, None])
def test_predictions_do_not_depend_on_threads(fitted, n_jobs):
    X = many_rows(400_000)  # enough for seven threads
    expected = raw_outputs(fitted.set_params(n_jobs=1), X)
    with cpus(7):
        assert_identical(raw_outputs(fitted.set_params(n_jobs=n_jobs), X), expected)
        assert count_threads() > (n_jobs if n_jobs and n_jobs > 0 else 7)


def test_sparse_and_dense_samples_have_the_same_predictions(fitted):
    X = many_rows(400)
    X[np.abs(X) < 0.7] = 0
    assert_identical(raw_outputs(fitted, sp.csr_array(X)), raw_outputs(fitted, X))


# -------------------------------------------------------------------- instruction sets

OUTPUTS_ON_ISA = """
import warnings
import numpy as np
import nnhp

warnings.simplefilter("ignore")

def outputs(dtype):
    X = np.random.RandomState(0).standard_normal((60, 9))
    net = nnhp.MLPRegressor(
        hidden_layer_sizes=(33, 17), max_iter=5, random_state=0, dtype=dtype
    ).fit(X, X[:, 0] * X[:, 1])
    return net.predict(X).tolist() + net.loss_curve_

print(repr((nnhp.isa(), [outputs(dtype) for dtype in ("float64", "float32")])))
"""
OTHER_ISAS = [isa for isa in _core.available_isas() if isa != nnhp.isa()]


def test_the_fastest_instruction_set_is_the_default():
    # An empty value counts as none.
    chosen = run_child("import nnhp; print(nnhp.isa())", NNHP_ISA="").strip()
    assert chosen == _core.available_isas()[-1]
    assert _core.available_isas()[0] == "base"


@pytest.fixture(scope="module")
def on_each_isa():
    """What OUTPUTS_ON_ISA prints on each instruction set."""
    return {
        isa: ast.literal_eval(run_child(OUTPUTS_ON_ISA, NNHP_ISA=isa))
        for isa in _core.available_isas()
    }


def test_every_instruction_set_gives_close_results(on_each_isa):
    _, (double, single) = on_each_isa["base"]
    for isa, (used, (as_double, as_single)) in on_each_isa.items():
        assert used == isa
        assert_allclose(as_double, double, rtol=0, atol=1e-11, err_msg=isa)
        assert_allclose(as_single, single, rtol=0, atol=1e-4, err_msg=isa)
    assert_allclose(single, double, rtol=0, atol=1e-4)
    assert single != double


def test_unknown_instruction_set_fails_the_import():
    code = (
        "try:\n    import nnhp\nexcept ImportError as error:\n    print(error)\n"
        "else:\n    raise SystemExit('imported')"
    )
    message = run_child(code, NNHP_ISA="sse9")
    assert "NNHP_ISA must be one of base" in message
    assert "got 'sse9'" in message


@pytest.mark.slow
@pytest.mark.parametrize("isa", OTHER_ISAS)
def test_trajectories_on_another_instruction_set(isa):
    folder = Path(__file__).parent
    chosen = ["test_minimal.py", "test_trajectories_sklearn.py::test_whole_run"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-k", "minimal or adam or sparse or poisson or batch"]
    result = subprocess.run(
        [*command, *(str(folder / name) for name in chosen)],
        env={**os.environ, "NNHP_ISA": isa},
        cwd=folder.parents[1],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]


def test_a_session_in_training_is_refused_to_others():
    session = make_session(max_epochs=10**6)
    training = threading.Thread(target=_core.train_many, args=([session], 3000, 1))
    training.start()
    refused = []
    while training.is_alive():
        for use in (session.state, session.copy, lambda: _core.train_many([session], 1, 1)):
            try:
                use()
            except RuntimeError as error:
                refused.append(str(error))
    training.join()
    assert set(refused) == {"the session is in use by another thread"}
    assert session.epoch >= 3000


@pytest.mark.parametrize("n_outputs", [3, 1])
def test_bulk_predictions_and_counts_of_correct_rows(n_outputs, dtype):
    X, y = problem("multiclass" if n_outputs == 3 else "binary")
    X = np.ascontiguousarray(X, dtype=dtype)
    data = _core.Dataset(X, class_ids=y.astype(np.int32))
    sessions, specs = [], []
    for units in (4, 9, 17):
        net = _core.NetSpec(
            n_inputs=N_FEATURES,
            hidden=[(units, ["tanh"])],
            n_outputs=n_outputs,
            output_activation="softmax" if n_outputs == 3 else "logistic",
            dtype=dtype,
        )
        train = _core.TrainSpec(
            loss="log_loss" if n_outputs == 3 else "binary_log_loss",
            optimizer="sgd",
            batch_size=10,
            max_epochs=1,
            schedule_horizon=1,
        )
        flat = np.random.RandomState(units).uniform(-1, 1, net.n_parameters).astype(dtype)
        sessions.append(_core.Session(net, train, _core.TrainingSet(data), _core.Start(flat)))
        specs.append((net, flat))
    rows = [np.arange(i, N_SAMPLES, i + 1, dtype=np.int32)[::-1].copy() for i in range(3)]
    truths = [np.where(np.arange(len(r)) % 7 == 0, -1, y[r]).astype(np.int32) for r in rows]
    for threads in (1, 2):
        outputs = _core.predict_rows(sessions, rows, threads)
        counts = _core.count_correct(sessions, rows, truths, threads)
        for (net, flat), listed, truth, output, count in zip(
            specs, rows, truths, outputs, counts, strict=True
        ):
            alone = _core.Predictor(net, flat).outputs(X[listed], one_thread)
            assert_identical(output, alone)
            best = alone.argmax(axis=1) if n_outputs == 3 else (alone.ravel() > 0.5)
            assert count == (best == truth).sum()
            assert 0 < count < len(listed)
    sessions[1].restore({"parameters": np.full(specs[1][1].shape, np.nan, dtype=dtype)})
    counts = _core.count_correct(sessions, rows, truths, 1)
    assert counts[1] == -1
    assert min(counts[0], counts[2]) > 0
    for bad in ([-1], [N_SAMPLES]):
        with pytest.raises(ValueError, match=r"rows must be in \[0, 97\)"):
            _core.predict_rows(sessions[:1], [np.array(bad, dtype=np.int32)], 1)
    with pytest.raises(ValueError, match="as long as rows"):
        _core.count_correct(sessions[:1], rows[:1], truths[1:2], 1)


def test_sessions_of_one_call_may_go_to_different_epochs_and_be_stopped():
    sessions = [make_session(i) for i in range(3)]
    assert not _core.train_many(sessions, [1, 0, 4], 2)
    assert [session.epoch for session in sessions] == [1, 0, 4]
    with pytest.raises(ValueError, match="epochs must have one entry per session"):
        _core.train_many(sessions, [1, 2], 1)
    seen = []

    def poll(epochs):
        seen.append(epochs)
        return len(seen) == 2

    long = [make_session(i, max_epochs=10**9) for i in range(3)]
    assert _core.train_many(long, 10**9, 2, poll)
    assert len(seen) == 2
    assert 0 < seen[0] <= seen[1] <= sum(session.epoch for session in long)
    assert sum(session.seconds for session in long) > 0

    def failing(epochs):
        raise KeyError("from the poll")

    with pytest.raises(KeyError, match="from the poll"):
        _core.train_many(long, 10**9, 2, failing)
