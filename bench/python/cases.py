"""All grids of the benchmarks: data, nets, options, contenders, goals; what arithmetic counts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.model_selection import ShuffleSplit

Samples = tuple[Any, NDArray[Any]]

# --- data ---------------------------------------------------------------------------------------

DENSITY = 0.01


def digits(n_rows: int = 1_797, n_features: int = 64, n_outputs: int = 10) -> Samples:
    """Images of 8 x 8 pixels, scaled to [0, 1]; 10 classes."""
    if (n_features, n_outputs) != (64, 10):
        raise ValueError("digits have 64 features and 10 classes")
    X, y = load_digits(return_X_y=True)
    return np.ascontiguousarray(X[:n_rows] / 16.0, dtype=np.float32), y[:n_rows]


def classes(n_rows: int, n_features: int, n_outputs: int) -> Samples:
    """Normal features; each class is the largest of as many noisy linear scores."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    return X, noisy_scores(rng, X, n_outputs, noise=3.0).argmax(axis=1)


def targets(n_rows: int, n_features: int, n_outputs: int) -> Samples:
    """Normal features; targets that are sines of noisy linear scores."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    return X, np.sin(noisy_scores(rng, X, n_outputs, noise=0.1))


def rare_words(n_rows: int, n_features: int, n_outputs: int) -> Samples:
    """CSR samples with 1 % non-zeros; classes as in `classes`."""
    rng = np.random.default_rng(0)
    X = scipy.sparse.random(
        n_rows, n_features, density=DENSITY, format="csr", dtype=np.float32, rng=rng
    )
    return X, noisy_scores(rng, X, n_outputs, noise=1.0).argmax(axis=1)


def rare_words_densified(n_rows: int, n_features: int, n_outputs: int) -> Samples:
    X, y = rare_words(n_rows, n_features, n_outputs)
    return X.toarray(), y


def noisy_scores(
    rng: np.random.Generator, X: Any, n_outputs: int, noise: float
) -> NDArray[np.float32]:
    scores = X @ rng.standard_normal((X.shape[1], n_outputs), dtype=np.float32)
    return scores + np.float32(noise) * rng.standard_normal(scores.shape, dtype=np.float32)


# --- one net on one data set --------------------------------------------------------------------


def counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number > 1)}"


@dataclass(frozen=True)
class Case:
    """Nets of one shape on one data set."""

    data: Callable[[int, int, int], Samples]
    n_rows: int
    sizes: tuple[int, ...]  # features, units of each hidden layer, outputs
    batch_size: int
    passes: int  # over the rows in one timing; enough that a fit's fixed cost does not count
    dtype: str = "float32"
    options: Mapping[str, Any] = field(default_factory=dict)  # parameters of nnhp's estimators
    n_nets: int = 1
    density: float = 1.0  # share of the features that are not zero, as products know it
    # Share of the FMA peak that nnhp should reach, and by how many times it should beat others
    goals: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        rows = "digits" if self.data is digits else counted(self.n_rows, "row")
        return f"{'-'.join(map(str, self.sizes))} on {rows}"

    @property
    def title(self) -> str:
        nets = f"{self.n_nets} nets " if self.n_nets > 1 else ""
        dtype = "" if self.dtype == "float32" else f", {self.dtype}"
        return f"{nets}{self.name}, batch {self.batch_size}{dtype}"

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.sizes[1:-1]

    @property
    def n_inputs(self) -> int:
        return self.sizes[0]

    @property
    def n_outputs(self) -> int:
        return self.sizes[-1]

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        return list(pairwise(self.sizes))

    @property
    def regression(self) -> bool:
        return self.data is targets

    @property
    def product_flops(self) -> list[float]:
        """Of the product of each layer, per sample; those of zeros that are not stored are none."""
        first, *others = (2.0 * n_in * n_out for n_in, n_out in self.layer_shapes)
        return [self.density * first, *others]

    @property
    def forward_flops(self) -> float:
        """Of the products, per sample."""
        return sum(self.product_flops)

    @property
    def flops_per_sample(self) -> float:
        """Of the products: forward, weight gradients, and data gradients beyond the first layer."""
        return 3 * self.forward_flops - self.product_flops[0]

    @property
    def parameters(self) -> dict[str, Any]:
        """Arguments that mean the same to nnhp's and scikit-learn's estimators."""
        return {
            "hidden_layer_sizes": self.hidden,
            "batch_size": self.batch_size,
            "random_state": 0,
            "tol": 0.0,
            "n_iter_no_change": 1_000_000,
            "alpha": 0.0,
            **self.options,
        }

    def load(self) -> Samples:
        X, y = self.data(self.n_rows, self.n_inputs, self.n_outputs)
        return X.astype(self.dtype, copy=False), y.astype(self.dtype) if self.regression else y


def goals(peak: float, scikit_learn: float, torch: float, jax: float) -> dict[str, float]:
    return {"FMA peak": peak, "scikit-learn": scikit_learn, "PyTorch": torch, "JAX": jax}


# The first has two targets, as nnhp and scikit-learn give two classes one output.
NETS = {
    "tiny": Case(targets, 20_000, (8, 16, 16, 2), 32, 20, goals=goals(0.35, 120, 200, 15)),
    "digits": Case(digits, 1_797, (64, 100, 10), 32, 100, goals=goals(0.65, 17, 26, 3.3)),
    "deep": Case(digits, 1_797, (64, 64, 32, 16, 10), 32, 100, goals=goals(0.60, 18, 45, 3.5)),
    "forest": Case(classes, 50_000, (54, 128, 128, 7), 64, 3, goals=goals(0.82, 6.5, 5.5, 1.7)),
    "wide": Case(classes, 50_000, (100, 256, 256, 10), 256, 3, goals=goals(0.88, 2.1, 1.9, 1.25)),
    "images": Case(classes, 60_000, (784, 512, 512, 10), 128, 1, goals=goals(0.85, 2.1, 1.5, 1.15)),
}
DIGITS = NETS["digits"]


# --- one search ---------------------------------------------------------------------------------

SPACE = {
    "learning_rate_init": loguniform(1e-4, 1e-1),
    "batch_size": [16, 32, 64, 128],
    "hidden_layer_sizes": [(50,), (100,), (64, 32)],
    "alpha": loguniform(1e-6, 1e-1),
}
GRID = {
    "learning_rate_init": [1e-3, 1e-2],
    "batch_size": [32, 128],
    "hidden_layer_sizes": [(50,), (100,), (64, 32)],
    "alpha": [1e-5],
}


@dataclass(frozen=True)
class Search:
    """A search on digits, in `GRID` for the strategy "grid", else in `SPACE`."""

    strategy: str  # "grid", "random", "halving", "Hyperband" or "TPE and median pruner"
    n_candidates: int  # of which Hyperbands, whose budget says how many, take no notice
    epochs: int  # the most that a candidate gets
    n_folds: int  # 1: a quarter of the rows is held out
    dtype: ClassVar[str] = "float32"
    passes: ClassVar[int] = 1
    n_nets: ClassVar[int] = 1
    options: ClassVar[Mapping[str, Any]] = {}

    @property
    def title(self) -> str:
        return f"{self.n_candidates} candidates, {self.budget}"

    @property
    def budget(self) -> str:
        rows = f"{self.n_folds} folds" if self.n_folds > 1 else "one split"
        return f"{rows}, {self.epochs} epochs, digits"

    @property
    def cv(self) -> Any:
        if self.n_folds > 1:
            return self.n_folds
        return ShuffleSplit(1, test_size=0.25, random_state=0)


# --- comparisons --------------------------------------------------------------------------------

# The module that knows each library.
LIBRARIES = {
    "nnhp": "ours",
    "scikit-learn": "vs_sklearn",
    "PyTorch": "vs_torch",
    "torch.compile": "vs_torch_compile",
    "JAX": "vs_jax",
    "Keras": "vs_keras",
    "skorch": "vs_skorch",
    "Optuna": "vs_optuna",
    "KerasTuner": "vs_keras_tuner",
}
NOT_COMPARED = {
    "mlpack": "its neural networks are C++ templates, which neither its Python package nor what "
    "Debian 12 has of it (an R binding) offers",
}


@dataclass(frozen=True)
class Entrant:
    """What takes its turn in a comparison."""

    label: str
    library: str
    job: str  # "fit", "predict", "compiled", "population", "stacked" or "search"
    case: Case | Search
    threads: int = 1
    isa: str = ""  # empty: the best that the machine has
    goal: float | None = None  # its time as a multiple of the first entrant's: at least this
    limit: float | None = None  # ... at most this
    most_us: float | None = None  # its time in microseconds: at most this
    peak_share: float | None = None  # its share of the FMA peak: at least this


@dataclass(frozen=True)
class Comparison:
    """Entrants that take turns on the same data; the times are told as multiples of the first's."""

    key: str
    title: str  # {0} stands for the first entrant's case
    entrants: tuple[Entrant, ...]
    repetitions: int = 7  # at most


