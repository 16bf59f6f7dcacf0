"""What scorers ask of a classifier, and whether it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sklearn.metrics import get_scorer, get_scorer_names

from nnhp.search._fingerprint import SPACES
from nnhp.search._prepare import net_of

_NEEDED = "predict_proba"


def check_scoring(search: Any) -> None:
    """Raise ValueError where scores are of probabilities, and no candidate has any."""
    net = net_of(search.estimator)
    if net is None or hasattr(search.estimator, _NEEDED) or _searches_loss(search):
        return
    for name in _names(search.scoring):
        if name in get_scorer_names() and get_scorer(name)._response_method == _NEEDED:
            raise ValueError(
                f"scoring={name!r} needs probabilities, which {type(net).__name__}"
                f"(loss={net.loss!r}) does not give."
            )


def _names(scoring: Any) -> Iterator[str]:
    """The scorers that are told by name."""
    if isinstance(scoring, Mapping):
        scoring = scoring.values()
    several = [scoring] if isinstance(scoring, str) or callable(scoring) else scoring or ()
    yield from (name for name in several if isinstance(name, str))


def _searches_loss(search: Any) -> bool:
    """Whether candidates may have another loss, or another net."""
    steps = getattr(search.estimator, "steps", None)
    deciding = {"loss"} if steps is None else {f"{steps[-1][0]}__loss", steps[-1][0]}
    params = search.get_params(deep=False)
    spaces = [params[name] for name in SPACES if name in params]
    parts = [part for space in spaces for part in _parts(space)]
    return any(not isinstance(part, Mapping) or not deciding.isdisjoint(part) for part in parts)


def _parts(space: Any) -> Sequence[Any]:
    return space if isinstance(space, list | tuple) else [space]
