"""Model files and specs of any bytes, by libFuzzer (atheris): refused with an error, or sound.

    python fuzz_python.py model|specs [options of libFuzzer]

The bytes of a file are changed as they are, and its document and arrays behind a digest that is
made anew, as whoever means harm would. Run it with the engine of the preset `sanitize`, whose
branches libFuzzer then sees, and atheris's runtime preloaded: see noxfile.py.
"""

import json
import math
import sys
import tempfile
import warnings
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["nnhp._model_files", "nnhp._typed_json"]):
    import nnhp
    from nnhp import _core
    from nnhp._model_files import _container, _estimators  # noqa: F401

MODELS = sorted((Path(__file__).parents[1] / "python" / "data" / "models").glob("*.nnhp"))
CONTENTS = [_container.read(path) for path in MODELS]
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # each file is synchronized
SCRATCH = Path(tempfile.mkdtemp(dir=MEMORY)) / "model.nnhp"


class Bytes(atheris.FuzzedDataProvider):
    """Choices that an input makes."""

    def one_in(self, n):
        return self.ConsumeIntInRange(0, n - 1) == n - 1

    def any_of(self, options):
        return options[self.ConsumeIntInRange(0, len(options) - 1)]

    def value(self, depth=2):
        """Something that JSON could hold, at times."""
        makes = [
            lambda: None,
            self.ConsumeBool,
            lambda: self.ConsumeInt(8),
            lambda: self.ConsumeIntInRange(-2, 9),
            self.ConsumeRegularFloat,
            lambda: self.any_of([0.0, 0.5, 1.0, -1.0, math.nan, math.inf, 1e300]),
            lambda: self.ConsumeUnicodeNoSurrogates(8),
        ]
        if depth:
            makes.append(
                lambda: [self.value(depth - 1) for _ in range(self.ConsumeIntInRange(0, 3))]
            )
        return self.any_of(makes)()


def changed(bytes_, tree):
    """The tree with a value, somewhere in it, put in another's place."""
    if isinstance(tree, (dict, list)) and tree and not bytes_.one_in(8):
        key = bytes_.any_of(sorted(tree) if isinstance(tree, dict) else range(len(tree)))
        copy = tree.copy()
        if bytes_.one_in(12):
            del copy[key]
        else:
            copy[key] = changed(bytes_, tree[key])
        return copy
    return bytes_.value()


def changed_array(bytes_, array):
    """The array with another number, shape or type."""
    flat = np.array(array).ravel()
    if flat.size and bytes_.ConsumeBool():
        with np.errstate(all="ignore"):
            at = bytes_.ConsumeIntInRange(0, flat.size - 1)
            flat[at] = np.array(bytes_.any_of([-1, 0, 2, 127, math.nan])).astype(flat.dtype)
        return flat.reshape(np.shape(array))
    if bytes_.ConsumeBool():
        return flat[: bytes_.ConsumeIntInRange(0, flat.size)]
    return np.asarray(array).astype(bytes_.any_of(["f4", "f8", "i4", "i8", "?"]))


def fuzz_model(data):
    """A file is loaded, or ValueError or OSError says why not; a loaded model answers or raises."""
    bytes_ = Bytes(data)
    which = bytes_.ConsumeIntInRange(0, len(MODELS) - 1)
    if bytes_.one_in(3):
        raw = bytearray(MODELS[which].read_bytes())
        for _ in range(bytes_.ConsumeIntInRange(1, 4)):
            raw[bytes_.ConsumeIntInRange(0, len(raw) - 1)] = bytes_.ConsumeIntInRange(0, 255)
        SCRATCH.write_bytes(raw[: len(raw) - bytes_.ConsumeIntInRange(0, 9) * bytes_.one_in(4)])
    else:
        content = CONTENTS[which]
        document, arrays = json.loads(content.document), dict(content.arrays)
        for _ in range(bytes_.ConsumeIntInRange(1, 3)):
            if arrays and bytes_.ConsumeBool():
                name = bytes_.any_of(sorted(arrays))
                arrays[name] = changed_array(bytes_, arrays[name])
            else:
                document = changed(bytes_, document)
        text = json.dumps(document)
        try:
            _container.write(SCRATCH, _container.Content(content.kind, text, arrays))
        except ValueError:
            return
    try:
        model = nnhp.load(SCRATCH)
    except (ValueError, OSError):
        return
    try:
        model.predict(np.zeros((2, min(getattr(model, "n_features_in_", 4), 99))))
    except Exception:  # the sanitizers watch what it does
        return


