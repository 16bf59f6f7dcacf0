"""Pictures of searches and studies, as Display classes in scikit-learn's manner.

Each class has ``from_search(search)`` for a fitted search, ``from_study(study)`` for a
:class:`nnhp.Study`, and ``plot(ax=None)`` to draw once more. They need matplotlib, which comes
with ``pip install 'nnhp[plots]'``.
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
