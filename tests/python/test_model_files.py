"""Model files: what comes back is what was saved, and no file does harm."""

import base64
import inspect
import json
import os
import pickle
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from helpers import STOPS_EARLY, assert_identical, fitted_state, problem
from safetensors import safe_open
from safetensors.numpy import save as save_tensors
from sklearn import compose, decomposition, feature_selection, frozen, impute, pipeline
from sklearn import preprocessing as prep
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_linnerud
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV

import nnhp
from nnhp import MLPClassifier, MLPRegressor, optimizers, schedules
from nnhp._model_files import _classes
from nnhp._model_files._container import VERSION, Content, read, write
from nnhp._table_values import KnownTexts

pytestmark = STOPS_EARLY
GOLDEN = Path(__file__).parent / "data" / "models"

X, y = load_iris(return_X_y=True)
SMALL = {"max_iter": 4, "random_state": 0}


def round_trip(model, folder):
    nnhp.save(model, folder / "model.nnhp")
    return nnhp.load(folder / "model.nnhp")


TARGETS = {
    "ints": y,
    "texts": np.array(["setosa", "versicolor", "virginica"])[y],
    "objects": np.array(["a", "b", "c"], dtype=object)[y],
    "truth values": y == 1,
    "one of two": (y > 0).astype(np.int8),
    "several labels": np.stack([y == 0, y > 0], axis=1).astype(int),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_classifier_comes_back(tmp_path, target, dtype):
    net = MLPClassifier(5, dtype=dtype, **SMALL).fit(X, TARGETS[target])
    loaded = round_trip(net, tmp_path)
    assert_identical(loaded.predict_proba(X), net.predict_proba(X))
    assert_identical(loaded.predict(X), net.predict(X))
    assert loaded.classes_.dtype == net.classes_.dtype


NETS = {
    "adam": {},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "nesterov": {"solver": "sgd"},
    "an object as solver": {"solver": optimizers.RMSprop(rho=0.8, centered=True)},
    "a schedule": {"learning_rate": schedules.Cosine(warmup=2)},
    "rates": {"learning_rate": [0.1, 0.01, 0.001, 0.1]},
    "normalized": {"normalization": "batch"},
    "slopes": {"activation": "prelu"},
    "dropout": {"dropout": [0.2, 0.1], "input_dropout": 0.1},
    "averages": {"ema_momentum": 0.5},
    "lbfgs": {"solver": "lbfgs"},
    "a generator of its own": {"random_state": np.random.RandomState(5)},
    "another net as initializer": {
        "kernel_initializer": frozen.FrozenEstimator(
            MLPRegressor(hidden_layer_sizes=(6, 4), tol=1e9, n_iter_no_change=1).fit(
                *load_diabetes(return_X_y=True)
            )
        )
    },
}


@pytest.mark.parametrize("name", NETS)
def test_a_training_goes_on_as_without_a_file(tmp_path, name):
    A, b = load_diabetes(return_X_y=True)
    net = MLPRegressor(hidden_layer_sizes=(6, 4), **{**SMALL, **NETS[name]}).fit(A, b)
    net.save(tmp_path / "net.nnhp")
    loaded = nnhp.load(tmp_path / "net.nnhp")
    assert_identical(fitted_state(loaded), fitted_state(net))
    assert repr(loaded.get_params()) == repr(net.get_params()) or "RandomState" in repr(net)
    if net.solver != "lbfgs":
        for model in (net, loaded):
            model.set_params(early_stopping=False).partial_fit(A, b)
        assert_identical(fitted_state(loaded), fitted_state(net))
    clone(loaded).fit(A, b)


def test_several_targets_and_names_of_features_come_back(tmp_path):
    A, b = load_linnerud(return_X_y=True, as_frame=True)
    net = MLPRegressor(hidden_layer_sizes=4, **SMALL).fit(A, b)
    loaded = round_trip(net, tmp_path)
    assert_identical(loaded.predict(A), net.predict(A))
    assert loaded.feature_names_in_.tolist() == list(A.columns)
    assert loaded.feature_names_in_.dtype == object


def test_what_patience_watched_keeps_no_model_out_of_a_file(tmp_path):
    X, y = problem("binary")
    net = MLPClassifier((4,), early_stopping=True, max_iter=3, random_state=0, warm_start=True)
    net.set_params(scoring=lambda net, X, y: 2 * net.score(X, y)).fit(X, y)
    with pytest.raises(ValueError, match=r"^scoring is "):
        nnhp.save(net, tmp_path / "net.safetensors")
    nnhp.save(net.set_params(scoring=None), tmp_path / "net.safetensors")
    loaded = nnhp.load(tmp_path / "net.safetensors").fit(X, y)
    assert loaded.validation_scores_ == net.fit(X, y).validation_scores_


def test_the_arrays_are_tensors_of_their_names(tmp_path):
    net = MLPClassifier((5, 4), **SMALL).fit(X, y)
    net.save(tmp_path / "net.nnhp")
    with safe_open(tmp_path / "net.nnhp", framework="numpy") as file:
        for i, coefs in enumerate(net.coefs_):
            assert_identical(file.get_tensor(f"coefs_.{i}"), coefs)
        document = json.loads(file.metadata()["document"])
    assert document["nnhp"] == nnhp.__version__


NUMBERS = load_breast_cancer().data[:120, :6]
HOLES = np.where(np.random.default_rng(0).random(NUMBERS.shape) < 0.1, np.nan, NUMBERS)
WORDS = np.random.default_rng(1).choice(["red", "green", "blue"], (120, 2)).astype(object)
STEPS = {
    "sklearn.compose.ColumnTransformer": (
        compose.ColumnTransformer(
            [
                ("a", prep.StandardScaler(), [0, 1]),
                ("b", "passthrough", slice(2, 4)),
                ("c", "drop", [4]),
            ],
            remainder=prep.MinMaxScaler(),
        ),
        NUMBERS,
    ),
    "sklearn.decomposition.PCA": (decomposition.PCA(3), NUMBERS),
    "sklearn.feature_selection.SelectKBest": (
        feature_selection.SelectKBest(feature_selection.mutual_info_classif, k=3),
        NUMBERS,
    ),
    "sklearn.feature_selection.SelectPercentile": (
        feature_selection.SelectPercentile(percentile=50),
        NUMBERS,
    ),
    "sklearn.feature_selection.VarianceThreshold": (
        feature_selection.VarianceThreshold(1.0),
        NUMBERS,
    ),
    "sklearn.frozen.FrozenEstimator": (
        frozen.FrozenEstimator(prep.StandardScaler().fit(NUMBERS)),
        NUMBERS,
    ),
    "sklearn.impute.KNNImputer": (
        impute.KNNImputer(n_neighbors=3, weights="distance", add_indicator=True),
        HOLES,
    ),
    "sklearn.impute.MissingIndicator": (impute.MissingIndicator(), HOLES),
    "sklearn.impute.SimpleImputer": (impute.SimpleImputer(add_indicator=True), HOLES),
    "sklearn.pipeline.FeatureUnion": (
        pipeline.FeatureUnion([("a", prep.StandardScaler()), ("b", decomposition.PCA(2))]),
        NUMBERS,
    ),
    "sklearn.pipeline.Pipeline": (
        pipeline.make_pipeline(impute.SimpleImputer(), None, prep.StandardScaler()),
        HOLES,
    ),
    "sklearn.preprocessing.Binarizer": (prep.Binarizer(threshold=1.0), NUMBERS),
    "sklearn.preprocessing.FunctionTransformer": (prep.FunctionTransformer(), NUMBERS),
    "sklearn.preprocessing.KBinsDiscretizer": (
        prep.KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"),
        NUMBERS,
    ),
    "sklearn.preprocessing.MaxAbsScaler": (prep.MaxAbsScaler(), NUMBERS),
    "sklearn.preprocessing.MinMaxScaler": (prep.MinMaxScaler((-1, 1)), NUMBERS),
    "sklearn.preprocessing.Normalizer": (prep.Normalizer(), NUMBERS),
    "sklearn.preprocessing.OneHotEncoder": (
        prep.OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=2),
        WORDS,
    ),
    "sklearn.preprocessing.OrdinalEncoder": (
        prep.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        WORDS,
    ),
    "sklearn.preprocessing.PolynomialFeatures": (prep.PolynomialFeatures(2), NUMBERS),
    "sklearn.preprocessing.PowerTransformer": (prep.PowerTransformer(), NUMBERS),
    "sklearn.preprocessing.QuantileTransformer": (
        prep.QuantileTransformer(n_quantiles=20),
        NUMBERS,
    ),
    "sklearn.preprocessing.RobustScaler": (prep.RobustScaler(), NUMBERS),
    "sklearn.preprocessing.StandardScaler": (prep.StandardScaler(), NUMBERS),
    "sklearn.preprocessing.TargetEncoder": (prep.TargetEncoder(), WORDS),
    "nnhp._table_values.KnownTexts": (
        pipeline.make_pipeline(KnownTexts(), prep.OneHotEncoder()),
        WORDS,
    ),
    "nnhp.FeatureExpansion": (nnhp.FeatureExpansion(["x1^2", "sin(x2)"]), NUMBERS[:, :2]),
}
OTHERS_TESTED = {  # by tests of their own
    "nnhp.MLPClassifier",
    "nnhp.MLPRegressor",
    "nnhp.search.FoldEnsemble",
    "sklearn.compose.TransformedTargetRegressor",
    "sklearn.preprocessing.LabelBinarizer",  # in every classifier
}


