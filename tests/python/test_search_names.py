"""What every search makes of every name and object: the scores of the net that has it.

Each is a candidate of a search, whose scores must be those of an estimator that was given the
value when it was made, bit for bit.
"""

import numpy as np
import pytest
from helpers import N_SAMPLES, STOPS_EARLY, assert_same_results
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import ParameterGrid, PredefinedSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from vocabulary import FAMILIES, OBJECTS, SMALL

import nnhp
from nnhp.estimators._schedules import laid_out

pytestmark = [
    STOPS_EARLY,
    pytest.mark.filterwarnings("ignore:The total space of parameters:UserWarning"),
]

CV = PredefinedSplit(np.arange(N_SAMPLES) % 2 - 1)  # one fold, of every second sample
RUNGS = {"max_resources": 4, "factor": 4}  # 1 epoch, then 4


def grid(estimator, space, **options):
    return nnhp.GridSearchCV(estimator, space, **options)


def random(estimator, space, **options):
    n_iter = len(ParameterGrid(space))
    return nnhp.RandomizedSearchCV(estimator, space, n_iter=n_iter, random_state=0, **options)


def halving_grid(estimator, space, **options):
    of_rungs = {"resource": _epochs_of(estimator), "min_resources": 1, **RUNGS}
    return nnhp.HalvingGridSearchCV(estimator, space, **of_rungs, **options)


def halving_random(estimator, space, **options):
    of_rungs = {"resource": _epochs_of(estimator), "min_resources": 1, **RUNGS}
    return nnhp.HalvingRandomSearchCV(
        estimator, space, n_candidates=len(ParameterGrid(space)), random_state=0, **of_rungs,
        **options,
    )  # fmt: skip


def hyperband(estimator, space, **options):
    return nnhp.HyperbandSearchCV(
        estimator, space, extra_candidates=list(ParameterGrid(space)), random_state=0, **RUNGS,
        **options,
    )  # fmt: skip


def _epochs_of(estimator):
    return "net__max_iter" if isinstance(estimator, Pipeline) else "max_iter"


SEARCHES = {s.__name__: s for s in (grid, random, halving_grid, halving_random, hyperband)}
WHOLE = (grid, random)  # where each candidate is trained once, to its end


class Form:
    """A net alone, or last in a Pipeline."""

    def __init__(self, name):
        self.piped = name == "pipeline"
        self.prefix = "net__" if self.piped else ""

    def of(self, net):
        return Pipeline([("scale", StandardScaler()), ("net", net)]) if self.piped else net

    def space(self, space):
        return [{f"{self.prefix}{name}": values for name, values in s.items()} for s in space]

    def of_net(self, params):
        return {name.removeprefix(self.prefix): value for name, value in params.items()}


@pytest.fixture(params=["alone", "pipeline"])
def form(request):
    return Form(request.param)


@pytest.fixture(params=SEARCHES.values(), ids=SEARCHES.keys())
def make(request):
    return request.param


# ------------------------------------------------------------------ spaces of all there is


def space_of_values(Estimator, *, whole=True):
    """A part per family, with the settings under which its values differ."""
    return [
        _settings(family, whole=whole) | {family.parameter: family.values()}
        for family in FAMILIES.values()
        if family.Estimator is Estimator
    ]


def space_of_objects(Estimator, *, whole=True):
    """A part per object and parameter of it."""
    return [
        _settings(FAMILIES[of], whole=whole)
        | {FAMILIES[of].parameter: [base], f"{FAMILIES[of].parameter}__{name}": [value]}
        for of, base, values in OBJECTS
        for name, value in values.items()
        if FAMILIES[of].Estimator is Estimator
    ]


SPACES = {"values": space_of_values, "parameters of objects": space_of_objects}


def _settings(family, *, whole):
    return {k: [v] for k, v in family.settings.items() if whole or k != "max_iter"}


def data_of(Estimator):
    return next(f for f in FAMILIES.values() if f.Estimator is Estimator).data()


def scoring_of(Estimator):
    """A score that tells nets apart, and that every net has."""
    return "roc_auc" if is_classifier(Estimator()) else None


# ------------------------------------------------------------------ by hand


