"""HiddenLayers and the ready-made spaces: what they draw, what a grid gets, what they refuse."""

import copy
import pickle
from collections import Counter

import numpy as np
import pytest
from helpers import STOPS_EARLY, assert_same_search, problem
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
)
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

import nnhp
from nnhp import FeatureExpansion, MLPClassifier, MLPRegressor, spaces
from nnhp.schedules import Cosine
from nnhp.search._space import HiddenLayers

pytestmark = STOPS_EARLY

SHAPES = ["free", "rectangle", "taper"]


def draws(layers, n=4000, seed=0):
    return layers.rvs(random_state=np.random.RandomState(seed), size=n)


def is_of_shape(sizes, shape):
    if shape == "rectangle":
        return len(set(sizes)) <= 1
    return shape == "free" or list(sizes) == sorted(sizes, reverse=True)


# ------------------------------------------------------------------ draws


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("log", [True, False])
def test_draws_fill_their_ranges_and_have_their_shape(shape, log):
    drawn = draws(HiddenLayers(depth=(0, 3), width=(2, 5), shape=shape, log=log))
    assert {len(sizes) for sizes in drawn} == {0, 1, 2, 3}
    assert {width for sizes in drawn for width in sizes} == {2, 3, 4, 5}
    assert all(is_of_shape(sizes, shape) for sizes in drawn)
    assert all(type(sizes) is tuple and all(type(w) is int for w in sizes) for sizes in drawn)
    if shape != "rectangle":
        assert not all(is_of_shape(sizes, "rectangle") for sizes in drawn)
    if shape == "free":
        assert not all(is_of_shape(sizes, "taper") for sizes in drawn)


def test_depths_are_equally_frequent():
    counts = Counter(len(sizes) for sizes in draws(HiddenLayers(depth=(0, 3))))
    assert min(counts.values()) > 900
    assert max(counts.values()) < 1100


@pytest.mark.parametrize(("log", "median"), [(True, 64), (False, 260)])
def test_log_spreads_widths_over_their_logarithm(log, median):
    widths = [sizes[0] for sizes in draws(HiddenLayers(depth=1, width=(8, 512), log=log))]
    assert np.median(widths) == pytest.approx(median, rel=0.1)
    assert min(widths) < 12
    assert max(widths) > 490


def test_each_end_of_a_linear_range_is_as_frequent_as_its_middle():
    counts = Counter(draws(HiddenLayers(depth=1, width=(1, 4), log=False)))
    assert all(900 < count < 1100 for count in counts.values())


@pytest.mark.parametrize("shape", SHAPES)
def test_one_depth_and_one_width(shape):
    layers = HiddenLayers(depth=np.int64(3), width=7, shape=shape)
    assert layers.rvs(random_state=0) == (7, 7, 7)
    assert (layers.depth, layers.width) == ((3, 3), (7, 7))


def test_depth_zero_is_a_linear_model():
    assert HiddenLayers(depth=0).rvs(random_state=0) == ()


def test_size():
    layers = HiddenLayers()
    assert type(layers.rvs(random_state=0)) is tuple
    assert layers.rvs(random_state=0, size=1) == [layers.rvs(random_state=0)]
    assert layers.rvs(random_state=0, size=0) == []
    assert len(layers.rvs(random_state=0, size=np.int64(5))) == 5


@pytest.mark.parametrize(
    "source", [lambda: 3, lambda: np.random.RandomState(3), lambda: np.random.default_rng(3)]
)
def test_the_same_source_gives_the_same_draws(source):
    layers = HiddenLayers()
    drawn = layers.rvs(random_state=source(), size=20)
    assert drawn == layers.rvs(random_state=source(), size=20)
    assert len(set(drawn)) > 10


def test_a_source_is_used_up():
    for rng in (np.random.RandomState(0), np.random.default_rng(0)):
        layers = HiddenLayers()
        assert layers.rvs(random_state=rng, size=5) != layers.rvs(random_state=rng, size=5)


