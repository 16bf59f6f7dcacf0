"""Pictures of searches, studies and sweeps, as Display classes in scikit-learn's manner.

Those of searches have ``from_search(search)`` for a fitted search and ``from_study(study)`` for a
:class:`nnhp.Study`, that of sweeps has ``from_sweep(sweep)``; all have ``plot(ax=None)`` to draw
once more. They need matplotlib, which comes with ``pip install 'nnhp[plots]'``.
"""

from nnhp.plots._hyperband import HyperbandDisplay
from nnhp.plots._importance import ParamImportanceDisplay
from nnhp.plots._learning_curves import LearningCurvesDisplay
from nnhp.plots._parallel import ParallelCoordinatesDisplay
from nnhp.plots._slice import ParamSliceDisplay
from nnhp.plots._sweep import SweepDisplay
from nnhp.plots._trace import SearchTraceDisplay

__all__ = [
    "HyperbandDisplay",
    "LearningCurvesDisplay",
    "ParallelCoordinatesDisplay",
    "ParamImportanceDisplay",
    "ParamSliceDisplay",
    "SearchTraceDisplay",
    "SweepDisplay",
]
