"""Writes what Keras computes to ``data/keras_*.json``, for the tests to compare with.

Run it where Keras 3.15 and JAX are installed; the tests themselves need neither:

    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python tests/python/make_keras_fixtures.py [family ...]

Each family is a function of a module beside this one, which returns what its file holds.
"""

import json
import sys
from pathlib import Path

import keras
import keras_losses
import keras_optimizers
import keras_schedules
import keras_sequential
import keras_stages
from keras.src.backend.common import dtypes

DATA = Path(__file__).parent / "data"
FAMILIES = {
    "callbacks": keras_sequential.callbacks,
    "losses": keras_losses.losses,
    "optimizers": keras_optimizers.optimizers,
    "schedules": keras_schedules.schedules,
    "sequential": keras_sequential.sequential,
    "stages": keras_stages.stages,
}


def main(names):
    assert keras.__version__.startswith("3.15"), keras.__version__
    keras.config.set_floatx("float64")
    # On JAX, Keras makes single precision of double wherever it promotes types.
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    DATA.mkdir(exist_ok=True)
    for name in names or FAMILIES:
        content = {"keras": keras.__version__, **FAMILIES[name]()}
        (DATA / f"keras_{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