def test_every_class_of_the_table_is_tested():
    assert set(STEPS) | OTHERS_TESTED == set(_classes.class_names())


def test_the_guide_lists_every_class_of_the_table():
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "saving.md").read_text()
    table = guide.partition("| of | classes |")[2].partition("\n\n")[0]
    cells = [row.split("|")[2] for row in table.strip().splitlines()]
    listed = re.findall(r"`(\w+)`", " ".join(cells))
    assert sorted(listed) == sorted(name.rpartition(".")[2] for name in _classes.public_names())


@pytest.mark.parametrize("name", STEPS)
def test_a_step_before_the_network_comes_back(tmp_path, name):
    step, rows = STEPS[name]
    target = np.arange(len(rows)) % 3
    model = pipeline.make_pipeline(clone(step), MLPClassifier(4, **SMALL)).fit(rows, target)
    loaded = round_trip(model, tmp_path)
    assert type(loaded[0]) is type(step)
    assert_identical(loaded.predict_proba(rows), model.predict_proba(rows))
    assert repr(loaded) == repr(model)
    clone(loaded).fit(rows, target)


def test_a_transformed_target_comes_back(tmp_path):
    A, b = load_diabetes(return_X_y=True)
    model = compose.TransformedTargetRegressor(
        MLPRegressor(hidden_layer_sizes=4, **SMALL), transformer=prep.StandardScaler()
    ).fit(A, b)
    assert_identical(round_trip(model, tmp_path).predict(A), model.predict(A))


