"""The durable record of a search: exact, locked, and whole after any crash or damage."""

import copy
import itertools
import json
import os
import pickle
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import STOPS_EARLY, assert_identical, run_child
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression

from nnhp import GridSearchCV, MLPClassifier
from nnhp.search import _study_file, _study_owner, _study_rescue
from nnhp.search._search_fit import SearchFit
from nnhp.search._study import Study, StudyDamagedWarning, StudyLocked, open_recorder
from nnhp.search._study_values import NamedValue, dumps, loads

FINGERPRINT = {"data": "0123456789abcdef0123456789abcdef", "space": "grid", "isa": "avx2"}
N_FOLDS = 3


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "a study?#.db")  # as a URI, its name would end early


def payload(candidate, fold, *, n_epochs=3):
    """What a search would report: long for some candidates, so that it fills several pages."""
    length = n_epochs if candidate % 7 else 300
    rng = np.random.RandomState([candidate, fold])
    return {
        "test_scores": {"score": float(rng.uniform())},
        "train_scores": None,
        "fit_time": 0.25,
        "score_time": 0.125,
        "fit_error": None,
        "epochs": n_epochs,
        "curve": {
            "train_loss": rng.uniform(size=length).tolist(),
            "test_score": rng.uniform(size=length),
        },
    }


def params_of(candidate):
    return {"alpha": 0.1 * candidate, "hidden_layer_sizes": (candidate + 1,)}


def fill(recorder, n_candidates, *, resource=9):
    for candidate in range(n_candidates):
        for fold in range(N_FOLDS):
            result = payload(candidate, fold)
            recorder.record(candidate, params_of(candidate), resource, fold, result)


def kept(recorder, n_candidates, *, resource=9):
    """Numbers of the folds that are there; all that is there must be as it was recorded."""
    found = set()
    for candidate in range(n_candidates):
        for fold in range(N_FOLDS):
            entry = recorder.lookup(candidate, params_of(candidate), resource, fold)
            if entry is not None:
                assert_identical(entry, payload(candidate, fold))
                found.add((candidate, fold))
    return found


def recording(path, seed=0, **changes):
    return open_recorder(path, {**FINGERPRINT, **changes}, seed=seed)


def files_beside(path):
    return sorted(file.name for file in Path(path).parent.iterdir() if file.name != Path(path).name)


# Values ------------------------------------------------------------------------------------------

VALUES = [
    None,
    True,
    2**80,
    -0.0,
    0.1 + 0.2,
    5e-324,
    float("nan"),
    float("-inf"),
    "text \ud800 \0 ü",
    (1, [2.0, (3,)], {"a": ()}),
    [0.5, float("inf")],
    [1.0, 2],
    {"$tuple": [1], "b": 2},
    {"$tuple": [1]},
    {1: "one", 2: None},
    {(1, 2): (3,)},
    np.float32(0.1),
    np.float64("nan"),
    np.int8(-3),
    np.bool_(True),
    np.str_("abc"),
    np.complex64(1 + 2j),
    np.longdouble(1) / 3,
    np.datetime64("2024-01-02"),
    np.arange(6, dtype=np.int16).reshape(2, 3),
    np.array(3.5, dtype=np.float32),
    np.array([np.nan, -0.0], dtype=">f8"),
    np.array(["a", "bcd"]),
    np.empty((0, 3)),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_with_their_types_and_bits(value):
    text = dumps({"value": value})
    json.loads(text, parse_constant=pytest.fail)  # strict JSON
    back = loads(text)["value"]
    if isinstance(value, np.generic):
        assert type(back) is type(value)
        assert back.tobytes() == value.tobytes()
    else:
        assert_identical(back, value)
    if isinstance(back, np.ndarray):
        assert back.flags.writeable


class Subclass(dict):
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (LogisticRegression(C=3), "LogisticRegression(C=3)"),
        (np.mean, "numpy.mean"),
        (Subclass(a=1), "{'a': 1}"),
        (b"bytes", "b'bytes'"),
        (np.array([{}, None]), "array([{}, None], dtype=object)"),
    ],
    ids=["estimator", "function", "subclass", "bytes", "object array"],
)
def test_other_values_are_kept_by_name_and_hash(value, name):
    back = loads(dumps((value, 1)))[0]
    assert back == NamedValue(name, joblib.hash(value))
    assert name in repr(back)
    assert loads(dumps(back)) == back


def test_a_value_that_cannot_be_hashed_is_named():
    back = loads(dumps(threading.Lock()))
    assert back == NamedValue("_thread.lock", None)


def test_functions_are_told_apart_by_what_they_do():
    three, again, four = (loads(dumps(f)) for f in (lambda: 3, lambda: 3, lambda: 4))
    assert "<lambda>" in three.name
    assert three.hash == again.hash
    assert three.hash != four.hash


# A record ----------------------------------------------------------------------------------------


def test_what_was_recorded_is_found_by_the_same_search_only(path):
    with recording(path) as recorder:
        assert recorder.lookup(0, params_of(0), 9, 0) is None
        fill(recorder, 4)
        recorder.flush()
        assert recorder.committed == 4 * N_FOLDS
    assert files_beside(path) == []
    with recording(path) as recorder:
        assert len(kept(recorder, 4)) == 4 * N_FOLDS == recorder.committed
        assert recorder.lookup(0, params_of(0), 3, 0) is None
        assert recorder.lookup(0, params_of(1), 9, 0) is None
        assert not recorder.finished
    for other in ({"data": "other"}, {"isa": "avx512"}, {"splits": "other"}):
        with recording(path, **other) as recorder:
            assert kept(recorder, 4) == set()
    with recording(path, seed=1) as recorder:
        assert kept(recorder, 4) == set()