def net_by_hand(Estimator, params, horizon):
    """The net that has these parameters from the beginning.

    Where epochs are the resource, schedules are those of as many as there may be.
    """
    given = {name: value for name, value in params.items() if "__" not in name}
    for name, value in params.items():
        of, nested, parameter = name.partition("__")
        if nested:
            others = {p: v for p, v in given[of].get_params().items() if p != parameter}
            given[of] = type(given[of])(**others, **{parameter: value})
    if horizon is not None and "learning_rate" in given:
        given["learning_rate"] = laid_out(given["learning_rate"], horizon)
    return Estimator(**(SMALL | given))


_SCORES: dict = {}


def score_by_hand(Estimator, form, params, split, horizon=None):
    key = repr((Estimator, form.piped, sorted(params.items()), horizon))
    if key not in _SCORES:
        X, y = data_of(Estimator)
        train, test = split
        net = form.of(net_by_hand(Estimator, params, horizon)).fit(X[train], y[train])
        _SCORES[key] = check_scoring(net, scoring_of(Estimator))(net, X[test], y[test])
    return _SCORES[key]


# ------------------------------------------------------------------ searches


def searched(make, Estimator, form, space, **options):
    return make(
        form.of(Estimator(**SMALL)), form.space(space), cv=CV, refit=False,
        scoring=scoring_of(Estimator), **options,
    ).fit(*data_of(Estimator))  # fmt: skip


@pytest.mark.parametrize("kind", SPACES)
def test_every_value_arrives(make, Estimator, form, kind):
    space = SPACES[kind](Estimator, whole=make in WHOLE)
    found = searched(make, Estimator, form, space)
    assert found.engine_.startswith("nnhp")
    results = found.cv_results_
    (split,) = CV.split()
    horizon = None if make in WHOLE else RUNGS["max_resources"]
    seen = set()
    for row, params in enumerate(results["params"]):
        given = form.of_net(params)
        if horizon:
            given.pop("max_iter", None)
        seen.add(repr(sorted(given.items())))
        if horizon:
            given["max_iter"] = int(results["n_resources"][row])
        score = results["split0_test_score"][row]
        assert score == score_by_hand(Estimator, form, given, split, horizon), params
    assert seen == {repr(sorted(params.items())) for params in ParameterGrid(space)}


def test_a_study_knows_every_value_again(make, Estimator, tmp_path):
    """One that was left after its first candidates, and one that has all."""
    form = Form("pipeline")
    space = [part for of in SPACES.values() for part in of(Estimator, whole=make in WHOLE)]
    plain = searched(make, Estimator, form, space)
    study = str(tmp_path / "study.sqlite")
    left = searched(make, Estimator, form, space, study=study, time_budget_s=1e-9)
    n_left = len(left.cv_results_["params"])
    assert 0 < n_left < len(plain.cv_results_["params"])
    resumed = searched(make, Estimator, form, space, study=study)
    assert_same_results(resumed.cv_results_, plain.cv_results_)
    assert resumed.n_epochs_trained_ <= plain.n_epochs_trained_
    again = searched(make, Estimator, form, space, study=study)
    assert_same_results(again.cv_results_, plain.cv_results_)
    assert again.n_epochs_trained_ == 0


def test_every_value_arrives_in_a_sweep(Estimator, form):
    given = [
        params
        for of in SPACES.values()
        for params in ParameterGrid(of(Estimator))
        if params.get("solver") != "lbfgs"  # has no epochs
    ]
    values = {
        str(place): {f"{form.prefix}{name}": value for name, value in params.items()}
        for place, params in enumerate(given)
    }
    sweep = nnhp.sweep(
        form.of(Estimator(**SMALL)), *data_of(Estimator), "name", values, cv=CV, repeats=1,
        scoring=scoring_of(Estimator),
    )  # fmt: skip
    ((train, _, test),) = sweep.splits[0]
    for score, params in zip(sweep.runs["test_score"], given, strict=True):
        by_hand = {**params, "random_state": sweep.seeds[0]}
        assert score == score_by_hand(Estimator, form, by_hand, (train, test)), params


# ------------------------------------------------------------------ unknown names


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_unknown_names_are_listed(make, family, form):
    space = form.space([{family.parameter: [family.names[0], "snake"]}])
    with pytest.raises(InvalidParameterError, match="'snake'") as error:
        make(form.of(family.estimator()), space, error_score="raise").fit(*family.data())
    assert all(repr(name) in str(error.value) for name in [*family.names, *family.aliases])