@pytest.mark.parametrize("target", ["numbers", "two classes"])
def test_an_encoder_of_targets_comes_back(tmp_path, target):
    values = {"numbers": NUMBERS[:, 0], "two classes": NUMBERS[:, 0] > NUMBERS[:, 0].mean()}[target]
    Estimator = {"numbers": MLPRegressor, "two classes": MLPClassifier}[target]
    model = pipeline.make_pipeline(
        prep.TargetEncoder(), Estimator(hidden_layer_sizes=4, **SMALL)
    ).fit(WORDS, values)
    loaded = round_trip(model, tmp_path)
    assert_identical(loaded.predict(WORDS), model.predict(WORDS))
    assert_identical(loaded[0].transform(WORDS), model[0].transform(WORDS))


@pytest.mark.parametrize(
    "score",
    ["chi2", "f_classif", "f_regression", "mutual_info_classif", "mutual_info_regression",
     "r_regression"],
)  # fmt: skip
def test_columns_are_judged_as_before(tmp_path, score):
    step = feature_selection.SelectKBest(getattr(feature_selection, score), k=2)
    target = np.arange(120) % 3
    model = pipeline.make_pipeline(step, MLPClassifier(4, **SMALL)).fit(NUMBERS, target)
    loaded = round_trip(model, tmp_path)
    assert loaded[0].score_func is step.score_func
    assert_identical(loaded.predict_proba(NUMBERS), model.predict_proba(NUMBERS))


