"""Conditions in spaces, and spaces in numbers."""

from itertools import islice

import numpy as np
import pytest
from helpers import STOPS_EARLY, problem
from scipy.stats import (
    bernoulli,
    binom,
    binomtest,
    expon,
    loguniform,
    norm,
    poisson,
    randint,
    rv_discrete,
    truncnorm,
    uniform,
)
from sklearn.model_selection import ParameterSampler as ScikitParameterSampler

import nnhp
from nnhp import HiddenLayers, When
from nnhp.optimizers import SGD, RMSprop
from nnhp.search._dimensions import Space
from nnhp.search._proposals import RandomTrial
from nnhp.search._when import ParameterSampler

pytestmark = STOPS_EARLY

TREE = [
    {"solver": ["sgd", "adam"], "alpha": loguniform(1e-5, 1)},
    When({"solver": "sgd"}, {"momentum": uniform(0, 0.99), "nesterovs_momentum": [True, False]}),
    When({"nesterovs_momentum": False}, {"learning_rate": ["constant", "invscaling"]}),
    When({"learning_rate": ["invscaling", "adaptive"]}, {"power_t": uniform(0.2, 0.5)}),
]


def is_sound(params):
    sgd = params["solver"] == "sgd"
    plain = sgd and not params["nesterovs_momentum"]
    return (
        ("momentum" in params) == ("nesterovs_momentum" in params) == sgd
        and ("learning_rate" in params) == plain
        and ("power_t" in params) == (plain and params["learning_rate"] == "invscaling")
    )


def drawn(space, n=200, *, all_genes=False):
    found = Space(space, all_genes=all_genes)
    return [found.params(RandomTrial([seed])) for seed in range(n)]


@pytest.mark.parametrize("all_genes", [False, True])
def test_conditions_decide_what_a_proposal_has(all_genes):
    settings = drawn(TREE, all_genes=all_genes)
    assert all(map(is_sound, settings))
    assert {len(params) for params in settings} == {2, 4, 5, 6}


def test_conditions_decide_what_a_random_draw_has():
    sampler = ParameterSampler(TREE, 200, random_state=0)
    settings = list(sampler)
    assert len(sampler) == len(settings) == 200
    assert all(map(is_sound, settings))
    assert {len(params) for params in settings} == {2, 4, 5, 6}
    assert settings == list(ParameterSampler(TREE, 200, random_state=0))
    assert settings != list(ParameterSampler(TREE, 200, random_state=1))


LISTED = [
    {"solver": ["sgd", "adam"]},
    When({"solver": "sgd"}, {"momentum": [0.5, 0.9], "nesterovs_momentum": [True, False]}),
    When({"nesterovs_momentum": False}, {"power_t": [0.3]}),
]


def test_settings_that_can_be_listed_are_drawn_once():
    drawn = [list(ParameterSampler(LISTED, 3, random_state=seed)) for seed in range(300)]
    assert all(len({repr(params) for params in settings}) == 3 for settings in drawn)
    assert all(map(is_sound_if_listed, (params for settings in drawn for params in settings)))
    # Half of what comes first, as of single draws, though four settings of five have 'sgd'.
    n_adam = sum(settings[0] == {"solver": "adam"} for settings in drawn)
    assert binomtest(n_adam, 300, 0.5).pvalue > 1e-3


@pytest.mark.parametrize(
    ("space", "n_settings"),
    [
        (
            [
                {"kind": list("abcdef")},
                *(When({"kind": kind}, {f"p_{kind}": list(range(10))}) for kind in "abcdef"),
            ],
            60,
        ),
        ([{"a": range(400)}, {"b": range(400)}, When({"a": 0}, {"c": range(9)})], 808),
        (
            [{"a": [0, 1], "b": [0, 1]}, When({"a": 1}, {"c": [1, 2]}), When({"b": 1}, {"c": [3]})],
            5,
        ),
    ],
    ids=["exclusive", "parts", "overriding"],
)
def test_all_settings_are_drawn_each_once(space, n_settings):
    settings = list(ParameterSampler(space, n_settings, random_state=0))
    assert len({repr(sorted(params.items())) for params in settings}) == n_settings


