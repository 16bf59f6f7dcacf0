"""Calls of searches and of what is made of them, and all calls in groups; see `public_calls`."""

from functools import cache

import matplotlib as mpl
import numpy as np
import optuna
from public_calls import Call, X, Y, compiled, fitted, net, networks, of_class, of_keras, parts
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nnhp
from nnhp import MLPRegressor, plots, search
from nnhp.integrations import optuna as integration

mpl.use("Agg")
RATES = [0.01, 0.02]
_DATASETS = (
    "make_checkerboard", "make_circle", "make_gauss", "make_multi_gauss", "make_plane",
    "make_spiral", "make_teacher", "make_xor",
)  # fmt: skip
_TRIED = {"X": X, "y": Y, "cv": 2}


@cache
def searched():
    return nnhp.GridSearchCV(
        net(), {"alpha": [0.1, 0.2], "learning_rate_init": RATES}, cv=2, return_curves=True
    ).fit(X, Y)


@cache
def hyperband():
    return nnhp.HyperbandSearchCV(
        net(), {"alpha": RATES}, max_resources=3, cv=2, random_state=0
    ).fit(X, Y)


@cache
def swept():
    return nnhp.sweep(net(), X, Y, "alpha", RATES, cv=2, repeats=1)


def of_search(Class, **good):
    good = {"estimator": net(), "cv": 2, "n_jobs": 1, **good}
    return Call(Class, lambda **given: Class(**given).fit(X, Y), good)


def _searches():
    space = {"param_distributions": {"alpha": RATES}, "random_state": 0}
    rungs = {"resource": "max_iter", "max_resources": 2, "min_resources": 1, "factor": 2}
    nested = nnhp.GridSearchCV(net(), {"alpha": RATES}, cv=2)
    return {
        "GridSearchCV": of_search(nnhp.GridSearchCV, param_grid={"alpha": RATES}),
        "RandomizedSearchCV": of_search(nnhp.RandomizedSearchCV, n_iter=2, **space),
        "HalvingGridSearchCV": of_search(
            nnhp.HalvingGridSearchCV, param_grid={"alpha": RATES}, **rungs
        ),
        "HalvingRandomSearchCV": of_search(
            nnhp.HalvingRandomSearchCV, n_candidates=2, **space, **rungs
        ),
        "HyperbandSearchCV": of_search(nnhp.HyperbandSearchCV, **space | {"max_resources": 2}),
        "BayesSearchCV": of_search(nnhp.BayesSearchCV, **space | {"n_iter": 2}),
        "GeneticSearchCV": of_search(
            nnhp.GeneticSearchCV, **space | {"population_size": 2, "generations": 2}
        ),
        "PBTSearchCV": of_search(
            nnhp.PBTSearchCV, **space | {"population_size": 4, "generations": 2}
        ),
        "GrowSearchCV": of_search(nnhp.GrowSearchCV, max_width=4, max_depth=1, random_state=0),
        "GridSearchCV.fit": Call(
            nnhp.GridSearchCV.fit, lambda **given: nested.fit(**given), {"X": X, "y": Y}
        ),
        "nested_cv": Call(nnhp.nested_cv, nnhp.nested_cv, {"search": nested, **_TRIED}),
        "one_standard_error": Call(
            search.one_standard_error,
            search.one_standard_error,
            {"cv_results": searched().cv_results_ | {"n_parameters": np.arange(4)}},
        ),
        "FoldEnsemble": of_class(search.FoldEnsemble, estimators=[fitted(MLPRegressor)]),
        "FoldEnsemble.predict": Call(
            search.FoldEnsemble.predict,
            lambda **given: search.FoldEnsemble([fitted(MLPRegressor)]).predict(**given),
            {"X": X},
        ),
        "sweep": Call(
            nnhp.sweep,
            nnhp.sweep,
            {"estimator": net(), "param_name": "alpha", "param_range": RATES, "repeats": 1,
             **_TRIED},
        ),
        "Sweep.to_markdown": Call(nnhp.Sweep.to_markdown, lambda **g: swept().to_markdown(**g)),
        "Study": of_class(
            nnhp.Study, lambda **given: nnhp.Study(**given).enqueue({"alpha": 1}), path="a.db"
        ),
        "Study.enqueue": Call(
            nnhp.Study.enqueue,
            lambda **given: nnhp.Study("a.db").enqueue(**given),
            {"params": {"alpha": 1}},
        ),
        "Study.export": Call(
            nnhp.Study.export,
            lambda **given: nnhp.Study("b.db").export(**given),
            {"path": "trials.csv"},
        ),
        "HiddenLayers": of_class(nnhp.HiddenLayers),
        "HiddenLayers.grid": Call(
            nnhp.HiddenLayers.grid, lambda **given: nnhp.HiddenLayers().grid(**given), {"n": 2}
        ),
        "HiddenLayers.rvs": Call(
            nnhp.HiddenLayers.rvs, lambda **given: nnhp.HiddenLayers().rvs(**given)
        ),
        "When": of_class(
            nnhp.When, condition={"solver": "sgd"}, space={"momentum": [0.1, 0.9]}
        ),
        "When.holds": Call(
            nnhp.When.holds,
            lambda **given: nnhp.When({"solver": "sgd"}, {"momentum": [0.1]}).holds(**given),
            {"params": {"solver": "sgd"}},
        ),
        "spaces.default": Call(nnhp.spaces.default, nnhp.spaces.default, {"estimator": net()}),
        "spaces.features": Call(
            nnhp.spaces.features,
            nnhp.spaces.features,
            {"pipeline": make_pipeline(StandardScaler(), net()), "scaler": "standardscaler"},
        ),
    }  # fmt: skip