def test_a_network_that_was_found_with_nnhp_s_own_spaces_comes_back(tmp_path):
    model = pipeline.Pipeline(
        [
            ("scale", prep.StandardScaler()),
            ("expand", nnhp.FeatureExpansion()),
            ("reduce", feature_selection.SelectKBest()),
            ("net", MLPClassifier(4, **SMALL)),
        ]
    )
    space = nnhp.spaces.features(model, n_features=4)
    search = nnhp.search.RandomizedSearchCV(model, space, n_iter=3, cv=2, random_state=1)
    search.fit(X, y)
    for estimator in (search.best_estimator_, model.set_params(reduce__k=2).fit(X, y)):
        loaded = round_trip(estimator, tmp_path)
        assert_identical(loaded.predict_proba(X), estimator.predict_proba(X))


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_an_ensemble_of_folds_comes_back(tmp_path, task):
    A, b = (X, y) if task == "classes" else load_diabetes(return_X_y=True)
    net = (MLPClassifier if task == "classes" else MLPRegressor)(hidden_layer_sizes=4, **SMALL)
    model = pipeline.make_pipeline(prep.StandardScaler(), net)
    search = nnhp.search.GridSearchCV(model, {}, cv=3, ensemble=True).fit(A, b)
    found = search.best_estimator_
    loaded = round_trip(found, tmp_path)
    assert type(loaded) is nnhp.search.FoldEnsemble
    assert_identical(loaded.predict(A), found.predict(A))
    assert loaded.score(A, b) == found.score(A, b)


def test_callbacks_are_left_out(tmp_path):
    hook = ScoringMonitor(scoring="accuracy")
    model = pipeline.make_pipeline(
        prep.StandardScaler(), MLPClassifier(4, **SMALL).set_callbacks(hook)
    ).fit(X, y)
    loaded = round_trip(model, tmp_path)
    assert model[-1]._skl_callbacks == [hook]
    assert not hasattr(loaded[-1], "_skl_callbacks")
    assert_identical(loaded.predict_proba(X), model.predict_proba(X))
    assert_identical(loaded.fit(X, y).predict_proba(X), clone(model).fit(X, y).predict_proba(X))


@pytest.mark.parametrize(
    ("func", "inverse"), [(np.log1p, np.expm1), (np.cbrt, None), (np.abs, None)]
)
def test_functions_of_numpy_come_back(tmp_path, func, inverse):
    A, b = load_diabetes(return_X_y=True)
    net = MLPRegressor(hidden_layer_sizes=4, **SMALL)
    model = pipeline.make_pipeline(prep.FunctionTransformer(func, inverse), clone(net)).fit(A, b)
    if inverse is not None:
        model = compose.TransformedTargetRegressor(
            model, func=func, inverse_func=inverse, check_inverse=False
        ).fit(A, b)
    loaded = round_trip(model, tmp_path)
    assert_identical(loaded.predict(A), model.predict(A))
    assert repr(loaded) == repr(model)


def test_rows_as_they_are_in_a_table(tmp_path):
    rows = pd.DataFrame(
        {
            "size": [1.0, 2.0, np.nan, 4.0] * 20,
            "colour": ["red", "blue", None, "red"] * 20,
            "kind": pd.Categorical(["u", "v", "u", "w"] * 20),
        }
    )
    of_texts = pipeline.make_pipeline(
        impute.SimpleImputer(strategy="most_frequent"),
        prep.OneHotEncoder(handle_unknown="ignore"),
    )
    of_numbers = pipeline.make_pipeline(impute.SimpleImputer(), prep.StandardScaler())
    columns = compose.ColumnTransformer(
        [("numbers", of_numbers, ["size"]), ("texts", of_texts, ["colour", "kind"])]
    )
    target = np.arange(80) % 3
    model = pipeline.make_pipeline(columns, MLPClassifier(8, **SMALL)).fit(rows, target)
    loaded = round_trip(model, tmp_path)
    unseen = pd.DataFrame({"size": [np.nan], "colour": ["pink"], "kind": ["u"]})
    for some in (rows, rows.iloc[:, ::-1], unseen):
        assert_identical(loaded.predict_proba(some), model.predict_proba(some))


SELECTORS = {
    "an index": pd.Index(["size", "weight"]),
    "numbers": compose.make_column_selector(dtype_include=np.number),
    "two types": compose.make_column_selector(dtype_include=[int, "float64"]),
    "not texts": compose.make_column_selector(dtype_exclude=[object, "string"]),
    "a pattern": compose.make_column_selector(pattern="^(?:size|weight)$"),
    "an index of places": pd.Index([0, 2]),
}


