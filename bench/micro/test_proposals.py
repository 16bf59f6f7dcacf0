"""Timing the proposals of a search changes none of them."""

import bench_proposals
import pytest
from sklearn.base import clone

from nnhp.search import _model_search


@pytest.mark.smallest
@pytest.mark.filterwarnings("ignore")  # trainings that reach max_iter are meant here
def test_timed_proposals_are_those_of_the_search(monkeypatch):
    class Kept(bench_proposals.nnhp.BayesSearchCV):
        def fit(self, X, y):
            searches.append((self, X, y))
            return super().fit(X, y)

    searches = []
    with monkeypatch.context() as timed:
        timed.setattr(bench_proposals, "N_CANDIDATES", 16)
        timed.setitem(bench_proposals.EPOCHS, "wine", 2)
        timed.setattr(bench_proposals.nnhp, "BayesSearchCV", Kept)
        timed.setattr(_model_search, "Proposals", bench_proposals.TimedProposals)
        _, *by_part, _, _, _, _ = bench_proposals.measure("wine", 1, 0)
    assert min(by_part) > 0
    search, *data = searches[0]
    plain = clone(search).fit(*data)
    assert plain.cv_results_["params"] == search.cv_results_["params"]