FORWARD_JOBS = ("predict", "compiled")  # work without gradients
POPULATION_JOBS = ("population", "stacked")  # nets by themselves, or as one of larger arrays
FIT_LIBRARIES = ("nnhp", "scikit-learn", "PyTorch", "torch.compile", "JAX", "Keras", "skorch")
FLOAT64_LIBRARIES = ("nnhp", "scikit-learn", "PyTorch", "JAX")
PREDICT_LIBRARIES = ("nnhp", "scikit-learn", "PyTorch", "JAX", "Keras")
OPTIONS: dict[str, tuple[dict[str, Any], float | None]] = {
    "Adam, ReLU": ({}, None),
    "dropout 0.2": ({"dropout": 0.2}, 1.15),
    "tanh": ({"activation": "tanh"}, 1.15),
    "L1": ({"alpha": 1e-4, "l1_ratio": 1.0}, 1.15),
    "L2": ({"alpha": 1e-4}, 1.15),
    "SGD": ({"solver": "sgd", "momentum": 0.0}, 1.0),
    "momentum": ({"solver": "sgd", "nesterovs_momentum": False}, 1.0),
    "Nesterov's momentum": ({"solver": "sgd"}, 1.0),
}


def fits(case: Case, libraries: Iterable[str]) -> tuple[Entrant, ...]:
    """Return a fit by each library; the first should reach the case's share of the peak."""
    first, *others = (
        Entrant(name, name, "fit", case, goal=case.goals.get(name)) for name in libraries
    )
    return replace(first, peak_share=case.goals["FMA peak"]), *others