def test_equal_settings_are_as_likely_as_all_of_them():
    space = [{"a": [0, 1]}, When({"a": 1}, {"c": [1, 2]}), When({"a": 1}, {"c": [3]})]
    sampler = ParameterSampler(space, 2, random_state=0)
    assert sampler._settings == [({"a": 0}, 0.5), ({"a": 1, "c": 3}, 0.5)]


def is_sound_if_listed(params):
    sgd = params["solver"] == "sgd"
    plain = sgd and not params["nesterovs_momentum"]
    return ("momentum" in params) == sgd and ("power_t" in params) == plain


def test_a_space_with_fewer_settings_than_draws_is_told():
    sampler = ParameterSampler(LISTED, 9, random_state=0)
    with pytest.warns(UserWarning, match="The space has 5 settings, fewer than the 9 to draw"):
        settings = list(sampler)
    assert len(sampler) == len({repr(params) for params in settings}) == 5


def test_large_spaces_with_conditions_are_drawn_from_alike():
    space = [{"a": range(1000), "b": range(1000)}, When({"a": list(range(500))}, {"c": [1]})]
    settings = list(ParameterSampler(space, 50, random_state=0))
    assert len(settings) == 50
    assert all(("c" in params) == (params["a"] < 500) for params in settings)


@pytest.mark.parametrize("space", [{"a": [1, 2, 3]}, [{"a": uniform(0, 1)}, {"b": [1]}]])
def test_without_conditions_draws_are_scikit_learns(space):
    ours, theirs = (
        cls(space, 3, random_state=5) for cls in (ParameterSampler, ScikitParameterSampler)
    )
    assert list(ours) == list(theirs)
    assert len(ours) == len(theirs)


@pytest.mark.parametrize(
    "make",
    [
        lambda **kw: nnhp.RandomizedSearchCV(n_iter=6, **kw),
        lambda **kw: nnhp.HyperbandSearchCV(max_resources=9, **kw),
        lambda **kw: nnhp.HalvingRandomSearchCV(
            n_candidates=9, resource="max_iter", max_resources=9, **kw
        ),
    ],
)
def test_random_searches_take_conditions(make, tmp_path):
    net = nnhp.MLPClassifier(4, max_iter=3, random_state=0)
    study = tmp_path / "study.db"
    settings = {"param_distributions": TREE, "cv": 2, "random_state": 0, "study": study}
    search = make(estimator=net, **settings).fit(*problem("multiclass"))
    assert all(map(is_sound, search.cv_results_["params"]))
    assert make(estimator=net, **settings).fit(*problem("multiclass")).n_epochs_trained_ == 0


def test_values_of_conditions_may_be_arrays():
    condition = When({"init": [np.ones(3), "auto"]}, {"b": [1]})
    assert condition.holds({"init": np.ones(3)})
    assert condition.holds({"init": "auto"})
    assert not condition.holds({"init": np.zeros(3)})
    assert not condition.holds({"init": np.ones(2)})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("sgd", {"a": [1]}), TypeError, "condition must be a dict of parameters by their names"),
        (({"a": 1}, [1]), TypeError, "space must be a dict of parameters by their names"),
        (({1: 1}, {"a": [1]}), TypeError, "condition must be a dict"),
        (({}, {"a": [1]}), ValueError, "condition must not be empty"),
        (({"a": []}, {"a": [1]}), ValueError, "condition must not be empty"),
        (({"a": 1}, {"b": []}), ValueError, "space must not be empty"),
    ],
)
def test_bad_conditions(arguments, error, message):
    with pytest.raises(error, match=message):
        When(*arguments)


@pytest.mark.parametrize(
    ("space", "error", "message"),
    [
        ([{"a": [1]}, "b"], TypeError, "param_distributions must be a dict or a list of dict and"),
        ([When({"a": 1}, {"b": [1]})], ValueError, "param_distributions must have at least one"),
        ([{"a": [1]}, When({"x": 1}, {"b": [1]})], ValueError, "asks for 'x', which nothing"),
        (
            [{"a": ["sgd"]}, When({"a": "SGD"}, {"b": [1]})],
            ValueError,
            r"never holds, because a is one of \['sgd'\]",
        ),
        (
            [{"a": [[8], [4, 4]]}, When({"a": [4, 4]}, {"b": [1]})],
            ValueError,
            "A list in a condition stands for any of its values",
        ),
        ({"a": []}, ValueError, "values of a must be a list that is not empty"),
        ({"a": 3}, ValueError, "values of a must be a list"),
        ({"a": type("Odd", (), {"rvs": None})()}, ValueError, "values of a .* with a method ppf"),
    ],
)
def test_bad_spaces(space, error, message):
    with pytest.raises(error, match=message):
        Space(space, all_genes=False)