def test_leaving_the_context_commits(path):
    with recording(path) as recorder:
        fill(recorder, 2)
    with recording(path) as recorder:
        assert len(kept(recorder, 2)) == 2 * N_FOLDS


def test_an_exception_keeps_what_was_recorded_and_passes(path):
    with pytest.raises(ZeroDivisionError), recording(path) as recorder:
        recorder.record(0, {}, 9, 0, {"score": fill(recorder, 2) or 1 / 0})
    with recording(path) as recorder:
        assert len(kept(recorder, 2)) == 2 * N_FOLDS


def test_numpy_numbers_may_name_a_fold(path):
    with recording(path) as recorder:
        recorder.record(np.int64(1), {}, np.int32(9), np.uint8(2), {"test_scores": None})
    with recording(path) as recorder:
        assert recorder.lookup(1, {}, 9, 2) == {"test_scores": None}
        assert recorder.lookup(np.int64(1), {}, 9, np.int64(2)) == {"test_scores": None}


def test_a_drawn_seed_is_drawn_once(path):
    with recording(path, seed=None) as recorder:
        seed = recorder.seed
        np.random.RandomState(seed)
    with recording(path, seed=None) as recorder:
        assert recorder.seed == seed
    with recording(path, seed=None, data="other") as recorder:
        assert recorder.seed != seed
    with recording(path, seed=7) as recorder:
        assert recorder.seed == 7


def test_a_finished_study_stays_finished(path):
    with recording(path) as recorder:
        fill(recorder, 2)
        recorder.save_checkpoint(0, {}, 0, 9, {"weights": np.ones(3)})
        recorder.finish({"candidate": 1, "params": {"alpha": 0.1}, "score": 0.5})
        assert recorder.finished
    with recording(path) as recorder:
        assert recorder.finished
        assert len(kept(recorder, 2)) == 2 * N_FOLDS
        assert recorder.load_checkpoint(0, {}, 0) is None
    assert Study(path).best == {"candidate": 1, "params": {"alpha": 0.1}, "score": 0.5, "study": 1}


def test_enqueued_settings_are_fixed_when_the_study_starts(path):
    first, second = {"hidden_layer_sizes": (3, 4), "alpha": np.float32(0.1)}, {"alpha": 0.5}
    Study(path).enqueue(first)
    with recording(path) as recorder:
        assert_identical(recorder.enqueued, [first])
    Study(path).enqueue(second)
    with pytest.warns(UserWarning, match="1 settings were enqueued .* study 1 had started"):
        recorder = recording(path)
    with recorder:
        assert recorder.enqueued == [first]
    with recording(path, data="other") as recorder:
        assert recorder.enqueued == [first, second]


def kind(value):
    return type(value).__name__


@pytest.mark.parametrize("value", [LogisticRegression(), np.mean, {1, 2}, (1, b"x")], ids=kind)
def test_what_cannot_be_kept_cannot_be_enqueued(path, value):
    with pytest.raises(TypeError, match=r"cannot be enqueued: .* cannot be kept in a study"):
        Study(path).enqueue({"alpha": 1.0, "model": value})
    assert not Path(path).exists()


@pytest.mark.parametrize(
    "params", [{}, {1: 2}, {None: 3}, "alpha", ["ab", "cd"], [("alpha", 1)], 3, None], ids=repr
)
def test_enqueue_wants_named_parameters(path, params):
    with pytest.raises(TypeError, match="params must be a dict"):
        Study(path).enqueue(params)
    assert not Path(path).exists()


def test_the_queue_can_be_seen_and_cleared(path):
    study, settings = Study(path), [{"alpha": 0.1, "sizes": (3, np.float32(1))}, {"alpha": "x"}]
    for use in (lambda: study.enqueued, study.dequeue):
        with pytest.raises(FileNotFoundError, match="There is no study"):
            use()
    for setting in settings:
        study.enqueue(setting)
    assert_identical(study.enqueued, settings)
    with recording(path) as recorder:
        assert recorder.enqueued == settings
    assert_identical(study.dequeue(), settings)
    assert study.enqueued == study.dequeue() == []
    with recording(path, data="other") as recorder:
        assert recorder.enqueued == []
    with recording(path) as recorder:  # what a study began with stays
        assert recorder.enqueued == settings


def test_a_study_does_not_start_with_a_setting_of_other_parameters(path):
    known = ["net__alpha", "net"]
    with open_recorder(path, FINGERPRINT, seed=0, parameters=known):
        pass
    Study(path).enqueue({"net__alpha": 0.5})
    Study(path).enqueue({"alpha": 0.1})
    with pytest.warns(UserWarning, match="2 settings were enqueued"):  # it has started without
        open_recorder(path, FINGERPRINT, seed=0, parameters=known).close()
    told = (
        rf"The setting {{'alpha': 0.1}}, .* in {re.escape(path)}, has a parameter that this "
        r"search cannot set: 'alpha' \(did you mean 'net__alpha'\?\). Study\(.*\).dequeue\(\)"
    )
    for _ in range(2):
        with pytest.raises(ValueError, match=told):
            open_recorder(path, FINGERPRINT, seed=1, parameters=known)
    Study(path).dequeue()
    with open_recorder(path, FINGERPRINT, seed=1, parameters=known) as recorder:
        assert recorder.enqueued == []


def test_what_is_damaged_in_the_queue_is_set_aside_when_it_is_cleared(path):
    study = Study(path)
    study.enqueue({"alpha": 1})
    study.enqueue({"alpha": 2})
    connection = sqlite3.connect(path)
    connection.execute("UPDATE queue SET content = x'00' WHERE rowid = 1")
    connection.commit()
    connection.close()
    with pytest.warns(StudyDamagedWarning, match="queue row 1"):
        assert study.dequeue() == [{"alpha": 2}]
    assert study.enqueued == []