STAGES = ["relu", "maxout", "prelu", "elu", "batch_normalization", "noise", "dropout", "softmax"]
FIELDS = {
    "loss": [
        *["over_outputs", "scale", "mean_over_samples", "epsilon", "label_smoothing", "delta"],
        *["gamma", "alpha", "quantiles"],
    ],
    "optimizer": [
        *["momentum", "rho", "beta_1", "beta_2", "epsilon", "initial_accumulator_value"],
        *["weight_decay", "clipnorm", "clipvalue", "ema_momentum", "max_norm", "weight_noise"],
    ],
    "schedule": [
        *["initial", "begin", "power", "per_epoch", "step_size", "factor", "decay_rate", "end"],
        *["staircase", "warmup", "restarts", "t_mul", "m_mul", "pct_start", "div_factor"],
        *["final_div_factor", "patience", "min_delta", "cooldown", "min_lr", "boundaries"],
        "values",
    ],
}
NAMES = {
    "loss": sorted(_core.losses()),
    "optimizer": sorted(_core.optimizers()),
    "schedule": _core.schedules(),
}
DATA = _core.TrainingSet(_core.Dataset(np.ones((4, 3)), targets=np.ones((4, 2))))
REFUSALS = (ValueError, TypeError, MemoryError)


def part(bytes_, kind):
    """A part of a spec, as a name or with fields."""
    if bytes_.one_in(12):
        return bytes_.value()
    name = bytes_.any_of(NAMES[kind])
    if bytes_.ConsumeBool():
        return name
    fields = [bytes_.any_of(FIELDS[kind]) for _ in range(bytes_.ConsumeIntInRange(0, 3))]
    return {"name": name} | {field: bytes_.value() for field in fields}


def stages(bytes_):
    made = [bytes_.any_of(STAGES) for _ in range(bytes_.ConsumeIntInRange(0, 2))]
    if bytes_.one_in(3):
        field = bytes_.any_of(["pieces", "alpha", "rate", "stddev", "epsilon", "momentum"])
        made.append({"name": bytes_.any_of(STAGES), field: bytes_.value()})
    return made


def fuzz_specs(data):
    """Specs and a session's state are refused, or trained from."""
    bytes_ = Bytes(data)
    size = lambda most: bytes_.value(0) if bytes_.one_in(12) else bytes_.ConsumeIntInRange(1, most)  # noqa: E731
    layers = range(bytes_.ConsumeIntInRange(0, 2))
    try:
        net = _core.NetSpec(
            n_inputs=3,
            hidden=[(size(5), stages(bytes_)) for _ in layers],
            n_outputs=2,
            output_activation=bytes_.any_of(
                ["identity", "logistic", "softmax", "tanh", "exponential"]
            ),
            input_stages=stages(bytes_),
            output_stages=stages(bytes_),
            dtype="float64",
        )
        if net.n_parameters > 10_000:
            return
        train = _core.TrainSpec(
            loss=part(bytes_, "loss"),
            optimizer=part(bytes_, "optimizer"),
            batch_size=size(4),
            max_epochs=size(3),
            schedule_horizon=3.0,
            schedule=part(bytes_, "schedule"),
        )
        start = _core.Start(np.full(net.n_parameters, 0.1))
        session = _core.Session(net, train, DATA, start)
        _core.train_many([session], epochs=1, threads=1)
        state = session.state()
        for _ in range(bytes_.ConsumeIntInRange(0, 2)):
            state[bytes_.any_of(sorted(state))] = bytes_.value()
        session.restore(state)
        _core.train_many([session], epochs=2, threads=1)
    except REFUSALS:
        return


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    target = {"model": fuzz_model, "specs": fuzz_specs}[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
