"""The HTML of estimators and searches links to their pages in the documentation."""

import html
import re
import tomllib
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import nnhp
from nnhp._doc_link import DOCUMENTATION
from nnhp.search import FoldEnsemble

PAGES = DOCUMENTATION + "en/stable/api/"
NET = nnhp.MLPClassifier(4, solver="lbfgs", max_iter=50, random_state=0)
FITTED = nnhp.MLPClassifier(4, solver="lbfgs", max_iter=50, random_state=0).fit([[0], [1]], [0, 1])

# Public name -> an object of the class
OBJECTS = {
    "nnhp.BayesSearchCV": nnhp.BayesSearchCV(NET, {}),
    "nnhp.FeatureExpansion": nnhp.FeatureExpansion(),
    "nnhp.GeneticSearchCV": nnhp.GeneticSearchCV(NET, {}),
    "nnhp.GridSearchCV": nnhp.GridSearchCV(NET, {}),
    "nnhp.GrowSearchCV": nnhp.GrowSearchCV(NET),
    "nnhp.HalvingGridSearchCV": nnhp.HalvingGridSearchCV(NET, {}),
    "nnhp.HalvingRandomSearchCV": nnhp.HalvingRandomSearchCV(NET, {}),
    "nnhp.HyperbandSearchCV": nnhp.HyperbandSearchCV(NET, {}),
    "nnhp.MLPClassifier": NET,
    "nnhp.MLPRegressor": nnhp.MLPRegressor(),
    "nnhp.PBTSearchCV": nnhp.PBTSearchCV(NET, {}),
    "nnhp.RandomizedSearchCV": nnhp.RandomizedSearchCV(NET, {}),
    "nnhp.search.FoldEnsemble": FoldEnsemble([FITTED]),
}


def links_of(estimator):
    """The links of an estimator's HTML, without their anchors."""
    links = re.findall(r'href="([^"]*)"', estimator_html_repr(estimator))
    return {html.unescape(link).partition("#")[0] for link in links}


def test_the_address_is_that_of_the_package():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Documentation"] == DOCUMENTATION


def test_every_public_estimator_is_looked_at():
    rooms = {"nnhp": nnhp, "nnhp.search": nnhp.search}
    public = {
        f"{room}.{name}"
        for room, module in rooms.items()
        for name in module.__all__
        if isinstance(getattr(module, name), type)
        and issubclass(getattr(module, name), BaseEstimator)
    }
    elsewhere_too = {
        name for name in public if f"nnhp.{name.rpartition('.')[2]}" in public - {name}
    }
    assert public - elsewhere_too == OBJECTS.keys()


@pytest.mark.parametrize("name", OBJECTS)
def test_the_html_links_to_the_page_of_the_class(name):
    assert f"{PAGES}{name}.html" in links_of(OBJECTS[name])


def test_parts_of_a_composite_have_their_links():
    search = nnhp.GridSearchCV(make_pipeline(StandardScaler(), nnhp.MLPRegressor()), {})
    links = links_of(search)
    assert {f"{PAGES}nnhp.GridSearchCV.html", f"{PAGES}nnhp.MLPRegressor.html"} <= links
    assert any(link.endswith("sklearn.preprocessing.StandardScaler.html") for link in links)


@pytest.mark.parametrize("name", ["nnhp.MLPClassifier", "nnhp.MLPRegressor"])
def test_each_parameter_links_to_its_description(name):
    estimator = OBJECTS[name]
    page = estimator_html_repr(estimator)
    for parameter in estimator.get_params():
        assert f"{PAGES}{name}.html#:~:text={parameter},-" in page, parameter


def test_a_subclass_of_a_user_has_no_page():
    class Own(nnhp.MLPClassifier):
        pass

    assert Own()._get_doc_link() == ""
    assert not any(link.startswith(DOCUMENTATION) for link in links_of(Own()))
