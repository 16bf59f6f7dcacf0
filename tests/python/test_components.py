"""Components, values with parameters of their own, through searches, studies and pictures."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from helpers import STOPS_EARLY, assert_identical, assert_same_search, fitted_state, problem
from scipy.stats import uniform
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import nnhp
from nnhp import _component, losses, optimizers, schedules
from nnhp._component import Component
from nnhp.estimators._training import Training
from nnhp.plots._settings import Column, label
from nnhp.search._fingerprint import describe
from nnhp.search._study_values import NamedValue, dumps, loads, refused

pytestmark = STOPS_EARLY

PACKAGE = Path(nnhp.__file__).parent


class Foreign(Component):
    """A component that is none of nnhp's own."""

    name = "foreign"

    def __init__(self, value=1):
        self.value = value


def test_components_are_equal_by_their_values():
    rates = np.linspace(0.1, 0.01, 2000)
    others = rates.copy()
    others[1000] = 0.5
    boundaries = range(1, 2000)
    assert schedules.Piecewise(boundaries, rates) == schedules.Piecewise(boundaries, rates.tolist())
    assert schedules.Piecewise(boundaries, rates) != schedules.Piecewise(boundaries, others)
    assert losses.Quantile([0.1, 0.5]) != losses.Quantile([0.1, 0.5 + 1e-9])
    assert hash(losses.Quantile([0.1, 0.5])) == hash(losses.Quantile((np.float64(0.1), 0.5)))
    assert optimizers.RMSprop() != optimizers.Adagrad()


# -------------------------------------------------------------------- in files


def test_all_public_components_can_be_named():
    public = set()
    for path in PACKAGE.glob("[a-z]*.py"):
        names = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ClassDef)]
        if any(isinstance(b, ast.Name) and b.id == "Component" for n in names for b in n.bases):
            public.add(path.stem)
    assert public == set(_component.MODULES)
    for path, of_class in _component.known().items():
        assert path == f"{of_class.__module__}.{of_class.__qualname__}"
        assert of_class in vars(getattr(nnhp, path.split(".")[1])).values()


def test_components_are_kept_in_typed_json():
    value = {"solver": optimizers.RMSprop(rho=np.float64(0.9), clipnorm=float("inf"))}
    content = dumps(value, refused)
    path, parameters = json.loads(content)["solver"]["$component"]
    assert path == "nnhp.optimizers.RMSprop"
    assert parameters["rho"] == {"$numpy": ["<f8", 0.9]}
    assert_identical(loads(content), value)
    assert dumps(loads(content), refused) == content


def test_foreign_components_are_only_named():
    with pytest.raises(TypeError, match="cannot be kept"):
        dumps([Foreign()], refused)
    (kept,) = loads(dumps([Foreign(2)]))
    assert isinstance(kept, NamedValue)
    assert "Foreign(value=2)" in repr(kept)
    # Nor are nnhp's own ones kept whose parameters cannot be.
    (kept,) = loads(dumps([optimizers.RMSprop(rho=Foreign())]))
    assert isinstance(kept, NamedValue)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("os.system", {}),
        ("nnhp.optimizers.Optimizer", {}),
        ("nnhp.optimizers.BY_NAME", {}),
        ("nnhp._component.Component", {}),
        ("nnhp.optimizers.Lion", {"rho": 0.9}),
        (["nnhp.optimizers.Lion"], {}),
    ],
)
def test_a_file_cannot_name_other_things(path, parameters):
    content = json.dumps({"$component": [path, parameters]}).encode()
    with pytest.raises(ValueError, match=r"component must be one of|has the parameters"):
        loads(content)


def test_descriptions_tell_components_apart():
    one, other = optimizers.RMSprop(rho=0.9), optimizers.RMSprop(rho=0.95)
    assert describe(one) == describe(optimizers.RMSprop()) != describe(other)
    assert describe([one]) != describe([optimizers.Adadelta(rho=0.9)])


# -------------------------------------------------------------------- in searches

SPACES = {
    "objects": {
        "solver": ["adam", optimizers.RMSprop(rho=0.8), optimizers.Lion(learning_rate=0.002)],
        "batch_size": ["full", 16],
    },
    "their parameters": {"solver__rho": [0.7, 0.8, 0.95], "solver__momentum": [0.0, 0.5]},
    "both": [
        {
            "solver": [optimizers.Adam(amsgrad=True), optimizers.Nadam()],
            "solver__beta_1": [0.5, 0.8],
        },
        {"solver": ["sgd"], "learning_rate_init": [0.1, 0.05]},
    ],
}


