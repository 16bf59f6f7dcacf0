"""What the page asks and is told, whoever carries the messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nnhp.playground import _options
from nnhp.playground._code import code_of
from nnhp.playground._learner import Learner, NetLearner
from nnhp.playground._net import check_work
from nnhp.playground._options import short
from nnhp.playground._original import OriginalLearner
from nnhp.playground._problem import HALF_SIDE, OwnTable, Problem, problem_of
from nnhp.playground._search import MAX_EPOCHS, Watched
from nnhp.playground._search import SIDE as CANDIDATE_SIDE

FRAMES_A_SECOND = 40  # at most; 30 are what a page needs
_LEARNING_SHARE = 0.5  # of the time between two frames
_SMALL, _LARGE = 20, 100  # points of a unit's picture along a side, and of the large one
_LONGEST_CURVE = 500  # points that are sent


class RefusedError(ValueError):
    """A message that asks for what is not there, with the reason."""


@dataclass
class Message:
    """What the page is told.

    Attributes
    ----------
    content : dict
        Goes as JSON.
    pictures : list of ndarray of uint8
        Go as bytes behind it.
    """

    content: dict[str, Any]
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)


class Conversation:
    """One page, and the net that it shows.

    All that a message makes is answered by messages; what goes wrong with a message is one too.
    Between messages, `tick` lets the net learn for a moment.
    """

    def __init__(self) -> None:
        self._own: OwnTable | None = None
        self._options = _options.checked({})
        self._problem: Problem = problem_of(self._options)
        self._learner: Learner = _learner_of(self._options, self._problem)
        self._playing = False
        self._looked_at: tuple[int, int] | None = None
        self._search: Watched | None = None
        self._left = threading.Event()
        self._edited = False  # since it was begun, so that the code would learn otherwise

    @property
    def busy(self) -> bool:
        """Whether there is something to `tick`: a net that learns, or a search."""
        return self._playing or self._search is not None

    def leave(self) -> None:
        """The page is gone: whatever is under way, on whichever thread, shall end soon."""
        self._left.set()
        if self._search is not None:
            self._search.stop()

    def end(self) -> None:
        """Wait for that."""
        if self._search is not None:
            self._search.join()

    def handle(self, message: Any) -> Iterator[Message]:
        """Answer a message of the page."""
        try:
            if not isinstance(message, dict):
                raise RefusedError("a message must be an object with the entry 'do'")
            action = message.get("do")
            if not isinstance(action, str) or action not in self._ACTIONS:
                raise RefusedError(
                    f"do must be one of {', '.join(self._ACTIONS)}, got {short(action)}"
                )
            yield from self._ACTIONS[action](self, message)
        except ValueError as error:
            yield Message({"is": "error", "text": str(error)})

    def tick(self) -> Iterator[Message]:
        """Learn for the share of a frame, if it is playing; tells what there is to see."""
        if self._search is not None:
            yield from self._search_messages(self._search)
        if not self._playing:
            return
        end = time.monotonic() + _LEARNING_SHARE / FRAMES_A_SECOND
        for _ in range(self._options["epochsAFrame"]):
            if not self._step() or time.monotonic() > end:
                break
        yield self._frame()

    # ------------------------------------------------------------------ actions

    def _begin(self, message: Mapping[str, Any]) -> Iterator[Message]:
        """What a page is told first: it comes with the options of its address."""
        given = message.get("options")
        known, wrong = _options.of_address(given if isinstance(given, dict) else {})
        options = _options.checked(known)
        if options != self._options:  # else another view of what there is
            try:
                list(self._begin_anew(options))
            except ValueError as error:  # as of data that only the page before had
                wrong.append(str(error))
        yield Message({"is": "options", "table": _options.described(), "now": self._options})
        yield self._problem_message()
        yield self._frame()
        if wrong:
            yield Message({"is": "error", "text": "; ".join(wrong)})

    def _set(self, message: Mapping[str, Any]) -> Iterator[Message]:
        given = message.get("options")
        if not isinstance(given, dict):
            raise RefusedError("options must be an object")
        options = _options.checked(self._options | given)
        if _options.anew(self._options, options):
            answers = list(self._begin_anew(options))
            yield Message({"is": "options", "now": options})
            yield from answers
            return
        if options["learningRate"] != self._options["learningRate"]:
            self._learner.change(options)
            self._edited |= self._learner.epoch > 0
        self._options = options
        yield Message({"is": "options", "now": options})
        yield self._frame()

    def _begin_anew(self, options: dict[str, Any]) -> Iterator[Message]:
        problem = problem_of(options, self._own)
        learner = _learner_of(options, problem)
        self._options, self._problem, self._learner = options, problem, learner
        self._edited, self._looked_at = False, None
        yield self._problem_message()
        yield self._frame()

    def _reset(self, _: Mapping[str, Any]) -> Iterator[Message]:
        self._playing = False
        yield from self._begin_anew(self._options)

    def _play(self, _: Mapping[str, Any]) -> Iterator[Message]:
        self._playing = True
        yield self._frame()

    def _pause(self, _: Mapping[str, Any]) -> Iterator[Message]:
        self._playing = False
        yield self._frame()

    def _one_step(self, _: Mapping[str, Any]) -> Iterator[Message]:
        self._playing = False
        self._step()
        yield self._frame()

    def _step(self) -> bool:
        goes_on = self._learner.running and not self._left.is_set()
        if goes_on and self._learner.epoch < self._options["maxEpochs"]:
            self._learner.step()
            return True
        self._playing = False
        return False

    def _edit(self, message: Mapping[str, Any]) -> Iterator[Message]:
        weights, biases = self._learner.weights()
        layer = _index(message, "layer", len(weights))
        unit = _index(message, "unit", len(biases[layer]))
        source = None
        if message.get("source") is not None:
            source = _index(message, "source", len(weights[layer]))
        try:
            value = _options.Number(-1e6, 1e6).check(message.get("value"))
        except ValueError as error:
            raise RefusedError(f"value {error}") from None
        self._learner.edit(layer, unit, source, value)
        self._edited = True
        yield self._frame()

    def _look(self, message: Mapping[str, Any]) -> Iterator[Message]:
        if message.get("layer") is None:
            self._looked_at = None
        else:
            units = _options.units_of(self._options)
            layer = _index(message, "layer", len(units))
            self._looked_at = layer, _index(message, "unit", units[layer])
        yield self._frame()

    def _take_data(self, message: Mapping[str, Any]) -> Iterator[Message]:
        text, target, name = (message.get(key) for key in ("text", "target", "name"))
        if not isinstance(text, str) or not isinstance(target, str | None):
            raise RefusedError("text must be the text of a file, and target a column's name")
        own = OwnTable.of(text, target, message.get("axes"), str(name or "data.csv"))
        if _options.is_own(self._options):
            own.problem(self._options)  # or tell why it is none, and keep the other
        self._own = own
        columns = [str(column) for column in self._own.frame.columns]
        yield Message(
            {"is": "table", "columns": columns, "target": self._own.target,
             "numeric": self._own.numeric}
        )  # fmt: skip
        if _options.is_own(self._options):
            yield from self._begin_anew(self._options)

    def _begin_search(self, message: Mapping[str, Any]) -> Iterator[Message]:
        if self._options["engine"] == "original":
            raise RefusedError("the original page's engine has no searches: engine must be 'nnhp'")
        if self._search is not None:
            raise RefusedError("a search is under way: stop it first")
        self._playing = False
        self._search = Watched(self._options, self._problem, message)
        yield Message({"is": "search", "over": False})

    def _load(self, message: Mapping[str, Any]) -> Iterator[Message]:
        """Take a candidate's settings, and learn as long as it did: it is the same net."""
        given = message.get("options")
        if not isinstance(given, dict):
            raise RefusedError("options must be an object")
        try:
            epochs = _options.Number(0, MAX_EPOCHS, whole=True).check(message.get("epochs"))
        except ValueError as error:
            raise RefusedError(f"epochs {error}") from None
        self._playing = False
        options = _options.checked(self._options | given)
        list(self._begin_anew(options))
        for _ in range(int(epochs)):
            if not self._step():
                break
        yield Message({"is": "options", "now": options})
        yield self._problem_message()
        yield self._frame()

    def _stop_search(self, _: Mapping[str, Any]) -> Iterator[Message]:
        if self._search is not None:
            self._search.stop()
        yield from ()

    def _search_messages(self, search: Watched) -> Iterator[Message]:
        for about, outputs in search.take():
            pictures = [shades(column) for column in outputs.T]
            yield Message({"is": "candidate", "side": CANDIDATE_SIDE, **about}, pictures)
        if search.over:
            self._search = None
            yield Message({"is": "search", "over": True})
            if search.failure is not None:
                yield Message({"is": "error", "text": search.failure})

    def _show_code(self, _: Mapping[str, Any]) -> Iterator[Message]:
        text = code_of(self._options, self._problem, self._learner.epoch, self._own)
        yield Message({"is": "code", "text": text, "edited": self._edited})

    def _nothing(self, _: Mapping[str, Any]) -> Iterator[Message]:
        yield from ()

    _ACTIONS: ClassVar[dict[str, Callable[[Any, Mapping[str, Any]], Iterator[Message]]]] = {
        "begin": _begin,
        "set": _set,
        "reset": _reset,
        "play": _play,
        "pause": _pause,
        "step": _one_step,
        "edit": _edit,
        "look": _look,
        "data": _take_data,
        "code": _show_code,
        "search": _begin_search,
        "stop search": _stop_search,
        "load": _load,
        "seen": _nothing,  # the page is there, and sees what it is told
    }

    # ------------------------------------------------------------------ what is told

    def _problem_message(self) -> Message:
        problem = self._problem
        return Message(
            {
                "is": "problem",
                "points": np.round(problem.points, 3).tolist(),
                "y": problem.y.tolist(),
                "nTrain": problem.n_train,
                "classes": problem.classes,
                "inputs": problem.inputs,
                "halfSide": HALF_SIDE,
            }
        )

    def _frame(self) -> Message:
        """The net as it is: numbers, and pictures of its units."""
        weights, biases = self._learner.weights()
        small = self._learner.outputs(self._problem.grid(_SMALL))[:-1]
        of_train = self._learner.outputs(self._problem.train[0])[:-1]
        losses = [thinned(curve) for curve in self._learner.losses()]
        content = {
            "is": "frame",
            "epoch": self._learner.epoch,
            "playing": self._playing,
            "losses": losses,
            "weights": [_rounded(one) for one in weights],
            "biases": [_rounded(one) for one in biases],
            "gradients": [_short(one) for one in self._learner.gradients()],
            "dead": [np.flatnonzero(np.ptp(one, axis=0) == 0).tolist() for one in of_train],
            "sides": [_SMALL, _LARGE],
        }
        pictures = [shades(layer).T for layer in (*small, self._large())]
        return Message(content, [picture for layer in pictures for picture in layer])

    def _large(self) -> NDArray[np.float64]:
        """What the large picture shows: the net's outputs, or those of a unit that is looked at."""
        grid = self._problem.grid(_LARGE)
        if self._looked_at is None:
            return self._learner.output(grid, -1)
        layer, unit = self._looked_at
        return self._learner.output(grid, layer)[:, unit : unit + 1]


def _learner_of(options: Mapping[str, Any], problem: Problem) -> Learner:
    check_work(problem, _options.units_of(options))
    make = OriginalLearner if options["engine"] == "original" else NetLearner
    return make(options, problem)


def _index(message: Mapping[str, Any], name: str, n: int) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < n:
        raise RefusedError(f"{name} must be a number from 0 to {n - 1}, got {short(value)}")
    return value


def shades(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Numbers of [-1, 1] as bytes, 0 to 254; what is beyond is cut, 255 is no number."""
    within = np.clip(np.nan_to_num(values), -1, 1)
    found = np.round((within + 1) * 127).astype(np.uint8)
    found[np.isnan(values)] = 255
    return found


def thinned(curve: list[float]) -> list[tuple[int, float | None]]:
    """Epochs and losses of a curve, few enough to send, the last always among them."""
    places = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), _LONGEST_CURVE)).astype(int))
    return [(int(place) + 1, _short(curve[place])) for place in places]


def _rounded(values: NDArray[np.float64]) -> list[Any]:
    return [_rounded(one) if np.ndim(one) else _short(one) for one in values]


def _short(number: float) -> float | None:
    """A number of few digits; None for what JSON does not know."""
    return float(f"{number:.5g}") if np.isfinite(number) else None
