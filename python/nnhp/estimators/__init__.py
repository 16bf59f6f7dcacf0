"""The scikit-learn face of the engine."""

from nnhp.estimators._classifier import MLPClassifier
from nnhp.estimators._compiled import CompiledPredictor
from nnhp.estimators._regressor import MLPRegressor

__all__ = ["CompiledPredictor", "MLPClassifier", "MLPRegressor"]