@pytest.mark.parametrize(
    ("values", "low", "high", "kind"),
    [
        (uniform(2, 3), 2, 5, float),
        (loguniform(1e-3, 10), 1e-3, 10, float),
        (loguniform(1, 10, loc=5), 6, 15, float),
        (randint(3, 7), 3, 6, int),
        (randint(3, 7, loc=10), 13, 16, int),
        (norm(5, 1), 0, 10, float),
        (expon(1), 1, 15, float),
        (poisson(4), 0, 30, int),
        (rv_discrete(values=([8, 16, 32], [0.2, 0.5, 0.3])), 8, 32, int),
        (range(5, 50, 15), 5, 35, int),
        (np.array([1, 2, 4]), 1, 4, int),
        ([0.5], 0.5, 0.5, float),
    ],
)
def test_values_of_a_distribution(values, low, high, kind):
    found = [params["a"] for params in drawn({"a": values})]
    assert all(type(value) is kind and low <= value <= high for value in found)
    reference = (
        list(values) if not hasattr(values, "rvs") else values.rvs(size=4000, random_state=0)
    )
    if kind is not int and len(set(found)) > 1:
        spread = np.quantile(reference, 0.9) - np.quantile(reference, 0.1)
        assert abs(np.median(found) - np.median(reference)) < 0.2 * spread
    else:
        assert set(found) <= set(reference)


def test_the_default_space_is_modelled():
    net = nnhp.MLPClassifier()
    settings = drawn(nnhp.spaces.default(net), 300)
    rates = [params["dropout"] for params in settings]
    assert 0.4 < np.mean(np.equal(rates, 0)) < 0.6
    assert 0.45 < max(rates) <= 0.5


@pytest.mark.parametrize("all_genes", [False, True])
@pytest.mark.parametrize(
    "layers",
    [
        HiddenLayers((0, 3), (4, 64)),
        HiddenLayers((1, 3), (4, 64), shape="taper"),
        HiddenLayers((2, 3), (4, 64), shape="rectangle", log=False),
        HiddenLayers(2, 8),
    ],
    ids=repr,
)
def test_hidden_layers(layers, all_genes):
    space = Space({"h": layers}, all_genes=all_genes)
    for seed in range(100):
        units = space.params(RandomTrial([seed]))["h"]
        assert layers.depth[0] <= len(units) <= layers.depth[1]
        assert all(layers.width[0] <= width <= layers.width[1] for width in units)
        if layers.shape == "rectangle":
            assert len(set(units)) == 1
        if layers.shape == "taper":
            assert list(units) == sorted(units, reverse=True)
        assert space.genes({"h": units}) is not None
    assert space.genes({"h": (4, 5, 6, 7)}) is None
    assert space.genes({"h": (3,)}) is None


class Fixed:
    """A trial that suggests given genes, or fails."""

    def __init__(self, genes):
        self._genes = genes

    def suggest_int(self, name, low, high, *, log=False):
        assert low <= self._genes[name] <= high
        return self._genes[name]

    suggest_float = suggest_int

    def suggest_categorical(self, name, choices):
        assert self._genes[name] in choices
        return self._genes[name]


SPACES = [
    TREE,
    [{"a": uniform(0, 1), "b": ["x", None, (1, 2)]}, {"a": uniform(5, 1)}, {"c": [3, 2, 1]}],
    {"solver": [SGD(), RMSprop()], "solver__learning_rate": loguniform(1e-3, 1e-1)},
    {"h": HiddenLayers((1, 3), (4, 9)), "n": norm(), "r": randint(2, 9), "k": poisson(3)},
    {"b": bernoulli(0.5), "n": binom(3, 0.5), "d": rv_discrete(values=([8, 32], [0.2, 0.8]))},
    {"h": HiddenLayers((2, 3), (1, 99), log=False), "r": randint(2, 90), "l": range(0, 80, 2)},
]