@pytest.mark.parametrize("columns", SELECTORS.values(), ids=SELECTORS.keys())
def test_columns_are_chosen_as_before(tmp_path, columns):
    rows = pd.DataFrame(
        {"size": [1.0, 2.0, 4.0] * 20, "colour": ["red", "blue", "red"] * 20,
         "weight": [3, 1, 2] * 20}
    )  # fmt: skip
    step = compose.ColumnTransformer([("numbers", prep.StandardScaler(), columns)])
    model = pipeline.make_pipeline(step, MLPClassifier(4, **SMALL)).fit(rows, np.arange(60) % 3)
    loaded = round_trip(model, tmp_path)
    assert_identical(loaded.predict_proba(rows), model.predict_proba(rows))
    other = rows.rename(columns={"size": "length"})  # chosen anew, where a fit is done anew
    if isinstance(columns, compose.make_column_selector):
        again = [clone(of).fit(other, np.arange(60) % 3) for of in (loaded, model)]
        assert_identical(*[net.predict_proba(other) for net in again])


def test_a_column_selector_of_unknown_types_is_refused(tmp_path):
    path = tmp_path / "crafted.nnhp"
    crafted(path, {"$selector": [None, {"$type": "os.stat_result"}, None]})
    with pytest.raises(ValueError, match="no model of nnhp"):
        nnhp.load(path)


# ------------------------------------------------------------------ what cannot be saved


class Doubled(prep.StandardScaler):
    """A step of the user's own."""


def double(values):
    return values * 2


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            pipeline.make_pipeline(Doubled(), MLPClassifier(4, **SMALL)),
            r"steps\.0\.1 is of Doubled, .* skops",
        ),
        (
            pipeline.make_pipeline(prep.FunctionTransformer(double), MLPClassifier(4, **SMALL)),
            r"steps\.0\.1\.func is <function double.* skops",
        ),
        (MLPClassifier(4, learning_rate=lambda epoch: 0.1, **SMALL), "learning_rate is <function"),
        (
            GridSearchCV(MLPClassifier(4, **SMALL), {"alpha": [0, 1]}),
            r"The model is of GridSearchCV, a search, .*: save its best_estimator_\.",
        ),
    ],
    ids=["a class", "a function", "a schedule", "a search"],
)
def test_what_cannot_be_kept_is_named(tmp_path, model, said):
    model.fit(X, y)
    with pytest.raises(ValueError, match=said) as refused:
        nnhp.save(model, tmp_path / "model.nnhp")
    assert "._" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_fitted_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError, match="not fitted"):
        MLPClassifier().save(tmp_path / "model.nnhp")


