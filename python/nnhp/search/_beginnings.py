"""Where trainings begin: anew, where they or others were left, or from a study's checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnhp.estimators._training import Training
from nnhp.search._course import Stretch
from nnhp.search._kept import KeptTrainings, Paused
from nnhp.search._outcome import Candidate
from nnhp.search._prepare import Preparation, Setting
from nnhp.search._settings import Settings


class Beginnings:
    """Makes the trainings of one search, or takes up those that are there.

    Parameters
    ----------
    settings : Settings
        Of candidates.
    kept : KeptTrainings
        What was kept of earlier rungs.
    seed_of : callable
        Gives the seed of a candidate's fold, for nets whose `random_state` is None.
    recall : callable or None
        Gives the epoch and the state of a candidate's fold from the study, or None.
    """

    def __init__(
        self,
        settings: Settings,
        kept: KeptTrainings,
        seed_of: Callable[[int, int], int],
        recall: Callable[[Candidate, int], tuple[int, dict[str, Any]] | None] | None,
    ) -> None:
        self._settings, self._kept = settings, kept
        self._seed_of, self._recall = seed_of, recall

    def net(self, setting: Setting, candidate: Candidate, fold: int) -> Any:
        """The net of a setting, with the random state that it has in a fold."""
        state = setting.net.random_state
        if state is not None and not isinstance(state, np.random.RandomState):
            return setting.net
        net = copy.copy(setting.net)
        if state is None:  # all of a lineage have that of its first one
            net.random_state = self._seed_of(candidate.lineage[0].number, fold)
        else:
            net.random_state = copy.deepcopy(state)
        return net

    def training(
        self, candidate: Candidate, fold: int, setting: Setting, net: Any, preparation: Preparation
    ) -> tuple[Training, int, list[Stretch]]:
        """A training that stands as far as is known, where its stretch ends, and those to follow.

        Parameters
        ----------
        candidate, fold : Candidate and int
            Whose it is.
        setting, net : Setting and net
            Of the candidate and the fold.
        preparation : Preparation
            Of the fold.
        """
        kept = self._kept.take((candidate.number, fold))
        if isinstance(kept, Training) and kept.epoch <= setting.target:
            return kept, setting.target, []
        stretches = self._stretches(candidate, fold, setting, net)
        states: list[tuple[int, Mapping[str, Any]]] = []
        if isinstance(kept, Paused):
            states.append((len(stretches) - 1 - kept.of_parent, kept.state))
        elif self._recall is not None:
            recalled = [self._recall(stretch.candidate, fold) for stretch in stretches]
            states = [(i, found[1]) for i, found in enumerate(recalled) if found is not None]
        for place, state in [*reversed(states), (0, {})]:
            stretch = stretches[place]
            if state.get("epoch", 0) > stretch.end:
                continue
            data = preparation.fold(stretch.net).training_data(stretch.net)
            training = Training(stretch.net, data, cache=stretch.setting.cache)
            try:
                if state:
                    training.session.restore(dict(state))
            except (ValueError, TypeError):
                continue  # one that does not fit is of no use
            return training, stretch.end, stretches[place + 1 :]
        raise AssertionError("a training can always begin anew")

    def _stretches(
        self, candidate: Candidate, fold: int, setting: Setting, net: Any
    ) -> list[Stretch]:
        """What each candidate of a lineage accounts for."""
        found = [Stretch(candidate, setting, net, setting.target)]
        while (origin := found[0].candidate.origin) is not None:
            setting = self._settings.of(origin.parent)
            net = self.net(setting, origin.parent, fold)
            end = setting.target if origin.epoch is None else origin.epoch
            found.insert(0, Stretch(origin.parent, setting, net, end))
        return found
