"""Fast multi-layer perceptrons for tables, as scikit-learn estimators on a C++ engine."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

try:
    from nnhp import _core
except ImportError as error:
    if "NNHP_ISA" in str(error):  # the engine is there, and says what it wants
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

__version__ = _core.__version__

__all__ = [
    "BayesSearchCV",
    "FeatureExpansion",
    "GeneticSearchCV",
    "GridSearchCV",
    "GrowSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "HiddenLayers",
    "HyperbandSearchCV",
    "MLPClassifier",
    "MLPRegressor",
    "PBTSearchCV",
    "Playground",
    "RandomizedSearchCV",
    "Sequential",
    "Study",
    "Sweep",
    "When",
    "__version__",
    "activations",
    "callbacks",
    "constraints",
    "datasets",
    "find_learning_rate",
    "initializers",
    "integrations",
    "isa",
    "layers",
    "load",
    "load_model",
    "losses",
    "nested_cv",
    "optimizers",
    "plots",
    "regularizers",
    "save",
    "schedules",
    "search",
    "show_versions",
    "spaces",
    "suggest_hidden_layer_sizes",
    "sweep",
]

if TYPE_CHECKING:
    from nnhp import (
        activations,
        callbacks,
        constraints,
        datasets,
        initializers,
        integrations,
        layers,
        losses,
        optimizers,
        plots,
        regularizers,
        schedules,
        search,
        spaces,
    )
    from nnhp._feature_expansion import FeatureExpansion
    from nnhp._find_learning_rate import find_learning_rate
    from nnhp._model_files import load, load_model, save
    from nnhp._show_versions import show_versions
    from nnhp._suggest import suggest_hidden_layer_sizes
    from nnhp.estimators import MLPClassifier, MLPRegressor
    from nnhp.playground import Playground
    from nnhp.search import (
        BayesSearchCV,
        GeneticSearchCV,
        GridSearchCV,
        GrowSearchCV,
        HalvingGridSearchCV,
        HalvingRandomSearchCV,
        HiddenLayers,
        HyperbandSearchCV,
        PBTSearchCV,
        RandomizedSearchCV,
        Study,
        Sweep,
        When,
        nested_cv,
        sweep,
    )
    from nnhp.sequential import Sequential
else:
    # Loaded when they are asked for: with scikit-learn and pandas they take more than a second.
    _ROOMS = (
        "activations",
        "callbacks",
        "constraints",
        "datasets",
        "estimators",
        "initializers",
        "integrations",
        "layers",
        "losses",
        "optimizers",
        "plots",
        "regularizers",
        "schedules",
        "search",
        "sequential",
        "spaces",
    )
    _HOMES = (
        "estimators",
        "search",
        "sequential",
        "_feature_expansion",
        "_find_learning_rate",
        "_model_files",
        "_suggest",
        "_show_versions",
    )
    _NEEDS_MORE = {"Playground": "playground"}  # than what is always installed

    # Rooms of Keras's, and what there is instead.
    _OF_KERAS = {
        "metrics": ": Sequential.compile takes metrics by name, such as 'auc', or as functions",
        "models": ": it has Sequential, whose load reads files",
        "utils": ": np.eye(n_classes)[y] is to_categorical, and "
        "loss='sparse_categorical_crossentropy' needs none",
    }

    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            return import_module(f"nnhp.{name}")
        homes = [_NEEDS_MORE[name]] if name in _NEEDS_MORE else _HOMES
        for home in homes if name in __all__ else ():
            found = getattr(import_module(f"nnhp.{home}"), name, None)
            if found is not None:
                globals()[name] = found
                return found
        raise AttributeError(
            f"module 'nnhp' has no attribute {name!r}{_OF_KERAS.get(name, '')}",
            name=name,
            obj=sys.modules[__name__],
        )


def __dir__() -> list[str]:
    return list(__all__)
