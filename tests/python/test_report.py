"""The report: what it holds, and that data stay text."""

import base64
import doctest
import re
import sys
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from helpers import STOPS_EARLY
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import nnhp
from nnhp import _report
from nnhp._report import write_report

mpl.use("Agg")
pytestmark = STOPS_EARLY

VOID = {"meta", "img"}
HOSTILE = '</td></table><script>alert(1)</script><img src=x onerror="alert(2)">&lt;b&gt;\x00--><!--'


class Page(HTMLParser):
    """A page as a browser would read it: tags, text, attributes."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.open, self.text, self.images, self.rows = [], [], [], [], []
        self.chosen = None
        self.feed(source)
        self.close()
        assert self.open == [], "all tags are closed, in order"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(dict(attributes))
        if tag == "tr":
            self.rows.append([])
            if dict(attributes).get("class") == "chosen":
                self.chosen = self.rows[-1]
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            return
        self.text.append(data)
        if self.rows and set(self.open[-1:]) & {"td", "th"}:
            self.rows[-1][-1] += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def row(self, heading):
        [found] = [row for row in self.rows if row[0] == heading]
        return found[1:]


def report(search, path, **keywords):
    file = path / "report.html"
    write_report(search, file, **{"title": "A title", "data_summary": "some data"} | keywords)
    return Page(file.read_text(encoding="utf-8"))


def images(page):
    for image in page.images:
        kind, _, content = image["src"].partition(",")
        assert kind == "data:image/svg+xml;base64"
        yield image["alt"], base64.b64decode(content).decode("utf-8")


def iris():
    X, y = load_iris(return_X_y=True)
    return X / 8, y


@pytest.fixture(scope="module")
def search():
    net = nnhp.MLPClassifier(hidden_layer_sizes=(8,), max_iter=3, random_state=0)
    space = {"learning_rate_init": loguniform(1e-4, 1e-1), "activation": ["relu", "tanh"]}
    search = RandomizedSearchCV(net, space, n_iter=6, cv=3, random_state=0, scoring="accuracy")
    return search.fit(*iris())


def made_up(settings, scores, **attributes):
    scores = np.asarray(scores, dtype=float)
    n_rows = len(settings)
    table = {
        "params": settings,
        "mean_fit_time": np.ones(n_rows),
        "mean_score_time": np.zeros(n_rows),
        "mean_test_score": scores,
        "std_test_score": np.zeros(n_rows),
        "rank_test_score": np.argsort(np.argsort(-scores)) + 1,
        "split0_test_score": scores,
        "split1_test_score": scores,
    }
    return SimpleNamespace(cv_results_=table, **attributes)


# ------------------------------------------------------------------ what it holds


def test_it_tells_the_best_settings_to_the_last_digit(search, tmp_path):
    page = report(search, tmp_path)
    for name, value in search.best_params_.items():
        exact = repr(float(value) if isinstance(value, float) else value)
        assert [name, exact] in page.rows
    assert f"{search.best_score_:.4g}" in page.text


def test_candidates_are_ranked_and_the_choice_is_marked(search, tmp_path):
    page = report(search, tmp_path)
    table = search.cv_results_
    start = next(i for i, row in enumerate(page.rows) if row[:2] == ["rank", "candidate"])
    head, rows = page.rows[start], page.rows[start + 1 : start + 7]
    assert head[2:] == ["Score", "learning_rate_init", "activation", "fit time of a fold (s)"] or (
        head[2:] == ["Score", "activation", "learning_rate_init", "fit time of a fold (s)"]
    )
    order = np.argsort(table["rank_test_score"], kind="stable")
    assert [int(row[1]) for row in rows] == order.tolist()
    for row, i in zip(rows, order, strict=True):
        assert int(row[0]) == table["rank_test_score"][i]
        mean, std = table["mean_test_score"][i], table["std_test_score"][i]
        assert row[2] == f"{mean:.4f} ± {std:.4f}"
    assert page.chosen[1] == str(search.best_index_)


def test_it_tells_what_was_searched_and_with_what(search, tmp_path):
    page = report(search, tmp_path, data_summary={"samples": 150, "classes": "a, b"})
    assert page.row("samples") == ["150"]
    assert page.row("method") == ["RandomizedSearchCV"]
    assert page.row("cv") == ["3"]
    assert ["learning_rate_init", "loguniform(1e-4, 0.1)"] in page.rows
    assert ["activation", "relu, tanh"] in page.rows
    assert page.row("nnhp")[0].startswith(nnhp.__version__)
    assert page.row("numpy") == [np.__version__]
    times = search.cv_results_["mean_fit_time"] + search.cv_results_["mean_score_time"]
    assert page.row("training and scoring, all folds") == [f"{3 * times.sum():.2f} s"]


def test_epochs_and_engine_of_our_own_searches(tmp_path):
    search = made_up(
        [{"a": 1}], [0.5], engine_="nnhp", n_epochs_planned_=12345, n_epochs_trained_=12000
    )
    page = report(search, tmp_path)
    assert page.row("epochs planned") == ["at most 12,345"]
    assert page.row("epochs trained") == ["12,000"]
    assert page.row("engine") == ["nnhp"]


def test_conditions_of_a_space_are_told(tmp_path):
    space = [
        {"solver": ["adam", "sgd"]},
        nnhp.When({"solver": ["sgd", "<b>"]}, {"momentum": loguniform(0.1, 0.9)}),
    ]
    net = nnhp.MLPClassifier(4, max_iter=2, random_state=0)
    search = nnhp.RandomizedSearchCV(net, space, n_iter=4, cv=2, random_state=0)
    search.fit(*load_iris(return_X_y=True))
    path = tmp_path / "report.html"
    write_report(search, path, title="conditions", data_summary={})
    text = path.read_text()
    assert "<h3>Space</h3>" in text
    assert "Where solver is " in text
    assert "<b>" not in text.partition("Where solver is ")[2].partition("</h3>")[0]
    assert "loguniform(0.1, 0.9)" in text


def test_every_picture_is_within_the_page_and_has_words(search, tmp_path):
    page = report(search, tmp_path)
    pictures = list(images(page))
    # two traces, importance, two slices, parallel coordinates
    assert len(pictures) == 6
    for words, picture in pictures:
        assert len(words) > 20
        assert ET.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    tags = [tag for tag, _ in page.tags]
    assert tags.count("figure") == tags.count("figcaption") == 6
    assert len({words for words, _ in pictures}) == 6


def test_curves_and_rungs_are_drawn_where_there_are(tmp_path):
    search = made_up(
        [{"a": 1}, {"a": 2}, {"a": 2}],
        [0.5, 0.6, 0.7],
        curves_=pd.DataFrame(
            {"candidate": [0, 1], "fold": 0, "epoch": 1, "train_loss": 1.0, "test_score": 0.5}
        ),
    )
    search.cv_results_ |= {"n_resources": np.array([1, 1, 3]), "bracket": np.array([1, 1, 1])}
    alternatives = [words for words, _ in images(report(search, tmp_path))]
    assert any("2 with 1, 1 with 3" in words for words in alternatives)
    assert sum("Line plot of 2 candidates" in words for words in alternatives) == 2


def test_it_needs_nothing_outside_itself_and_runs_nothing(search, tmp_path):
    page = report(search, tmp_path)
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "form", "base"}
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset", "action"):
            assert attributes.get(name, "data:").startswith("data:")
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    style = re.search("<style>(.*)</style>", source, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    [policy] = [a["content"] for t, a in page.tags if "http-equiv" in a]
    assert policy.startswith("default-src 'none'")
    for _, picture in images(page):
        links = re.findall(r'(?:href|src)="([^"]*)"', picture)
        assert all(link.startswith(("#", "data:")) for link in links)


def test_it_can_be_read_by_screen_readers_and_on_phones(search, tmp_path):
    page = report(search, tmp_path)
    tags = dict(page.tags)
    assert tags["html"] == {"lang": "en"}
    assert [tag for tag, _ in page.tags].count("h1") == 1
    viewports = [a["content"] for _, a in page.tags if a.get("name") == "viewport"]
    assert viewports == ["width=device-width, initial-scale=1"]
    assert all(a["scope"] in ("row", "col") for tag, a in page.tags if tag == "th")
    for tag, attributes in page.tags:
        if tag == "div" and attributes["class"] == "wide":
            assert attributes["tabindex"] == "0"
            assert attributes["aria-label"]


def test_a_long_table_is_cut_and_says_so(tmp_path):
    search = made_up([{"a": i} for i in range(130)], np.arange(130))
    page = report(search, tmp_path)
    assert "The best 100 of 130." in page.text
    start = next(i for i, row in enumerate(page.rows) if row[:2] == ["rank", "candidate"])
    assert [row[1] for row in page.rows[start + 1 :][:100]] == [str(i) for i in range(129, 29, -1)]


def test_several_metrics(tmp_path):
    net = nnhp.MLPClassifier(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    grid = {"alpha": [1e-4, 1.0]}
    scoring = ["accuracy", "neg_log_loss"]
    search = GridSearchCV(net, grid, cv=2, scoring=scoring, refit="neg_log_loss").fit(*iris())
    page = report(search, tmp_path)
    head = next(row for row in page.rows if row[:2] == ["rank", "candidate"])
    assert head[2:4] == ["Accuracy", "Negative log loss"]
    assert any(text.startswith("Negative log loss (mean of 2 folds)") for text in page.text)
    assert len(page.images) > 3
    search = GridSearchCV(net, grid, cv=2, scoring=scoring, refit=False).fit(*iris())
    assert "The search chose none (" in report(search, tmp_path).text


# ------------------------------------------------------------------ awkward searches


@pytest.mark.parametrize("scores", [[0.5], [np.nan], [-np.inf]])
def test_one_candidate(tmp_path, scores):
    page = report(made_up([{"alpha": 0.5}], scores, best_index_=0), tmp_path)
    assert "alpha" in page.text
    assert "0.5" in page.text


def test_no_candidate_has_a_score(tmp_path):
    page = report(made_up([{"a": 1}, {"a": 2}], [np.nan, np.nan]), tmp_path)
    assert "No candidate has a score (2 candidates, 2 folds; 2 without a score)." in page.text
    assert "There is nothing to draw." in page.text
    assert page.images == []


def test_replaced_steps_and_absent_parameters(tmp_path):
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", nnhp.MLPClassifier(max_iter=2))])
    grid = [{"scale": [MinMaxScaler(), "passthrough"]}, {"mlp__hidden_layer_sizes": [(3,), (4, 2)]}]
    search = GridSearchCV(pipeline, grid, cv=2).fit(*iris())
    page = report(search, tmp_path)
    assert ["scale", "MinMaxScaler(), passthrough"] in page.rows
    assert ["mlp__hidden_layer_sizes", "(3,), (4, 2)"] in page.rows
    assert {"Space 1", "Space 2"} <= set(page.text)
    start = next(i for i, row in enumerate(page.rows) if row[:2] == ["rank", "candidate"])
    for row in page.rows[start + 1 : start + 5]:
        assert [bool(cell) for cell in row[3:5]] in ([True, False], [False, True])


def test_the_search_may_be_fitted_in_any_style(search, tmp_path):
    with mpl.rc_context({"figure.facecolor": "black", "font.size": 40, "svg.fonttype": "none"}):
        report(search, tmp_path)
        styled = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert mpl.rcParams["font.size"] == 40
    report(search, tmp_path)
    plain = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.sub("Written by.*", "", styled) == re.sub("Written by.*", "", plain)


# ------------------------------------------------------------------ data stay text


def hostile_search():
    """A search with markup wherever a name or a value can be."""

    class Hostile:
        def __repr__(self):
            return HOSTILE

        def get_params(self):
            return {}

    settings = [{HOSTILE: HOSTILE, "b__$x$": Hostile()}, {HOSTILE: "$a$", "b__$x$": (1,)}]
    search = made_up(settings, [0.5, 0.75], best_index_=0, engine_=HOSTILE, scoring=HOSTILE)
    search.estimator = Hostile()
    search.param_grid = {HOSTILE: [HOSTILE], "b__$x$": Hostile()}
    for name in [name for name in search.cv_results_ if name.endswith("score")]:
        search.cv_results_[name.replace("test_score", f"test_{HOSTILE}")] = search.cv_results_[name]
    search.refit = HOSTILE
    return search


def tame_search():
    """The same search, of harmless names."""
    search = hostile_search()
    search.cv_results_ = {
        name.replace(HOSTILE, "other"): values for name, values in search.cv_results_.items()
    }
    settings = [{"a": "x", "b__c": "y"}, {"a": "z", "b__c": (1,)}]
    search.cv_results_["params"] = settings
    search.engine_ = search.scoring = "x"
    search.param_grid = {"a": ["x"], "b__c": "y"}
    search.refit = "other"
    return search


def test_hostile_names_add_no_tag(tmp_path):
    hostile = report(
        hostile_search(), tmp_path, title=HOSTILE, data_summary={HOSTILE: HOSTILE, "x": 1}
    )
    tame = report(tame_search(), tmp_path, title="t", data_summary={"a": "b", "x": 1})
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in tame.tags]
    for (_, attributes), (_, expected) in zip(hostile.tags, tame.tags, strict=True):
        assert list(attributes) == list(expected)
    assert any("<script>alert(1)</script>" in text for text in hostile.text)
    assert not any("\x00" in text for text in hostile.text)


def test_hostile_names_add_no_element_to_a_picture(tmp_path):
    allowed = {"svg", "defs", "style", "g", "path", "use", "clipPath", "rect", "metadata", "image"}
    svg = "{http://www.w3.org/2000/svg}"
    pictures = list(images(report(hostile_search(), tmp_path)))
    assert len(pictures) == 5
    for _, picture in pictures:
        for element in ET.fromstring(picture).iter():
            if element.tag.startswith(svg):
                assert element.tag.removeprefix(svg) in allowed
                assert not any(name.startswith("on") for name in element.attrib)


def test_names_the_font_lacks_and_broken_unicode(tmp_path):
    settings = [{"a": "\u4f60\u597d"}, {"a": "\ud800"}, {"a": "\u202eabc"}, {"a": "\U0001f600"}]
    page = report(made_up(settings, [0.1, 0.2, 0.3, 0.4], best_index_=0), tmp_path)
    assert ["a", repr("\u4f60\u597d")] in page.rows


# ------------------------------------------------------------------ errors


def test_errors_leave_no_file(search, tmp_path, monkeypatch):
    file = tmp_path / "report.html"
    unfitted = GridSearchCV(nnhp.MLPClassifier(), {"alpha": [1]})
    with pytest.raises(NotFittedError, match="has no cv_results_"):
        write_report(unfitted, file, title="", data_summary="")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'nnhp\[plots\]'"):
        write_report(search, file, title="", data_summary="")
    assert not file.exists()


def test_a_folder_that_is_not_there(search, tmp_path):
    with pytest.raises(FileNotFoundError):
        write_report(search, tmp_path / "none" / "report.html", title="", data_summary="")


def test_the_example_runs():
    assert doctest.testmod(_report).failed == 0
