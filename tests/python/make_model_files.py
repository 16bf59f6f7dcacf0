"""Make the model files of the format's present version that later ones must read.

Run once for each version of the format, with the nnhp that introduced it, and commit what it makes:
``python tests/python/make_model_files.py``. Files of earlier versions stay as they are.
"""

import json
import warnings
from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import nnhp
from nnhp._model_files._container import VERSION
from nnhp._table_values import as_text

FOLDER = Path(__file__).parent / "data" / "models"
ROWS = pd.DataFrame(
    {
        "length": [1.0, 2.5, None, 4.0, 3.0, 0.5, 2.0, 5.0],
        "width": [0.1, 0.4, 0.3, None, 0.2, 0.5, 0.9, 0.7],
        "colour": ["red", "blue", "red", "green", "blue", "red", "green", "blue"],
    }
)
NUMBERS = ROWS[["length", "width"]].fillna(1.0)
SMALL = {"max_iter": 20, "random_state": 0}


def models():
    classes = ["small", "small", "large", "large", "small", "small", "large", "large"]
    net = nnhp.MLPClassifier((4, 3), activation="tanh", **SMALL)
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["length", "width"]),
        (OneHotEncoder(), ["colour"]),
    )
    yield "classifier", net.fit(NUMBERS, classes), NUMBERS
    yield (
        "pipeline",
        make_pipeline(columns, nnhp.MLPClassifier(4, **SMALL)).fit(ROWS, classes),
        ROWS,
    )
    # As `nnhp search --save` wrote it before it had KnownTexts.
    texts = make_column_transformer(
        (make_pipeline(FunctionTransformer(as_text), OneHotEncoder()), ["colour", "code"])
    )
    coded = ROWS.assign(code=[1.0, 2.0, 1.0, None, 2.0, 1.0, 2.0, 2.0])
    yield "texts", make_pipeline(texts, nnhp.MLPClassifier(4, **SMALL)).fit(coded, classes), coded
    regressor = nnhp.MLPRegressor(hidden_layer_sizes=4, normalization="batch", **SMALL)
    yield "regressor", regressor.fit(NUMBERS, NUMBERS.sum(axis=1)), NUMBERS
    layers = [nnhp.layers.Dense(3, "tanh", input_dim=2), nnhp.layers.Dense(1)]
    sequential = nnhp.Sequential(layers, dtype="float64", random_state=0)
    sequential.compile("nadam", "mse")
    sequential.fit(NUMBERS.to_numpy(), NUMBERS.sum(axis=1).to_numpy(), epochs=3, verbose=0)
    yield "sequential", sequential, NUMBERS


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, model, rows in models():
        nnhp.save(model, FOLDER / f"{name}-{VERSION}.nnhp")
        method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
        given = rows.to_numpy() if isinstance(model, nnhp.Sequential) else rows
        outputs = getattr(model, method)(given).tolist()
        columns = {name: values.tolist() for name, values in rows.items()}
        expected = {"rows": columns, "outputs": outputs}
        (FOLDER / f"{name}-{VERSION}.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
