"""What numbers of a layer go through, as functions of C."""

from __future__ import annotations

from string import Template
from typing import NamedTuple

from nnhp._exports._net import SELU_ALPHA, SELU_SCALE


class Text(Template):
    """Text of C, in which $net may be followed by more letters."""

    idpattern = "net|real|scores|threshold|n|f"


class Function(NamedTuple):
    """A function of C that changes `n` numbers in their place.

    Attributes
    ----------
    text : str
        With $net for what identifiers begin with, $real for the type of numbers, and $f for what
        the names of functions of the C library and numbers of that type end in.
    numbers : tuple of str
        Fields of a stage that it takes behind `v` and `n`.
    arrays : tuple of str
        Arrays of a stage that it takes behind these.
    calls : tuple of str
        Other functions that it needs.
    """

    text: str
    numbers: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


def _of_each(name: str, formula: str, *parameter: str) -> Function:
    """One number at a time: a formula of z, and of its parameter `a`."""
    more = ", $real a" if parameter else ""
    text = f"""\
static inline void $net_{name}($real *v, int n{more}) {{
  for (int j = 0; j < n; ++j) {{
    const $real z = v[j];
    v[j] = {formula};
  }}
}}
"""
    return Function(text, parameter)


_MAXOUT = """\
static inline void $net_maxout($real *v, int n, int pieces) {
  const int units = n / pieces;
  for (int j = 0; j < units; ++j) {
    for (int p = 1; p < pieces; ++p) {
      if (v[p * units + j] > v[j]) v[j] = v[p * units + j];
    }
  }
}
"""

_PRELU = """\
static inline void $net_prelu($real *v, int n, const $real *slopes) {
  for (int j = 0; j < n; ++j) {
    if (v[j] < 0) v[j] *= slopes[j];
  }
}
"""

_SOFTMAX = """\
static inline void $net_softmax($real *v, int n) {
  $real greatest = v[0], sum = 0;
  for (int j = 1; j < n; ++j) {
    if (v[j] > greatest) greatest = v[j];
  }
  for (int j = 0; j < n; ++j) {
    v[j] = exp$f(v[j] - greatest);
    sum += v[j];
  }
  for (int j = 0; j < n; ++j) v[j] /= sum;
}
"""

_ASCENDING = """\
static inline void $net_ascending($real *v, int n) {
  $net_softplus(v + 1, n - 1);
  for (int j = 1; j < n; ++j) v[j] += v[j - 1];
}
"""

_BATCH_NORMALIZATION = """\
static inline void $net_batch_normalization($real *v, int n, const $real *mean,
                                            const $real *factor, const $real *shift) {
  for (int j = 0; j < n; ++j) v[j] = (v[j] - mean[j]) * factor[j] + shift[j];
}
"""

_LAYER_NORMALIZATION = """\
static inline void $net_layer_normalization($real *v, int n, $real epsilon, const $real *scale,
                                            const $real *shift) {
  $real mean = 0, variance = 0;
  for (int j = 0; j < n; ++j) mean += v[j];
  mean /= ($real)n;
  for (int j = 0; j < n; ++j) variance += (v[j] - mean) * (v[j] - mean);
  variance /= ($real)n;
  const $real factor = 1 / sqrt$f(variance + epsilon);
  for (int j = 0; j < n; ++j) v[j] = (v[j] - mean) * factor * scale[j] + shift[j];
}
"""

# By the engine's names, but for 'identity', which does nothing.
FUNCTIONS: dict[str, Function] = {
    "logistic": _of_each("logistic", "1 / (1 + exp$f(-z))"),
    "tanh": _of_each("tanh", "tanh$f(z)"),
    "relu": _of_each("relu", "z < 0 ? 0 : z"),
    "leaky_relu": _of_each("leaky_relu", "z < 0 ? a * z : z", "negative_slope"),
    "elu": _of_each("elu", "z < 0 ? a * expm1$f(z) : z", "alpha"),
    "selu": _of_each("selu", f"(z < 0 ? {SELU_ALPHA!r}$f * expm1$f(z) : z) * {SELU_SCALE!r}$f"),
    "gelu": _of_each("gelu", f"0.5$f * z * erfc$f(-{0.5**0.5!r}$f * z)"),
    "silu": _of_each("silu", "z / (1 + exp$f(-z))"),
    "mish": _of_each("mish", "z * tanh$f(log1p$f(exp$f(z)))"),
    "softplus": _of_each("softplus", "(z > 0 ? z : 0) + log1p$f(exp$f(-fabs$f(z)))"),
    "hard_sigmoid": _of_each("hard_sigmoid", "z < -3 ? 0 : (z > 3 ? 1 : (z + 3) / 6)"),
    "exp": _of_each("exp", "exp$f(z)"),
    "softmax": Function(_SOFTMAX),
    "ascending": Function(_ASCENDING, calls=("softplus",)),
    "prelu": Function(_PRELU, arrays=("slopes",)),
    "maxout": Function(_MAXOUT, ("pieces",)),
    "batch_normalization": Function(_BATCH_NORMALIZATION, (), ("mean", "factor", "shift")),
    "layer_normalization": Function(_LAYER_NORMALIZATION, ("epsilon",), ("scale", "shift")),
}

DENSE = """\
static inline void $net_dense(const $real *x, int n_in, const $real *weights, const $real *biases,
                              int n_out, $real *y) {
  for (int j = 0; j < n_out; ++j) y[j] = biases[j];
  for (int i = 0; i < n_in; ++i) {
    for (int j = 0; j < n_out; ++j) y[j] += x[i] * *weights++;
  }
}
"""

# --- what methods make of $n outputs, which $scores puts out --------------------------------------

# By the rule, or for one class alone.
PREDICT = {
    "greatest": """\
/* The index in $net_classes of the class of x, which has $net_n_features numbers. */
static inline int $net_predict(const $real *x) {
  $real scores[$n];
  int best = 0;
  $net_$scores(x, scores);
  for (int j = 1; j < $n; ++j) {
    if (scores[j] > scores[best]) best = j;
  }
  return best;
}
""",
    "second": """\
/* The index in $net_classes of the class of x, which has $net_n_features numbers. */
static inline int $net_predict(const $real *x) {
  $real score;
  $net_$scores(x, &score);
  return score > $threshold;
}
""",
    "only": """\
/* The index of the only class there is. */
static inline int $net_predict(const $real *x) {
  (void)x;
  return 0;
}
""",
    "each": """\
/* Which labels x has (1) and which not (0); x has $net_n_features numbers. */
static inline void $net_predict(const $real *x, int *labels) {
  $real scores[$n];
  $net_$scores(x, scores);
  for (int j = 0; j < $n; ++j) labels[j] = scores[j] > $threshold;
}
""",
}

# By the number of classes, where one output stands for all.
PROBABILITIES = {
    1: """\
/* The probability of the only class there is. */
static inline void $net_predict_proba(const $real *x, $real *probabilities) {
  (void)x;
  probabilities[0] = 1;
}
""",
    2: """\
/* The probabilities of both classes for x, which has $net_n_features numbers. */
static inline void $net_predict_proba(const $real *x, $real *probabilities) {
  $net_$scores(x, probabilities + 1);
  probabilities[0] = 1 - probabilities[1];
}
""",
}