def test_resume_says_what_differs(path):
    with pytest.raises(FileNotFoundError, match="no study to resume"):
        open_recorder(Study(path, resume=True), FINGERPRINT, seed=0)
    assert not Path(path).exists()
    Study(path).enqueue({"alpha": 1})
    with pytest.raises(ValueError, match="it has no study at all"):
        open_recorder(Study(path, resume=True), FINGERPRINT, seed=0)
    for changes in ({}, {"space": "other", "isa": "avx512", "data": "f" * 32}):
        with recording(path, **changes):
            pass
    changed = {**FINGERPRINT, "data": "e" * 32, "isa": "avx512"}
    with pytest.raises(
        ValueError, match=r"Its study 1 differs in: seed \(0 there, 3 here\), data, isa \(avx2"
    ):
        open_recorder(Study(path, resume=True), changed, seed=3)
    with open_recorder(Study(path, resume=True), FINGERPRINT, seed=0) as recorder:
        fill(recorder, 1)


def test_checkpoints(path):
    arrays = {
        "weights": np.arange(50_000, dtype=np.float32).reshape(100, 500),
        "empty": np.empty((0, 2)),
        "order": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "step": np.int64(7),
        "rate": 0.1,
        "best": float("inf"),
        "state": ("MT19937", [1, 2]),
        "nothing": None,
    }
    with recording(path) as recorder:
        assert recorder.load_checkpoint(1, {}, 2) is None
        recorder.save_checkpoint(1, {}, 2, 3, {"old": np.ones(9)})
        changed = {**arrays, "weights": arrays["weights"].copy()}
        recorder.save_checkpoint(1, {}, 2, 9, changed)
        changed["weights"][:] = 0
        recorder.save_checkpoint(1, {}, 1, 4, {})
        assert_identical(recorder.load_checkpoint(1, {}, 2), (9, dict(arrays)))
    with recording(path) as recorder:
        epoch, found = recorder.load_checkpoint(1, {}, 2)
        assert epoch == 9
        assert_identical(found, arrays)
        found["weights"] += 1
        assert recorder.load_checkpoint(1, {}, 1) == (4, {})
        with pytest.raises(TypeError, match="cannot be kept"):
            recorder.save_checkpoint(1, {}, 1, 5, {"net": LogisticRegression()})


def test_a_closed_recorder_refuses(path):
    with recording(path) as recorder:
        pass
    recorder.close()
    with pytest.raises(RuntimeError, match="closed"):
        recorder.record(0, {}, 1, 0, {})


# What people look at -----------------------------------------------------------------------------


def test_trials_of_several_studies_rungs_and_metrics(path, tmp_path):
    with recording(path) as recorder:
        for candidate, rung, n_folds in [(0, 1, 2), (1, 1, 2), (1, 3, 1)]:
            for fold in reversed(range(n_folds)):
                scores = {"accuracy": 0.5 + fold * 0.1, "loss": -candidate - fold}
                entry = {"test_scores": scores, "epochs": rung, "fit_time": 0.5}
                error = "ValueError: no" if (candidate, rung) == (0, 1) and fold else None
                params = {"alpha": 0.1, "sizes": (candidate,)}
                recorder.record(candidate, params, rung, fold, {**entry, "fit_error": error})
    with recording(path, data="other") as recorder:
        recorder.record(0, {"model": LogisticRegression()}, 5, 0, payload(0, 0))
    trials = Study(path).trials()
    assert list(trials) == [
        *["study", "candidate", "n_resources"],
        *["param_alpha", "param_sizes", "param_model"],
        *["mean_test_accuracy", "std_test_accuracy", "mean_test_loss", "std_test_loss"],
        *["mean_test_score", "std_test_score", "folds", "epochs", "seconds", "status"],
    ]
    assert trials["study"].tolist() == [1, 1, 1, 2]
    assert trials["candidate"].tolist() == [0, 1, 1, 0]
    assert trials["n_resources"].tolist() == [1, 1, 3, 5]
    assert trials["folds"].tolist() == [2, 2, 1, 1]
    assert trials["epochs"].tolist() == [2, 2, 3, 3]
    assert trials["seconds"].tolist() == [1, 1, 0.5, 0.375]
    assert trials["status"].tolist() == ["failed", "complete", "partial", "complete"]
    assert trials["param_sizes"].tolist()[:3] == [(0,), (1,), (1,)]
    assert trials["mean_test_accuracy"].tolist()[:3] == [0.55, 0.55, 0.5]
    assert trials["std_test_loss"].tolist()[:3] == [0.5, 0.5, 0]
    assert repr(trials["param_model"][3]) == "<LogisticRegression(): only its name is kept>"
    Study(path).export(tmp_path / "trials.csv")
    table = pd.read_csv(tmp_path / "trials.csv")
    assert list(table) == list(trials)
    assert table["mean_test_accuracy"].tolist()[:3] == [0.55, 0.55, 0.5]
    Study(path).export(tmp_path / "trials.CSV.gz")
    assert list(pd.read_csv(tmp_path / "trials.CSV.gz")) == list(trials)