@pytest.mark.parametrize("space", SPACES)
def test_genes_mean_the_setting_that_they_were_found_for(space):
    found = Space(space, all_genes=False)
    for seed in range(50):
        params = found.params(RandomTrial([seed]))
        again = found.params(Fixed(found.genes(params)))
        assert again.keys() == params.keys()
        for name, value in params.items():
            assert again[name] == (pytest.approx(value) if isinstance(value, float) else value)


class Quantiles:
    """The least that a distribution must have."""

    def rvs(self, random_state):
        return 0.5

    def ppf(self, q):
        return q


@pytest.mark.parametrize(
    ("values", "value", "meant"),
    [
        (truncnorm(-1, 1), 1.0, pytest.approx(1, abs=1e-5)),
        (truncnorm(-1, 1), -1, pytest.approx(-1, abs=1e-5)),
        (truncnorm(-1, 1), 1.5, None),
        (norm(), -30.0, None),
        (poisson(3), 40, None),
        (rv_discrete(values=([8, 32], [0.2, 0.8])), 9, None),
        (Quantiles(), 0.5, None),
    ],
    ids=lambda given: getattr(getattr(given, "dist", None), "name", None),
)
def test_values_at_the_ends_and_beyond(values, value, meant):
    space = Space({"a": values}, all_genes=False)
    genes = space.genes({"a": value})
    assert (genes and space.params(Fixed(genes))["a"]) == meant


@pytest.mark.parametrize("values", [uniform(0, 1), uniform(-1, 3), loguniform(1e-3, 1)])
def test_a_model_that_proposes_an_end_stays_inside(values):
    space = Space({"a": values}, all_genes=False)
    for end, inside in zip(values.support(), values.ppf([1e-6, 1 - 1e-6]), strict=True):
        assert space.params(Fixed({"a": float(end)}))["a"] == pytest.approx(inside, rel=1e-9)


@pytest.mark.parametrize("values", [loguniform(1e-200, 1e200), uniform(1.0, 1e-12)])
def test_ends_of_extreme_ranges_stay_inside(values):
    space = Space({"a": values}, all_genes=False)
    low, high = map(float, values.support())
    for end in (low, high):
        assert low < space.params(Fixed({"a": end}))["a"] < high


@pytest.mark.parametrize("units", [None, "auto", (4.5,), (4, None), [[4]]])
def test_what_is_no_hidden_layers_has_no_genes(units):
    space = Space({"h": HiddenLayers((1, 3), (4, 64))}, all_genes=False)
    assert space.genes({"h": units}) is None


@pytest.mark.parametrize("n", [5, 30])
def test_integers_are_drawn_evenly(n):
    draws = [params["r"] for params in drawn({"r": randint(7, 7 + n)}, 200 * n)]
    counts = np.bincount(draws, minlength=7 + n)
    assert counts[:7].sum() == 0
    assert len(counts) == 7 + n
    assert 140 < counts[7:].min() < counts.max() < 260  # 4 standard deviations


def test_settings_outside_of_the_space_have_no_genes():
    space = Space(TREE, all_genes=False)
    inside = {"solver": "adam", "alpha": 1e-3}
    assert space.genes(inside) == {"solver": 1, "alpha": 1e-3}
    for other in ({"solver": "lbfgs"}, {"alpha": 2.0}, {"alpha": "auto"}, {"solver": "sgd"}):
        assert space.genes({**inside, **other}) is None


def test_all_settings_of_a_small_space():
    space = Space(
        [
            {"a": [1, 2], "h": HiddenLayers(1, (3, 4))},
            {"b": ["x", "y"]},
            When({"a": 2}, {"c": randint(0, 3)}),
            When({"c": 1}, {"d": [True, False]}),
        ],
        all_genes=False,
    )
    assert space.can_be_listed
    settings = list(space.settings())
    assert len(settings) == 2 + 2 * (2 + 2) + 2
    seen = {repr(sorted(params.items())) for params in settings}
    assert len(seen) == len(settings)
    for params in (space.params(RandomTrial([seed])) for seed in range(100)):
        assert repr(sorted(params.items())) in seen


def test_large_spaces_are_not_listed():
    assert not Space({"a": uniform(0, 1)}, all_genes=False).can_be_listed
    assert not Space({"h": HiddenLayers((1, 4), (8, 512))}, all_genes=False).can_be_listed
    many = Space({name: range(46) for name in "abc"}, all_genes=False)
    assert many.can_be_listed
    assert len(list(islice(many.settings(), 10))) == 10
