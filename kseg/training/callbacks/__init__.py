"""Keras callbacks of a run, one idea per file. All state that they share is in the run's history."""

from kseg.training.callbacks.best_weights import BestWeights
from kseg.training.callbacks.early_stopping import StopWhenStale
from kseg.training.callbacks.history import History
from kseg.training.callbacks.non_finite import StopOnNonFiniteLoss
from kseg.training.callbacks.progress import Progress
from kseg.training.callbacks.trained_weights import KeepTrainedWeights
from kseg.training.callbacks.whole_scores import WholeScores

__all__ = [
    "BestWeights", "History", "KeepTrainedWeights", "Progress", "StopOnNonFiniteLoss", "StopWhenStale", "WholeScores",
]  # fmt: skip