def net(**parameters):
    solver = optimizers.RMSprop(centered=True)
    return nnhp.MLPRegressor(
        **{"hidden_layer_sizes": (5,), "solver": solver, "max_iter": 6, "random_state": 0}
        | parameters
    )


def searches(estimator, space, **options):
    options = {"cv": 2, "n_jobs": 1, **options}
    drawn = {**options, "random_state": 0}
    lists = space if isinstance(space, list) else [space]
    return {
        "grid": nnhp.GridSearchCV(estimator, space, **options),
        "random": nnhp.RandomizedSearchCV(estimator, lists, n_iter=3, **drawn),
        "halving grid": nnhp.HalvingGridSearchCV(
            estimator, space, resource=_epochs(estimator), max_resources=6, min_resources=2,
            **options,
        ),
        "halving": nnhp.HalvingRandomSearchCV(
            estimator, lists, n_candidates=3, resource=_epochs(estimator), max_resources=6,
            min_resources=2, **drawn,
        ),
        "hyperband": nnhp.HyperbandSearchCV(
            estimator, lists, resource=_epochs(estimator), max_resources=4, **drawn
        ),
    }  # fmt: skip


def _epochs(estimator):
    return "max_iter" if isinstance(estimator, nnhp.MLPRegressor) else "net__max_iter"


def in_pipeline(space):
    if isinstance(space, list):
        return [in_pipeline(part) for part in space]
    return {f"net__{name}": values for name, values in space.items()}


def pipeline():
    return Pipeline([("scaler", StandardScaler()), ("net", net())])


METHODS = list(searches(net(), SPACES["objects"]))


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("piped", [False, True], ids=["net", "pipeline"])
def test_the_engine_finds_what_scikit_learn_finds(method, piped, space, monkeypatch):
    X, y = problem("one target")
    estimator, space = (pipeline(), in_pipeline(space)) if piped else (net(), space)
    before = str(estimator), str(space)
    found = searches(estimator, space)[method].fit(X, y)
    assert found.engine_ == "nnhp"
    monkeypatch.setenv("NNHP_SEARCH_ENGINE", "off")
    expected = searches(estimator, space)[method].fit(X, y)
    assert_same_search(found, expected)
    assert (str(estimator), str(space)) == before  # no candidate changed what others share


def test_objects_are_told_apart_in_results():
    X, y = problem("one target")
    solvers = [optimizers.RMSprop(rho=0.8), optimizers.RMSprop(rho=0.9), optimizers.Adagrad()]
    search = nnhp.GridSearchCV(net(), {"solver": solvers}, cv=2).fit(X, y)
    results = search.cv_results_
    assert results["param_solver"].tolist() == solvers
    assert [params["solver"] for params in results["params"]] == solvers
    assert len(set(results["mean_test_score"])) == 3
    assert search.best_params_["solver"] in solvers
    assert "RMSprop(rho=0.8)" in str(results["params"])


def test_a_distribution_of_an_object_s_parameter():
    X, y = problem("one target")
    space = {"solver__rho": uniform(0.5, 0.4), "solver__centered": [True, False]}
    search = nnhp.RandomizedSearchCV(net(), space, n_iter=4, random_state=0, cv=2).fit(X, y)
    assert search.engine_ == "nnhp"
    assert search.best_estimator_.solver.rho == search.best_params_["solver__rho"]
    assert net().solver.rho == 0.9


def test_parameters_of_names_are_refused():
    message = (
        r"solver__rho is a parameter of an object, but solver is 'rmsprop': give it an object, "
        r"such as nnhp\.optimizers\.RMSprop\(\), whose parameters can be set"
    )
    net = nnhp.MLPClassifier(solver="rmsprop")
    with pytest.raises(ValueError, match=message):
        net.set_params(solver__rho=0.1)
    with pytest.raises(ValueError, match=message):
        net.set_params(solver__rho=0.1, solver="rmsprop")
    with pytest.raises(ValueError, match=message):
        nnhp.GridSearchCV(net, {"solver__rho": [0.1]}, error_score="raise").fit(*problem("binary"))
    assert net.set_params(solver=optimizers.RMSprop(), solver__rho=0.1).solver.rho == 0.1


