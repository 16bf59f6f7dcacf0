"""Tables of `nnhp search`: read, looked over, and prepared."""

import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nnhp._table_files import RefusedError
from nnhp._table_values import KnownTexts, as_text
from nnhp._table_words import listed, one_line
from nnhp._tables import load, naming, preprocessing

N = 80


def frame(**columns):
    """A table with a column of numbers, one of texts, and a target of two classes."""
    rng = np.random.default_rng(0)
    made = {
        "size": rng.normal(size=N),
        "kind": rng.choice(["a", "b", "c"], N),
        "target": rng.choice(["yes", "no"], N),
    }
    return pd.DataFrame(made | columns)


@pytest.fixture
def given(tmp_path):
    """Write a frame, or the text of a file, and load it."""

    def write_and_load(content, name="table.csv", **more):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, dict):
            np.savez(path, **content)
        elif name.endswith(".parquet"):
            content.to_parquet(path)
        else:
            content.to_csv(path, index=False)
        return load(str(path), **more)

    return write_and_load


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize("name", ["table.csv", "table.CSV", "table.csv.gz", "table.parquet"])
def test_formats_of_tables_agree(given, name):
    table = given(frame(), name)
    assert table.name == name
    assert (table.numbers, table.texts) == (["size"], ["kind"])
    assert table.task == "classification, 2 classes (no, yes)"
    assert list(table.y) == list(frame()["target"])
    assert table.X["size"].tolist() == pytest.approx(frame()["size"].tolist(), abs=0)
    assert table.remarks == []


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_seen(given, separator):
    table = given(frame().to_csv(sep=separator, index=False).encode())
    assert (table.numbers, table.texts) == (["size"], ["kind"])


def german(values):
    """Numbers as texts with decimal commas, and points between thousands."""
    return [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in values]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_decimal_commas_are_read_where_no_comma_separates(given, separator):
    values = np.random.default_rng(0).normal(0, 1e4, N).round(2)
    texts = german(values)
    assert any("." in text for text in texts)
    texts[3] = None
    table = frame(size=texts, price=german(values**2), target=german(values), other=values)
    read = given(table.to_csv(sep=separator, index=False).encode())
    assert (read.numbers, read.texts) == (["size", "price", "other"], ["kind"])
    assert read.task == "regression"
    np.testing.assert_array_equal(read.y, values)
    expected = np.where(np.arange(N) == 3, np.nan, values)
    np.testing.assert_array_equal(read.X["size"], expected)
    np.testing.assert_array_equal(read.X["other"], values)
    np.testing.assert_array_equal(read.X["price"], (values**2).round(2))
    assert read.remarks == ["3 columns with decimal commas: size, target, price"]