@pytest.mark.parametrize("name", ["trials.parquet", "trials.csv.txt", "csv", "trials"])
def test_only_csv_is_exported(path, tmp_path, name):
    Study(path).enqueue({"alpha": 1})
    with pytest.raises(ValueError, match=rf"path must end with '.csv', got '.*{name}'"):
        Study(path).export(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_trials_of_an_empty_file(path):
    Study(path).enqueue({"alpha": 1})
    study = Study(path)
    assert len(study.trials()) == len(study.curves()) == 0
    assert {"study", "candidate", "status"} <= set(study.trials())
    with pytest.raises(ValueError, match="no candidate yet"):
        _ = study.best


def test_best_of_unfinished_studies_is_complete_and_on_the_highest_rung(path):
    scores = {(0, 1): [0.9, 0.9], (1, 3): [0.5, 0.6], (2, 3): [0.9], (3, 3): [np.nan, 1.0]}
    with recording(path) as recorder:
        for (candidate, rung), folds in scores.items():
            for fold, score in enumerate(folds):
                entry = {"test_scores": {"score": score}}
                recorder.record(candidate, {"alpha": candidate}, rung, fold, entry)
    best = Study(path).best
    assert best == {"params": {"alpha": 1}, "score": 0.55, "candidate": 1, "study": 1}
    with recording(path, data="other") as recorder:
        recorder.finish({"candidate": 8, "params": {"alpha": 8}, "score": 0.7})
    assert Study(path).best["study"] == 2
    with recording(path, data="third") as recorder:
        recorder.finish({"candidate": 9, "params": {"alpha": 9}, "score": None})
    assert Study(path).best["study"] == 2


def test_curves(path):
    with recording(path) as recorder:
        long, short = [0.3, 0.2, 0.1], [0.3]
        for rung, losses in [(3, long), (1, short)]:  # a rung's curve begins with the earlier ones'
            curve = {"train_loss": losses, "test_score": np.array(losses) + 1}
            recorder.record(1, {}, rung, 0, {"test_scores": {"score": 1.0}, "curve": curve})
        later = {"epoch": [4, 5], "train_loss": [0.05, 0.04], "test_score": None}
        recorder.record(1, {}, 5, 0, {"test_scores": {"score": 1.0}, "curve": later})
        recorder.record(2, {}, 5, 0, {"test_scores": {"score": 1.0}, "curve": None})
    curves = Study(path).curves()
    assert list(curves) == ["study", "candidate", "fold", "epoch", "train_loss", "test_score"]
    assert curves["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert curves["train_loss"].tolist() == [0.3, 0.2, 0.1, 0.05, 0.04]
    assert curves["test_score"].tolist()[:3] == [1.3, 1.2, 1.1]


def test_a_study_can_be_looked_at_while_it_is_written(path):
    with recording(path) as recorder:
        fill(recorder, 2)
        recorder.flush()
        assert Path(path + "-wal").exists()
        assert len(Study(path).trials()) == 2
        Study(path).enqueue({"alpha": 1})
        fill(recorder, 1, resource=27)
    assert len(Study(path).trials()) == 3
    assert files_beside(path) == []


# A value like others -----------------------------------------------------------------------------


class Search(BaseEstimator):
    def __init__(self, study=None):
        self.study = study


def test_a_study_is_a_plain_value(path):
    study = Study(Path(path), resume=True)
    assert repr(study) == f"Study({path!r}, resume=True)"
    assert repr(Study("a.db")) == "Study('a.db')"
    for twin in (pickle.loads(pickle.dumps(study)), copy.deepcopy(study)):
        assert twin == study
        assert hash(twin) == hash(study)
        assert vars(twin) == {"path": path, "resume": True}
    assert clone(Search(study=study)).study == study
    assert clone(Search(study=path)).study == path
    assert study != Study(path)
    assert study != path


@pytest.mark.parametrize("path", [3, None, True, b"a.db", ["a.db"]], ids=repr)
def test_a_path_is_a_text(path):
    with pytest.raises(TypeError, match=r"path must be a str or a path-like object, got"):
        Study(path)


def test_a_path_is_not_empty():
    with pytest.raises(ValueError, match="path must be that of a file, got ''"):
        Study("")


# Files that are no studies -----------------------------------------------------------------------


def other_database(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()


def later_version(path):
    with recording(path):
        pass
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()


def no_folder(path):
    Path(path).parent.rmdir()


NOT_STUDIES = {
    "text": (lambda path: Path(path).write_text("a,b\n" * 5000), ValueError, "not an SQLite"),
    "text with the mark": (
        lambda path: Path(path).write_text("x" * 68 + "nnhp" + "a,b\n" * 5000),
        ValueError,
        "not an SQLite",
    ),
    "zeros": (lambda path: Path(path).write_bytes(bytes(100)), ValueError, "not an SQLite"),
    "short text": (lambda path: Path(path).write_text("x"), ValueError, "not an SQLite"),
    "other program's": (other_database, ValueError, "database of another program"),
    "later version": (later_version, ValueError, "later version of nnhp .* upgrade"),
    "folder": (lambda path: Path(path).mkdir(), IsADirectoryError, "this is a folder"),
    "pipe": (os.mkfifo, ValueError, "not a file"),
}


@pytest.mark.parametrize(("make", "error", "match"), NOT_STUDIES.values(), ids=NOT_STUDIES)
def test_other_files_are_refused_and_left_alone(path, make, error, match):
    make(path)
    before = Path(path).read_bytes() if Path(path).is_file() else None
    for use in (
        recording,
        lambda path: Study(path).trials(),
        lambda path: Study(path).enqueue({"a": 1}),
        lambda path: Study(path).enqueued,
        lambda path: Study(path).dequeue(),
    ):
        with pytest.raises(error, match=match) as caught:
            use(path)
        assert path in str(caught.value)
    if before is not None:
        assert Path(path).read_bytes() == before
    assert files_beside(path) == []


def test_places_without_a_file(tmp_path):
    nowhere = str(tmp_path / "missing" / "a.db")
    for use in (recording, lambda path: Study(path).trials()):
        with pytest.raises(FileNotFoundError, match=nowhere):
            use(nowhere)


def test_an_empty_file_is_a_new_study(path):
    Path(path).touch()
    assert len(Study(path).trials()) == 0
    with recording(path) as recorder:
        fill(recorder, 1)
    assert len(Study(path).trials()) == 1


AS_ANOTHER_USER = """
import os
from nnhp.search._study import Study, open_recorder
os.chdir({folder!r})
if os.getuid() == 0:
    os.setuid(65534)
print(len(Study("a.db").trials()))
uses = [lambda: open_recorder("a.db", {{}}, seed=0), lambda: Study("new.db").enqueue({{"a": 1}})]
for use in uses:
    try:
        use()
    except PermissionError as error:
        print(error)
"""


def test_permissions():
    """In a child that is not root, for root may write everywhere."""
    with TemporaryDirectory() as folder:  # pytest's own is root's alone
        path = f"{folder}/a.db"
        with recording(path) as recorder:
            fill(recorder, 2)
        Path(path).chmod(0o444)
        Path(folder).chmod(0o555)
        lines = run_child(AS_ANOTHER_USER.format(folder=folder)).splitlines()
        assert files_beside(path) == []
        Path(folder).chmod(0o755)
    assert lines[0] == "2"
    assert "cannot be written: 'a.db'" in lines[1]
    assert "cannot be written: 'new.db'" in lines[2]


def test_a_network_file_system_gets_a_rollback_journal(path, monkeypatch):
    monkeypatch.setattr(_study_file, "_file_system", lambda _: "nfs4")
    with pytest.warns(UserWarning, match="nfs4.*rollback journal"):
        recorder = recording(path)
    with recorder:
        fill(recorder, 2)
        recorder.flush()
        assert not Path(path + "-wal").exists()
        assert len(Study(path).trials()) == 2


def test_the_file_system_is_found():
    assert _study_file._file_system(Path("/proc/self")) == "proc"


# Writers -----------------------------------------------------------------------------------------

CHILD = f"""
import os, signal, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np
import test_study
from test_study import *
path = sys.argv[1]
"""


def start(code, path, **options):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + code, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


HOLDS = """
with recording(path) as recorder:
    fill(recorder, 2)
    recorder.flush()
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_refused_until_the_first_is_dead(path):
    with start(HOLDS, path) as child:
        assert int(child.stdout.readline()) == child.pid
        with pytest.raises(StudyLocked, match=f"Study 1 .* by process {child.pid} "):
            recording(path)
        with recording(path, data="other") as recorder:
            fill(recorder, 1)
        child.send_signal(signal.SIGSTOP)
        with pytest.raises(StudyLocked):
            recording(path)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table
        with recording(path) as recorder:
            assert len(kept(recorder, 2)) == 2 * N_FOLDS
    assert files_beside(path) == []


def test_a_second_writer_in_the_same_process_is_refused(path):
    with recording(path) as recorder:
        with pytest.raises(StudyLocked, match=f"process {os.getpid()} "):
            recording(path)
        fill(recorder, 1)
    with recording(path):
        pass


def test_a_writer_that_is_interrupted_while_it_closes_is_dead(path, monkeypatch):
    recorder = recording(path)
    fill(recorder, 2)
    recorder.flush()

    def interrupted(connection):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_study_file, "_commit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            recorder.close()
    recorder.close()
    with recording(path) as recorder:
        assert len(kept(recorder, 2)) == 2 * N_FOLDS


@STOPS_EARLY
def test_a_fit_that_is_interrupted_before_it_closes_locks_nobody_out(path, monkeypatch):
    X, y = np.random.RandomState(0).rand(40, 3), np.arange(40) % 2
    search = GridSearchCV(MLPClassifier(3, max_iter=5), {"alpha": [0.1, 1.0]}, cv=2, study=path)
    interrupted = clone(search)

    def interrupt(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SearchFit, "close", interrupt)
        with pytest.raises(KeyboardInterrupt):
            interrupted.fit(X, y)
    search.fit(X, y)
    interrupted.fit(X, y)
    assert Study(path).trials()["status"].tolist() == ["complete"] * 2
    assert files_beside(path) == []


# Of score_within, whose own variables would be a part of its search.
SEARCHES = {}


def score_within(net, X, y):
    with pytest.raises(StudyLocked, match=f"process {os.getpid()} "):
        clone(SEARCHES["locked"]).fit(*SEARCHES["data"])
    SEARCHES["refused"] += 1
    return net.score(X, y)


@STOPS_EARLY
def test_a_fit_within_a_fit_cannot_write_its_study(path):
    X, y = np.random.RandomState(0).rand(40, 3), np.arange(40) % 2
    search = GridSearchCV(
        MLPClassifier(3, max_iter=5), {"alpha": [0.1]}, cv=2, scoring=score_within, study=path
    )
    SEARCHES.update(locked=search, data=(X, y), refused=0)
    search.fit(X, y)
    assert SEARCHES["refused"] == 2


RACES = """
sys.stdin.readline()
try:
    recorder = recording(path)
except StudyLocked:
    print("locked", flush=True)
else:
    print("won", flush=True)
    sys.stdin.read()
    recorder.close()
"""


@pytest.mark.parametrize("exists", [False, True])
def test_of_writers_at_the_same_instant_one_wins(path, exists):
    if exists:
        with recording(path):
            pass
    children = [start(RACES, path) for _ in range(3)]
    time.sleep(0.2)
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    told = sorted(child.stdout.readline().strip() for child in children)
    for child in children:
        child.communicate()
        assert child.returncode == 0
    assert told == ["locked", "locked", "won"]


def test_processes_and_threads_write_studies_of_one_file(path):
    code = """
with recording(path, data=sys.stdin.readline()) as recorder:
    for i in range(30):
        recorder.record(i, {}, 9, 0, payload(i, 0))
        recorder.flush()
"""
    children = [start(code, path) for _ in range(3)]
    for i, child in enumerate(children):
        child.stdin.write(f"{i}\n")
        child.stdin.flush()

    def write(name):
        with recording(path, data=name) as recorder:
            for i in range(30):
                recorder.record(i, {}, 9, 0, payload(i, 0))
                recorder.flush()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, ["a", "b"]))
    for child in children:
        child.communicate()
        assert child.returncode == 0
    trials = Study(path).trials()
    assert trials.groupby("study").size().tolist() == [30] * 5
    assert files_beside(path) == []


@pytest.fixture
def jumping_clock(monkeypatch):
    """Years pass between two looks at the wall clock, forth and back."""
    years = itertools.cycle([2e9, 1e9, 3e9])
    monkeypatch.setattr(time, "time", lambda: next(years))


@pytest.mark.usefixtures("jumping_clock")
def test_a_writer_on_another_host_counts_as_dead_when_its_beat_stops(path, monkeypatch):
    monkeypatch.setattr(_study_owner, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(_study_owner, "PATIENCE_SECONDS", 1.5)
    with recording(path) as recorder:
        fill(recorder, 1)
        recorder.flush()
        monkeypatch.setattr(_study_owner, "_world", lambda: ["another machine"])
        with pytest.raises(StudyLocked):  # it sees the beat
            recording(path)
        monkeypatch.setattr(_study_owner, "BEAT_SECONDS", 3600)
        recorder.flush()
        time.sleep(0.3)  # until it waits for an hour
        with recording(path) as second:
            assert len(kept(second, 1)) == N_FOLDS
            fill(recorder, 1, resource=27)
            with pytest.raises(StudyLocked, match="took over"):
                recorder.flush()
            fill(second, 1, resource=81)
        recorder._error = None
    with recording(path) as recorder:
        assert len(kept(recorder, 1, resource=81)) == N_FOLDS
        assert kept(recorder, 1, resource=27) == set()


@STOPS_EARLY
@pytest.mark.usefixtures("jumping_clock")
def test_times_of_a_search_know_no_clock_that_jumps(path):
    X, y = np.random.RandomState(0).rand(40, 3), np.arange(40) % 2
    search = GridSearchCV(MLPClassifier(3, max_iter=5), {"alpha": [0.1, 1.0]}, cv=2, study=path)
    search.fit(X, y)
    assert 0 <= search.refit_time_ < 1e6
    for time_of in ("fit", "score"):
        assert (np.abs(search.cv_results_[f"mean_{time_of}_time"]) < 1e6).all()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_of_fork_leaves_the_record_alone(path):
    with recording(path) as recorder:
        fill(recorder, 1)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with pytest.raises(RuntimeError, match="not in a child"):
                    recorder.record(5, {}, 9, 0, {})
                with pytest.raises(StudyLocked, match=f"process {os.getppid()} "):
                    recording(path)
                with recording(path, data="of the child") as own:
                    fill(own, 2)
                recorder.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        fill(recorder, 2, resource=27)
    with recording(path) as recorder:
        assert len(kept(recorder, 1)) == N_FOLDS
        assert len(kept(recorder, 2, resource=27)) == 2 * N_FOLDS
    assert len(Study(path).trials()) == 5


# Crashes -----------------------------------------------------------------------------------------

DIES_AT_COMMIT = """
from nnhp.search import _study_file
stop, before = int(sys.argv[2]), sys.argv[3] == "before"
count, commit = 0, _study_file._commit

def _commit(connection):
    global count
    count += 1
    if count == stop and before:
        os.kill(os.getpid(), signal.SIGKILL)
    commit(connection)
    if count == stop:
        os.kill(os.getpid(), signal.SIGKILL)

_study_file._commit = _commit
with recording(path, seed=None) as recorder:
    print("seed", recorder.seed, flush=True)
    for candidate in range(3):
        params = params_of(candidate)
        for fold in range(N_FOLDS):
            if recorder.lookup(candidate, params, 9, fold) is None:
                recorder.record(candidate, params, 9, fold, payload(candidate, fold))
        recorder.save_checkpoint(candidate, params, 0, 9, {"w": np.full(3000, candidate)})
        recorder.flush()
        print("done", candidate, flush=True)
    recorder.finish({"candidate": 0, "params": {}, "score": 1.0})
    print("finished", flush=True)
print("closed", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_commit(path, when):
    seed, ended = None, False
    for stop in range(1, 40):
        result = subprocess.run(
            [sys.executable, "-c", CHILD + DIES_AT_COMMIT, path, str(stop), when],
            capture_output=True,
            text=True,
            check=False,
        )
        told = [line.split() for line in result.stdout.splitlines()]
        assert result.returncode in {0, -signal.SIGKILL}, result.stderr
        with recording(path, seed=None) as recorder:
            whole = kept(recorder, 3)
            for words in told:
                if words[0] == "seed":
                    assert seed in {None, int(words[1])}
                    seed = int(words[1])
                    assert recorder.seed == seed
                elif words[0] == "done":
                    candidate = int(words[1])
                    assert {(candidate, fold) for fold in range(N_FOLDS)} <= whole
                    checkpoint = recorder.load_checkpoint(candidate, params_of(candidate), 0)
                    assert checkpoint is None or (checkpoint[1]["w"] == candidate).all()
                    assert checkpoint is not None or recorder.finished or ended
                elif words[0] == "finished":
                    assert recorder.finished
                    ended = True
        assert files_beside(path) == []
        if told and told[-1] == ["closed"]:
            break
        Path(path).unlink()
        seed, ended = None, False
    assert told[-1] == ["closed"]
    assert stop > 5


RUNS_UNTIL_KILLED = """
with recording(path, seed=None) as recorder:
    print("opened", flush=True)
    for candidate in range(100_000):
        for fold in range(N_FOLDS):
            if recorder.lookup(candidate, params_of(candidate), 9, fold) is None:
                recorder.record(candidate, params_of(candidate), 9, fold, payload(candidate, fold))
        if candidate % 5 == 0:
            recorder.flush()
            print(candidate, flush=True)
"""


@pytest.mark.slow
def test_killed_at_random_times_and_resumed(path):
    rng = random.Random(0)
    most = -1
    for _ in range(5):
        with start(RUNS_UNTIL_KILLED, path) as child:
            child.stdout.readline()
            time.sleep(rng.uniform(0, 0.4))
            child.kill()
            told = child.stdout.read().split("\n")[:-1]
        reported = max([most, *map(int, told)])
        with recording(path, seed=None) as recorder:
            whole = kept(recorder, reported + 1)
        assert len(whole) == (reported + 1) * N_FOLDS
        most = reported
    assert most > 0
    assert files_beside(path) == []


def record_much(recorder):
    for resource in range(10, 100):
        fill(recorder, 3, resource=resource)
        recorder.flush()


def test_a_full_disk_keeps_what_was_committed(path, monkeypatch):
    commit = _study_file._commit
    with recording(path) as recorder:
        fill(recorder, 3)
        recorder.flush()

        def full(connection):
            connection.execute("PRAGMA max_page_count = 1")  # no more than there are now
            commit(connection)

        monkeypatch.setattr(_study_file, "_commit", full)
        with pytest.raises(OSError, match="disk is full; what was recorded before stays") as caught:
            record_much(recorder)
        assert caught.value.filename == path
        for _ in range(2):
            with pytest.raises(OSError, match="disk is full"):
                recorder.record(0, {}, 1, 0, {})
        n_committed = recorder.committed
        with pytest.raises(OSError, match="disk is full"):
            recorder.__exit__(None, None, None)
        recorder._error = None
    monkeypatch.undo()
    with recording(path) as recorder:
        assert recorder.committed == n_committed
        assert len(kept(recorder, 3)) == 3 * N_FOLDS
        fill(recorder, 1, resource=500)
    assert files_beside(path) == []


WRITES_UNTIL_REFUSED = """
import resource
print("ready", flush=True)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with recording(path) as recorder:
        fill(recorder, 2)
        recorder.flush()
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        for i in range(2, 10_000):
            recorder.record(i, {}, 9, 0, payload(0, 0))
            recorder.flush()
            print(i, flush=True)
except OSError as error:
    print(repr(error), flush=True)
"""


def test_a_file_that_cannot_grow_keeps_what_was_committed(path, count):
    with start(WRITES_UNTIL_REFUSED, path) as child:
        lines = child.stdout.read().splitlines()
    assert child.returncode == 0
    assert "what was recorded before stays" in lines[-1]
    n_reported = len(lines) - 2
    assert n_reported > 0
    with recording(path) as recorder:
        assert len(kept(recorder, 2)) == 2 * N_FOLDS
        assert recorder.committed == 2 * N_FOLDS + n_reported
    assert files_beside(path) == []
    count("full disks")


# Damage ------------------------------------------------------------------------------------------

N_CANDIDATES = 16


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Bytes of a file with a finished and an unfinished study."""
    path = str(tmp_path_factory.mktemp("sound") / "a.db")
    Study(path).enqueue({"alpha": 0.25})
    with recording(path, data="other") as recorder:
        fill(recorder, 3)
        recorder.finish({"candidate": 0, "params": {}, "score": 0.0})
    with recording(path, seed=None) as recorder:
        fill(recorder, N_CANDIDATES)
        recorder.flush()
        recorder.save_checkpoint(1, {}, 1, 9, {"weights": np.arange(4000)})
    return Path(path).read_bytes()


def open_damaged(path):
    """What is left, and the damage that was told."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with recording(path, seed=None) as recorder:
            whole = kept(recorder, N_CANDIDATES)
            checkpoint = recorder.load_checkpoint(1, {}, 1)
            if checkpoint is not None:
                assert_identical(checkpoint, (9, {"weights": np.arange(4000)}))
            assert recorder.enqueued in ([{"alpha": 0.25}], [])
            fill(recorder, 1, resource=81)
    assert {warning.category for warning in caught} <= {StudyDamagedWarning}
    with recording(path, seed=None) as recorder:  # all is well now
        assert kept(recorder, N_CANDIDATES) == whole
        assert len(kept(recorder, 1, resource=81)) == N_FOLDS
    return whole, [str(warning.message) for warning in caught]


ALL = {(candidate, fold) for candidate in range(N_CANDIDATES) for fold in range(N_FOLDS)}


@pytest.fixture
def quick_path():
    """A path on a file system where waiting for the disk takes no time."""
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with TemporaryDirectory(dir=folder) as made:
        yield str(Path(made) / "a.db")


def open_once(path):
    """What is left of the first candidate, and the damage that was told."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with recording(path, seed=None) as recorder:
            whole = kept(recorder, 1)
    assert {warning.category for warning in caught} <= {StudyDamagedWarning}
    return whole, [str(warning.message) for warning in caught]


def told_of(path, data, open_file=open_damaged):
    """Open a damaged file: what is left of it, and what was said; nothing in it may be wrong."""
    Path(path).write_bytes(data)
    try:
        return open_file(path)
    except (ValueError, OSError) as error:
        message = str(error)
    finally:
        for name in files_beside(path):
            assert re.search(r"\.damaged-\d+(-wal)?$", name)
            (Path(path).parent / name).unlink()
    assert path in message
    assert Path(path).read_bytes() == data  # it was left as it is
    return set(), [message]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_flipped_bit_gives_a_wrong_value(quick_path, sound, long_form, count):
    rng = random.Random(0)
    bits = [rng.randrange(8 * len(sound)) for _ in range(1000 if long_form else 30)]
    for page in range(0, len(sound), 4096 if long_form else 8192):  # where the structure is
        bits += [8 * page + rng.randrange(96), 8 * page + rng.randrange(480)]
    told = 0
    for bit in bits:
        data = bytearray(sound)
        data[bit // 8] ^= 1 << (bit % 8)
        whole, messages = told_of(quick_path, bytes(data))
        assert whole == ALL or messages, bit
        # Those of a leaf, where its type is flipped; or all, of a file of another version.
        assert len(whole) >= len(ALL) - 10 or not whole, bit
        told += bool(messages)
    assert told > len(bits) / 5
    count("flipped bits", len(bits))


def test_a_damaged_row_is_named_and_set_aside(path, sound):
    place = sound.index(b'{"params":{"alpha":0.5,')
    data = bytearray(sound)
    data[place + 20] ^= 1
    Path(path).write_bytes(data)
    with pytest.warns(StudyDamagedWarning, match=r"folds row .*candidate 5, resource 9, fold"):
        assert len(Study(path).trials()) == N_CANDIDATES + 3
    whole, messages = open_damaged(path)
    assert len(ALL - whole) == 1
    assert len(messages) == 1
    assert "candidate 5, resource 9" in messages[0]
    assert files_beside(path) == []
    connection = sqlite3.connect(path)
    ((name, content),) = connection.execute("SELECT name, content FROM damaged")
    connection.close()
    assert "candidate 5" in name
    assert content == data[place : place + len(content)]


@pytest.mark.parametrize("fill_with", [b"\0", b"\r", b"\xff"], ids=repr)
def test_a_damaged_page_costs_the_rows_on_it(path, sound, fill_with):
    for page in [*range(8), len(sound) // 4096 - 1]:
        data = bytearray(sound)
        data[page * 4096 : (page + 1) * 4096] = fill_with * 4096
        Path(path).write_bytes(data)
        if page == 0 and fill_with != b"\0":  # nothing tells what it was
            with pytest.raises(ValueError, match="not an SQLite database"):
                recording(path)
            assert Path(path).read_bytes() == bytes(data)
            continue
        whole, messages = open_damaged(path)
        assert messages
        names = files_beside(path)
        if names:
            (name,) = names
            assert f"kept as {path}.damaged-1" in messages[0]
            aside = Path(path).parent / name
            assert aside.read_bytes() == bytes(data)
            aside.unlink()
        if b"studies" not in str(messages).encode() and page != 1:
            assert len(whole) > len(ALL) / 2


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_keeps_what_it_has(path, sound, share):
    data = sound[: int(share * len(sound))]
    Path(path).write_bytes(data)
    whole, messages = open_damaged(path)
    assert "rebuilt" in messages[0]
    assert len(whole) >= len(ALL) * (share - 0.25)
    assert (Path(path).parent / files_beside(path)[0]).read_bytes() == data


@pytest.mark.timeout(7200)
def test_a_file_cut_at_any_byte_is_told(quick_path, long_form, count):
    with recording(quick_path, seed=None) as recorder:
        fill(recorder, 1)
    data = Path(quick_path).read_bytes()
    ends = range(len(data)) if long_form else random.Random(1).sample(range(len(data)), 40)
    for end in ends:
        whole, messages = told_of(quick_path, data[:end], open_once)
        assert messages or end == 0, end  # of no length, it is a new study
        assert whole < {(0, fold) for fold in range(N_FOLDS)} or messages, end
    count("cuts", len(ends))


@pytest.mark.timeout(3600)
def test_a_log_cut_at_any_byte_ends_at_a_commit(quick_path, long_form, count):
    """What was written last is lost, and nothing before it; SQLite's log has its own checksums."""
    with recording(quick_path, seed=None) as recorder:
        fill(recorder, 1)
        recorder.flush()
        begun = Path(quick_path).read_bytes()
        log = Path(f"{quick_path}-wal").read_bytes()
    assert len(log) > 8 * 4096
    ends = range(0, len(log), 8 if long_form else 1999)
    before = 0
    for end in ends:
        for name in files_beside(quick_path):
            (Path(quick_path).parent / name).unlink()
        Path(quick_path).write_bytes(begun)
        Path(f"{quick_path}-wal").write_bytes(log[:end])
        with recording(quick_path, seed=None) as recorder:
            now = len(kept(recorder, 1))
        assert now >= before
        before = now
    count("cuts", len(ends))


@pytest.fixture
def broken_beside_its_log(path, sound):
    """A file that a killed process left, with rows in the log only, and a page broken since."""
    Path(path).write_bytes(sound)
    code = HOLDS.replace("recording(path)", "recording(path, seed=None)").replace(
        "2)", "2, resource=27)"
    )
    with start(code, path) as child:
        child.stdout.readline()
        child.kill()
    with Path(path).open("r+b") as file:
        file.seek(sound.index(b'{"params":{"alpha":0.5,') // 4096 * 4096)
        file.write(bytes(4096))
    return child.pid


def test_rows_that_are_in_the_log_only_are_rescued(path, broken_beside_its_log):
    with pytest.warns(StudyDamagedWarning, match="rebuilt") as caught:
        recorder = recording(path, seed=None)
    assert {warning.filename for warning in caught} == {__file__}
    with recorder:
        assert len(kept(recorder, 2, resource=27)) == 2 * N_FOLDS
        assert len(ALL) / 2 < len(kept(recorder, N_CANDIDATES)) < len(ALL)
    assert files_beside(path) == [f"{Path(path).name}.damaged-1"]


def test_a_damaged_file_in_use_is_not_rebuilt(path, broken_beside_its_log, monkeypatch):
    monkeypatch.setattr(_study_rescue, "lives", lambda _: True)
    with pytest.raises(OSError, match=f"damaged, and process {broken_beside_its_log} uses it"):
        recording(path, seed=None)
    assert files_beside(path) == []
