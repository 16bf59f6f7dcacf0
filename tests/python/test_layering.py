"""The map of the source, as DESIGN and ARCHITECTURE draw it, against the includes and imports."""

import ast
import inspect
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from helpers import run_child

import nnhp
from nnhp import _component, _core
from nnhp._model_files import _classes

PACKAGE = Path(nnhp.__file__).parent
SOURCE = Path(__file__).parents[2]
CPP = SOURCE / "cpp"

# From the ground up: each may include what comes before it, and itself.
CPP_ROOMS = ["base", "kernels", "nn", "train", "bindings"]

# Modules that talk to the engine; the others go through them.
ENGINE_MODULES = {
    "__init__",
    "_show_versions",
    "_threads",
    "_exports._net",
    "estimators._compiled",
    "estimators._data",
    "estimators._folds",
    "estimators._hidden",
    "estimators._initial",
    "estimators._lbfgs",
    "estimators._losses",
    "estimators._memory",
    "estimators._optimizers",
    "estimators._params",
    "estimators._random",
    "estimators._training",
    "estimators._weights",
    "playground._learner",
    "playground._options",
    "search._executor_dask",
    "sequential._compiled",
    "sequential._data",
    "sequential._layered",
    "sequential._net",
    "sequential._parts",
    "sequential._training",
}
TOP = {"__main__", "cli", "playground"}  # imported by nothing but the first
# But for the command that serves the page, and for the lazy name of the widget.
KNOW_THE_PLAYGROUND = {"_command_jobs", "__init__"}
# Objects that parameters of the estimators, and layers, may be.
PARTS = set(_component.MODULES) | {"constraints", "regularizers"}
GROUND = {
    "_caller",
    "_checks",
    "_doc_link",
    "_feature_expansion",
    "datasets",
}  # import nothing but the first


def cpp_files():
    files = [path for path in CPP.rglob("*") if path.suffix in {".hpp", ".cpp", ".inc"}]
    assert len(files) > 20
    return files


def room_of(path):
    parts = path.relative_to(CPP).parts
    return parts[1] if parts[0] == "nnhp" else parts[0]


def includes(path):
    return re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]', path.read_text(), re.MULTILINE)


