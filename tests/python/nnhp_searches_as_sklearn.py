"""A pytest plugin that puts nnhp's searches in the place of scikit-learn's.

    pytest -p nnhp_searches_as_sklearn --pyargs sklearn.model_selection.tests.test_search

Strategies that scikit-learn's tests write on its `BaseSearchCV` stand on nnhp's.
"""

import sklearn.model_selection
import sklearn.model_selection._search
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

import nnhp
from nnhp.search._engine_fit import EngineSearch

for _name in (
    "GridSearchCV",
    "RandomizedSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
):
    setattr(sklearn.model_selection, _name, getattr(nnhp, _name))
sklearn.model_selection._search.GridSearchCV = nnhp.GridSearchCV
sklearn.model_selection._search.RandomizedSearchCV = nnhp.RandomizedSearchCV
sklearn.model_selection._search.BaseSearchCV = EngineSearch
