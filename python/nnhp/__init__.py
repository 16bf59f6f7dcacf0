"""Fast multi-layer perceptrons for tables, as scikit-learn estimators on a C++ engine."""

try:
    from nnhp import _core
except ImportError as error:
    if "NNHP_ISA" in str(error):  # the engine is there, and says what it wants
        import sys

        if sys.argv and sys.argv[0].endswith("/nnhp"):  # the command, which comes by here first
            print(f"nnhp: error: {error}", file=sys.stderr)
            raise SystemExit(2) from None
        raise
    raise ImportError(
        "The compiled engine of nnhp (nnhp._core) is missing or cannot be loaded: "
        f"{error}. Install the package, for example with 'pip install .' in its source folder, "
        "and start Python outside of that folder."
    ) from error

from nnhp._core import isa
from nnhp._show_versions import show_versions
from nnhp.estimators import MLPClassifier, MLPRegressor
from nnhp.search import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    HiddenLayers,
    HyperbandSearchCV,
    RandomizedSearchCV,
    Study,
    nested_cv,
)

__version__ = _core.__version__

__all__ = [
    "GridSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "HiddenLayers",
    "HyperbandSearchCV",
    "MLPClassifier",
    "MLPRegressor",
    "RandomizedSearchCV",
    "Study",
    "__version__",
    "isa",
    "nested_cv",
    "show_versions",
]