def test_a_bad_parameter_is_the_candidate_s_failure():
    X, y = problem("one target")
    space = {"solver__rho": [0.9, 1.5]}
    with (
        pytest.warns(FitFailedWarning, match="'rho' parameter of RMSprop"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search = nnhp.GridSearchCV(net(), space, cv=2).fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]


# -------------------------------------------------------------------- in studies


@pytest.fixture
def trained(monkeypatch):
    """The solvers of the trainings that are made."""
    solvers = []
    make = Training.__init__

    def noting(self, estimator, *args, **more):
        solvers.append(estimator.solver)
        make(self, estimator, *args, **more)

    monkeypatch.setattr(Training, "__init__", noting)
    return solvers


@pytest.mark.parametrize("method", METHODS)
def test_a_study_knows_objects_again(method, tmp_path, trained):
    X, y = problem("one target")
    search = {"study": str(tmp_path / "study.db"), "refit": False}
    expected = searches(net(), SPACES["both"], **search)[method].fit(X, y)
    assert trained
    trained.clear()
    again = searches(net(), SPACES["both"], **search)[method].fit(X, y)
    assert trained == []
    assert_same_search(again, expected)
    assert nnhp.Study(search["study"]).best["params"].items() >= expected.best_params_.items()


def test_a_stopped_study_goes_on_with_objects(tmp_path, trained):
    X, y = problem("one target")
    space = {"solver": [*map(optimizers.RMSprop, [1e-3, 1e-2, 2e-2]), "adam"]}
    expected = searches(net(), space, refit=False)["grid"].fit(X, y)
    study = {"study": str(tmp_path / "study.db"), "refit": False}
    stopped = searches(net(), space, **study, time_budget_s=1e-9)["grid"].fit(X, y)
    n_done = len(stopped.cv_results_["params"])
    assert n_done < 4
    trained.clear()
    assert_same_search(searches(net(), space, **study)["grid"].fit(X, y), expected)
    assert trained == [solver for solver in space["solver"][n_done:] for _ in range(2)]


def test_objects_in_the_queue(tmp_path):
    study = nnhp.Study(str(tmp_path / "study.db"))
    setting = {"solver": optimizers.Adagrad(0.1), "alpha": 0.0}
    study.enqueue(setting)
    assert study.enqueued == [setting]
    X, y = problem("one target")
    search = nnhp.RandomizedSearchCV(
        net(), {"alpha": uniform(0, 1)}, n_iter=2, cv=2, study=study.path, random_state=0
    ).fit(X, y)
    assert search.cv_results_["params"][0] == setting
    frame = study.trials()
    assert "Adagrad(learning_rate=0.1)" in frame.to_string()


def test_another_object_is_another_search(tmp_path):
    X, y = problem("one target")
    study = str(tmp_path / "study.db")
    space = {"alpha": [0.1, 0.2]}
    nnhp.GridSearchCV(net(), space, cv=2, study=study).fit(X, y)
    other = net(solver=optimizers.RMSprop(centered=True, rho=0.5))
    nnhp.GridSearchCV(other, space, cv=2, study=study).fit(X, y)
    assert nnhp.Study(study).trials()["study"].nunique() == 2


# -------------------------------------------------------------------- in pictures


def test_objects_have_short_labels():
    solvers = ["adam", optimizers.RMSprop(rho=0.8), optimizers.RMSprop(rho=0.95)]
    assert label(solvers[1]) == "RMSprop(rho=0.8)"
    column = Column.of("solver", [*solvers, solvers[0], optimizers.RMSprop(rho=0.8)])
    assert column.n_distinct == 3
    assert sorted(column.labels) == ["RMSprop(rho=0.8)", "RMSprop(rho=0.95)", "adam"]
    assert column.encoded().shape == (5, 3)


def test_pictures_and_reports_show_objects(tmp_path):
    pytest.importorskip("matplotlib")
    X, y = problem("one target")
    space = {"solver": [optimizers.RMSprop(rho=0.8), "adam"], "alpha": [1e-3, 1e-2]}
    search = nnhp.GridSearchCV(net(), space, cv=2).fit(X, y)
    display = nnhp.plots.ParamSliceDisplay.from_search(search)
    texts = [t.get_text() for t in display.figure_.findobj() if hasattr(t, "get_text")]
    assert "RMSprop(rho=0.8)" in texts


def test_fitted_estimators_keep_their_solver():
    X, y = problem("one target")
    fitted = net().fit(X, y)
    assert fitted.get_params()["solver__centered"] is True
    assert "solver" not in fitted_state(fitted)