def in_float64(case: Case) -> Case:
    """Return the case with the goals that hold in float64, whose FMA peak is half the other."""
    goals = {name: case.goals[name] for name in ("FMA peak", "scikit-learn")}
    return replace(case, dtype="float64", goals=goals)


def vmap_of_16(case: Case) -> Entrant:
    return Entrant("JAX, vmap of 16 nets", "JAX", "stacked", replace(case, n_nets=16))


def options(case: Case) -> tuple[Entrant, ...]:
    return tuple(
        Entrant(label, "nnhp", "fit", replace(case, options=given), limit=limit)
        for label, (given, limit) in OPTIONS.items()
    )


def instruction_sets(case: Case) -> tuple[Entrant, ...]:
    entrants = (Entrant(isa, "nnhp", "fit", case, isa=isa) for isa in ("avx512", "avx2", "base"))
    best, avx2, base = entrants
    share = 0.80 if case.hidden == (256, 256) else None
    return best, replace(avx2, limit=1 / 0.9, peak_share=share), base


def threaded(
    job: str, case: Case, *entrants: tuple[str, int] | tuple[str, int, float]
) -> tuple[Entrant, ...]:
    """Return one entrant for each library and number of threads, with its goal if it has one."""
    return tuple(
        Entrant(
            f"{library}, {counted(threads, 'thread')}", library, job, case, threads,
            goal=goal[0] if goal else None,
        )
        for library, threads, *goal in entrants
    )  # fmt: skip


def predictions(
    case: Case,
    threads: int,
    us: float | None = None,
    compiled_us: float | None = None,
    peak_share: float | None = None,
) -> tuple[Entrant, ...]:
    """Return `predict` of all libraries, nnhp's first, and nnhp's compiled predictor."""
    first, *others = threaded("predict", case, *((name, threads) for name in PREDICT_LIBRARIES))
    return (
        replace(first, most_us=us, peak_share=peak_share),
        replace(compiled(first), most_us=compiled_us, peak_share=peak_share),
        *others,
    )


def compiled(entrant: Entrant) -> Entrant:
    return replace(entrant, label=f"{entrant.label}, compiled", job="compiled")


def predictions_of_a_row(case: Case) -> tuple[Entrant, ...]:
    """Return `predictions`, and compiled ones also of others; JAX's are compiled as they are."""
    others = threaded("predict", case, ("PyTorch", 1), ("Keras", 1))
    return *predictions(case, 1, 150, 25), *map(compiled, others)


def sparse(batch_size: int, times_densified: float) -> tuple[Entrant, ...]:
    csr = Case(rare_words, 2_000, (10_000, 100, 10), batch_size, 2, density=DENSITY)
    dense = replace(csr, data=rare_words_densified, density=1.0)
    return (
        Entrant("nnhp, CSR", "nnhp", "fit", csr),
        Entrant("nnhp, densified", "nnhp", "fit", dense, goal=times_densified),
        Entrant("scikit-learn, CSR", "scikit-learn", "fit", csr),
    )


def searches(
    threads: int, *entrants: tuple[str, Search] | tuple[str, Search, float]
) -> tuple[Entrant, ...]:
    """Return one entrant for each library and search, with its goal if it has one."""
    return tuple(
        Entrant(
            f"{library}, {search.strategy}", library, "search", search, threads,
            goal=goal[0] if goal else None,
        )
        for library, search, *goal in entrants
    )  # fmt: skip


