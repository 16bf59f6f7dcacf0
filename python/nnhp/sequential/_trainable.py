"""Training and evaluation: what a model does once it is compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from numpy.typing import ArrayLike
from sklearn.exceptions import NotFittedError

from nnhp._checks import check_arguments
from nnhp.callbacks import Callback, History
from nnhp.optimizers import Optimizer
from nnhp.sequential._compiled import Compiled
from nnhp.sequential._data import (
    Part,
    check_count,
    check_validation,
    check_verbose,
    part_of,
    split_off,
)
from nnhp.sequential._layered import Layered
from nnhp.sequential._training import Training, Watching, evaluated


class Trainable(Layered):
    """A list of layers with weights, and how these are to be trained."""

    stop_training: bool = False
    _compiled: Compiled | None = None

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, *, metrics: Any = None) -> None:
        """Say how the model is to be trained; an optimizer's state is given up.

        Optimizer and loss are copied: what is set in them later has no effect. What was set in the
        layers since the last call takes effect now.

        Parameters
        ----------
        optimizer : str or `nnhp.optimizers` object, default='rmsprop'
            A name stands for Keras's defaults.

        loss : str or `nnhp.losses` object
            'mse', 'mae', 'huber', 'binary_crossentropy', 'categorical_crossentropy',
            'sparse_categorical_crossentropy', 'poisson', 'hinge', ..., as Keras defines them.

        metrics : str, callable or sequence of these, default=None
            Numbers to report: 'accuracy', 'mse', 'mae', 'auc', ..., or functions of the targets
            (n_samples, n_targets) and the outputs (n_samples, n_outputs). A name that comes again
            is reported with a number, as in Keras: 'mse', 'mse_1'.

        Raises
        ------
        ValueError
            If a name is not known, or a parameter out of bounds; if a metric would be reported
            under the name of another number; if shapes of weights were changed in the layers.
        RuntimeError
            If a training is under way.
        """
        self._check_resting("compile")
        compiled, net = Compiled(optimizer, loss, metrics), self._renewed()
        self._compiled = compiled
        if net is not None:
            self._net = net
            self._weights = self._weights.without_optimizer()

    @property
    def learning_rate(self) -> float:
        """The rate of the next epoch."""
        return self._ready().learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._ready().learning_rate = rate

    @property
    def optimizer(self) -> Optimizer:
        """The model's own, whose learning rate is that of the next epoch."""
        optimizer: Optimizer = self._ready().optimizer
        return optimizer

    @property
    def metrics_names(self) -> list[str]:
        """What `evaluate` returns."""
        return ["loss", *self._ready().metrics]

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Callback | Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: ArrayLike | None = None,
        initial_epoch: int = 0,
    ) -> History:
        """Train; a second call goes on from where the first one ended.

        It has the weights, the optimizer's state and the random numbers after those of the call
        before: two calls give the bits of one with as many epochs.

        Parameters
        ----------
        x : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets: class numbers from 0 for 'sparse_categorical_crossentropy', else one column
            per output; (n_samples,) serves for one output. Rows sum to 1 for
            'categorical_crossentropy'; 'hinge' takes 0 and 1, or -1 and 1, for the two classes.

        batch_size : int, default=None
            Samples per step; None is 32.

        epochs : int, default=1
            The epoch to train up to: there are ``epochs - initial_epoch`` of them.

        verbose : {'auto', 0, 1, 2}, default='auto'
            0 prints nothing, the others a line per epoch.

        callbacks : object of `nnhp.callbacks` or sequence of these, default=None
            Called between epochs.

        validation_split : float, default=0.0
            Share of the samples, the last ones, that are not trained on but evaluated after each
            epoch.

        validation_data : tuple of (x, y) or (x, y, sample_weight), default=None
            The same as data of their own; `validation_split` is then ignored.

        shuffle : bool, default=True
            Whether the samples get a new order in each epoch.

        class_weight : dict of int to float, default=None
            Weight of the samples of each class, 1 for those it does not name.

        sample_weight : float or array-like of shape (n_samples,), default=None
            Weights of the samples; those of their classes are multiplied with them.

        initial_epoch : int, default=0
            Number of the first epoch.

        Returns
        -------
        history : History
            What each epoch brought.

        Raises
        ------
        ValueError
            If an argument is out of bounds, shapes do not fit together, the loss is not one of such
            outputs or targets, or a metric not one of such targets.
        RuntimeError
            If a training is under way: a callback can train a ``copy.deepcopy`` of the model.
        """
        self._check_resting("fit")
        compiled = self._ready()
        epochs = check_count(epochs, "epochs", 0)
        initial_epoch = check_count(initial_epoch, "initial_epoch", 0)
        batch_size = check_count(32 if batch_size is None else batch_size, "batch_size", 1)
        prints = check_verbose(verbose)
        check_arguments("Sequential.fit", {"shuffle": ["boolean"]}, {"shuffle": shuffle})
        given, validation = (self._samples(x), y, sample_weight), None
        if validation_data is not None:
            validation = check_validation(validation_data, given[0].shape[1], self.dtype)
        elif validation_split != 0:
            given, validation = split_off(*given, validation_split)
        train = self._part(*given, class_weight)
        training = Training(
            self._built(None),
            compiled,
            self._weights,
            train,
            None if validation is None else self._part(*validation, name="y to validate on"),
            batch_size=min(batch_size, train.n_samples),
            n_epochs=max(epochs - initial_epoch, 1),
            shuffle=bool(shuffle),
        )
        watching = Watching(self, callbacks)
        steps = -(-train.n_samples // batch_size)
        self.stop_training = False
        try:
            self._training = training
            watching.begin({"epochs": epochs, "steps": steps, "verbose": verbose})
            for epoch in range(initial_epoch, epochs):
                watching.begin_epoch(epoch)
                logs = training.advance(self._threads())
                watching.end_epoch(epoch, logs)
                if prints:
                    print(_line(epoch, epochs, logs))
                if self.stop_training or training.diverged:
                    break
        finally:
            self._training = None
            self._weights = training.state()
        watching.end()
        return watching.history

    def train_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Do one step on all samples given.

        Parameters
        ----------
        x : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as of `fit`.

        sample_weight : float or array-like of shape (n_samples,), default=None
            Weights of the samples.

        class_weight : dict of int to float, default=None
            Weight of the samples of each class, 1 for those it does not name.

        return_dict : bool, default=False
            Whether to return a dict.

        Returns
        -------
        loss : float, list of float or dict of str to float
            The loss before the step; with metrics, these follow it, for the net after the step.

        Raises
        ------
        RuntimeError
            If a training is under way.
        """
        self._check_resting("train_on_batch")
        compiled = self._ready()
        _check_return_dict(return_dict)
        part = self._part(self._samples(x), y, sample_weight, class_weight)
        training = Training(
            self._built(None),
            compiled,
            self._weights,
            part,
            None,
            batch_size=part.n_samples,
            n_epochs=1,
            shuffle=False,
        )
        logs = training.advance(self._threads())
        self._weights = training.state()
        return _answer(logs, return_dict)

    def evaluate(
        self,
        x: ArrayLike,
        y: ArrayLike,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: ArrayLike | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Compute loss and metrics.

        Parameters
        ----------
        x : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as of `fit`.

        batch_size : int, default=None
            Ignored: blocks are cut as suits the machine.

        verbose : {'auto', 0, 1, 2}, default='auto'
            0 prints nothing, the others one line.

        sample_weight : float or array-like of shape (n_samples,), default=None
            Weights of the samples in the loss.

        return_dict : bool, default=False
            Whether to return a dict.

        Returns
        -------
        loss : float, list of float or dict of str to float
            The loss, penalties included; with metrics, these follow it.
        """
        compiled = self._ready()
        prints = check_verbose(verbose)
        if batch_size is not None:
            check_count(batch_size, "batch_size", 1)
        _check_return_dict(return_dict)
        part = self._part(self._samples(x), y, sample_weight)
        logs = evaluated(self._built(None), compiled, self._flat(), part, self._threads())
        if prints:
            print(_numbers(logs))
        return _answer(logs, return_dict)

    def _ready(self) -> Compiled:
        if self._compiled is None:
            raise NotFittedError("Call compile(optimizer, loss) before this.")
        return self._compiled

    def _part(
        self, x: Any, y: Any, sample_weight: Any, class_weight: Any = None, name: str = "y"
    ) -> Part:
        compiled, net = self._ready(), self._built(x.shape[1])
        compiled.check_outputs(net)
        part = part_of(
            x,
            y,
            sample_weight,
            class_weight,
            n_outputs=net.n_outputs,
            loss=compiled.loss,
            dtype=self.dtype,
            name=name,
        )
        compiled.check_targets(part.y, net.n_outputs, name)
        return part


def _line(epoch: int, epochs: int, logs: Mapping[str, float]) -> str:
    return f"Epoch {epoch + 1}/{epochs} - {_numbers(logs)}"


def _numbers(logs: Mapping[str, float]) -> str:
    return " - ".join(f"{name}: {_shown(value)}" for name, value in logs.items())


def _shown(value: Any) -> str:
    """A number by its digits; callbacks may note anything else."""
    return f"{value:.4g}" if isinstance(value, Real) else str(value)


def _check_return_dict(return_dict: Any) -> None:
    check_arguments("Sequential", {"return_dict": ["boolean"]}, {"return_dict": return_dict})


def _answer(logs: Mapping[str, float], return_dict: bool) -> Any:
    if return_dict:
        return dict(logs)
    numbers = list(logs.values())
    return numbers[0] if len(numbers) == 1 else numbers
