"""The compiled engine: numbers in, numbers out.  Private: users meet it through the estimators.

Arrays must already have the right dtype, be C-contiguous and aligned; anything else raises
TypeError or ValueError.  "flat" is one 1-D array holding every parameter of a net: for each layer
its weights (n_inputs x n_outputs, row by row), then its biases; then what stages train, those of
the inputs first; then moving statistics.  See `NetSpec.stage_arrays`.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
# values (working dtype), columns (int32, sorted, unique in a row), row starts (int64), n_features
CsrArrays: TypeAlias = tuple[FloatArray, NDArray[np.int32], NDArray[np.int64], int]
# The 624 words and the position of an MT19937 generator, as in RandomState.get_state
MtState: TypeAlias = tuple[NDArray[np.uint32], int]
# Part of a spec: its name, or a dict of "name" and fields, each of which has a default
Part: TypeAlias = str | dict[str, Any]

__version__: str

def isa() -> str:
    """Name of the instruction set in use: 'base', 'avx2' or 'avx512'."""

def available_isas() -> list[str]:
    """Names of the instruction sets that this build and this machine have, slowest first."""

def build_info() -> dict[str, str]:
    """Compiler, its flags, and the OpenMP version of the build."""

def thread_limit() -> int:
    """Threads that the calling thread may use: the smallest of CPU affinity, cgroup quota and
    OpenMP's own limit (OMP_NUM_THREADS, OMP_THREAD_LIMIT, threadpoolctl); 1 in a region of it."""

def memory_groups(groups: str, own: str) -> list[tuple[str, int]]:
    """Folders of the control groups that bound this process's memory, the own one first, each with
    its version, 1 or 2; from the folder and the file where the system shows them."""

def activations() -> list[str]:
    """Names of the activations that a hidden layer may have."""

def losses() -> dict[str, str]:
    """Each loss with the output activation that belongs to it."""

def optimizers() -> dict[str, int]:
    """Each optimizer with its number of moments, arrays as long as the parameters."""

def schedules() -> list[str]:
    """Names of the learning-rate schedules."""

def fma_peak(dtype: str, threads: int = 1, seconds: float = 0.2) -> float:
    """GFLOP/s of independent fused multiply-adds on full vectors: the hardware's limit."""

class NetSpec:
    """Immutable description of a net."""

    def __init__(
        self,
        *,
        n_inputs: int,
        # Units and stages, in the order in which the layer's sums go through them: any activation
        # (fields: 'leaky_relu' has negative_slope, 'elu' alpha, 'maxout' pieces),
        # 'batch_normalization' (epsilon, momentum), 'layer_normalization' (epsilon), 'noise'
        # (stddev), 'dropout' and 'alpha_dropout' (rate).
        hidden: Sequence[tuple[int, Sequence[Part]]],
        n_outputs: int,
        output_activation: str,  # any of activations(), or 'softmax' | 'exp' | 'ascending'
        input_stages: Sequence[Part] = (),  # before the first layer; no activations
        output_stages: Sequence[Part] = (),  # before the output activation
        dtype: str,  # 'float32' | 'float64'
    ) -> None: ...
    @property
    def n_parameters(self) -> int:
        """Numbers in the flat array."""

    @property
    def n_trained(self) -> int:
        """Those that optimizers change; moving statistics, behind them, are changed otherwise."""

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """Of each layer's weights; with maxout the columns are pieces times units."""

    @property
    def stages(self) -> list[list[dict[str, Any]]]:
        """Stages with all their fields: those of the inputs, then of each layer; the last stage of
        the output layer is the net's output activation."""

    @property
    def stage_arrays(self) -> list[tuple[int, int, str, int, int]]:
        """Arrays of the stages in the flat parameters: hidden layer (-1: inputs; the last number:
        output layer), number of the stage in it, name, offset, size.  Names are 'slopes' (prelu);
        'scale' and 'shift' of normalizations; 'mean' and 'variance', the moving statistics."""

    def scratch_bytes(self, batch_size: int) -> int:
        """Memory that a training works on in one step, beside parameters and what steps change."""

