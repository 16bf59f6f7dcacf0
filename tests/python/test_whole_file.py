"""Files that take the place of earlier ones once they are complete."""

import errno
import os
import stat
import threading

import pytest
from helpers import problem

from nnhp import GridSearchCV, MLPClassifier, MLPRegressor, Study
from nnhp._whole_file import whole_file

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted():
    X, y = problem("one target")
    return MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0).fit(X, y)


def test_the_earlier_file_stays_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_text("earlier")
    with whole_file(path) as part:
        part.write_text("later")
        assert path.read_text() == "earlier"
        assert part.name == path.name
    assert path.read_text() == "later"
    assert list(tmp_path.iterdir()) == [path]


def test_who_may_read_the_earlier_file_may_read_the_new_one(tmp_path):
    path = tmp_path / "a.txt"
    path.touch()
    path.chmod(0o600)
    with whole_file(path) as part:
        part.write_text("later")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "later"


def test_of_an_error_nothing_is_left(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("earlier")

    def fail():
        with whole_file(path) as part:
            part.write_text("half")
            raise OSError(errno.ENOSPC, "no room")

    with pytest.raises(OSError, match="no room") as told:
        fail()
    assert told.value.filename == str(path)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_a_missing_folder_is_named(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with whole_file(tmp_path / "link") as part:
        part.write_text("later")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "later"
    missing = tmp_path / "nowhere" / "a.txt"
    with pytest.raises(FileNotFoundError) as told, whole_file(missing):
        pass
    assert told.value.filename == str(missing)


def test_a_folder_that_takes_no_files_is_told_by_the_path(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "something else")

    monkeypatch.setattr("nnhp._whole_file.TemporaryDirectory", refuse)
    with pytest.raises(PermissionError) as told, whole_file(tmp_path / "a.txt"):
        pass
    assert told.value.filename == str(tmp_path / "a.txt")


def test_paths_without_a_file_are_named():
    with pytest.raises(ValueError, match=r"path must be without the character 0, got 'a\\x00b'\."):
        fitted().save("a\0b")


WRITERS = {
    "model": lambda path: fitted().save(path),
    "C": lambda path: fitted().to_c_header(path),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_pipes_and_devices_are_written_to_not_replaced(kind, tmp_path):
    WRITERS[kind](tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(
        target=lambda: read.append((tmp_path / "pipe").read_bytes()), daemon=True
    )
    reader.start()
    WRITERS[kind](tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    reader.join()
    assert len(read[0]) == (tmp_path / "file").stat().st_size


@pytest.mark.parametrize("kind", WRITERS)
def test_open_files_are_written_to_by_their_numbers(kind, tmp_path):
    WRITERS[kind](tmp_path / "file")
    read, write = os.pipe()
    sizes = []
    with os.fdopen(read, "rb") as end:
        reader = threading.Thread(target=lambda: sizes.append(len(end.read())), daemon=True)
        reader.start()
        WRITERS[kind](f"/dev/fd/{write}")
        os.close(write)
        reader.join()
    assert sizes == [(tmp_path / "file").stat().st_size]


def test_an_export_that_fails_leaves_the_earlier_one(tmp_path, monkeypatch):
    X, y = problem("binary")
    net = MLPClassifier(3, max_iter=2, random_state=0)
    GridSearchCV(net, {"alpha": [0.1]}, cv=3, study=tmp_path / "a.db").fit(X, y)
    path = tmp_path / "trials.csv"
    path.write_text("earlier")

    def half(frame, file, **keywords):
        with open(file, "w") as opened:  # noqa: PTH123 - whatever it is
            opened.write("half")
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("pandas.DataFrame.to_csv", half)
    with pytest.raises(OSError, match="no room"):
        Study(tmp_path / "a.db").export(path)
    assert path.read_text() == "earlier"