LARGE = replace(NETS["images"], batch_size=512)
MANY_ROWS = replace(NETS["forest"], n_rows=1_000_000, passes=1)
ONE_ROW = replace(NETS["forest"], n_rows=1, passes=1_000)
ONE_DIGIT = replace(ONE_ROW, sizes=DIGITS.sizes)
POPULATION = replace(DIGITS, n_nets=64, passes=5)
SAME_WIDTH = replace(DIGITS, sizes=(64, 64, 64, 10))
GRID_SEARCH = Search("grid", 12, 30, n_folds=5)
RANDOM_SEARCH = Search("random", 20, 30, n_folds=5)
HALVING, HYPERBAND, PRUNED = (
    Search(strategy, 27, 27, n_folds=1)
    for strategy in ("halving", "Hyperband", "TPE and median pruner")
)

COMPARISONS = [
    *(
        Comparison(f"fit-{key}", "{0.title}", (*fits(case, FIT_LIBRARIES), vmap_of_16(case)))
        for key, case in NETS.items()
    ),
    *(
        Comparison(f"float64-{key}", "{0.title}", fits(case, FLOAT64_LIBRARIES))
        for key, net in NETS.items()
        for case in [in_float64(net)]
    ),
    *(
        Comparison(f"options-{key}", "one option at a time, {0.title}", options(case))
        for key, case in [("small", SAME_WIDTH), ("forest", NETS["forest"])]
    ),
    *(
        Comparison(f"isa-{key}", "instruction sets, {0.title}", instruction_sets(case))
        for key, case in NETS.items()
    ),
    Comparison(
        "threads",
        "one large net, {0.title}",
        threaded(
            "fit", LARGE, ("nnhp", 2), ("nnhp", 1, 1.7), ("scikit-learn", 2), ("PyTorch", 2),
            ("PyTorch", 1), ("JAX", 2),
        ),
    ),
    *(
        Comparison(
            f"predict-{threads}",
            f"predict on {counted(threads, 'thread')}, {{0.name}}",
            predictions(MANY_ROWS, threads, peak_share=0.80),
        )
        for threads in (1, 2)
    ),
    *(
        Comparison(f"predict-row{suffix}", "predict, {0.name}", predictions_of_a_row(row))
        for suffix, row in (("", ONE_ROW), ("-digits", ONE_DIGIT))
    ),
    *(
        Comparison(f"sparse-{size}", "1 % non-zeros, {0.title}", rows)
        for size, times_densified in ((32, 2.0), (256, 5.0))
        for rows in [sparse(size, times_densified)]
    ),
    Comparison(
        "population",
        "{0.title}",
        (
            *threaded("population", POPULATION, ("nnhp", 2), ("nnhp", 1)),
            Entrant("JAX, vmap, 2 threads", "JAX", "stacked", POPULATION, 2, goal=5.0),
            Entrant("JAX, one by one in 2 threads", "JAX", "population", POPULATION, 2),
            Entrant(
                "PyTorch, one by one, 1 thread", "PyTorch", "population", POPULATION, goal=40.0
            ),
            Entrant("PyTorch, stacked, 2 processes", "PyTorch", "stacked", POPULATION, 2),
        ),
    ),
    Comparison(
        "search-grid",
        "grid search on 2 threads or processes, {0.title}",
        searches(2, ("nnhp", GRID_SEARCH), ("scikit-learn", GRID_SEARCH)),
        repetitions=3,
    ),
    Comparison(
        "search-random",
        "random search on 1 thread, {0.title}",
        searches(
            1, ("nnhp", RANDOM_SEARCH), ("scikit-learn", RANDOM_SEARCH), ("Optuna", RANDOM_SEARCH)
        ),
        repetitions=3,
    ),
    Comparison(
        "search-random-2",
        "random search on 2 threads or processes, {0.title}",
        searches(2, ("nnhp", RANDOM_SEARCH), ("scikit-learn", RANDOM_SEARCH, 13.0)),
        repetitions=3,
    ),
    Comparison(
        "search-early",
        "the poor are stopped early, 1 thread, at most {0.budget}",
        searches(
            1, ("nnhp", HYPERBAND), ("nnhp", HALVING), ("scikit-learn", HALVING),
            ("Optuna", PRUNED), ("KerasTuner", HYPERBAND),
        ),
        repetitions=3,
    ),
]  # fmt: skip


# --- how cost grows -----------------------------------------------------------------------------