class TrainSpec:
    """Immutable description of a training."""

    def __init__(
        self,
        *,
        # See losses(). Fields: over_outputs ('own' | 'sum' | 'mean' | 'mean_of_sum_slopes'), scale,
        # mean_over_samples (weighted losses are divided by the number of samples),
        # epsilon (0: that of the dtype), label_smoothing; delta, gamma, alpha, quantiles.
        loss: Part,
        # See optimizers(). Fields: momentum, beta_1, beta_2, epsilon, rho,
        # initial_accumulator_value; weight_decay, clipnorm and clipvalue (inf: none),
        # ema_momentum, max_norm (inf: none), weight_noise.
        optimizer: Part,
        batch_size: int,
        max_epochs: int,  # the session stops by itself there
        schedule_horizon: float,  # the epochs that a schedule is laid out for
        l2: float = 0.0,  # alpha * (1 - l1_ratio)
        l1: float = 0.0,  # alpha * l1_ratio
        # See schedules(); its fields are those of ScheduleSpec: initial, the rate to start from;
        # begin, the epochs done before; and those of its kind.
        schedule: Part = "constant",
        shuffle: bool = True,
        tol: float = 1e-4,
        n_iter_no_change: float = 10,  # may be inf
        # What patience watches: 'training_loss', or a score of the validation rows (greater is
        # better): 'accuracy', 'r2', 'loss' (its negative), or 'external' (given by record_score
        # after each epoch).
        monitor: str = "training_loss",
        records_steps: bool = False,  # fill step_loss_curve
        # Where it diverges, go back to the best epoch: the one with the highest score where one is
        # watched, else with the lowest validation loss or, without validation, training loss.
        restores_best: bool = False,
        # Fields: noisy_copies, noise (their standard deviation), mixup_alpha, cutmix_alpha.
        augment: dict[str, Any] | None = None,
        # L2 and L1 of each layer, in place of l2 and l1, added to the mean loss as they are.
        layer_penalties: Sequence[tuple[float, float]] = (),
        held_biases: Sequence[int] = (),  # layers whose biases are 0 and stay it
        frozen_layers: Sequence[int] = (),  # that no step changes, from 0 at the input's
    ) -> None: ...

class Dataset:
    """Samples that sessions share.  Numbers are viewed and kept alive, not copied; indices (of CSR
    arrays, of classes) are copied."""

    def __init__(
        self,
        X: FloatArray | CsrArrays,
        *,
        class_ids: NDArray[np.int32] | None = None,  # (n_samples,); or else
        targets: FloatArray | None = None,  # (n_samples, n_outputs), dtype of X
    ) -> None: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def n_features(self) -> int: ...

class TrainingSet:
    """What a training learns from and is validated on, copied and checked once for any number of
    sessions."""

    def __init__(
        self,
        data: Dataset,
        rows: NDArray[np.int32] | None = None,  # samples to train on, in running order; None: all
        *,
        label_map: NDArray[np.int32] | None = None,  # class id -> output (for one output: 0 or 1)
        sample_weight: FloatArray | None = None,  # (data.n_samples,), dtype of the data
        validation_data: Dataset | None = None,
        validation_rows: NDArray[np.int32] | None = None,
        validation_weight: FloatArray | None = None,  # (validation_data.n_samples,)
    ) -> None: ...

class Start:
    """Where trainings start: copied once for any number of sessions."""

    def __init__(
        self,
        parameters: FloatArray,  # flat
        mt_state: MtState | None = None,  # for shuffling; None: orders are given by set_order
        dropout_key: int = 0,
    ) -> None: ...

class Session:
    """One resumable training.  Only ever seen between two epochs."""

    def __init__(
        self, net: NetSpec, train: TrainSpec, training_set: TrainingSet, start: Start
    ) -> None: ...
    def state(self) -> dict[str, Any]:
        """Everything that changes during training, as plain arrays and numbers:
        parameters, moment_1, moment_2, moment_3, averages (flat; None where the optimizer has
        none), best_parameters (flat or None), step, steps_averaged, epoch, n_samples_seen,
        learning_rate, best_loss, best_score, no_improvement_count, plateau_best, plateau_wait,
        plateau_cooldown, order (int32), mt_state (or None), loss_curve, learning_rate_curve,
        step_loss_curve, validation_scores,
        validation_loss_curve (lists of float), status, diverged_layer, diverged_epoch, kept (what
        a training that diverges goes back to, or None: a dict of the entries up to
        plateau_cooldown but for best_parameters; loss, n_steps_recorded)."""

    def restore(self, state: dict[str, Any]) -> None:
        """Set the named entries of `state()`; the others stay as they are."""

    def set_order(self, order: NDArray[np.int32]) -> None:
        """Set the order of the rows for the next epoch (a permutation of `rows`). Copy c of a row
        has the number row + c * n_samples."""

    def record_score(self, score: float) -> None:
        """With monitor='external': give the score of the epoch just done; updates patience."""

    def copy(self) -> Session: ...
    @property
    def status(self) -> str:
        """'ready', 'converged' (patience ran out), 'limit' (max_epochs done), 'diverged' (its loss
        or a parameter was not finite after an epoch) or 'restored' (it diverged, and went back)."""

    @property
    def epoch(self) -> int:
        """Epochs done since the session was made."""

    @property
    def learning_rate(self) -> float:
        """Rate of the next step; for adam the one used in the last step, as in scikit-learn."""

    @property
    def rate(self) -> float:
        """Rate of the next step, without adam's corrections."""

    @property
    def seconds(self) -> float:
        """Time that its epochs took."""

    @property
    def no_improvement_count(self) -> int: ...
    @property
    def loss_curve(self) -> list[float]: ...
    @property
    def step_loss_curve(self) -> list[float]:
        """Loss of each step so far, before it; NaN of a batch that weighs nothing."""

    @property
    def validation_scores(self) -> list[float]: ...
    @property
    def validation_loss_curve(self) -> list[float]: ...
    @property
    def parameters(self) -> FloatArray:
        """A flat copy."""

    @property
    def mt_state(self) -> MtState | None: ...
    @property
    def diverged_layer(self) -> int:
        """Index of the first layer with a non-finite parameter; -1 if none."""

    @property
    def diverged_epoch(self) -> int:
        """The epoch after which it had diverged, counted from 1; -1 if none."""

