"""A fitted model as plain arrays: the net that predicts, and how labels are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from nnhp.activations import Maxout
from nnhp.estimators._compiled import predictor_of

if TYPE_CHECKING:
    from nnhp import _core
    from nnhp.estimators._base import BaseMLP

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848
_IN_TRAINING_ONLY = {"noise", "dropout", "alpha_dropout"}


@dataclass(frozen=True)
class Stage:
    """What numbers of a layer go through, by the engine's name.

    Attributes
    ----------
    columns : int
        Numbers that it reads; all put out as many but maxout.
    fields : mapping of str to number
        As `_core.NetSpec` takes them.
    arrays : mapping of str to ndarray
        By the names of `_core.NetSpec.stage_arrays`; of batch normalization mean, factor (scale by
        the standard deviation) and shift.
    """

    name: str
    columns: int
    fields: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Layer:
    """Weights (inputs x columns), biases, and the stages behind the sums."""

    weights: NDArray[Any]
    biases: NDArray[Any]
    stages: list[Stage]


@dataclass(frozen=True)
class Net:
    """A net; the output activation is the last stage of its last layer."""

    input_stages: list[Stage]
    layers: list[Layer]

    @property
    def dtype(self) -> np.dtype[Any]:
        """That it computes in."""
        return self.layers[0].weights.dtype

    @property
    def n_features(self) -> int:
        """Of the samples."""
        return len(self.layers[0].weights)

    @property
    def n_outputs(self) -> int:
        """Of a prediction."""
        return self.layers[-1].stages[-1].columns

    @property
    def output_activation(self) -> str:
        """The engine's name."""
        return self.layers[-1].stages[-1].name


@dataclass(frozen=True)
class Decision:
    """How a classifier tells labels by outputs.

    Attributes
    ----------
    rule : {'greatest', 'second', 'each'}
        Whether the class of the greatest output is the label; or the second of two where the only
        output is above the threshold; or each label is there where its output is.
    threshold : float
        Of the latter two.
    classes : ndarray of int64 or of object (str)
        In the order of the outputs.
    scores : {'probabilities', 'decisions'}
        What the classifier gives beside labels.
    """

    rule: Literal["greatest", "second", "each"]
    threshold: float
    classes: NDArray[Any]
    scores: str


@dataclass(frozen=True)
class Model:
    """What exports write down.

    Attributes
    ----------
    kind : str
        What it is, for those who look into it: the name of its class.
    net : Net
        The net.
    decision : Decision or None
        How a classifier tells labels; other models give the outputs themselves.
    values : str
        What these outputs are called.
    """

    kind: str
    net: Net
    decision: Decision | None = None
    values: str = "variable"

    @property
    def completes(self) -> bool:
        """Whether the only output stands for the probabilities of all classes, two or one."""
        by_class = self.decision is not None and self.decision.scores == "probabilities"
        return by_class and self.net.n_outputs == 1

    @property
    def n_scores(self) -> int:
        """Numbers that it gives for a sample."""
        if self.decision is not None and self.completes:
            return len(self.decision.classes)
        return self.net.n_outputs


def model_of(estimator: BaseMLP) -> Model:
    """Describe a fitted estimator."""
    check_is_fitted(estimator)
    fitted = estimator.__dict__.copy()
    predictor, _ = predictor_of(estimator, fitted)
    net = net_of(predictor)
    kind = type(estimator).__name__
    if "classes_" not in fitted:
        return Model(kind, net)
    answers = estimator._answers  # noqa: SLF001
    told, classes = answers["predict"], fitted["classes_"]
    scores = "probabilities" if "predict_proba" in answers else "decisions"
    by_greatest = told == "labels by the greatest output" or net.output_activation == "softmax"
    rule: Literal["greatest", "second", "each"] = "greatest"
    if not by_greatest and len(classes) > 1:  # one class alone has an output too
        rule = "second" if net.n_outputs == 1 else "each"
    threshold = 0.0 if told == "labels by sign" else 0.5
    return Model(kind, net, Decision(rule, threshold, _plain(classes), scores))


def net_of(predictor: _core.Predictor) -> Net:
    """Describe the net that a predictor holds."""
    spec, flat = predictor.net, predictor.parameters
    if not np.isfinite(flat).all():
        raise ValueError("The net has weights that are not finite, which cannot be exported.")
    arrays: dict[tuple[int, int], dict[str, NDArray[Any]]] = defaultdict(dict)
    for layer, number, name, start, size in spec.stage_arrays:
        arrays[layer, number][name] = flat[start : start + size]
    n_columns = [spec.layer_shapes[0][0], *(columns for _, columns in spec.layer_shapes)]
    input_stages, *stages = [
        _stages(given, columns, [arrays[layer, number] for number in range(len(given))])
        for layer, (given, columns) in enumerate(zip(spec.stages, n_columns, strict=True), -1)
    ]
    layers = []
    start = 0
    for (inputs, columns), of_layer in zip(spec.layer_shapes, stages, strict=True):
        middle = start + inputs * columns
        weights, biases = flat[start:middle], flat[middle : middle + columns]
        layers.append(Layer(weights.reshape(inputs, columns), biases, of_layer))
        start = middle + columns
    return Net(input_stages, layers)


def _stages(
    given: list[dict[str, Any]], columns: int, arrays: list[dict[str, NDArray[Any]]]
) -> list[Stage]:
    """Stages that act in predictions."""
    stages = []
    for fields, of_stage in zip(given, arrays, strict=True):
        name = fields["name"]
        if name in _IN_TRAINING_ONLY:
            continue
        if name == Maxout.name:
            fields["pieces"] = int(fields["pieces"])
        if "variance" in of_stage:
            variance = of_stage.pop("variance").astype(np.float64) + fields["epsilon"]
            factor = of_stage.pop("scale") / np.sqrt(variance)
            of_stage["factor"] = factor.astype(of_stage["mean"].dtype)
        stages.append(Stage(name, columns, fields, of_stage))
        columns //= fields.get("pieces", 1)
    return stages


def _plain(classes: NDArray[Any]) -> NDArray[Any]:
    """Classes as whole numbers or texts."""
    listed = classes.tolist()
    if classes.dtype.kind in "biuf" and all(abs(v) < 2**63 and v == int(v) for v in listed):
        return np.array([int(value) for value in listed], dtype=np.int64)
    if all(isinstance(value, str) and _is_unicode(value) for value in listed):
        return np.array([str(value) for value in listed], dtype=object)
    raise ValueError(
        "classes_ must be whole numbers of at most 64 bits or texts of Unicode to be exported, got "
        f"{classes!r}."
    )


def _is_unicode(text: str) -> bool:
    """Whether a text has no halves of surrogate pairs, which bytes that are no text become."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