def test_an_earlier_file_outlives_a_full_disk(tmp_path, monkeypatch):
    path = tmp_path / "net.nnhp"
    net = MLPClassifier(4, **SMALL).fit(X, y)
    net.save(path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        net.set_params(alpha=1).fit(X, y).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# ------------------------------------------------------------------ what cannot be loaded


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "net.nnhp"
    MLPClassifier(2, max_iter=1, solver="sgd", random_state=0).fit(X[:, :2], y > 1).save(path)
    return path.read_bytes()


def refused(content, path):
    """Whether a file of this content is refused, as all that are not whole must be."""
    path.write_bytes(content)
    try:
        nnhp.load(path)
    except (ValueError, OSError) as error:
        return str(path) in str(error)
    return False


def files_to_damage(saved, long_form):
    """The file of a classifier, and for a release those of all kinds."""
    return [saved, *(path.read_bytes() for path in GOLDEN.glob("*.nnhp") if long_form)]


@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_a_file_cut_anywhere_is_refused(saved, tmp_path, long_form, count):
    for content in files_to_damage(saved, long_form):
        for end in range(len(content)):
            assert refused(content[:end], tmp_path / "cut.nnhp"), end
        count("cuts", len(content))
        assert refused(content + b"\0", tmp_path / "longer.nnhp")
        assert not refused(content, tmp_path / "whole.nnhp")


@pytest.mark.timeout(3600)
def test_a_bit_flipped_anywhere_is_found(saved, tmp_path, long_form, count):
    generator = np.random.default_rng(0)
    for content in files_to_damage(saved, long_form):
        places = generator.permutation(len(content) * 8)[:1000]
        for place in places:
            flipped = bytearray(content)
            flipped[place // 8] ^= 1 << (place % 8)
            assert refused(bytes(flipped), tmp_path / "flipped.nnhp"), place
        count("flipped bits", len(places))


def test_files_of_others_are_named(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(FileNotFoundError):
        nnhp.load(path)
    contents = {
        "is a pickle": pickle.dumps(MLPClassifier()),
        "no model file of nnhp": b"text, and nothing else",
        "holds tensors, but not a model": save_tensors({"a": np.zeros(3)}),
    }
    for said, content in contents.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=said):
            nnhp.load(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "b")
    with pytest.raises(ValueError, match="is a zip file"):
        nnhp.load(path)


@pytest.mark.parametrize("name", [b"model.nnhp", b"\xff.nnhp", "\u00e4 \u65e5.nnhp"])
def test_a_path_may_be_bytes(tmp_path, name):
    net = MLPClassifier(4, **SMALL).fit(X, y)
    path = os.fsencode(tmp_path / os.fsdecode(name))
    net.save(path)
    assert_identical(nnhp.load(path).predict_proba(X), net.predict_proba(X))
    assert_identical(nnhp.load(os.fsdecode(path)).predict_proba(X), net.predict_proba(X))


def test_what_is_no_file_holds_no_model(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(ValueError, match=f"{path} is no file but a device or a pipe"):
            nnhp.load(path)
    with pytest.raises(IsADirectoryError):
        nnhp.load(tmp_path)


def test_an_array_without_dimensions_is_kept(tmp_path):
    net = MLPClassifier(np.array(4), class_weight={0: np.array(1.0)}, **SMALL).fit(X, y)
    loaded = round_trip(net, tmp_path)
    assert loaded.hidden_layer_sizes.shape == ()
    assert_identical(loaded.predict_proba(X), net.predict_proba(X))


def test_types_of_tensors_that_no_model_has_are_refused(saved, tmp_path):
    path = tmp_path / "types.nnhp"
    path.write_bytes(saved.replace(b'"dtype":"F64"', b'"dtype":"C64"'))
    with pytest.raises(ValueError, match=r"types\.nnhp"):
        nnhp.load(path)


def test_a_file_beside_it_stays(tmp_path):
    beside = tmp_path / "net.nnhp.part"
    beside.write_text("mine")
    round_trip(MLPClassifier(4, **SMALL).fit(X, y), tmp_path)
    assert beside.read_text() == "mine"


@pytest.mark.parametrize("n_more", range(0, 256, 8))
def test_a_header_of_any_length_is_read(tmp_path, n_more):
    """Its length comes first, whose first byte may be that of a pickle."""
    path = tmp_path / "net.nnhp"
    content = Content("estimator", '{"model": "' + "a" * n_more + '"}', {})
    write(path, content)
    assert read(path) == content


def test_a_later_version_is_refused(saved, tmp_path):
    path = tmp_path / "later.nnhp"
    later = VERSION + 1
    path.write_bytes(saved.replace(b'"version":"%d"' % VERSION, b'"version":"%d"' % later))
    with pytest.raises(ValueError, match=f"version '{later}' of the format"):
        nnhp.load(path)


THIS_VERSION = {"_sklearn_version": sklearn.__version__}
SCALER = {"$estimator": ["sklearn.preprocessing.StandardScaler", THIS_VERSION]}
RANDOM_WORDS = ["<u4", [624], base64.b64encode(bytes(4 * 624)).decode()]


def crafted(path, model, arrays=None):
    write(path, Content("estimator", json.dumps({"model": model}), arrays or {}))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"$estimator": ["os.system", {}]}, "class 'os.system'"),
        ({"$estimator": ["sklearn.svm.SVC", {}]}, "class 'sklearn.svm.SVC'"),
        ({"$estimator": ["nnhp.MLPClassifier", {"predict": 1}]}, "'predict' for an attribute"),
        ({"$estimator": ["nnhp.MLPClassifier", {"__class__": 1}]}, "'__class__' for an attribute"),
        ({"$estimator": ["nnhp.MLPClassifier", {"a b": 1}]}, "'a b' for an attribute"),
        (
            {"$estimator": ["nnhp.MLPRegressor", {"n_features_in_": [4]}]},
            r"\[4\] for the n_fea",
        ),
        ({"$estimator": ["nnhp.MLPRegressor", {"n_features_in_": 0}]}, "0 for the n_features_in_"),
        ({"$estimator": ["nnhp.MLPRegressor", {"n_features_in_": True}]}, "True for the n_feat"),
        ({"$estimator": ["nnhp.MLPClassifier", {"classes_": []}]}, r"classes_ of shape \(0,\)"),
        ({"$estimator": ["nnhp.MLPClassifier", {"classes_": 3}]}, r"classes_ of shape \(\)"),
        ({"$estimator": ["nnhp.MLPClassifier", {"classes_": None}]}, r"classes_ of shape \(\)"),
        ({"$estimator": ["nnhp.search.FoldEnsemble", {"estimators": 5}]}, "must be a list of fit"),
        (
            {"$estimator": ["nnhp.search.FoldEnsemble", {"estimators": [SCALER]}]},
            r"must be all classifiers or all regressors, got \['StandardScaler'\]",
        ),
        ({"$estimator": ["nnhp.search.FoldEnsemble", {}]}, "no model of nnhp"),
        ({"$estimator": ["nnhp.search.Study", {}]}, "class 'nnhp.search.Study'"),
        ({"a": [{"$objects": ["<U999999", [30], ["a"] * 30]}] * 3}, "30 texts of 3999996 bytes"),
        ({"$estimator": "nnhp.MLPClassifier"}, "no model of nnhp"),
        ({"$function": "os.system"}, "no model of nnhp"),
        ({"$type": "os.stat_result"}, "no model of nnhp"),
        ({"$tensor": "absent"}, "no model of nnhp"),
        ({"$component": ["os.system", {}]}, "component must be one of"),
        ({"$array": ["<f8", [1 << 60], ""]}, "no model of nnhp"),
        ({"$array": ["O", [1], "gASVAAAAAAAAAA=="]}, "no model of nnhp"),
        ({"$dtype": "nonsense"}, "no model of nnhp"),
        ({"$dtype": "(,)f8,i4"}, "names the dtype"),
        ({"$objects": ["<U500000", [9999], ["a"] * 9999]}, "asks for 9999 texts"),
        ({"$random_state": ["MT19937", {"$array": RANDOM_WORDS}, -5, 0, 0.0]}, "random state"),
        ({"$random_state": ["MT19937", {"$array": RANDOM_WORDS}, 10**9, 0, 0.0]}, "random state"),
        (5, "holds int, which is no estimator"),
        ({"$estimator": ["sklearn.frozen.FrozenEstimator", THIS_VERSION]}, "lacks 'estimator'"),
    ],
)
def test_a_document_names_no_code(tmp_path, model, said):
    path = tmp_path / "crafted.nnhp"
    crafted(path, model)
    with pytest.raises(ValueError, match=said):
        nnhp.load(path)