def train_many(
    sessions: Sequence[Session],
    epochs: int | Sequence[int],
    threads: int,
    poll: Callable[[int], bool] | None = None,
) -> bool:
    """Advance each session by up to `epochs` epochs (one number, or one per session); those that
    have stopped stay as they are.

    About every 50 ms, but not in calls that are over sooner, `poll` is given the epochs that all
    sessions did in this call; True stops it.  Returns whether it was stopped.  Raises
    KeyboardInterrupt after Ctrl-C, and what `poll` raises.  Every session then stands at the end
    of an epoch."""

def count_correct(
    sessions: Sequence[Session],
    rows: Sequence[NDArray[np.int32]],
    truths: Sequence[NDArray[np.int32]],
    threads: int,
) -> list[int]:
    """How many of the rows have their truth, an output (with one output 0 or 1; -1 for none), as
    the most probable class of each session's net, as in `predict_rows`; -1 where some output is
    not finite."""

def predict_rows(
    sessions: Sequence[Session], rows: Sequence[NDArray[np.int32]], threads: int
) -> list[FloatArray]:
    """Activated outputs of each session's net, with the best parameters where a score is
    monitored, for listed rows of its dataset: (n_rows, n_outputs) each."""

def evaluate(
    net: NetSpec, train: TrainSpec, parameters: FloatArray, training_set: TrainingSet
) -> tuple[float, float]:
    """The mean loss of the validation rows, without any penalty, and their score by the monitor
    of `train`; 0 where the engine has none."""

class NotFiniteError(ValueError):
    """Samples that a predictor which checks them refuses."""

class Predictor:
    """A net with a copy of its parameters, for any number of threads at once.

    `threads` is called, for the greatest number of threads, where the work is worth an engine
    thread; else the work is done at once, by the caller and with the interpreter's lock. With
    `checks_samples` an X that is an array must be finite."""

    def __init__(
        self, net: NetSpec, parameters: FloatArray, *, checks_samples: bool = False
    ) -> None: ...
    @property
    def net(self) -> NetSpec:
        """As it predicts: without the batch normalizations that could be put into weights."""

    @property
    def parameters(self) -> FloatArray:
        """Those of `net`, a flat copy."""

    @property
    def n_outputs(self) -> int: ...
    def outputs(self, X: FloatArray | CsrArrays, threads: Callable[[], int]) -> FloatArray:
        """Activated outputs, (n_samples, n_outputs)."""

    def hidden_outputs(
        self, X: FloatArray | CsrArrays, layer: int, threads: Callable[[], int]
    ) -> FloatArray:
        """What hidden layer `layer`, from 0, puts out after all its stages: (n_samples, units)."""

    def classes(
        self, X: FloatArray | CsrArrays, threads: Callable[[], int], by: str = "probabilities"
    ) -> NDArray[np.int64]:
        """By 'greatest', the index of the greatest output, (n_samples,); by 'signs', whether each
        output is positive, (n_samples, n_outputs) or for one output (n_samples,); by
        'probabilities' the former for softmax, otherwise whether each is above one half."""

class Objective:
    """Mean loss plus penalty of a net over the training rows, and its gradient (for L-BFGS)."""

    def __init__(self, net: NetSpec, train: TrainSpec, training_set: TrainingSet) -> None: ...
    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        """(value, flat gradient)."""