@pytest.mark.parametrize("odd", ["a,b", "1,2,3", "1.23,5", ",5", "12,", "x"])
def test_texts_with_commas_stay_texts(given, odd):
    size = ["12,5"] * (N // 2) + [odd] * (N // 2)
    table = given(frame(size=size).to_csv(sep=";", index=False).encode())
    assert table.texts == ["size", "kind"]
    assert table.remarks == []
    table = given(frame(size=["12,5", "13,5"] * (N // 2)).to_csv(index=False).encode())
    assert table.texts == ["size", "kind"]  # commas separate, so this may mean anything


@pytest.mark.parametrize("separator", [",", ";"])
def test_rows_may_end_with_a_separator(given, separator):
    heading, *rows = frame().to_csv(sep=separator, index=False).splitlines()
    plain = given("\n".join([heading, *rows]).encode())
    ending = given("\n".join([heading, *(f"{row}{separator}" for row in rows)]).encode())
    pd.testing.assert_frame_equal(ending.X, plain.X)
    np.testing.assert_array_equal(ending.y, plain.y)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("more", ["7", "7{0}8"])
def test_rows_with_more_values_than_names_are_refused(given, separator, more):
    heading, *rows = frame().to_csv(sep=separator, index=False).splitlines()
    longer = [f"{row}{separator}{more.format(separator)}" for row in rows]
    with pytest.raises(RefusedError, match=r"table\.csv: the rows have more values than the head"):
        given("\n".join([heading, *longer]).encode())


def test_an_empty_column_between_semicolons(given):
    table = given(frame(other=np.nan).to_csv(sep=";", index=False).encode())
    assert table.remarks == ["1 column left out, empty: other"]


@pytest.mark.parametrize("name", ["table.csv", "table.parquet", "table.npz"])
def test_labels_beyond_signed_integers_stay_what_they_are(given, name):
    labels = np.arange(N).astype(np.uint64) % np.uint64(2) + np.uint64(2**63)
    content = {"X": np.eye(N), "y": labels} if name.endswith("npz") else frame(target=labels)
    table = given(content, name)
    assert table.task == "classification, 2 classes (9223372036854775808, 9223372036854775809)"
    np.testing.assert_array_equal(table.y, labels)


def test_a_byte_order_mark_is_no_part_of_a_name(given):
    table = given(frame().to_csv(index=False).encode("utf-8-sig"))
    assert table.numbers == ["size"]


def test_arrays(given):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(N, 3)).astype(np.float32), rng.integers(0, 2, (N, 1))
    table = given({"X": X, "y": y}, "table.npz")
    assert table.numbers == [0, 1, 2]
    np.testing.assert_array_equal(table.X.to_numpy(), X)
    np.testing.assert_array_equal(table.y, y.ravel())
    assert given({"X": X > 0, "y": y}, "table.npz").numbers == [0, 1, 2]
    texts = rng.choice(["a", "b"], (N, 2))
    assert given({"X": texts, "y": y}, "table.npz").texts == [0, 1]


def test_bundled_data():
    table = load("digits")
    assert (len(table.y), len(table.numbers)) == (1797, 61)
    assert table.task == "classification, 10 classes"
    assert table.remarks == ["3 columns left out, always the same: 0, 32, 39"]
    assert load("diabetes").task == "regression"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "t.csv", "t.csv: the file is empty"),
        (b"a,target\n", "t.csv", "t.csv: the file has no rows"),
        (b"a,b\n1,2\n1,2,3,4\n", "t.csv", "cannot read .*t.csv: .* Expected 2 fields in line 3"),
        ("größe,target\n1,2\n".encode("latin-1"), "t.csv", "not encoded as UTF-8"),
        (b"nothing", "t.csv.gz", "cannot read .*: Not a gzipped file"),
        (b"nothing", "t.parquet", "cannot read .*t.parquet"),
        (b"nothing", "t.npz", "this is not an NPZ file"),
        (b"nothing", "t.txt", "not a .csv, .parquet or .npz file"),
        ({"A": np.zeros(3)}, "t.npz", "needs the arrays X and y; this has A"),
        ({"X": np.zeros(5), "y": np.zeros(5)}, "t.npz", r"not \(5,\) and \(5,\)"),
        ({"X": np.zeros((5, 2)), "y": np.zeros(4)}, "t.npz", r"not \(5, 2\) and \(4,\)"),
        ({"X": np.zeros((0, 2)), "y": np.zeros(0)}, "t.npz", "the file has no rows"),
        ({"X": np.array([[{}]]), "y": np.zeros(1)}, "t.npz", "Object arrays cannot be loaded"),
        ({"X": np.zeros((1, 1), complex), "y": np.zeros(1)}, "t.npz", "X must hold numbers"),
    ],
)
def test_files_that_cannot_be_read(given, content, name, message):
    with pytest.raises(RefusedError, match=message) as refused:
        given(content, name)
    assert "\n" not in str(refused.value)


def test_places_without_a_file(tmp_path):
    for name in ("none.csv", "none.npz", "none.parquet"):
        with pytest.raises(RefusedError, match=r"cannot read .*: No such file or directory"):
            load(str(tmp_path / name))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(RefusedError, match=r"cannot read .*: Is a directory"):
        load(str(tmp_path / "folder.csv"))


