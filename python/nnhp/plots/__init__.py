"""Pictures of searches, studies, sweeps and fitted nets, as scikit-learn's Display classes.

Those of searches have ``from_search(search)`` for a fitted search and ``from_study(study)`` for a
:class:`nnhp.Study` or its file; that of sweeps has ``from_sweep(sweep)``; those of nets have
``from_estimator(estimator)`` for a fitted estimator, a Pipeline that ends in one, or a search that
found one. All have ``plot(ax=None)`` to draw once more. They need matplotlib, which comes with
``pip install 'nnhp[plots]'``.
"""

from nnhp.plots._activation_histogram import ActivationHistogramDisplay
from nnhp.plots._hyperband import HyperbandDisplay
from nnhp.plots._importance import ParamImportanceDisplay
from nnhp.plots._learning_curves import LearningCurvesDisplay
from nnhp.plots._loss_curve import LossCurveDisplay
from nnhp.plots._lr_finder import LRFinderDisplay
from nnhp.plots._neuron_maps import NeuronMapsDisplay
from nnhp.plots._parallel import ParallelCoordinatesDisplay
from nnhp.plots._slice import ParamSliceDisplay
from nnhp.plots._sweep import SweepDisplay
from nnhp.plots._trace import SearchTraceDisplay
from nnhp.plots._weights import WeightsDisplay

__all__ = [
    "ActivationHistogramDisplay",
    "HyperbandDisplay",
    "LRFinderDisplay",
    "LearningCurvesDisplay",
    "LossCurveDisplay",
    "NeuronMapsDisplay",
    "ParallelCoordinatesDisplay",
    "ParamImportanceDisplay",
    "ParamSliceDisplay",
    "SearchTraceDisplay",
    "SweepDisplay",
    "WeightsDisplay",
]
