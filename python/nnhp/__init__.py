"""Fast multi-layer perceptrons for tables, as scikit-learn estimators on a C++ engine."""

try:
    from nnhp import _core
except ImportError as error:
    raise ImportError(
        "The compiled engine of nnhp (nnhp._core) is missing or cannot be loaded: "
        f"{error}. Install the package, for example with 'pip install .' in its source folder, "
        "and start Python outside of that folder."
    ) from error

from nnhp._core import isa
from nnhp._show_versions import show_versions
from nnhp.estimators import MLPClassifier, MLPRegressor

__version__ = _core.__version__

__all__ = ["MLPClassifier", "MLPRegressor", "__version__", "isa", "show_versions"]