def _others():
    def display(Display, method, good, **more):
        return Call(getattr(Display, method), getattr(Display, method), good | more)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials = optuna.create_study()
    trials.optimize(lambda trial: trial.suggest_float("alpha", 0, 1), n_trials=2)
    return {
        **{
            f"datasets.{name}": Call(getattr(nnhp.datasets, name), getattr(nnhp.datasets, name))
            for name in _DATASETS
        },
        "SeededSampler": of_class(
            integration.SeededSampler, sampler=optuna.samplers.RandomSampler(seed=0)
        ),
        "export_study": Call(
            integration.export_study,
            integration.export_study,
            {"study": "b.db", "storage": None},
        ),
        "import_study": Call(
            integration.import_study, integration.import_study, {"study": trials, "path": "c.db"}
        ),
        "SearchTraceDisplay.from_search": display(
            plots.SearchTraceDisplay, "from_search", {"search": searched()}
        ),
        "SearchTraceDisplay.from_study": display(
            plots.SearchTraceDisplay, "from_study", {"study": "b.db"}
        ),
        "HyperbandDisplay.from_search": display(
            plots.HyperbandDisplay, "from_search", {"search": hyperband()}
        ),
        "LearningCurvesDisplay.from_search": display(
            plots.LearningCurvesDisplay, "from_search", {"search": searched()}
        ),
        "ParamSliceDisplay.from_search": display(
            plots.ParamSliceDisplay, "from_search", {"search": searched()}
        ),
        "ParamImportanceDisplay.from_search": display(
            plots.ParamImportanceDisplay, "from_search", {"search": searched()}
        ),
        "ParallelCoordinatesDisplay.from_search": display(
            plots.ParallelCoordinatesDisplay, "from_search", {"search": searched()}
        ),
        "SweepDisplay.from_sweep": display(plots.SweepDisplay, "from_sweep", {"sweep": swept()}),
        "LRFinderDisplay.from_estimator": display(
            plots.LRFinderDisplay, "from_estimator", {"estimator": net(), "X": X, "y": Y}
        ),
        "LossCurveDisplay.from_estimator": display(
            plots.LossCurveDisplay, "from_estimator", {"estimators": fitted(MLPRegressor)}
        ),
        "WeightsDisplay.from_estimator": display(
            plots.WeightsDisplay, "from_estimator", {"estimator": fitted(MLPRegressor)}
        ),
        "NeuronMapsDisplay.from_estimator": display(
            plots.NeuronMapsDisplay,
            "from_estimator",
            {"estimator": fitted(MLPRegressor), "X": X, "grid_resolution": 4},
        ),
        "ActivationHistogramDisplay.from_estimator": display(
            plots.ActivationHistogramDisplay,
            "from_estimator",
            {"estimator": fitted(MLPRegressor), "X": X},
        ),
    }


def prepare(folder):
    """Files that calls read."""
    fitted(MLPRegressor).save(folder / "saved.nnhp")
    compiled().save(folder / "model.nnhp")
    compiled().save_weights(folder / "w.safetensors")
    nnhp.GridSearchCV(net(), {"alpha": RATES}, cv=KFold(2), study=str(folder / "b.db")).fit(X, Y)


GROUPS = {
    "networks": networks,
    "parts of networks": parts,
    "as Keras's": of_keras,
    "searches": _searches,
    "others": _others,
}


def calls():
    """All calls by name."""
    return {name: call for group in GROUPS.values() for name, call in group().items()}