GROWTH = {
    "rows": [10**k for k in range(3, 8)],
    "width": [2**k for k in range(3, 13)],
    "batch": [2**k for k in range(14)],
    "sessions": [10**k for k in range(5)],
}
GROWING = Case(classes, 8_192, (64, 100, 10), 32, 1)
MAPPED = Case(targets, 1_000, (8, 16, 16, 2), 32, 1)
ROOFLINE_WIDTHS = (16, 32, 64, 128, 256, 512, 1_024)
ROOFLINE_BATCHES = (1, 8, 32, 128, 512)

# Micro-benchmarks, smallest first: rows, inputs, units.
LAYERS = [(32, 16, 16), (32, 64, 100), (64, 128, 128), (256, 256, 256)]
SPARSE_LAYER = (2_000, (10_000, 100, 10), 2_000, 1)  # rows, sizes, batch, passes
SMALL_NETS = ("digits", "tiny", "deep")

SCIKIT_LEARN = "import sklearn.neural_network, sklearn.model_selection"
# The module that tells whether a library is there, what is imported before, and what is timed.
IMPORTS = {
    "nnhp": ("nnhp", "pass", "import nnhp"),
    "MLPClassifier beside scikit-learn": ("nnhp", SCIKIT_LEARN, "from nnhp import MLPClassifier"),
    "a search beside scikit-learn": ("nnhp", SCIKIT_LEARN, "from nnhp import RandomizedSearchCV"),
    "nnhp's MLPClassifier": ("nnhp", "pass", "from nnhp import MLPClassifier"),
    "scikit-learn's": ("sklearn", "pass", "from sklearn.neural_network import MLPClassifier"),
    "PyTorch": ("torch", "pass", "import torch"),
    "JAX": ("jax", "pass", "import jax"),
    "Keras": ("keras", "pass", "import keras"),
}
# Goals of what is measured beside training: milliseconds, megabytes, seconds on two cores.
BESIDE_TRAINING = {
    "import of MLPClassifier beside scikit-learn": 60.0,
    "fit of 3 epochs on 150 rows beside scikit-learn's steps": 0.4,
    "size of the extension": 4.0,
    "compilation of the extension": 240.0,
}


# --- how much of it -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """How much of the grids to run."""

    repetitions: int
    peak_seconds: float  # of each measurement of the FMA peak
    score_band: float  # by which scores of the same training may differ
    max_rows: int
    max_passes: int
    max_candidates: int
    max_epochs: int  # of each candidate
    max_nets: int
    max_width: int
    max_mapped_rows: int
    growth_repetitions: int
    growth_flops: float  # of a timing, at least one epoch
    build: bool
    keys: tuple[str, ...] = ()  # of the parts; none: all
    without: tuple[str, ...] = ()  # libraries

    def case(self, case: Case | Search) -> Any:
        if isinstance(case, Search):
            return replace(
                case,
                n_candidates=min(case.n_candidates, self.max_candidates),
                epochs=min(case.epochs, self.max_epochs),
            )
        return replace(
            case,
            n_rows=min(case.n_rows, self.max_rows),
            passes=min(case.passes, self.max_passes),
            n_nets=min(case.n_nets, self.max_nets),
        )


SCALES = {
    "full": Scale(
        repetitions=7,
        peak_seconds=0.2,
        score_band=0.03,
        max_rows=10_000_000,
        max_passes=1_000,
        max_candidates=1_000,
        max_epochs=1_000,
        max_nets=10_000,
        max_width=4_096,
        max_mapped_rows=10_000_000,
        growth_repetitions=5,
        growth_flops=1e10,
        build=True,
    ),
    "quick": Scale(
        repetitions=3,
        peak_seconds=0.05,
        score_band=0.08,
        max_rows=4_000,
        max_passes=10,
        max_candidates=12,
        max_epochs=3,
        max_nets=16,
        max_width=256,
        max_mapped_rows=100_000,
        growth_repetitions=1,
        growth_flops=1e8,
        build=False,
        keys=(
            "fit-tiny",
            "fit-digits",
            "fit-forest",
            "options-small",
            "predict-1",
            "predict-row",
            "search-grid",
            "growth-width",
            "growth-batch",
            "growth-threads",
            "footprint",
        ),
        without=("torch.compile", "Keras", "skorch"),
    ),
    "smallest": Scale(
        repetitions=1,
        peak_seconds=0.01,
        score_band=0.3,
        max_rows=500,
        max_passes=3,
        max_candidates=12,
        max_epochs=3,
        max_nets=16,
        max_width=64,
        max_mapped_rows=1_000,
        growth_repetitions=1,
        growth_flops=1e6,
        build=False,
    ),
}
