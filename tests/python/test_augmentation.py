"""Noisy copies, mixup and cutmix: batches computed again in NumPy, and the estimators' promises."""

from math import floor

import numpy as np
import pytest
from helpers import N_SAMPLES, STOPS_EARLY, assert_identical, assert_same_fit, cpus, problem
from numpy.testing import assert_allclose
from scipy import sparse

from nnhp import MLPClassifier, MLPRegressor, _core

pytestmark = STOPS_EARLY

KEY, N, FEATURES, BATCH = 0x0123456789ABCDEF, 23, 5, 7
PLACE = 0xFFFF  # of augmentation's draws, beside those of layers


def philox(counter, key):
    """Philox-4x32-10: Salmon et al., SC 2011."""
    x = [int(word) for word in counter]
    k = [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(b >> 32) ^ x[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ x[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return x


def words(step, number, row):
    return philox([number, row, step & 0xFFFFFFFF, (step >> 32) ^ (PLACE << 16)], KEY)


def uniform(word):
    return (word + 0.5) / 2**32


def draw_partner(step, row, batch_size, alpha):
    """Partner and its share: half of a symmetric beta's distance by Student's t of 2 alpha."""
    u, v, partner, _ = words(step, 0, row)
    cosine = np.cos(2 * np.pi * uniform(v))
    t_squared = 2 * alpha * (uniform(u) ** (-1 / alpha) - 1) * cosine**2
    share = 0.5 + np.sign(cosine) * np.sqrt(t_squared / (2 * alpha + t_squared)) / 2
    return partner * batch_size >> 32, share


def draw_features(step, row, taken):
    """Places of so many features."""
    chosen = []
    for j in range(FEATURES):
        u = uniform(words(step, 1 + j // 4, row)[j % 4])
        if u * (FEATURES - j) < taken - len(chosen):
            chosen.append(j)
    return chosen


def draw_noise(step, row):
    """Standard normal numbers by Box and Muller, in pairs of columns 16 apart."""
    normal = np.zeros(32)
    for c in range(8):
        drawn = words(step, 0x80000000 + c, row)
        for offset, (u, v) in ((0, drawn[:2]), (8, drawn[2:])):
            radius, angle = np.sqrt(-2 * np.log(uniform(u))), 2 * np.pi * uniform(v)
            normal[offset + c] = radius * np.cos(angle)
            normal[offset + c + 16] = radius * np.sin(angle)
    return normal[:FEATURES]


def augmented(augment, step, entries, X, y, weight):
    """Features, targets and weights of one batch."""

    def features_of(place):
        x = X[entries[place] % N]
        return x + augment["noise"] * draw_noise(step, place) if entries[place] >= N else x

    mixup, cutmix = augment.get("mixup_alpha", 0), augment.get("cutmix_alpha", 0)
    cuts = cutmix > 0 and (mixup == 0 or words(step, 0, 0xFFFFFFFF)[0] < 2**31)
    batch = []
    for place in range(len(entries)):
        x, row = features_of(place), entries[place] % N
        share, other = 0.0, row
        if mixup > 0 or cutmix > 0:
            partner, share = draw_partner(step, place, len(entries), cutmix if cuts else mixup)
            other = entries[partner] % N
            if weight[row] == 0 or weight[other] == 0:
                share = 0.0
            if cuts:
                taken = floor(share * FEATURES + 0.5)
                share = taken / FEATURES
                chosen = draw_features(step, place, taken)
                x = x.copy()
                x[chosen] = features_of(partner)[chosen]
            else:
                x = (1 - share) * x + share * features_of(partner)
        mixed = [(1 - share) * values[row] + share * values[other] for values in (y, weight)]
        batch.append((x, *mixed))
    return map(np.array, zip(*batch, strict=True))


AUGMENTS = {
    "copies": {"noisy_copies": 2, "noise": 0.7},
    "mixup": {"mixup_alpha": 0.4},
    "cutmix": {"cutmix_alpha": 1.3},
    "all": {"noisy_copies": 1, "noise": 0.7, "mixup_alpha": 0.2, "cutmix_alpha": 0.6},
}


def session_of(X, y, weight, augment, *, start, ids=None, batch=BATCH):
    net = _core.NetSpec(
        n_inputs=FEATURES,
        hidden=[],
        n_outputs=3,
        output_activation="identity",
        dtype="float64",
    )
    train = _core.TrainSpec(
        loss={"name": "squared_error", "scale": 2.0, "over_outputs": "mean"},
        optimizer="sgd",
        schedule={"name": "constant", "initial": 0.1},
        batch_size=batch,
        max_epochs=100,
        schedule_horizon=100,
        shuffle=False,
        n_iter_no_change=100,
        augment=augment,
    )
    data = _core.Dataset(X, targets=None if ids is not None else y, class_ids=ids)
    return _core.Session(
        net, train, _core.TrainingSet(data, sample_weight=weight), _core.Start(start, None, KEY)
    )


def make_problem():
    rng = np.random.RandomState(6)
    X = np.where(rng.uniform(size=(N, FEATURES)) < 0.4, 0.0, rng.standard_normal((N, FEATURES)))
    weight = rng.uniform(0.2, 2, N)
    weight[::6] = 0.0
    return X, rng.randint(3, size=N).astype(np.int32), weight, rng.standard_normal(18)


@pytest.mark.parametrize("with_ids", [False, True], ids=["targets", "classes"])
@pytest.mark.parametrize("container", ["dense", "sparse"])
@pytest.mark.parametrize("name", AUGMENTS)
def test_trainings_are_those_of_batches_made_in_numpy(name, container, with_ids):
    X, ids, weight, start = make_problem()
    augment, y = AUGMENTS[name], np.eye(3)[ids]
    given = X
    if container == "sparse":
        csr = sparse.csr_matrix(X)
        given = (csr.data, csr.indices.astype(np.int32), csr.indptr.astype(np.int64), FEATURES)
    session = session_of(given, y, weight, augment, start=start, ids=ids if with_ids else None)
    _core.train_many([session], 2, 1)

    entries = np.concatenate(
        [np.arange(N) + c * N for c in range(1 + augment.get("noisy_copies", 0))]
    )
    weights, biases = start[:15].reshape(FEATURES, 3).copy(), start[15:].copy()
    step, curve = 0, []
    for _ in range(2):
        losses = []
        for first in range(0, len(entries), BATCH):
            rows = entries[first : first + BATCH]
            bx, by, bw = augmented(augment, step, rows, X, y, weight)
            error = bx @ weights + biases - by
            losses.append((bw @ (error**2).mean(axis=1) / bw.sum(), len(rows)))
            slope = 2 / 3 * error * bw[:, np.newaxis] / bw.sum()
            weights, biases = weights - 0.1 * bx.T @ slope, biases - 0.1 * slope.sum(axis=0)
            step += 1
        values, counts = zip(*losses, strict=True)
        curve.append(np.average(values, weights=counts))
    assert_allclose(session.parameters, np.concatenate([weights.ravel(), biases]), rtol=1e-9)
    assert_allclose(session.loss_curve, curve, rtol=1e-9)
    assert session.state()["n_samples_seen"] == 2 * len(entries)


@pytest.mark.parametrize("name", AUGMENTS)
def test_pauses_copies_and_restored_states_change_nothing(name):
    X, ids, weight, start = make_problem()
    sessions = [
        session_of(X, np.eye(3)[ids], weight, AUGMENTS[name], start=start) for _ in range(4)
    ]
    whole, paused, restored, copied = sessions
    _core.train_many([whole], 6, 1)
    for epochs in (1, 2, 3):
        _core.train_many([paused], epochs, 1)
    _core.train_many([copied], 2, 1)
    restored.restore(copied.state())
    copied = copied.copy()
    _core.train_many([restored, copied], 4, 2)
    for other in (paused, restored, copied):
        assert_identical(other.state(), whole.state())


# ------------------------------------------------------------------------------- estimators

KINDS = {
    "copies": {"noisy_copies": 2, "input_noise": 0.2},
    "mixup": {"mixup_alpha": 0.3},
    "cutmix": {"cutmix_alpha": 0.8},
    "both": {"mixup_alpha": 0.3, "cutmix_alpha": 0.8, "noisy_copies": 1, "input_noise": 0.1},
}


def fit(kind="multiclass", seed=0, X=None, **parameters):
    estimator_class = MLPRegressor if "target" in kind else MLPClassifier
    settings = {"hidden_layer_sizes": (9,), "max_iter": 6, "random_state": seed, **parameters}
    own_X, y = problem(kind)
    return estimator_class(**settings).fit(own_X if X is None else X, y)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "two targets"])
@pytest.mark.parametrize("name", KINDS)
def test_fits_repeat_and_the_seed_counts(name, kind):
    net = fit(kind, **KINDS[name])
    assert_same_fit(fit(kind, **KINDS[name]), net)
    assert not np.allclose(fit(kind, seed=1, **KINDS[name]).coefs_[0], net.coefs_[0])
    assert not np.allclose(fit(kind).coefs_[0], net.coefs_[0])


@pytest.mark.parametrize("name", KINDS)
def test_threads_and_containers_change_no_bit(name):
    X = np.random.RandomState(0).standard_normal((600, 40))
    y = (X[:, 0] > 0).astype(int)
    parameters = {"hidden_layer_sizes": (300, 300), "max_iter": 2, "random_state": 0, **KINDS[name]}
    nets = []
    for threads in (1, 3):
        with cpus(threads):
            nets.append(MLPClassifier(**parameters, n_jobs=threads).fit(X, y))
    nets.append(MLPClassifier(**parameters, n_jobs=1).fit(sparse.csr_matrix(X), y))
    assert_identical(nets[1].coefs_, nets[0].coefs_)
    assert_identical(nets[2].coefs_, nets[0].coefs_)


def test_epochs_count_and_samples_are_more():
    net = fit(noisy_copies=3, input_noise=0.1, batch_size=20)
    assert net.n_iter_ == 6
    assert net.t_ == 6 * 4 * N_SAMPLES
    assert net._optimizer_state["step"] == 6 * -(-4 * N_SAMPLES // 20)
    # 'auto' is the smaller of 200 and the samples of an epoch.
    assert fit(noisy_copies=1, input_noise=0.1)._optimizer_state["step"] == 6


def test_copies_without_noise_repeat_the_samples():
    X, y = problem("two targets")
    parameters = {"shuffle": False, "batch_size": 2 * N_SAMPLES, "max_iter": 4}
    copied = fit("two targets", noisy_copies=1, **parameters)
    repeated = MLPRegressor(hidden_layer_sizes=(9,), random_state=0, **parameters)
    repeated.fit(np.concatenate([X, X]), np.concatenate([y, y]))
    assert_allclose(copied.coefs_[0], repeated.coefs_[0], rtol=1e-9)


def test_another_generator_shuffles_the_copies_too():
    X, y = problem("binary")

    def made():
        state = np.random.RandomState(np.random.PCG64(3))
        net = MLPClassifier((4,), max_iter=3, noisy_copies=2, input_noise=0.1, random_state=state)
        return net.fit(X, y)

    net = made()
    assert net.t_ == 3 * 3 * N_SAMPLES
    assert_identical(made().coefs_, net.coefs_)


@pytest.mark.parametrize("name", KINDS)
def test_partial_fit_and_early_stopping_go_along(name):
    X, y = problem("multiclass")
    parameters = {"hidden_layer_sizes": (9,), "random_state": 0, **KINDS[name]}
    net = MLPClassifier(**parameters)
    for _ in range(3):
        net.partial_fit(X, y, classes=[0, 1, 2])
    assert net.t_ == 3 * N_SAMPLES * (1 + KINDS[name].get("noisy_copies", 0))
    stopped = MLPClassifier(**parameters, early_stopping=True, max_iter=3).fit(X, y)
    assert len(stopped.validation_scores_) == 3


def test_weights_of_zero_leave_a_sample_out():
    X, y = problem("one target")
    weight = np.ones(N_SAMPLES)
    weight[::3] = 0.0
    spoiled = np.where(weight == 0, 1e6, y)
    for name in ("mixup", "cutmix"):
        nets = [
            MLPRegressor(hidden_layer_sizes=(9,), max_iter=4, random_state=0, **KINDS[name]).fit(
                X, targets, weight
            )
            for targets in (y, spoiled)
        ]
        assert_identical(nets[1].coefs_, nets[0].coefs_)
