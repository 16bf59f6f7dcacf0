"""What a contender does in a comparison."""

from typing import Any


class Job:
    """One kind of work of one library on one case; made of the case and a number of threads."""

    def check(self) -> Any:
        """Return the answer to compare before anything is timed; None if there is none.

        Called from the start, after a first run.
        """

    def reset(self) -> None:
        """Go back to the start, untimed."""

    def run(self, passes: int) -> None:
        """Do what is timed."""
        raise NotImplementedError

    def score(self) -> float | None:
        """Return how good the (first) net of the last run is; None if that is no question."""