def test_a_document_nested_too_deep_is_refused(tmp_path):
    path = tmp_path / "deep.nnhp"
    write(path, Content("estimator", "[" * 100_000 + "]" * 100_000, {}))
    with pytest.raises(ValueError, match="nested too deep"):
        nnhp.load(path)


def test_a_document_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "other.nnhp"
    write(path, Content("recipe", "{}", {}))
    with pytest.raises(ValueError, match="'recipe'"):
        nnhp.load(path)


def test_a_parameter_that_a_file_lacks_has_its_default(tmp_path):
    path = tmp_path / "older.nnhp"
    net = MLPClassifier(3, alpha=0.5, **SMALL).fit(X, y)
    net.save(path)
    content = read(path)
    document = json.loads(content.document)
    del document["model"]["$estimator"][1]["weight_decay"]
    write(path, Content(content.kind, json.dumps(document), content.arrays))
    loaded = nnhp.load(path)
    assert (
        loaded.weight_decay == inspect.signature(MLPClassifier).parameters["weight_decay"].default
    )
    assert loaded.alpha == 0.5


# ------------------------------------------------------------------ files of earlier versions


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.nnhp")))
def test_files_of_earlier_versions_are_read(name):
    expected = json.loads((GOLDEN / f"{name}.json").read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        model = nnhp.load(GOLDEN / f"{name}.nnhp")
    rows = pd.DataFrame(expected["rows"])
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    if isinstance(model, nnhp.Sequential):
        rows = rows.to_numpy()
    found = getattr(model, method)(rows)
    np.testing.assert_allclose(found, expected["outputs"], rtol=1e-12)


def test_there_is_a_file_of_each_version():
    versions = {int(path.stem.rpartition("-")[2]) for path in GOLDEN.glob("*.nnhp")}
    assert versions == set(range(1, VERSION + 1))
