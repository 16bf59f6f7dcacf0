"""Hyperparameter searches: scikit-learn's, Hyperband, Bayesian, genetic; sweeps of a parameter."""

from nnhp.search._bayes import BayesSearchCV
from nnhp.search._choice import one_standard_error
from nnhp.search._ensemble import FoldEnsemble
from nnhp.search._genetic import GeneticSearchCV
from nnhp.search._grid import GridSearchCV, RandomizedSearchCV
from nnhp.search._grow import GrowSearchCV
from nnhp.search._halving import HalvingGridSearchCV, HalvingRandomSearchCV
from nnhp.search._hyperband import HyperbandSearchCV
from nnhp.search._nested import nested_cv
from nnhp.search._pbt import PBTSearchCV
from nnhp.search._space import HiddenLayers
from nnhp.search._study import Study
from nnhp.search._sweep import sweep
from nnhp.search._sweep_result import Sweep
from nnhp.search._when import When

__all__ = [
    "BayesSearchCV",
    "FoldEnsemble",
    "GeneticSearchCV",
    "GridSearchCV",
    "GrowSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "HiddenLayers",
    "HyperbandSearchCV",
    "PBTSearchCV",
    "RandomizedSearchCV",
    "Study",
    "Sweep",
    "When",
    "nested_cv",
    "one_standard_error",
    "sweep",
]