def python_imports():
    """Module -> the modules of the package that it imports, all by their name below nnhp."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name] = set(imported_modules(ast.parse(path.read_text())))
    assert len(found) > 10
    return found


def imported_modules(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == "nnhp":
                yield name.removeprefix("nnhp").removeprefix(".")


def test_cpp_includes_point_downward():
    upward = set()
    for path in cpp_files():
        rank = CPP_ROOMS.index(room_of(path))
        for included in includes(path):
            if not included.startswith("nnhp/"):
                continue
            room, _, _ = included.removeprefix("nnhp/").partition("/")
            if CPP_ROOMS.index(room) > rank:
                where = str(path.relative_to(CPP)).removeprefix("nnhp/")
                upward.add((where, included.removeprefix("nnhp/")))
    assert upward == set()


def test_own_headers_are_included_by_their_full_name_and_exist():
    for path in cpp_files():
        for included in includes(path):
            if included.startswith("nnhp/"):
                assert (CPP / included).exists(), f"{path}: {included}"
            elif (path.parent / included).exists():
                assert room_of(path) == "bindings", f"{path}: {included}"


def test_only_bindings_know_python():
    for path in cpp_files():
        knows = any(name.startswith("pybind11") or name == "Python.h" for name in includes(path))
        assert not knows or room_of(path) == "bindings", path


def test_regions_are_opened_in_one_file():
    with_pragma = {
        path.relative_to(CPP).as_posix()
        for path in cpp_files()
        if re.search(r"^\s*#\s*pragma\s+omp\b|_Pragma\s*\(\s*\"omp", path.read_text(), re.MULTILINE)
    }
    assert with_pragma == {"nnhp/base/parallel.cpp"}


def test_no_flag_that_breaks_arithmetic_or_portability():
    build = "".join(
        path.read_text() for path in [SOURCE / "CMakeLists.txt", *(SOURCE / "cmake").glob("*")]
    )
    without_comments = re.sub(r"#.*", "", build)
    assert "-O3" in without_comments
    assert "-ffast-math" not in without_comments
    assert "-march=native" not in without_comments


def test_the_engine_is_imported_by_few_modules():
    importers = {
        name
        for name, imported in python_imports().items()
        if any(module == "_core" or module.startswith("_core.") for module in imported)
    }
    assert importers == ENGINE_MODULES


def test_nothing_imports_the_top():
    for name, imported in python_imports().items():
        if name.partition(".")[0] in TOP:
            continue
        reached = {module.partition(".")[0] for module in imported} & TOP
        assert reached <= ({"playground"} if name in KNOW_THE_PLAYGROUND else set()), name


def test_one_module_of_the_searches_talks_to_optuna():
    talking = {
        path.stem
        for path in (PACKAGE / "search").glob("*.py")
        if re.search(
            r"^\s*(import|from) (optuna|cmaes|nnhp\.integrations)\b", path.read_text(), re.MULTILINE
        )
    }
    assert talking == {"_proposals"}


def test_one_module_of_the_package_talks_to_dask_and_is_imported_when_it_is_asked_for():
    talking = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s*(import|from) (dask|distributed)\b", path.read_text(), re.MULTILINE)
    }
    assert talking == {"search/_executor_dask.py"}
    code = "import sys, nnhp.search; assert not {'dask', 'distributed'} & set(sys.modules)"
    run_child(code)


def test_few_modules_talk_to_onnx():
    talking = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^(import|from) (onnx|skl2onnx)\b", path.read_text(), re.MULTILINE)
    }
    assert talking == {
        "_exports/_onnx.py",
        "_exports/_onnx_graph.py",
        "integrations/_converters.py",
    }


def test_estimators_do_not_know_search():
    for name, imported in python_imports().items():
        if name.startswith("estimators"):
            outside = {module.partition(".")[0] for module in imported if module}
            known = {
                "_cached",
                "_caller",
                "_checks",
                "_component",
                "_core",
                "_doc_link",
                "_threads",
                "estimators",
                *PARTS,
            }
            if name == "estimators._exportable":
                known |= {"_exports", "_model_files"}  # within its methods
            assert outside <= known, name


def test_parts_know_no_estimators():
    for name, imported in python_imports().items():
        room = name.partition(".")[0]
        if room in PARTS:
            outside = {module.partition(".")[0] for module in imported if module}
            # Layers are made of activations and initializers.
            parts = {"activations", "initializers"} if room == "layers" else set()
            assert outside <= {"_component", "_core", "_keras", "_threads", room} | parts, name


def test_sequential_and_its_callbacks_do_not_know_search():
    known = {
        "callbacks": {"_checks", "_keras", "callbacks", "sequential"},  # the last for annotations
        "sequential": {
            *("_checks", "_component", "_core", "_exports", "_keras", "_model_files", "_threads"),
            *("_typed_json", "callbacks", "estimators", "sequential"),
        },
    }
    for name, imported in python_imports().items():
        room = name.partition(".")[0]
        if room in known:
            outside = {module.partition(".")[0] for module in imported if module}
            assert outside <= known[room] | PARTS, name
        elif room not in {"__init__", "_model_files"}:  # which read them, when asked to
            assert "sequential" not in {module.partition(".")[0] for module in imported}, name


def test_data_and_features_know_nothing_of_the_package():
    imports = python_imports()
    for name in GROUND:
        known = {"_checks", "_doc_link"}
        assert {module.partition(".")[0] for module in imports[name]} <= known, name


def test_what_model_files_name_knows_nothing_of_them():
    """Its module is imported when such a file is read."""
    imports = python_imports()
    own = {*_classes._FUNCTIONS.values(), *_classes._CLASSES}
    named = {module for module in own if module.startswith("nnhp._")}
    reached = {module.removeprefix("nnhp.") for module in named}
    while (
        not_seen := {room.partition(".")[0] for name in reached for room in imports[name]} - reached
    ):
        reached |= not_seen
    assert reached == {"_caller", "_component", "_table_values", "_table_words"}


def test_the_package_lists_its_names():
    assert nnhp.__all__ == sorted(nnhp.__all__)
    assert all(hasattr(nnhp, name) for name in nnhp.__all__)
    assert (PACKAGE / "py.typed").exists()


def test_versions_agree():
    written = re.search(
        r'^version = "(.+)"$', (SOURCE / "pyproject.toml").read_text(), re.MULTILINE
    )
    assert nnhp.__version__ == _core.__version__ == version("nnhp") == written[1]


# ------------------------------------------------------------------ the stub of the engine


def stub():
    return ast.parse((PACKAGE / "_core.pyi").read_text())


def names_in(body):
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) != "TypeAlias":
            yield node.target.id


def test_stub_has_the_names_of_the_engine():
    def public(thing):
        return {name for name in dir(thing) if not name.startswith("_") or name == "__version__"}

    assert set(names_in(stub().body)) == public(_core)
    for node in stub().body:
        if isinstance(node, ast.ClassDef):
            of_stub = {n for n in names_in(node.body) if not n.startswith("__")}
            inherited = public(getattr(_core, node.name).__base__)
            assert of_stub == public(getattr(_core, node.name)) - inherited, node.name


def test_stub_has_the_parameters_of_the_engine():
    """pybind11 writes a signature into each docstring."""
    checked = 0
    for node in stub().body:
        if isinstance(node, ast.ClassDef):
            members = [n for n in node.body if isinstance(n, ast.FunctionDef)]
            owner = getattr(_core, node.name)
        elif isinstance(node, ast.FunctionDef):
            members, owner = [node], _core
        else:
            continue
        for function in members:
            if function.decorator_list:  # a property
                continue
            parts = function.args
            names = [a.arg for a in (*parts.args, *parts.kwonlyargs) if a.arg != "self"]
            documented = getattr(owner, function.name).__doc__.splitlines()[0]
            assert all(f"{name}: " in documented for name in names), documented
            checked += 1
    assert checked > 15


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_public_methods_are_documented_and_annotated(name):
    for method, function in inspect.getmembers(getattr(nnhp, name), inspect.isfunction):
        if method.startswith("_") or not function.__module__.startswith("nnhp"):
            continue
        assert inspect.getdoc(function), method
        assert "return" in function.__annotations__, method