def test_parquet_needs_pyarrow(given, monkeypatch):
    given(frame(), "table.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RefusedError, match=r"pip install 'nnhp\[parquet\]'"):
        given(b"", "other.parquet")


# ------------------------------------------------------------------ the target


def test_the_target_must_be_named(given):
    renamed = frame().rename(columns={"target": "answer"})
    with pytest.raises(RefusedError, match=r"--target; it has size, kind, answer$"):
        given(renamed)
    with pytest.raises(
        RefusedError,
        match=r"^--target: table.csv has no column 'anser' \(did you mean 'answer'\?\); it has "
        r"size, kind, answer$",
    ):
        given(renamed, target="anser")
    with pytest.raises(RefusedError, match=r"no column 'price'; it has size, kind, answer$"):
        given(renamed, target="price")
    assert given(renamed, target="answer").target == "answer"


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["yes", "no"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 2, 3], "classification"),
        ([1.0, 2.0, np.nan, 1.0], "classification"),
        (list(range(N)), "regression"),
        ([0.5, 1.0], "regression"),
        ([100, 200, 301, 402, 500, 600, 702, 800, 901, 1000], "regression"),
    ],
    ids=["text", "truth", "few integers", "integers and a gap", "integers", "fractions", "amounts"],
)
def test_the_task_is_inferred(given, values, task):
    target = (values * N)[:N]
    assert given(frame(target=target)).task.startswith(task)