def test_no_source_is_the_global_one(monkeypatch):
    monkeypatch.setattr(np.random.mtrand, "_rand", np.random.RandomState(4))
    assert HiddenLayers().rvs(size=5) == HiddenLayers().rvs(random_state=4, size=5)


def test_grid_does_not_change_draws():
    assert draws(HiddenLayers(grid=3), n=9) == draws(HiddenLayers(), n=9)


# ------------------------------------------------------------------ grids


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(
    ("depth", "width"), [((0, 2), (1, 4)), ((1, 4), (8, 512)), (1, (1, 40)), ((2, 3), (5, 8))]
)
def test_a_grid_has_n_different_entries_of_the_distribution(shape, log, depth, width):
    layers = HiddenLayers(depth, width, shape, log)
    for n in (1, 2, 5, 7):
        grid = layers.grid(n)
        assert len(set(grid)) == len(grid) == n
        for sizes in grid:
            assert layers.depth[0] <= len(sizes) <= layers.depth[1]
            assert all(layers.width[0] <= w <= layers.width[1] and type(w) is int for w in sizes)
            assert is_of_shape(sizes, shape)
        assert grid == layers.grid(n)


@pytest.mark.parametrize(
    ("shape", "every"),
    [
        ("free", {(), (1,), (2,), (1, 1), (1, 2), (2, 1), (2, 2)}),
        ("rectangle", {(), (1,), (2,), (1, 1), (2, 2)}),
        ("taper", {(), (1,), (2,), (1, 1), (2, 1), (2, 2)}),
    ],
)
def test_a_grid_can_hold_all_there_is_and_no_more(shape, every):
    layers = HiddenLayers(depth=(0, 2), width=(1, 2), shape=shape)
    assert set(layers.grid(len(every))) == every
    with pytest.raises(ValueError, match=f"n must not exceed {len(every)}.*got {len(every) + 1}"):
        layers.grid(len(every) + 1)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("n", [2, 3, 39, 40])
def test_grid_widths_reach_both_ends(log, n):
    widths = [sizes[0] for sizes in HiddenLayers(depth=1, width=(1, 40), log=log).grid(n)]
    assert widths == sorted(set(widths))
    assert (widths[0], widths[-1]) == (1, 40)


def test_grid_widths_are_spread_as_the_draws_are():
    assert HiddenLayers(depth=1, width=(8, 512)).grid(4) == [(8,), (32,), (128,), (512,)]
    assert HiddenLayers(depth=1, width=(8, 512)).grid(1) == [(64,)]
    assert HiddenLayers(depth=1, width=(10, 40), log=False).grid(4) == [(10,), (20,), (30,), (40,)]
    assert HiddenLayers(depth=1, width=(10, 40), log=False).grid(1) == [(25,)]


def test_a_grid_deals_its_entries_to_all_depths():
    per_depth = Counter(map(len, HiddenLayers(depth=(0, 3)).grid(10)))
    assert per_depth == {0: 1, 1: 3, 2: 3, 3: 3}
    assert list(map(len, HiddenLayers(depth=(1, 4)).grid(2))) == [2, 4]


def test_a_grid_of_deep_nets_is_not_an_enumeration():
    grid = HiddenLayers(depth=100).grid(3)
    assert [(sizes[0], sizes[-1]) for sizes in grid] == [(8, 8), (8, 512), (512, 512)]


def test_with_grid_it_is_a_sequence():
    layers = HiddenLayers(grid=6)
    assert list(layers) == HiddenLayers().grid(6)
    assert len(layers) == 6
    assert layers[-1] == list(layers)[-1]
    found = GridSearchCV(
        MLPClassifier(max_iter=2, random_state=0),
        {"hidden_layer_sizes": HiddenLayers(depth=(0, 1), width=(2, 4), grid=3)},
        cv=2,
    ).fit(*problem("multiclass"))
    assert list(found.cv_results_["param_hidden_layer_sizes"]) == [(), (2,), (4,)]


