"""Headers of C: compiled with all warnings as errors, they predict what nnhp predicts."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from exported_models import NAMES, X, assert_close, estimators, expected, sequentials
from helpers import STOPS_EARLY, problem
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

import nnhp
from nnhp import MLPClassifier, MLPRegressor

ROOT = Path(__file__).parents[2]
COMPILER = shutil.which("gcc") or shutil.which("cc")
FLAGS = [
    *("-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic"),
    *("-Wconversion", "-Wdouble-promotion", "-Wshadow"),
]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
compiles = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

pytestmark = STOPS_EARLY

# Prints for each sample what each model makes of it: labels, then numbers to all digits.
_PROGRAM = """\
#include <stdio.h>
{includes}
static const {real} samples[{rows}][{columns}] = {{
{samples}
}};
{functions}
int main(void) {{
  for (int i = 0; i < {rows}; ++i) {{
    {calls}
  }}
  return 0;
}}
"""
_FUNCTION = """\
static void print_{name}(const {real} *x) {{
  {real} values[{n_values}];
  int labels[{n_labels}] = {{0}};
  {predicts}
  for (int j = 0; j < {n_labels}; ++j) printf("%d ", labels[j]);
  for (int j = 0; j < {n_values}; ++j) printf("%.17g ", (double)values[j]);
  puts("");
}}
"""


def build(folder, source, flags=FLAGS):
    (folder / "main.c").write_text(source)
    command = [COMPILER, *flags, "main.c", "-o", "main", "-lm"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-4000:]


def run(folder):
    """Lines that the program prints."""
    done = subprocess.run([folder / "main"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()


def calls_of(model, name):
    """C that calls all functions of a model's header."""
    if not isinstance(model, MLPClassifier):
        return f"{name}_predict(x, values);"
    method = "decision_function" if model.loss == "hinge" else "predict_proba"
    multilabel = expected(model)[0].ndim == 2
    predict = f"{name}_predict(x, labels);" if multilabel else f"labels[0] = {name}_predict(x);"
    return f"{predict} {name}_{method}(x, values);"


def predictions(folder, models, dtype, flags):
    """Labels and numbers of each model for all samples, as one program of C gives them."""
    real = "float" if dtype == "float32" else "double"
    names = [f"net{number}" for number in range(len(models))]
    functions, widths = [], []
    for name, model in zip(names, models, strict=True):
        model.to_c_header(folder / f"{name}.h", name=name)
        labels, values = expected(model)
        n_labels = 1 if labels is None else labels.reshape(len(X), -1).shape[1]
        counts = {"n_labels": n_labels, "n_values": values.shape[1]}
        predicts = calls_of(model, name)
        functions.append(_FUNCTION.format(name=name, real=real, predicts=predicts, **counts))
        widths.append(n_labels)
    source = _PROGRAM.format(
        includes="\n".join(f'#include "{name}.h"' for name in names),
        real=real,
        rows=len(X),
        columns=X.shape[1],
        samples=",\n".join("{" + ", ".join(map(repr, row)) + "}" for row in X.tolist()),
        functions="\n".join(functions),
        calls="\n    ".join(f"print_{name}(samples[i]);" for name in names),
    )
    build(folder, source, flags)
    lines = [np.array(line.split(), dtype=float) for line in run(folder)]
    for number, n_labels in enumerate(widths):
        rows = np.array(lines[number :: len(models)])
        yield rows[:, :n_labels].astype(int), rows[:, n_labels:]


@compiles
@pytest.mark.timeout(900)  # the long form
@pytest.mark.parametrize("kind", ["estimators", "sequentials"])
def test_every_model_predicts_the_same(kind, dtype, tmp_path, long_form, count):
    models = estimators(dtype) if kind == "estimators" else sequentials(dtype)
    flags = [*FLAGS, *SANITIZERS] if long_form else FLAGS
    found = predictions(tmp_path, list(models.values()), dtype, flags)
    for (name, model), (labels, numbers) in zip(models.items(), found, strict=True):
        known, values = expected(model)
        assert_close(numbers, values)
        if known is None:
            continue
        told = model.classes_[labels[:, 0]] if known.ndim == 1 else labels
        assert (told == known).all(), name
    if long_form:
        count("sanitizer runs")
        count("sanitizer reports", 0)


@compiles
def test_classes_are_in_the_header(tmp_path):
    texts = MLPClassifier(3, max_iter=2).fit(X, NAMES[problem("multiclass")[1]])
    numbers = MLPClassifier(3, max_iter=2).fit(X, problem("multiclass")[1] - 2**62)
    texts.to_c_header(tmp_path / "texts.h", name="texts")
    numbers.to_c_header(tmp_path / "numbers.h", name="numbers")
    build(
        tmp_path,
        '#include <stdio.h>\n#include "texts.h"\n#include "numbers.h"\n#include "texts.h"\n'
        "int main(void) {\n"
        "  for (int j = 0; j < texts_n_classes; ++j) puts(texts_classes[j]);\n"
        '  for (int j = 0; j < 3; ++j) printf("%lld\\n", numbers_classes[j]);\n'
        '  printf("%d\\n", texts_n_features);\n'
        "  return 0;\n"
        "}\n",
    )
    *found, n_features = run(tmp_path)
    assert found == [*texts.classes_, *map(str, numbers.classes_)]
    assert n_features == str(X.shape[1])


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("kind", ["names", "two targets", "MLPClassifier gelu layer"])
def test_compilers_of_cpp_take_it_too(kind, dtype, tmp_path):
    net = estimators(dtype)[kind]
    net.to_c_header(tmp_path / "net.h")
    real = "float" if dtype == "float32" else "double"
    n_values = expected(net)[1].shape[1]
    call = "net_predict(x, y)" if n_values == 2 else "net_predict_proba(x, y)"
    source = (
        '#include <cstdio>\n#include "net.h"\n'
        f"int main() {{ const {real} x[{X.shape[1]}] = {{{', '.join(map(repr, X[0].tolist()))}}};\n"
        f'{real} y[{n_values}]; {call}; for ({real} v : y) std::printf("%.17g\\n", double(v)); }}\n'
    )
    (tmp_path / "main.cpp").write_text(source)
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    command = ["g++", *flags, "main.cpp", "-o", "main"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-4000:]
    assert_close(np.array(run(tmp_path), dtype=float), expected(net)[1][0])


