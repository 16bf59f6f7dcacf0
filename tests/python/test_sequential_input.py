"""What Sequential refuses: one error each, which names the argument."""

import contextlib

import numpy as np
import pytest
from sequential_models import IDS, LABELS, X, fit, model_of
from sklearn.exceptions import NotFittedError

import nnhp
from nnhp import _core, activations, callbacks, losses, optimizers
from nnhp.estimators import _memory
from nnhp.layers import BatchNormalization, Dense, Dropout, Input
from nnhp.sequential import _losses, _metrics, _parts
from nnhp.sequential._compiled import Compiled
from nnhp.sequential._net import Net

OF_CLASS_NUMBERS = {
    "accuracy",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
}


def evaluated(loss, *given):
    y = IDS if loss.startswith("sparse") else np.eye(3)[IDS]
    return model_of(Dense(4, "tanh"), *given, loss=loss).evaluate(X, y, verbose=0)


def named(name):
    def metric(y, outputs):
        return 0.0

    metric.__name__ = name
    return metric


REFUSED = {
    "a layer": (lambda: nnhp.Sequential([3]), "layer must be one of nnhp.layers, got 3"),
    "dtype": (lambda: nnhp.Sequential(dtype="half"), "dtype must be 'float32' or 'float64'"),
    "units": (lambda: model_of(Dense(0)), "'units' parameter of Dense"),
    "activation": (
        lambda: model_of(Dense(3, "nope")),
        r"activation must be one of 'elu', .*'tanh' or an object of nnhp.activations, got 'nope'",
    ),
    "maxout": (lambda: model_of(Dense(3, "maxout")), "activation must be one of .*'maxout'"),
    "activation's value": (
        lambda: model_of(Dense(3, activations.ELU(alpha=-1))),
        "'alpha' parameter of ELU",
    ),
    "hidden softmax": (
        lambda: model_of(Dense(3, "softmax", input_dim=4), Dense(1)).get_weights(),
        r"Dense\(activation='softmax', .*'softmax' can only come last",
    ),
    "kernel_initializer": (
        lambda: model_of(Dense(3, kernel_initializer="nope")),
        "kernel_initializer must be one of 'constant', .*'zeros'",
    ),
    "bias_initializer": (
        lambda: model_of(Dense(3, bias_initializer="nope")),
        "bias_initializer must be one of",
    ),
    "kernel_regularizer": (
        lambda: model_of(Dense(3, kernel_regularizer="nope")),
        "kernel_regularizer must be one of 'l1', 'l2' or an object of nnhp.regularizers",
    ),
    "kernel_regularizer without strengths": (
        lambda: model_of(Dense(3, kernel_regularizer="L1_L2")),
        r"kernel_regularizer='L1_L2' does not say how strong .*\.L1L2\(l1=\.\.\., l2=\.\.\.\)",
    ),
    "input_shape": (
        lambda: model_of(Dense(3, input_shape=X.shape)),
        r"input_shape must be the shape of one sample, \(n_features,\), got \(150, 4\)",
    ),
    "rate": (lambda: model_of(Dropout(1.0)), "'rate' parameter of Dropout"),
    "place of Input": (
        lambda: model_of(Dense(3, input_dim=4), Input((4,))).get_weights(),
        r"Input\(shape=\(4,\)\) must be the first layer",
    ),
    "nothing to train": (
        lambda: model_of(Input((4,)), Dropout(0.2)).get_weights(),
        "needs at least one Dense or Maxout layer",
    ),
    "dropped outputs": (
        lambda: model_of(Dense(3, input_dim=4), Dropout(0.2)).get_weights(),
        r"Dropout\(rate=0.2\) after the last Dense layer",
    ),
    "half frozen": (
        lambda: model_of(
            Dense(4, input_dim=4, trainable=False), BatchNormalization(), Dense(3)
        ).get_weights(),
        r"BatchNormalization\(\): trainable must be that of Dense\(",
    ),
    "frozen samples": (
        lambda: model_of(Input((4,)), BatchNormalization(trainable=False), Dense(3)).get_weights(),
        r"BatchNormalization\(trainable=False\): trainable must be that of a Dense layer before",
    ),
    "all frozen": (
        lambda: fit(model_of(Dense(3, "softmax", input_dim=4, trainable=False))),
        "trainable=False in all layers",
    ),
    "optimizer": (
        lambda: model_of(optimizer="nope"),
        "optimizer must be one of 'adadelta', .*'sgd' or an object of nnhp.optimizers, got 'nope'",
    ),
    "optimizer's value": (
        lambda: model_of(optimizer=optimizers.Adam(learning_rate=-1.0)),
        "'learning_rate' parameter of Adam",
    ),
    "clipped twice": (
        lambda: model_of(optimizer=optimizers.Adam(clipnorm=1.0, clipvalue=1.0)),
        "clipnorm and clipvalue of Adam",
    ),
    "loss": (
        lambda: model_of(loss="nope"),
        "loss must be one of .*'binary_crossentropy', .*'poisson', .* got 'nope'",
    ),
    "loss's object": (lambda: model_of(loss=losses.Focal()), r"loss must be .* got Focal\(\)"),
    "no loss": (lambda: model_of(loss=None), "loss must be one of .* got None"),
    "loss and output": (
        lambda: fit(model_of(Dense(1, "tanh", input_dim=4), loss="binary_crossentropy"), LABELS),
        r"loss='binary_crossentropy' needs outputs between 0 and 1, .* activation 'tanh' .*Dense\(",
    ),
    "loss and no activation": (
        lambda: fit(model_of(Dense(1, input_dim=4), loss="bce"), LABELS),
        r"loss='bce' needs .* activation 'linear' of the last layer, Dense\(input_dim=4, units=1\)",
    ),
    "counts": (
        lambda: fit(model_of(Dense(1), loss="poisson"), LABELS),
        "loss='poisson' needs outputs that are never negative, .*='exponential' .* 'softplus'",
    ),
    **{
        f"{loss} of {output}": (
            lambda loss=loss, output=output: evaluated(loss, Dense(3, output)),
            f"loss='{loss}' needs outputs that sum to 1, .* '{output}' of .*='softmax', or loss",
        )
        for loss in (
            "categorical_crossentropy",
            "sparse_categorical_crossentropy",
            "categorical_focal_crossentropy",
        )
        for output in ("sigmoid", "exponential", "linear")
    },
    "normalized outputs": (
        lambda: evaluated("categorical_crossentropy", Dense(3), BatchNormalization()),
        r"the activation 'linear' of the last layer, BatchNormalization\(\)",
    ),
    "several classes of a sample": (
        lambda: fit(
            model_of(loss="categorical_crossentropy"), np.eye(3)[IDS] + (IDS == 1)[:, None]
        ),
        "y must have rows that sum to 1 for loss='categorical_crossentropy', got 4.0 in row 50",
    ),
    "no class of a sample": (
        lambda: fit(
            model_of(loss="categorical_crossentropy"),
            np.eye(3)[IDS],
            validation_data=(X, np.eye(3)[IDS] * (IDS < 2)[:, None]),
        ),
        "y to validate on must have rows that sum to 1 .* got 0.0 in row 100",
    ),
    "hinge": (
        lambda: fit(model_of(Dense(1), loss="hinge"), LABELS + 1),
        "y must hold 0 and 1, or -1 and 1, for loss='hinge', got values from 1 to 2",
    ),
    "hinge of three": (
        lambda: model_of(Dense(1), loss="hinge").train_on_batch(X, IDS - 1),
        "y must hold 0 and 1, or -1 and 1, for loss='hinge', got values from -1 to 1",
    ),
    "metrics": (
        lambda: model_of(metrics=["accuracy", "nope"]),
        "metrics must be among 'acc', .*, or callables, got 'nope'",
    ),
    "a metric": (lambda: model_of(metrics=3), "metrics must be among .* got 3"),
    **{
        f"{metric} of class numbers": (
            lambda metric=metric: fit(model_of(metrics=[metric])),
            f"metrics: '{metric}' needs y to have .*, got ",
        )
        for metric in _metrics.METRICS
        if metric not in OF_CLASS_NUMBERS
    },
    **{
        f"{metric} of columns": (
            lambda metric=metric: fit(
                model_of(metrics=[metric], loss="categorical_crossentropy"), np.eye(3)[IDS]
            ),
            f"metrics: '{metric}' needs y to have one column of class numbers, got 3",
        )
        for metric in sorted(OF_CLASS_NUMBERS - {"accuracy"})
    },
    **{
        f"{metric} of numbers": (
            lambda metric=metric: fit(model_of(Dense(1), loss="mse", metrics=[metric]), IDS),
            f"metrics: '{metric}' needs y to have two classes, 0 and 1 or -1 and 1, got values fro",
        )
        for metric in ("acc", "binary_accuracy", "auc", "precision", "recall")
    },
    "columns of a metric": (
        lambda: fit(model_of(metrics=["mae"])),
        "metrics: 'mae' needs y to have a column for each of the 3 outputs, got 1",
    ),
    "a metric of the validation data": (
        lambda: fit(
            model_of(Dense(1), loss="mse", metrics=["auc"]), LABELS, validation_data=(X, IDS)
        ),
        "metrics: 'auc' needs y to validate on to have two classes",
    ),
    "names of metrics": (
        lambda: model_of(metrics=["acc", named("loss")]),
        "metrics: <function .* has the name 'loss', under which another number is reported",
    ),
    "names of validation": (
        lambda: model_of(metrics=["acc", named("val_acc")]),
        "metrics: <function .* has the name 'val_acc', under which",
    ),
    "numbered names": (
        lambda: model_of(metrics=["acc", "acc", named("acc_1")]),
        "metrics: <function .* has the name 'acc_1', under which",
    ),
    "epochs": (lambda: fit(model_of(), epochs=1.5), "epochs must be an integer of at least 0"),
    "initial_epoch": (lambda: fit(model_of(), initial_epoch=-1), "initial_epoch must be"),
    "batch_size": (lambda: fit(model_of(), batch_size=0), "batch_size must be an integer of at"),
    "verbose": (lambda: fit(model_of(), verbose=7), "verbose must be 'auto', 0, 1 or 2, got 7"),
    "validation_split": (
        lambda: fit(model_of(), validation_split=1.0),
        r"validation_split must lie in \[0, 1\), got 1.0",
    ),
    "a small split": (
        lambda: fit(model_of(), validation_split=0.999),
        "validation_split=0.999 leaves no samples",
    ),
    "validation_data": (
        lambda: fit(model_of(), validation_data=X),
        "validation_data must be .*got ndarray",
    ),
    "validation_data without y": (
        lambda: fit(model_of(), validation_data=(X,)),
        "validation_data must be .*got tuple of 1",
    ),
    "its features": (
        lambda: fit(model_of(), validation_data=(X[:, :2], IDS)),
        "x of validation_data must have 4 features",
    ),
    "callbacks": (
        lambda: fit(model_of(), callbacks=[3]),
        "callbacks must be objects of nnhp.callbacks, got 3",
    ),
    "class_weight": (
        lambda: fit(model_of(), class_weight=[1, 2]),
        "class_weight must be a dict of class numbers",
    ),
    "a class_weight": (lambda: fit(model_of(), class_weight={0: -1}), "none of them negative"),
    "sample_weight": (lambda: fit(model_of(), sample_weight=[1, 2]), "sample_weight"),
    "negative sample_weight": (
        lambda: fit(model_of(), sample_weight=-np.ones(len(X))),
        "Negative values in data passed to `sample_weight`",
    ),
    "samples of y": (lambda: fit(model_of(), IDS[:9]), "y must have 150 samples, as x has, got 9"),
    "samples of y to split": (
        lambda: fit(model_of(), IDS[:9], validation_split=0.2),
        "y must have 150 samples, as x has, got 9",
    ),
    "a number for y to split": (
        lambda: fit(model_of(), 1, validation_split=0.2),
        "^y: Input should have at least 1 dimension",
    ),
    "sample_weight to split": (
        lambda: fit(model_of(), sample_weight=np.ones(9), validation_split=0.2),
        r"^sample_weight.shape == \(9,\), expected \(150,\)",
    ),
    "class numbers": (
        lambda: fit(model_of(), IDS + 1),
        "y must hold class numbers from 0 to 2, one per output, got values from 1 to 3",
    ),
    "columns of class numbers": (
        lambda: fit(model_of(), np.eye(3)[IDS]),
        "y must have one column of class numbers, got 3",
    ),
    "columns of y": (
        lambda: fit(model_of(loss="categorical_crossentropy")),
        "y must have a column for each of the 3 outputs, got 1; class numbers go with",
    ),
    "text": (lambda: fit(model_of(), IDS.astype(str)), "y must hold numbers, got text"),
    "rows of different lengths": (lambda: fit(model_of(), [[1], [0, 1]]), "^y must hold numbers: "),
    "NaN": (lambda: model_of().predict(X * np.nan), "Input x contains NaN"),
    "weights": (
        lambda: model_of().set_weights([1.0]),
        "weights must be 4 arrays, got 1",
    ),
    "shape of weights": (
        lambda: model_of().set_weights([np.ones(3)] * 4),
        r"weights\[0\], the kernel of layer 0, must have the shape \(4, 8\), got \(3,\)",
    ),
    "learning_rate": (
        lambda: setattr(model_of(), "learning_rate", -1),
        "learning_rate must be finite and not negative, got -1",
    ),
    "n_jobs": (lambda: fit(model_of(n_jobs=0)), "n_jobs must not be 0"),
    "pop": (lambda: nnhp.Sequential().pop(), "The model has no layers"),
    "mode": (lambda: callbacks.EarlyStopping(mode="up"), "mode must be 'auto', 'min' or 'max'"),
    "unknown mode": (
        lambda: callbacks.EarlyStopping("val_most"),
        "mode must be 'min' or 'max' for monitor='val_most'",
    ),
    "factor": (lambda: callbacks.ReduceLROnPlateau(factor=1.0), "factor must be below 1"),
    "schedule": (
        lambda: fit(model_of(), callbacks=callbacks.LearningRateScheduler(lambda epoch: -1.0)),
        "schedule must return a number that is not negative, got -1.0 for epoch 0",
    ),
}


