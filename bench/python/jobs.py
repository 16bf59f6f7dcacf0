"""What a contender does in a comparison."""

from typing import Any

from cases import Case


class WrongAnswerError(Exception):
    """An entrant's answer or score is not what it should be."""


class Job:
    """One kind of work of one library on one case; made of the case and a number of threads."""

    def check(self) -> Any:
        """Return the answer to compare; None if there is none.

        A prediction's is that of the last run.  All else is checked from the start, after a first
        run and before anything is timed.
        """

    def reset(self) -> None:
        """Go back to the start, untimed."""

    def run(self, passes: int) -> None:
        """Do what is timed."""
        raise NotImplementedError

    def score(self) -> float | None:
        """Return how good the (first) net of the last run is; None if that is no question."""

    def effort(self) -> dict[str, int] | None:
        """Return how many candidates the last run looked at, and epochs it trained in all."""


def require_plain(case: Case) -> None:
    """Refuse options, which only nnhp's and scikit-learn's estimators know."""
    if case.options:
        raise ValueError(f"options must be empty for this library, got {dict(case.options)}")


def prediction(probabilities: Any, classes: Any) -> dict[str, Any]:
    """Return the answer of a prediction: probabilities of the first rows, classes of all."""
    return {"probabilities": probabilities.tolist(), "classes": classes.tolist()}