@pytest.mark.parametrize(
    "use",
    [
        len,
        iter,
        lambda layers: layers[0],
        lambda layers: ParameterGrid({"hidden_layer_sizes": layers}),
    ],
)
def test_without_grid_a_grid_is_refused(use):
    with pytest.raises(ValueError, match=r"HiddenLayers\(.*is a distribution.*\.grid\(N\).*grid=N"):
        use(HiddenLayers())


# ------------------------------------------------------------------ as a value


@pytest.mark.parametrize(
    "layers",
    [HiddenLayers(), HiddenLayers(2, (1, 9), "taper", False), HiddenLayers(shape="free", grid=4)],
)
def test_repr_copies_and_pickles_are_equal(layers):
    for other in (
        eval(repr(layers)),
        copy.deepcopy(layers),
        pickle.loads(pickle.dumps(layers)),
        clone(layers, safe=False),
    ):
        assert other == layers
        assert hash(other) == hash(layers)
        assert repr(other) == repr(layers)
        assert draws(other, n=5) == draws(layers, n=5)


def test_each_argument_counts_in_equality():
    different = [
        HiddenLayers(),
        HiddenLayers(depth=(1, 3)),
        HiddenLayers(width=(8, 256)),
        HiddenLayers(shape="taper"),
        HiddenLayers(log=False),
        HiddenLayers(grid=2),
    ]
    assert len(set(different)) == len(different)
    assert HiddenLayers(depth=2) == HiddenLayers(depth=[2, 2])
    assert HiddenLayers() != ((1, 4), (8, 512), "free", True)


def test_it_is_true_without_a_length():
    assert HiddenLayers()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": -1}, r"depth must be an integer of at least 0 or a pair .*got -1"),
        ({"depth": (3, 1)}, r"depth must .*got \(3, 1\)"),
        ({"depth": (1, 2, 3)}, r"depth must .*got \(1, 2, 3\)"),
        ({"depth": True}, r"depth must .*got True"),
        ({"depth": 1.5}, r"depth must .*got 1.5"),
        ({"width": 0}, r"width must be an integer of at least 1 or a pair .*got 0"),
        ({"width": (0, 8)}, r"width must .*got \(0, 8\)"),
        ({"width": (8, 16.0)}, r"width must .*got \(8, 16.0\)"),
        ({"width": "8"}, r"width must .*got '8'"),
        ({"width": None}, r"width must .*got None"),
        ({"shape": "cone"}, r"shape must be one of .*'taper'.*got 'cone'"),
        ({"shape": None}, r"shape must be one of .*got None"),
        ({"log": "yes"}, r"log must be True or False, got 'yes'"),
        ({"grid": 0}, r"grid must be an integer of at least 1, got 0"),
        ({"grid": True}, r"grid must be an integer of at least 1, got True"),
        ({"grid": 2.0}, r"grid must be an integer of at least 1, got 2.0"),
        ({"depth": 1, "width": (1, 5), "grid": 6}, r"grid must not exceed 5.*got 6"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        HiddenLayers(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": -1}, "size must be an integer of at least 0, got -1"),
        ({"size": (2, 3)}, r"size must be .*got \(2, 3\)"),
        ({"random_state": "seed"}, "random_state must be .*got 'seed'"),
        ({"random_state": -1}, "random_state must be .*got -1"),
    ],
)
def test_bad_arguments_of_rvs(arguments, message):
    with pytest.raises(ValueError, match=message):
        HiddenLayers().rvs(**arguments)


# ------------------------------------------------------------------ in scikit-learn's searches


def test_parameter_sampler():
    space = {"hidden_layer_sizes": HiddenLayers(), "activation": ["relu", "tanh"]}
    drawn = list(ParameterSampler(space, n_iter=30, random_state=0))
    assert drawn == list(ParameterSampler(space, n_iter=30, random_state=0))
    assert len({params["hidden_layer_sizes"] for params in drawn}) > 20


