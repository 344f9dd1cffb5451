"""Metrics: one int64 confusion matrix and its scores, boundary distances, and thin Keras metrics over them.

`confusion` and `scores` are NumPy in float64; `streaming` holds the same scores as `keras.metrics.Metric`s.
"""

from kseg.metrics.confusion import ConfusionMatrix, confusion_matrices, confusion_matrix
from kseg.metrics.scores import (
    cohens_kappa,
    dice_class,
    dice_dataset,
    f_beta,
    frequency_weighted_iou,
    iou_class,
    iou_dataset,
    iou_image,
    mean_accuracy,
    miou,
    miou_class,
    miou_image,
    pixel_accuracy,
    precision,
    recall,
)
from kseg.metrics.streaming import Dice, IoU, MeanIoU, PixelAccuracy

__all__ = [
    "ConfusionMatrix",
    "Dice",
    "IoU",
    "MeanIoU",
    "PixelAccuracy",
    "cohens_kappa",
    "confusion_matrices",
    "confusion_matrix",
    "dice_class",
    "dice_dataset",
    "f_beta",
    "frequency_weighted_iou",
    "iou_class",
    "iou_dataset",
    "iou_image",
    "mean_accuracy",
    "miou",
    "miou_class",
    "miou_image",
    "pixel_accuracy",
    "precision",
    "recall",
]