@compiles
def test_numbers_are_exact(tmp_path):
    """Also those next to zero, and the greatest."""
    net = MLPRegressor(hidden_layer_sizes=(), max_iter=1).fit(X[:, :4], X[:, 0])
    net.coefs_[0][:, 0] = [5e-324, 1.7976931348623157e308, -2.2250738585072014e-308, 0.1]
    net.to_c_header(tmp_path / "net.h")
    build(
        tmp_path,
        '#include <stdio.h>\n#include "net.h"\n'
        "int main(void) {\n"
        '  for (int j = 0; j < 4; ++j) printf("%a\\n", net_weights_1[j]);\n'
        "  return 0;\n"
        "}\n",
    )
    assert [float.fromhex(line) for line in run(tmp_path)] == net.coefs_[0][:, 0].tolist()


@compiles
def test_the_program_of_the_guide(tmp_path):
    page = (ROOT / "docs" / "guide" / "deploying.md").read_text()
    source = page.partition("```c\n")[2].partition("```")[0]
    printed = page.partition("&& ./main\n")[2].partition("```")[0]
    samples, targets = load_iris(return_X_y=True)
    net = MLPClassifier(16, max_iter=300, random_state=0).fit(samples.astype(np.float32), targets)
    net.to_c_header(tmp_path / "iris.h", name="iris")
    build(tmp_path, source)
    assert run(tmp_path) == printed.splitlines()


def test_the_text_is_written_and_returned(Estimator, tmp_path):
    net = estimators("float64")[f"{Estimator.__name__} relu None"]
    text = net.to_c_header()
    assert net.to_c_header(tmp_path / "net.h") == text
    assert (tmp_path / "net.h").read_bytes() == text.encode("ascii")
    assert text.startswith(f"/* A fitted {Estimator.__name__}, written by nnhp {nnhp.__version__}.")
    assert [line for line in text.splitlines() if line.startswith("#include")] == [
        "#include <math.h>"
    ]
    assert max(map(len, text.splitlines())) <= 110
    for word in ("malloc", "float "):
        assert word not in text


def test_only_what_is_needed_is_there():
    text = estimators("float32")["MLPRegressor relu None"].to_c_header()
    assert "net_relu(" in text
    assert "net_softplus(" not in text
    assert "double" not in text


def test_classes_of_any_name_have_a_header_of_ascii(Estimator, tmp_path):
    net = type("Nétz", (Estimator,), {})(max_iter=2).fit(X, problem("binary")[1])
    net.to_c_header(tmp_path / "net.h")
    assert (tmp_path / "net.h").read_bytes().startswith(rb"/* A fitted N\xe9tz, written by nnhp")


def test_texts_that_c_would_cut_are_refused_and_the_earlier_file_stays(tmp_path):
    (tmp_path / "net.h").write_text("earlier")
    net = MLPClassifier(3, max_iter=2).fit(X, np.array(["a\0b", "c"], object)[problem("binary")[1]])
    with pytest.raises(ValueError, match=r"classes_ must be .* character 0 in C, got 'a\\x00b'\."):
        net.to_c_header(tmp_path / "net.h")
    assert (tmp_path / "net.h").read_text() == "earlier"


@pytest.mark.parametrize(
    "name", ["", "1net", "_net", "ne t", "net-1", "nét", "n" * 33, "net;", "net\n", "int main"]
)
def test_names_are_those_of_c(name):
    net = estimators("float32")["binary"]
    with pytest.raises(ValueError, match=r"name must be a letter, .* got "):
        net.to_c_header(name=name)


def test_what_cannot_be_exported_is_refused(Estimator, tmp_path):
    with pytest.raises(NotFittedError, match=f"This {Estimator.__name__} instance is not fitted"):
        Estimator().to_c_header()
    with pytest.raises(NotFittedError, match="The number of features is not known"):
        nnhp.Sequential([nnhp.layers.Dense(1)]).to_c_header()
    net = Estimator(max_iter=2).fit(X, problem("binary")[1])
    with pytest.raises(TypeError, match="name must be a str, got 3"):
        net.to_c_header(name=3)
    with pytest.raises(OSError, match="nowhere"):
        net.to_c_header(tmp_path / "nowhere" / "net.h")
    net.intercepts_[0][0] = np.inf
    with pytest.raises(ValueError, match="The net has weights that are not finite"):
        net.to_c_header(tmp_path / "net.h")
    assert not (tmp_path / "net.h").exists()