@pytest.mark.parametrize("net_class", [MLPClassifier, SklearnMLPClassifier])
def test_random_search(net_class):
    X, y = problem("multiclass")
    layers = HiddenLayers(depth=(0, 2), width=(2, 6))
    search = RandomizedSearchCV(
        net_class(max_iter=3, random_state=0),
        {"hidden_layer_sizes": layers},
        n_iter=6,
        cv=2,
        random_state=1,
    ).fit(X, y)
    drawn = list(search.cv_results_["param_hidden_layer_sizes"])
    assert len(set(map(len, drawn))) > 1
    widths = [weights.shape[1] for weights in search.best_estimator_.coefs_[:-1]]
    assert tuple(widths) == search.best_params_["hidden_layer_sizes"]
    assert "HiddenLayers(depth=(0, 2)" in repr(search)


def test_halving_random_search():
    X, y = problem("multiclass")
    search = HalvingRandomSearchCV(
        MLPClassifier(random_state=0),
        {"hidden_layer_sizes": HiddenLayers(width=(2, 6))},
        n_candidates=4,
        factor=2,
        resource="max_iter",
        min_resources=1,
        max_resources=4,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert search.n_candidates_ == [4, 2, 1]
    assert len(set(search.cv_results_["param_hidden_layer_sizes"][:4])) == 4


# ------------------------------------------------------------------ ready-made spaces


def test_default_space_of_each_estimator_can_be_searched(Estimator):
    kind = "multiclass" if Estimator is MLPClassifier else "one target"
    X, y = problem(kind)
    for solver in ("adam", "sgd", "lbfgs"):
        net = Estimator(solver=solver, max_iter=2, random_state=0)
        space = spaces.default(net, n_samples=len(X) // 2)
        assert set(space) <= set(net.get_params())
        search = RandomizedSearchCV(
            net, space, n_iter=4, cv=2, random_state=0, error_score="raise"
        ).fit(X, y)
        names = {key.removeprefix("param_") for key in search.cv_results_ if "param_" in key}
        assert names == set(space)


def test_default_space_in_a_pipeline_has_prefixes():
    net = MLPRegressor()
    inner = Pipeline([("scale", StandardScaler()), ("net", net)])
    outer = Pipeline([("first", StandardScaler()), ("rest", inner)])
    names = set(spaces.default(net))
    assert set(spaces.default(inner)) == {f"net__{name}" for name in names}
    assert set(spaces.default(outer)) == {f"rest__net__{name}" for name in names}
    assert set(spaces.default(outer)) <= set(outer.get_params())


def test_default_space_knows_the_solver():
    adam, sgd, lbfgs = (
        spaces.default(MLPClassifier(solver=solver)) for solver in ("adam", "sgd", "lbfgs")
    )
    assert adam["learning_rate_init"].support() == (1e-4, 3e-2)
    assert sgd["learning_rate_init"].support() == (1e-4, 3e-1)
    assert set(lbfgs) == {"hidden_layer_sizes", "activation", "alpha"}


@pytest.mark.parametrize("rate", [0.1, [0.1, 0.01]])
def test_default_space_searches_the_learning_rate_that_acts(rate):
    space = spaces.default(MLPClassifier(learning_rate=rate))
    assert "learning_rate" in space
    assert "learning_rate_init" not in space


@pytest.mark.parametrize("schedule", ["cosine", Cosine(warmup=5), lambda epoch, rate: rate / 2])
def test_default_space_keeps_the_schedule(schedule):
    space = spaces.default(MLPClassifier(learning_rate=schedule))
    assert "learning_rate_init" in space
    assert "learning_rate" not in space


def test_default_space_frees_the_number_of_layers():
    assert "num_layers" not in spaces.default(MLPClassifier())
    net = MLPClassifier(hidden_layer_sizes=5, num_layers=2, max_iter=1)
    space = spaces.default(net, n_samples=48)
    params = next(iter(ParameterSampler(space, 1, random_state=0)))
    fitted = net.set_params(**params).fit(*problem("multiclass"))
    assert fitted.n_layers_ == 2 + len(params["hidden_layer_sizes"])


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [(None, [16, 32, 64, 128, 256, 512]), (64, [16, 32, 64]), (63, [16, 32]), (15, ["auto"])],
)
def test_default_space_leaves_out_batches_that_no_fold_fills(n_samples, expected):
    assert spaces.default(MLPClassifier(), n_samples=n_samples)["batch_size"] == expected


def test_dropout_is_zero_in_half_of_the_draws():
    dropout = spaces.default(MLPClassifier())["dropout"]
    drawn = [dropout.rvs(random_state=np.random.RandomState(seed)) for seed in range(1000)]
    assert 0.45 < np.mean(np.equal(drawn, 0)) < 0.55
    positive = [rate for rate in drawn if rate > 0]
    assert max(positive) < 0.5
    assert np.mean(positive) == pytest.approx(0.25, abs=0.03)
    assert pickle.loads(pickle.dumps(dropout)).rvs(random_state=1) == dropout.rvs(random_state=1)


def test_default_space_is_a_new_dict_each_time():
    first = spaces.default(MLPClassifier())
    first["activation"].append("logistic")
    assert spaces.default(MLPClassifier())["activation"] == ["relu", "tanh"]


@pytest.mark.parametrize(
    "estimator", [StandardScaler(), SklearnMLPClassifier(), MLPClassifier, None]
)
def test_default_space_refuses_other_estimators(estimator):
    with pytest.raises(ValueError, match="estimator must be an MLPClassifier or MLPRegressor"):
        spaces.default(estimator)


@pytest.mark.parametrize("n_samples", [0, 1.5, True, "64"])
def test_default_space_refuses_other_counts(n_samples):
    with pytest.raises(ValueError, match="n_samples must be a positive integer or None, got"):
        spaces.default(MLPClassifier(), n_samples=n_samples)


# ------------------------------------------------------------------ the steps before the net


def pipeline(**steps):
    net = MLPClassifier((4,), max_iter=3, random_state=0)
    return Pipeline([*steps.items(), ("net", net)])


def of_steps(reduction):
    return pipeline(scale=StandardScaler(), expand=FeatureExpansion(), reduce=reduction)


def written(values):
    return [value if isinstance(value, str) else repr(value) for value in values]


def test_features_of_a_pipeline():
    space = spaces.features(of_steps(PCA(random_state=3)))
    assert list(space) == ["scale", "expand", "reduce"]
    assert written(space["scale"]) == ["passthrough", "StandardScaler()", "RobustScaler()"]
    assert space["expand"][0] == "passthrough"
    assert [step.features[1:] for step in space["expand"][1:]] == [
        ("square",),
        ("product",),
        ("sin",),
        ("square", "product"),
        ("square", "sin"),
        ("product", "sin"),
        ("square", "product", "sin"),
    ]
    assert all(step.features[0] == "identity" for step in space["expand"][1:])
    assert written(space["reduce"]) == ["passthrough"] + [
        f"PCA(n_components={share}, random_state=3)" for share in (0.8, 0.9, 0.95, 0.99)
    ]


@pytest.mark.parametrize(
    ("n_features", "with_expansion", "without"),
    [(40, [5, 10, 20, 40], [5, 10, 20]), (7, [1, 3, 7], [1, 3]), (1, [1], [1])],
)
def test_features_of_select_k_best(n_features, with_expansion, without):
    select = SelectKBest(f_regression, k=3)
    for model, sizes in (
        (of_steps(select), with_expansion),
        (pipeline(reduce=select), without),
    ):
        first, *others = spaces.features(model, n_features=n_features)["reduce"]
        assert first == "passthrough"
        assert [step.k for step in others] == sizes
        assert all(step.score_func is f_regression for step in others)
    assert select.k == 3


def test_features_finds_only_what_is_there():
    assert list(spaces.features(pipeline(scale=RobustScaler()))) == ["scale"]
    assert list(spaces.features(pipeline(first=MinMaxScaler(), then=PCA()))) == ["then"]
    assert list(spaces.features(Pipeline([("scale", StandardScaler()), ("pca", PCA())]))) == [
        "scale"
    ]


def test_features_keeps_settings():
    scalers = spaces.features(pipeline(scale=RobustScaler(with_centering=False)))["scale"]
    assert written(scalers[1:]) == ["StandardScaler()", "RobustScaler(with_centering=False)"]
    reductions = spaces.features(pipeline(reduce=PCA(whiten=True)))["reduce"]
    assert all(step.whiten and step.random_state == 0 for step in reductions[1:])


def test_features_takes_steps_by_name():
    model = pipeline(a="passthrough", b=MinMaxScaler(), c="passthrough", d=PCA(), e=PCA(2))
    space = spaces.features(model, scaler="b", expansion="a", reduction="c")
    assert list(space) == ["b", "a", "c"]
    assert written(space["b"]) == ["passthrough", "StandardScaler()", "RobustScaler()"]
    assert len(space["a"]) == 8
    assert written(space["c"])[1] == "PCA(n_components=0.8, random_state=0)"
    assert list(spaces.features(model, reduction="e")) == ["e"]


def test_features_is_new_each_time():
    model = of_steps(PCA())
    first, second = spaces.features(model), spaces.features(model)
    assert first["reduce"][1] is not second["reduce"][1]
    assert first["expand"] is not second["expand"]


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (StandardScaler(), {}, r"pipeline must be a Pipeline, got StandardScaler\(\)"),
        (pipeline(a=MinMaxScaler()), {}, "pipeline must have a step of the types StandardScaler"),
        (pipeline(a=PCA()), {"reduction": "b"}, r"reduction must be .* one of \['a'\], got 'b'"),
        (pipeline(a=PCA()), {"scaler": "net"}, "scaler must be the name of a step before the last"),
        (pipeline(a=PCA(), b=PCA()), {}, r"reduction must name .* \['a', 'b'\], got None"),
        (pipeline(a=SelectKBest()), {}, "n_features must be the number of columns .* got None"),
        (pipeline(a=PCA()), {"n_features": 0}, "n_features must be a positive integer .* got 0"),
    ],
)
def test_features_refuses(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        spaces.features(model, **arguments)


@pytest.mark.parametrize("reduction", [PCA(), SelectKBest()], ids=["PCA", "SelectKBest"])
def test_features_in_a_grid_search_gives_scikit_learns_results(reduction):
    X, y = load_iris(return_X_y=True)
    model = of_steps(reduction)
    space = spaces.features(model, n_features=4)
    space["expand"] = space["expand"][:3]
    found = nnhp.GridSearchCV(model, space, cv=2, error_score="raise").fit(X, y)
    assert found.engine_ == "nnhp"
    assert len(found.cv_results_["params"]) == 3 * 3 * len(space["reduce"])
    assert_same_search(found, GridSearchCV(model, space, cv=2, error_score="raise").fit(X, y))


@pytest.mark.parametrize("reduction", [PCA(), SelectKBest()], ids=["PCA", "SelectKBest"])
def test_features_beside_the_default_space(reduction, tmp_path):
    X, y = load_iris(return_X_y=True)
    model = of_steps(reduction)
    space = spaces.default(model, n_samples=100) | spaces.features(model, n_features=4)
    space["net__hidden_layer_sizes"] = [(3,), (4, 2)]
    keywords = {"cv": 2, "random_state": 0, "error_score": "raise"}
    halving = {"resource": "net__max_iter", "max_resources": 4, "factor": 2, "n_candidates": 4}
    for search in (
        nnhp.RandomizedSearchCV(model, space, n_iter=6, **keywords),
        nnhp.HalvingRandomSearchCV(model, space, min_resources=1, **halving, **keywords),
    ):
        search.fit(X, y)
        assert search.engine_ == "nnhp"
        assert len({repr(params["expand"]) for params in search.cv_results_["params"]}) > 1
        recorded = clone(search).set_params(study=tmp_path / type(search).__name__)
        for _ in range(2):  # the second finds all in the study
            assert_same_search(recorded.fit(X, y), search)
