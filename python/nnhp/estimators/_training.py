"""One stochastic training: from checked data to a session of the engine, and to attributes."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from nnhp import _core
from nnhp._caller import stacklevel
from nnhp.estimators import (
    _hidden,
    _initial,
    _losses,
    _memory,
    _optimizers,
    _params,
    _random,
    _schedules,
    _scoring,
    _weights,
)
from nnhp.estimators._data import Samples, TrainingData
from nnhp.estimators._fitted import shape_attributes, snapshot, without_parameters

if TYPE_CHECKING:
    from nnhp.estimators._base import BaseMLP

NONFINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
# Memory of a training beside its samples and what is as long as its parameters: an order of its
# rows, and the rest, most of which is the random state.
_ROW_BYTES, _FIXED_BYTES = 4, 4096
# Parameters beside the loss that the loss of training depends on.
_OF_TRAINING_LOSS = (
    "activation_noise", "alpha", "class_weight", "cutmix_alpha", "dropout", "dropout_kind",
    "input_dropout", "input_noise", "l1_ratio", "mixup_alpha", "noisy_copies", "weight_noise",
)  # fmt: skip
# Attributes that tell of scores, as the entries of a session's state.
_SCORES = {"validation_scores_": "validation_scores", "best_validation_score_": "best_score"}
# Entries of a session's state that are the schedule's.
_OF_SCHEDULE = ("learning_rate", "plateau_best", "plateau_wait", "plateau_cooldown")


def loss_and_output(estimator: BaseMLP, data: TrainingData) -> tuple[dict[str, Any], str]:
    """The loss that belongs to the targets, and the name of the output activation."""
    kind = data.train.targets.kind
    return _losses.fields(estimator, kind), _losses.output_activation(estimator, kind)


def initial_parameters(
    estimator: BaseMLP,
    net: Net,
    data: TrainingData,
    previous: Mapping[str, Any] | None,
    rng: RandomState,
) -> _core.FloatArray:
    """Flat parameters to start from: the previous ones, or else drawn."""
    if previous is not None:
        return _weights.packed(previous, net.spec, data.dtype)
    names = [layer.activation_name for layer in net.hidden]
    names.append(_hidden.output_rule(estimator, net.hidden))
    layers = [
        _initial.Layer(inputs, columns, name, is_output=place == len(net.hidden))
        for place, ((inputs, columns), name) in enumerate(
            zip(net.spec.layer_shapes, names, strict=True)
        )
    ]
    drawn = _initial.parameters(estimator, layers, data.dtype, rng)
    copied = _initial.stage_values(estimator, layers)
    return _weights.started(drawn, net.spec, net.hidden, copied)


class Net:
    """What a setting of the parameters makes of data of one shape.

    Parameters
    ----------
    estimator : BaseMLP
        Source of the parameters.
    data : TrainingData
        What the net is for.
    copies : int
        Arrays as long as the parameters that will be held at the same time.
    dtype : dtype or None
        That the net computes in; None is that of the data.
    """

    def __init__(
        self,
        estimator: BaseMLP,
        data: TrainingData,
        copies: int,
        dtype: np.dtype[Any] | None = None,
    ) -> None:
        self.hidden = _hidden.hidden_layers(estimator)
        units = [layer.units for layer in self.hidden]
        self.sizes = [data.n_features, *units, data.train.targets.n_outputs]
        self._dtype = dtype or data.dtype
        _memory.check_net_size(
            self.sizes, self._count_parameters(), copies=copies, dtype=self._dtype
        )
        mixes = estimator.mixup_alpha > 0 or estimator.cutmix_alpha > 0
        self._copies_of_samples = 2 if mixes else int(estimator.noisy_copies > 0)
        self.loss, self.output_activation = loss_and_output(estimator, data)
        self.spec = _params.net_spec(
            estimator,
            n_inputs=self.sizes[0],
            n_outputs=self.sizes[-1],
            output_activation=self.output_activation,
            dtype=self._dtype,
        )
        self.n_parameters = self.spec.n_trained
        self.monitor = _params.monitor(
            estimator, classification=data.train.targets.kind != "regression"
        )

    def check_batch(self, batch_size: int, n_at_once: int) -> None:
        """Raise MemoryError where the scratch of steps exceeds the available memory.

        Of a batch of any size, unless it is normalized, the engine holds a bounded block.

        Parameters
        ----------
        batch_size : int
            Samples of a step.
        n_at_once : int
            Trainings of this kind that may run at the same time.
        """
        if self.spec.n_parameters == self.spec.n_trained:
            return
        augmented = self._copies_of_samples * batch_size * (self.sizes[0] + self.sizes[-1])
        needed = self.spec.scratch_bytes(batch_size) + augmented * self._dtype.itemsize
        _memory.check_scratch(needed, batch_size, n_at_once)

    def _count_parameters(self) -> int:
        """Count what is trained, before the engine is asked, for which it may be too much."""
        columns = [*(layer.columns for layer in self.hidden), self.sizes[-1]]
        of_layers = sum((i + 1) * n for i, n in zip(self.sizes[:-1], columns, strict=True))
        return of_layers + sum(layer.n_trained for layer in self.hidden)


class Cache:
    """What trainings of one search, with the same data, share instead of making it anew.

    Nets and specs belong to one setting of the parameters; starts to an integer seed and a net's
    shape.

    Parameters
    ----------
    n_at_once : int, default=1
        How many of the trainings may run at the same time.
    """

    _MAX_STARTS = 16

    def __init__(self, n_at_once: int = 1) -> None:
        self.n_at_once = n_at_once
        self._made: dict[Hashable, Any] = {}
        self._starts: dict[Hashable, _core.Start] = {}

    def for_setting(self) -> Cache:
        """Cache of another setting of the parameters, with the same starts."""
        cache = Cache(self.n_at_once)
        cache._starts = self._starts
        return cache

    def net(self, estimator: BaseMLP, data: TrainingData) -> Net:
        """Net of this setting for data of this shape."""
        targets = data.train.targets
        key = (targets.kind, targets.n_outputs, data.n_features, data.dtype)
        if key not in self._made:
            self._made[key] = Net(estimator, data, _optimizers.copies(estimator))
        found: Net = self._made[key]
        return found

    def train_spec(self, key: Hashable, make: Callable[[], _core.TrainSpec]) -> _core.TrainSpec:
        """Spec made earlier for this setting under the same key, or else made now."""
        if key not in self._made:
            self._made[key] = make()
        found: _core.TrainSpec = self._made[key]
        return found

    def start(
        self, estimator: BaseMLP, net: Net, dtype: np.dtype[Any], make: Callable[[], _core.Start]
    ) -> _core.Start:
        """Start that an integer seed gives nets of this shape."""
        initializers = _initial.key_of(estimator)
        if initializers is None:
            return make()
        rule = _hidden.output_rule(estimator, net.hidden)
        key = estimator.random_state, tuple(net.sizes), tuple(net.hidden), rule, initializers, dtype
        if key not in self._starts:
            if len(self._starts) == self._MAX_STARTS:
                del self._starts[next(iter(self._starts))]
            self._starts[key] = make()
        return self._starts[key]


class Training:
    """A training that can be advanced, published at any epoch, and advanced further.

    Published after k epochs it equals a fresh one with ``max_iter=k``.

    Parameters
    ----------
    estimator : BaseMLP
        Source of the parameters; never changed.
    data : TrainingData
        What to train on.
    previous : mapping or None
        Fitted attributes to go on from (warm start, `partial_fit`); None to start anew.
    incremental : bool
        Go on with the optimizer of `previous` too, for one epoch.
    cache : Cache or None
        Shared with other trainings of this setting.
    records_steps : bool
        Keep the loss of each step.
    """

    def __init__(
        self,
        estimator: BaseMLP,
        data: TrainingData,
        previous: Mapping[str, Any] | None = None,
        *,
        incremental: bool = False,
        cache: Cache | None = None,
        records_steps: bool = False,
    ) -> None:
        self._estimator = estimator
        self._data = data
        cache = Cache() if cache is None else cache
        self._net = cache.net(estimator, data)
        self._previous = previous
        self._rng: RandomState | None = None
        self._order: NDArray[np.int32] | None = None  # where Python draws the orders
        seed = estimator.random_state
        if type(seed) is int and previous is None and not estimator.early_stopping:
            start = cache.start(
                estimator, self._net, data.dtype, lambda: self._draw(RandomState(seed), None)[0]
            )
            training_set, held_out, n_rows = data.training_set, None, data.n_rows
        else:
            self._rng = check_random_state(seed)
            start, rows, held_out = self._draw(self._rng, previous)
            training_set = data.training_set if held_out is None else data.split(rows, held_out)
            n_rows = data.n_rows if rows is None else len(rows)
        n_rows *= 1 + int(estimator.noisy_copies)
        self._n_rows = n_rows  # of an epoch
        before = (previous or {}).get("_optimizer_state") or {}
        goes_on = (
            incremental
            and _optimizers.moments_go_on(estimator, before)
            and before.get("layer_sizes") == self._net.sizes
        )
        self._epochs_before = int(before["epochs"]) if goes_on else 0
        rate_before = float(before["learning_rate"]) if goes_on else None
        self._validation = data.validation if held_out is None else data.train
        self._splits_off = held_out is not None
        self._batch_size = batch_size = _params.batch_size(estimator, n_rows)
        self._net.check_batch(batch_size, cache.n_at_once)
        train = cache.train_spec(
            (self._net.loss["name"], self._net.monitor, batch_size),
            lambda: _params.train_spec(
                estimator,
                loss=self._net.loss,
                batch_size=batch_size,
                max_epochs=1 if incremental else _params.max_epochs_of(estimator),
                monitor=self._net.monitor,
                epochs_before=self._epochs_before,
                rate_before=rate_before,
                records_steps=records_steps,
            ),
        )
        self._session = _core.Session(self._net.spec, train, training_set, start)
        self._scorer = None
        if self._net.monitor == "external" and self._validation is not None:
            rows = data.validation_rows if held_out is None else held_out
            self._scorer = _scoring.RowScorer(estimator, self._validation, rows)
        optimizer = self._previous_optimizer(before) if goes_on else {}
        averages = {}
        if previous is not None:
            published = _weights.packed(previous, self._net.spec, data.dtype)
            averages = _optimizers.previous_averages(estimator, before, published)
        if entries := self._history(previous) | optimizer | averages:
            self._session.restore(entries)
        if previous is not None:
            self._session.restore(self._patience(previous, train, training_set))

    @property
    def session(self) -> _core.Session:
        """The engine's side, for those who advance many trainings in one call."""
        return self._session

    @property
    def estimator(self) -> BaseMLP:
        """Source of the parameters."""
        return self._estimator

    @property
    def hidden(self) -> list[_hidden.HiddenLayer]:
        """The hidden layers of the net."""
        return self._net.hidden

    @property
    def spec(self) -> _core.NetSpec:
        """The net as the engine has it."""
        return self._net.spec

    @property
    def epoch(self) -> int:
        """Epochs done in this training."""
        return self._session.epoch

    @property
    def epochs_done(self) -> int:
        """The same, with those that it went back by when it diverged."""
        return max(self._session.epoch, self._session.diverged_epoch)

    @property
    def running(self) -> bool:
        """Whether another epoch may follow."""
        return self._session.status == "ready"

    def advance(self, n_epochs: int, threads: int) -> None:
        """Do up to `n_epochs` epochs, fewer if the training stops by itself.

        After Ctrl-C raises KeyboardInterrupt; the training then stands at the end of an epoch.
        """
        if self._order is None and self._scorer is None:
            _core.train_many([self._session], n_epochs, threads)
            return
        for _ in range(n_epochs):
            if not self.running:
                return
            self._do_epoch(threads)

    def write_back_random_state(self) -> None:
        """Move the caller's random generator to where the training has come."""
        state = self._session.mt_state
        if state is not None and self._rng is not None:
            _random.set_mt_state(self._rng, state)

    @property
    def n_parameters(self) -> int:
        """Weights, biases, and what else training changes by gradients."""
        return self._net.n_parameters

    @property
    def n_bytes(self) -> int:
        """Memory that the training takes at most beside its samples, published or copied."""
        copies = _optimizers.published_copies(self._estimator)
        parameters = copies * self._net.spec.n_parameters * self._data.dtype.itemsize
        return parameters + _ROW_BYTES * self._n_rows + _FIXED_BYTES

    @property
    def step_bytes(self) -> int:
        """Memory that one step works on, estimated.

        Gradient, parameters and what the optimizer keeps beside them; and of each sample of the
        batch its features, and each layer's activations and their gradient. The engine holds fewer
        of the latter where it cuts a large batch into blocks.
        """
        arrays = 1 + _optimizers.kept_arrays(self._estimator)
        columns = [columns for _, columns in self._net.spec.layer_shapes]
        of_sample = self._net.sizes[0] + 2 * sum(columns)
        numbers = arrays * self.n_parameters + self._batch_size * of_sample
        return int(numbers * self._data.dtype.itemsize)

    @property
    def output_bytes(self) -> int:
        """Memory of the outputs for one sample."""
        return int(self._net.sizes[-1]) * self._data.dtype.itemsize

    @property
    def seconds(self) -> float:
        """Time that the epochs took."""
        return self._session.seconds

    def losses(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Training and validation loss of each epoch, the latter empty without validation."""
        session = self._session
        return np.asarray(session.loss_curve), np.asarray(session.validation_loss_curve)

    @property
    def kept_epoch(self) -> int:
        """The epoch whose weights would be published now, counted from 0."""
        scores = np.asarray(self._session.validation_scores)
        if self._session.status == "diverged":  # its last epoch is never the best
            scores = scores[:-1]
        if not self._estimator.early_stopping or np.isnan(scores).all():
            return self._session.epoch - 1
        return int(np.nanargmax(scores))

    @property
    def _leaves_previous(self) -> bool:
        """Whether it diverged before there was anything better than what it goes on from."""
        restores = self._estimator.on_divergence == "restore_best"
        return self._session.status == "diverged" and restores and self._previous is not None

    def check_finite(self, *, warn: bool = True) -> None:
        """Raise ValueError if the training diverged; warn if there are better weights to keep."""
        status = self._session.status
        if status not in ("diverged", "restored"):
            return
        layer = self._session.diverged_layer
        what = "The loss" if layer < 0 else f"Layer {layer + 1}"
        where = f"{what} became non-finite in epoch {self._session.diverged_epoch}."
        restores = self._estimator.on_divergence == "restore_best"
        if status == "restored":
            kept = f"The weights of epoch {self.epoch}, the best before, are restored."
        elif self._leaves_previous:
            kept = "The weights of the fit before are kept."
        elif self._estimator.early_stopping and not restores:
            kept = "The best weights before are kept."
        else:
            raise ValueError(f"{NONFINITE} {where}")
        if warn:
            message = f"The training diverged: {where} {kept}"
            warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel())

    def publish(self) -> dict[str, Any]:
        """All fitted attributes, as if the training had ended here; shares no memory with it."""
        if self._leaves_previous and self._previous is not None:
            return without_parameters(self._estimator, self._previous)
        state = self._session.state()
        best = state["best_parameters"] if self._estimator.early_stopping else None
        return self._attributes(state, _outcome(state) if best is None else best)

    def _attributes(self, state: Mapping[str, Any], parameters: _core.FloatArray) -> dict[str, Any]:
        stopping = self._estimator.early_stopping
        losses = list(state["loss_curve"])
        attributes = {
            **self._data.attributes,
            **shape_attributes(self._net.sizes, self._net.output_activation),
            **_weights.unpack(parameters, self._net.spec),
            "n_iter_": int(state["epoch"]),
            "t_": int(state["n_samples_seen"]),
            "loss_curve_": losses,
            "learning_rate_curve_": list(state["learning_rate_curve"]),
            "best_loss_": None if stopping else float(state["best_loss"]),
            "validation_scores_": list(state["validation_scores"]) if stopping else None,
            "best_validation_score_": float(state["best_score"]) if stopping else None,
            "validation_loss_curve_": (
                None if self._validation is None else list(state["validation_loss_curve"])
            ),
            "_no_improvement_count": int(state["no_improvement_count"]),
            "_watched": self._watched(),
            "_optimizer_state": self._optimizer_state(state),
        }
        if losses:
            attributes["loss_"] = losses[-1]
        return attributes

    def _draw(
        self, rng: RandomState, previous: Mapping[str, Any] | None
    ) -> tuple[_core.Start, NDArray[np.int32] | None, NDArray[np.int32] | None]:
        """Draw where to start, rows to train on and rows held out; None for all and none."""
        key = _random.dropout_key(rng, int((previous or {}).get("t_", 0)))
        parameters = initial_parameters(self._estimator, self._net, self._data, previous, rng)
        rows, held_out = self._split(rng)
        generator = _random.mt_state(rng)
        if self._estimator.shuffle and generator is None:
            rows_drawn = np.arange(self._data.n_rows, dtype=np.int32) if rows is None else rows
            self._order = self._with_copies(rows_drawn)
        return _core.Start(parameters, generator, key), rows, held_out

    def _with_copies(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """Entries of an epoch in their first order, as the engine numbers copies of samples."""
        n_samples = self._data.train.dataset.n_samples
        copies = np.arange(1 + int(self._estimator.noisy_copies), dtype=np.int64) * n_samples
        return (copies[:, np.newaxis] + rows).ravel().astype(np.int32)

    def _do_epoch(self, threads: int) -> None:
        """Do an epoch in which Python draws the order or scores; Ctrl-C undoes all of it."""
        session = self._session.copy()
        order = None if self._order is None else self._order.copy()
        drawn = (
            None if self._order is None or self._rng is None else self._rng.get_state(legacy=False)
        )
        try:
            if self._order is not None and self._rng is not None:
                self._rng.shuffle(self._order)
                self._session.set_order(self._order)
            _core.train_many([self._session], 1, threads)
            if self._scorer is not None:
                self._session.record_score(self._score(self._scorer))
        except KeyboardInterrupt:
            self._session, self._order = session, order
            if drawn is not None and self._rng is not None:
                self._rng.set_state(drawn)
            raise

    def _score(self, scorer: _scoring.RowScorer) -> float:
        """Score of the present parameters; NaN, as from the engine, if they are not finite."""
        if self._session.status == "diverged":
            return float("nan")
        state = self._session.state()
        score = scorer(snapshot(self._estimator, self._attributes(state, _outcome(state))))
        if np.isnan(score):
            raise ValueError(
                f"scoring={self._estimator.scoring!r} gave nan in epoch {self.epoch}; early "
                "stopping cannot compare it."
            )
        return score

    def _optimizer_state(self, state: Mapping[str, Any]) -> dict[str, Any]:
        rule = _schedules.rule_of(self._estimator)
        of_schedule = {name: state[name] for name in _OF_SCHEDULE}
        if rule is None and state["learning_rate_curve"]:
            # The session's own is of the next epoch, which a shorter training does not know.
            of_schedule["learning_rate"] = state["learning_rate_curve"][-1]
        return {
            **_optimizers.state_of(self._estimator, state),
            "layer_sizes": list(self._net.sizes),
            "schedule": rule,
            **of_schedule,
            "epochs": self._epochs_before + int(state["epoch"]),
        }

    def _previous_optimizer(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """Entries of the session's state with which the same solver goes on."""
        entries = {"step": before["step"]}
        # A rule that was set anew begins anew; what goes by the epoch knows how many there were.
        rule = _schedules.rule_of(self._estimator)
        if rule is not None and before["schedule"] == rule:
            same = self._watches_the_same(self._previous or {})
            names = _OF_SCHEDULE if same else ("learning_rate",)
            entries |= {name: before[name] for name in names}
        fresh = self._session.state()
        for name in _optimizers.MOMENTS:
            # momentum=0 keeps no moment, and may be set between two calls
            if fresh[name] is not None and before[name] is not None:
                entries[name] = np.asarray(before[name], dtype=self._data.dtype)
        return entries

    def _history(self, previous: Mapping[str, Any] | None) -> dict[str, Any]:
        """Entries of the session's state that outlive a warm start."""
        names = {
            "t_": "n_samples_seen",
            "loss_curve_": "loss_curve",
            "learning_rate_curve_": "learning_rate_curve",
        }
        if self._validation is not None:
            names["validation_loss_curve_"] = "validation_loss_curve"
        return _renamed(previous or {}, names)

    def _patience(
        self,
        previous: Mapping[str, Any],
        train: _core.TrainSpec,
        training_set: _core.TrainingSet,
    ) -> dict[str, Any]:
        """Entries of the session's state by which patience goes on, or else begins anew.

        What another loss or another score came to compares with nothing of this training: the best
        so far is then the score of the parameters to start from.
        """
        goes_on = self._watches_the_same(previous)
        names = {"_no_improvement_count": "no_improvement_count"}
        if not self._estimator.early_stopping:
            return _renamed(previous, names | {"best_loss_": "best_loss"}) if goes_on else {}
        best = previous.get("best_validation_score_")
        if goes_on and best is not None and self._splits_off:
            return _renamed(previous, names | _SCORES)
        score = self._score_now(train, training_set)
        if goes_on and score == best:  # so the samples to validate on are the same
            return _renamed(previous, names | _SCORES)
        return {"best_score": score} if np.isfinite(score) else {}

    def _watches_the_same(self, previous: Mapping[str, Any]) -> bool:
        watched = self._watched()
        return bool(previous.get("_watched", watched) == watched)

    def _watched(self) -> dict[str, Any]:
        """What patience watches; but not which samples it is computed from."""
        monitor = self._net.monitor
        watched: dict[str, Any] = {"monitor": monitor}
        if monitor not in ("accuracy", "r2"):
            watched["loss"] = copy.deepcopy(self._net.loss)
        if monitor == "external":
            watched["scoring"] = self._estimator.scoring
        if self._estimator.early_stopping:
            watched["splits_off"] = self._splits_off
        else:
            given = {name: getattr(self._estimator, name, None) for name in _OF_TRAINING_LOSS}
            watched["objective"] = repr(given)  # for arrays do not compare as a whole
        return watched

    def _score_now(self, train: _core.TrainSpec, training_set: _core.TrainingSet) -> float:
        """Score of the present parameters; only where a score is watched."""
        if self._scorer is not None:
            return self._score(self._scorer)
        outcome = _outcome(self._session.state())
        loss, score = _core.evaluate(self._net.spec, train, outcome, training_set)
        return -loss if self._net.monitor == "loss" else score

    def _split(self, rng: RandomState) -> tuple[NDArray[np.int32] | None, NDArray[np.int32] | None]:
        """Rows to train on and rows held out of them; see `_draw`."""
        train = self._data.train
        if not self._estimator.early_stopping:
            return self._data.rows, None
        if self._data.validation is not None:
            if self._data.n_validation_rows < 2:
                raise ValueError(
                    "The validation set is too small: early stopping needs at least two samples "
                    "to validate on (X_val), got 1."
                )
            return self._data.rows, None
        stratify = None
        if is_classifier(self._estimator) and train.targets.kind == "binary":
            # As text, for scikit-learn's error about rare classes prints these.
            stratify = np.where(train.targets.class_ids == 1, "True", "False")
        try:
            rows, held_out = train_test_split(
                np.arange(self._data.n_rows, dtype=np.int32),
                random_state=rng,
                test_size=self._estimator.validation_fraction,
                stratify=stratify,
            )
        except ValueError as error:
            classes = self._data.attributes.get("classes_")
            rare = "" if stratify is None else _rare_classes(stratify == "True", classes)
            raise ValueError(
                f"early_stopping=True cannot hold out validation_fraction="
                f"{self._estimator.validation_fraction} of {self._data.n_rows} samples: {error}"
                f"{rare}"
            ) from error
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        if self._data.rows is not None:
            rows, held_out = self._data.rows[rows], self._data.rows[held_out]
        _check_weights_left(train, rows, "training")
        _check_weights_left(train, held_out, "validation")
        return rows, held_out


def _renamed(attributes: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Copies of those attributes that there are, by other names."""
    return {
        entry: copy.copy(attributes[name])
        for name, entry in names.items()
        if attributes.get(name) is not None
    }


def _outcome(state: Mapping[str, Any]) -> _core.FloatArray:
    """The parameters that a session's state stands for: their average where there is one."""
    averages, parameters = state["averages"], state["parameters"]
    outcome: _core.FloatArray = parameters if averages is None else averages
    return outcome


def train_together(
    trainings: Sequence[Training],
    n_epochs: Sequence[int],
    threads: int,
    poll: Callable[[int], bool] | None,
) -> bool:
    """Do up to so many epochs of each training in one call of the engine.

    Only for trainings that need nothing of Python in between. `poll` is given the epochs done in
    all of them, and stops the call by True; returns whether it did.
    """
    return _core.train_many([t.session for t in trainings], n_epochs, threads, poll)


def predict_together(
    trainings: Sequence[Training], rows: Sequence[NDArray[np.int32]], threads: int
) -> list[NDArray[Any]]:
    """Outputs of each training's net, as it would be published, for rows of its dataset."""
    return list(_core.predict_rows([t.session for t in trainings], rows, threads))


def count_correct_together(
    trainings: Sequence[Training],
    rows: Sequence[NDArray[np.int32]],
    truths: Sequence[NDArray[np.int32]],
    threads: int,
) -> list[int]:
    """Rows that each training's classifier gets right; -1 where an output is not finite.

    A truth is the index of a class among the net's, or -1 for one that it does not know.
    """
    sessions = [training.session for training in trainings]
    return _core.count_correct(sessions, rows, truths, threads)


def _rare_classes(class_ids: NDArray[Any], classes: Any) -> str:
    """What to say of classes with a single sample, which no split has on both sides."""
    rare = classes[np.bincount(class_ids, minlength=len(classes)) == 1].tolist()
    if not rare:
        return ""
    which = " and of ".join(map(repr, rare))
    return f" (y has a single sample of {which}; X_val and y_val may be given instead)"


def _check_weights_left(train: Samples, rows: NDArray[np.int32], part: str) -> None:
    if train.weight is not None and not train.weight[rows].any():
        raise ValueError(
            f"Sample weights must contain at least one non-zero number, but those of the {part} "
            "part that early stopping splits off are all zero."
        )