def test_the_task_can_be_said(given):
    numbers = frame(target=np.arange(N) % 4)
    assert given(numbers, task="regression").y.dtype == np.float64
    amounts = frame(target=np.arange(N) // 2)
    assert not given(amounts).classification
    assert given(amounts, task="classification").classification
    assert given(frame(target=np.arange(N) % 2 > 0), task="regression").y.sum() == N / 2
    with pytest.raises(RefusedError, match="'target' holds text: regression needs numbers"):
        given(frame(), task="regression")
    with pytest.raises(RefusedError, match="'target' holds fractions"):
        given(frame(target=np.arange(N) / 2), task="classification")


def test_rows_without_a_target_are_left_out_with_a_word(given):
    gaps = frame()
    gaps.loc[[3, 7], "target"] = None
    table = given(gaps)
    assert (len(table.y), len(table.X)) == (N - 2, N - 2)
    assert table.remarks == ["2 rows left out: 'target' is missing"]
    assert list(table.X["kind"]) == list(gaps["kind"].drop([3, 7]))


def test_a_class_of_one_row_is_left_out_with_a_word(given):
    rare = frame()
    rare.loc[5, "target"] = "perhaps"
    table = given(rare)
    assert "perhaps" not in table.y
    assert table.remarks == ["1 row left out, the only one of its class: perhaps"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (["yes"] * N, r"'target' has one class only \(yes\)"),
        ([1.5] * N, "every value of 'target' is 1.5"),
        ([None] * N, "every value of 'target' is missing"),
        ([f"row {i}" for i in range(N)], "the 80 classes of 'target' have one row each, "),
        (
            ["a"] * (N - 2) + ["b", "c"],
            "the 3 classes of 'target' have one row each but for a, too few to learn from",
        ),
        ([0.5, np.inf] * (N // 2), "'target' has infinite values"),
    ],
    ids=["one class", "one value", "missing", "names", "one frequent class", "infinite"],
)
def test_targets_with_nothing_to_learn(given, target, message):
    with pytest.raises(RefusedError, match=message):
        given(frame(target=target))


# ------------------------------------------------------------------ the columns


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([7] * N, "always the same"),
        (["a", None] * (N // 2), "always the same"),
        ([None] * N, "empty"),
        ([f"name {i}" for i in range(N)], "a text of its own in most rows"),
        (range(N), "counting the rows"),
        (range(1, N + 1), "counting the rows"),
    ],
    ids=["constant", "constant or missing", "empty", "names", "from 0", "from 1"],
)
def test_useless_columns_are_left_out_with_a_word(given, values, reason):
    table = given(frame(extra=values))
    assert table.remarks == [f"1 column left out, {reason}: extra"]
    assert (table.numbers, table.texts) == (["size"], ["kind"])


def test_numbers_of_rows_are_seen_where_rows_are_left_out(given):
    gaps = frame(extra=range(N))
    gaps.loc[3, "target"] = None
    assert "1 column left out, counting the rows: extra" in given(gaps).remarks


def test_columns_that_only_look_useless_stay(given):
    table = given(frame(year=range(1900, 1900 + N), city=[f"city {i // 3}" for i in range(N)]))
    assert table.numbers == ["size", "year"]
    assert table.texts == ["kind", "city"]


def test_types_of_parquet(given):
    table = given(
        frame(
            truth=[True, None] + [False, True] * (N // 2 - 1),
            nullable=pd.array([1, 2, None, 4] * (N // 4), dtype="Int64"),
            decimal=[Decimal(i) / 4 for i in range(N)],
            category=pd.Categorical(["u", "v"] * (N // 2)),
            day=pd.date_range("2020-01-01", periods=N),
            lists=[[1, 2]] * N,
        ),
        "table.parquet",
    )
    assert table.numbers == ["size", "nullable", "decimal"]
    assert table.texts == ["kind", "truth", "category"]
    day, lists = table.remarks
    assert day.startswith("1 column left out, holding values of the type datetime64")
    assert lists == "1 column left out, holding values that are neither numbers nor text: lists"
    assert np.isfinite(dense(preprocessing(table).fit_transform(table.X))).all()


def test_nothing_left_to_learn_from(given):
    with pytest.raises(RefusedError, match="no column is left to learn from"):
        given(frame().drop(columns=["size", "kind"]).assign(extra=1))


def test_infinite_numbers_are_refused(given):
    with pytest.raises(RefusedError, match="the column 'extra' has infinite values"):
        given(frame(extra=[1.0, np.inf] * (N // 2)))


# ------------------------------------------------------------------ preparing


def dense(features):
    return features.toarray() if hasattr(features, "toarray") else np.asarray(features)


def test_features(given):
    gaps = frame(extra=np.arange(N) ** 2.0)
    gaps.loc[[0, 1], "extra"] = np.nan
    gaps.loc[2, "kind"] = None
    table = given(gaps)
    steps = preprocessing(table).fit(table.X)
    features = dense(steps.transform(table.X))
    assert features.shape == (N, 2 + 3)
    np.testing.assert_allclose(features[:, :2].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(features[:, :2].std(axis=0), 1)
    assert features[0, 1] == features[1, 1] == pytest.approx(np.median(features[:, 1]), abs=0.1)
    assert (features[:, 2:].sum(axis=1) == 1).all()
    common = gaps["kind"].mode()[0]
    assert "abc"[features[2, 2:].argmax()] == common
    names = steps.get_feature_names_out()
    assert list(names[2:]) == ["texts__kind_a", "texts__kind_b", "texts__kind_c"]


def test_unseen_texts_have_no_feature(given):
    table = given(frame())
    steps = preprocessing(table).fit(table.X)
    rows = pd.DataFrame({"size": [0.0, 0.0], "kind": ["new", "a"]})
    assert (dense(steps.transform(rows))[0, 1:] == 0).all()


def test_many_different_texts_share_features(given):
    table = given(frame(city=[f"city {i // 2}" for i in range(N)]))
    assert "city" in table.texts
    many = pd.concat([table.X, table.X.assign(city=[f"town {i // 2}" for i in range(N)])])
    features = dense(preprocessing(table).fit_transform(many))
    assert features.shape == (2 * N, 1 + 3 + 50)
    assert (features[:, 4:].sum(axis=1) == 1).all()


def test_a_column_may_be_empty_in_the_rows_of_a_fold(given):
    table = given(frame(extra=[1.0, 2.0] + [None] * (N - 2), word=["a", "b"] + [None] * (N - 2)))
    steps = preprocessing(table).fit(table.X[2:])
    features = dense(steps.transform(table.X[:2]))
    assert features.shape[0] == 2
    assert np.isfinite(features).all()


def test_a_column_may_have_another_type_when_predicting(given):
    truth = frame(word=[True, None] * (N // 2), code=["1", "x"] * (N // 2))
    truth.loc[0, "word"] = False
    table = given(truth, "table.parquet")
    steps = preprocessing(table).fit(table.X)
    rows = table.X.iloc[[2, 4]]
    again = rows.assign(word=[True, True], code=[1, 1])
    assert again.dtypes["word"].kind == "b"
    np.testing.assert_array_equal(dense(steps.transform(again)), dense(steps.transform(rows)))


CODES = ["10", "20", "07", "2.50", "9007199254740993", "x"]
TRUTH = [True, False, True, False, True, False]
READ_AS = {
    "integers": (lambda code: code[:2].astype(int), lambda truth: truth.astype(int)),
    "unsigned": (lambda code: code[:2].astype("uint8"), lambda truth: truth.astype("uint8")),
    "nullable integers": (
        lambda code: code[:2].astype(int).astype("Int64"), lambda truth: truth.astype("Int64")
    ),
    "floats": (lambda code: code[:4].astype(float), lambda truth: truth.astype(float)),
    "nullable floats": (
        lambda code: code[:4].astype(float).astype("Float64"), lambda truth: truth.astype("Float64")
    ),
    "decimals": (lambda code: code[:5].map(Decimal), lambda truth: truth.astype(int).map(Decimal)),
    "categories": (
        lambda code: code[:4].astype(float).astype("category"),
        lambda truth: truth.astype("category"),
    ),
    "texts": (lambda code: code, lambda truth: truth.map({True: "true", False: "FALSE"})),
    "texts of numbers": (lambda code: code[:3] + ".0", lambda truth: truth.astype(int).astype(str)),
    "texts that end with a point": (lambda code: " " + code[:3] + ".", lambda truth: truth),
    "any of these": (
        lambda code: pd.Series([10, 20.0, "7", 2.5, 9007199254740993, "x"]),
        lambda truth: pd.Series([1, "false", True, 0.0, "TRUE", "0"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("missing", [False, True], ids=["", "beside a missing one"])
@pytest.mark.parametrize("name", READ_AS)
def test_values_are_what_they_were_however_they_are_read(given, name, missing):
    values = {"code": (CODES * N)[:N], "truth": (TRUTH * N)[:N]}
    table = given(frame(**values), "table.parquet")
    assert table.texts == ["kind", "code", "truth"]
    steps = preprocessing(table).fit(table.X)
    read_code, read_truth = READ_AS[name]
    code, truth = read_code(pd.Series(CODES)), read_truth(pd.Series(TRUTH))
    rows = table.X.loc[code.index]
    again = rows.assign(code=code, truth=truth)
    if missing:
        gap = pd.DataFrame({"size": [0.5], "kind": ["a"]})
        rows, again = (pd.concat([each, gap]) for each in (rows, again))
    np.testing.assert_array_equal(dense(steps.transform(again)), dense(steps.transform(rows)))


def test_a_file_whose_codes_are_all_numbers_is_read_as_its_table(given, tmp_path):
    """What pandas makes of the same values depends on the others of their column."""
    code, truth = ["10", "20", "30", "X"] * (N // 4), [True, False] * (N // 2)
    table = given(frame(code=code, truth=truth))
    steps = preprocessing(table).fit(table.X)
    rows = table.X[table.X["code"] != "X"]
    expected = dense(steps.transform(rows))
    for gap in ("", "\n,a,,\n"):
        path = tmp_path / "new.csv"
        path.write_text(rows.to_csv(index=False) + gap)
        again = pd.read_csv(path)
        assert again["code"].dtype.kind == ("f" if gap else "i")
        assert again["truth"].dtype.kind == ("O" if gap else "b")
        found = dense(steps.transform(again))[: len(rows)]
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_texts_that_may_be_either_are_neither():
    known = KnownTexts().fit(pd.DataFrame({"code": ["07", "7", "1", "true", "x"]}))
    given = ["7", "07", "7.0", "1.0", "TRUE", "y"]
    expected = ["7", "07", "7.0", "1", "true", "y"]
    found = known.transform(pd.DataFrame({"code": given}))["code"]
    assert found.tolist() == expected
    assert found.dtype == object


@pytest.mark.parametrize(
    "text",
    [
        "9007199254740992",
        "9007199254740992.0",
        "1_0",
        "\u0667",
        "inf",
        "nan",
        "1e9999999999",
        "1E1",
        "1e1",
        "0x10",
    ],
)
def test_a_text_is_no_number_that_is_only_like_another(text):
    known = KnownTexts().fit(pd.DataFrame({"code": ["9007199254740993", "10", "7", "16", "x"]}))
    found = known.transform(pd.DataFrame({"code": [text, "x"]}, dtype=object))["code"]
    assert found.tolist() == [text, "x"]


def test_a_column_of_unknown_texts_is_warned_of(given):
    table = given(frame(code=["10", "x"] * (N // 2)))
    steps = preprocessing(table).fit(table.X)
    rows = table.X.assign(code=11)
    rows.loc[0, "code"] = np.nan
    said = r"^the column 'code' counts for nothing .*: its texts \(11\.0\) are none .* \(10, x\)$"
    with pytest.warns(UserWarning, match=said) as warned:
        steps.transform(rows)
    assert [Path(warning.filename) for warning in warned] == [Path(__file__)]
    steps.transform(rows.assign(code=["11"] * (N - 1) + ["x"]))
    steps.transform(rows.assign(code=None))


def test_values_become_text():
    mixed = pd.DataFrame({"a": [1, "x", None], "b": [True, False, True], "c": [np.nan, 2.5, 3]})
    text = as_text(mixed)
    assert text.fillna("-").to_numpy().tolist() == [
        ["1", "True", "-"],
        ["x", "False", "2.5"],
        ["-", "True", "3.0"],
    ]
    assert as_text(np.array([["a"], ["b"]])).to_numpy().tolist() == [["a"], ["b"]]


ROWS = frame().drop(columns="target")


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        ROWS[["kind", "size"]],
        ROWS.to_numpy(),
        ROWS.to_numpy().tolist(),
        pd.DataFrame(ROWS.to_numpy()),
        ROWS.to_dict("records"),
        pa.Table.from_pandas(ROWS[["kind", "size"]]),
    ],
    ids=["frame", "other order", "array", "lists", "frame without names", "dicts", "arrow"],
)
def test_rows_of_any_kind_become_the_columns_of_the_table(given, rows):
    named = naming(given(frame())).transform(rows)
    pd.testing.assert_frame_equal(named[["size", "kind"]], ROWS)


def test_rows_of_a_table_without_names_may_have_some(given):
    table = given(
        {"X": ROWS[["size", "size"]].to_numpy(), "y": frame()["target"].to_numpy(str)}, "table.npz"
    )
    named = naming(table).transform(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    assert named.to_dict("records") == [{0: 1.0, 1: 2.0}]


@pytest.mark.parametrize("rows", [frame().to_numpy(), [1.0, 2.0, 3.0]], ids=["wide", "flat"])
def test_rows_of_another_width_are_refused_with_the_columns(given, rows):
    with pytest.raises(ValueError, match=r"2 columns, in the order of the table \(size, kind\)"):
        naming(given(frame())).transform(rows)


def test_a_dozen_names_are_listed():
    names = [f"c{i}" for i in range(14)]
    assert listed(names[:12]) == ", ".join(names[:12])
    assert listed(names) == f"{', '.join(names[:12])} and 2 more"


def test_messages_in_one_line():
    assert one_line("All 3 fits failed:\nit seems\n\nValueError: no\n") == (
        "All 3 fits failed: ValueError: no"
    )
    assert one_line(KeyError()) == "KeyError"
    assert len(one_line("x" * 10_000)) < 2010
