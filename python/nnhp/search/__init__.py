"""Hyperparameter searches: scikit-learn's, on the engine, Hyperband; sweeps of one parameter."""

from nnhp.search._choice import one_standard_error
from nnhp.search._ensemble import FoldEnsemble
from nnhp.search._grid import GridSearchCV, RandomizedSearchCV
from nnhp.search._halving import HalvingGridSearchCV, HalvingRandomSearchCV
from nnhp.search._hyperband import HyperbandSearchCV
from nnhp.search._nested import nested_cv
from nnhp.search._space import HiddenLayers
from nnhp.search._study import Study
from nnhp.search._sweep import sweep
from nnhp.search._sweep_result import Sweep

__all__ = [
    "FoldEnsemble",
    "GridSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "HiddenLayers",
    "HyperbandSearchCV",
    "RandomizedSearchCV",
    "Study",
    "Sweep",
    "nested_cv",
    "one_standard_error",
    "sweep",
]