@pytest.mark.parametrize(("call", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_one_error(call, told):
    with pytest.raises((TypeError, ValueError), match=told):
        call()


NAMES = sorted({*_core.activations(), *_parts.OUTPUT_ACTIVATIONS} - {"maxout"})


@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("name", _losses.LOSSES)
def test_outputs_are_those_that_the_engine_takes(name, activation):
    """But for the losses that need a softmax: the engine takes all outputs between 0 and 1."""
    compiled = Compiled("sgd", name, None)
    loss = compiled.loss
    net = Net([Dense(3, activation)], 4, "float64")
    with expected(loss.outputs, net.output_activation):
        compiled.check_outputs(net)
    if loss.outputs is not None and loss.outputs.activations == {"softmax"}:
        return
    samples = _core.Dataset(X, targets=np.eye(3)[IDS])
    rows = _core.TrainingSet(samples, validation_data=samples)
    spec = compiled.train_spec(net, batch_size=32, n_epochs=1, shuffle=False)
    with expected(loss.outputs, net.output_activation):
        _core.evaluate(net.spec, spec, np.ones(net.spec.n_parameters), rows)


def expected(outputs, activation):
    if outputs is None or activation in outputs.activations:
        return contextlib.nullcontext()
    return pytest.raises(ValueError, match="needs outputs")


def test_what_is_not_there_yet_is_told():
    with pytest.raises(NotFittedError, match="Call compile"):
        nnhp.Sequential([Dense(3, input_dim=4)]).fit(X, IDS)
    with pytest.raises(NotFittedError, match="number of features is not known"):
        nnhp.Sequential([Dense(3)]).set_weights([])
    with pytest.raises(NotFittedError, match="number of features is not known"):
        nnhp.Sequential([Dense(3)]).save("nowhere")


def test_a_number_that_is_not_there_is_told():
    model = model_of()
    with pytest.warns(UserWarning, match="monitor='val_loss' is not among .*'loss'") as told:
        model.fit(X, IDS, verbose=0, callbacks=callbacks.EarlyStopping())
    assert told[0].filename == __file__


def test_a_model_that_does_not_fit_is_refused_before_anything_is_allocated(monkeypatch):
    wide = [Dense(2**31 - 1, input_dim=2**31 - 1)]
    with pytest.raises(MemoryError, match=r"A model of 4,[0-9,]+ weights needs about [0-9]+ bytes"):
        nnhp.Sequential(wide).get_weights()
    # Weights that fit, with which the arrays of a training do not.
    model = model_of(Dense(1000, input_dim=1500), Dense(3, "softmax"))
    model.get_weights()
    monkeypatch.setattr(_memory, "available_bytes", lambda: 5 * 1_504_000 * 4)
    with pytest.raises(MemoryError, match="and 30080000 bytes are available"):
        model.fit(np.zeros((2, 1500)), [0, 1])
    batches = model_of(Dense(100, input_dim=4), BatchNormalization(), Dense(3, "softmax"))
    with pytest.raises(MemoryError, match="BatchNormalization with batch_size=50000 needs"):
        batches.fit(np.zeros((50_000, 4)), np.zeros(50_000), batch_size=10**6)
