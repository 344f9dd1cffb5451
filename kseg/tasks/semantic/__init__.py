"""Semantic segmentation: which class is each pixel?"""

from kseg.tasks.semantic.decoding import foreground_probability, predicted_classes
from kseg.tasks.semantic.evaluation import SemanticEvaluation
from kseg.tasks.semantic.loss import SemanticLoss
from kseg.tasks.semantic.task import Semantic

__all__ = ["Semantic", "SemanticEvaluation", "SemanticLoss", "foreground_probability", "predicted_classes"]
