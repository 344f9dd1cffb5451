"""Metrics: one int64 confusion matrix and its scores, outlines, calibration, and thin Keras metrics over them.

NumPy and float64: `confusion`, `scores`, `thresholds`, `histogram`, `calibration`, `surface`, `boundary`, `artifacts`,
`intervals`, `segments`, `panoptic`, `panoptic_table`, `object_overlap`, `instances`, `rand`, `warping`.
Keras metrics that stream inside a compiled step: `streaming`, `streaming_scores`, `streaming_histogram`, by name in
`METRICS`; `streaming_panoptic`.
"""

from kseg.metrics.artifacts import grid_artifacts
from kseg.metrics.boundary import boundary_counts, boundary_f, boundary_iou
from kseg.metrics.calibration import Reliability, expected_calibration_error, reliability
from kseg.metrics.confusion import ConfusionMatrix, confusion_matrices, confusion_matrix
from kseg.metrics.counting import METRICS
from kseg.metrics.histogram import ProbabilityHistogram
from kseg.metrics.instances import InstanceScores, match_detections
from kseg.metrics.intervals import (
    Interval,
    bootstrap_images,
    bootstrap_mean,
    bootstrap_score,
    worst_images,
    worst_mean,
)
from kseg.metrics.object_overlap import boundary_overlap, box_overlap, mask_overlap
from kseg.metrics.panoptic import (
    PanopticMatch,
    PanopticScore,
    panoptic_groups,
    panoptic_match,
    panoptic_quality,
    panoptic_score,
    panoptic_sums,
    recognition_quality,
    segmentation_quality,
)
from kseg.metrics.panoptic_table import PanopticTable, mean_panoptic_quality
from kseg.metrics.rand import RandScore, cells_between_membranes, membrane_rand, rand_score
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
from kseg.metrics.segments import Segments, segment_table, segments_of
from kseg.metrics.streaming import Dice, IoU, MeanIoU, PixelAccuracy
from kseg.metrics.streaming_histogram import AveragePrecision, CalibrationError
from kseg.metrics.streaming_panoptic import PanopticQuality
from kseg.metrics.streaming_scores import (
    ClassIoU,
    CohenKappa,
    FBeta,
    FrequencyWeightedIoU,
    ImageIoU,
    MeanAccuracy,
    Precision,
    Recall,
)
from kseg.metrics.surface import (
    average_surface_distance,
    hausdorff_distance,
    normalized_surface_distance,
    surface_distances,
)
from kseg.metrics.thresholds import (
    average_precision,
    best_threshold,
    f_beta_curve,
    precision_recall_curve,
    probability_histogram,
    threshold_sweep,
)
from kseg.metrics.warping import pixel_error, warping_error

__all__ = [
    "METRICS",
    "AveragePrecision",
    "CalibrationError",
    "ClassIoU",
    "CohenKappa",
    "ConfusionMatrix",
    "Dice",
    "FBeta",
    "FrequencyWeightedIoU",
    "ImageIoU",
    "InstanceScores",
    "Interval",
    "IoU",
    "MeanAccuracy",
    "MeanIoU",
    "PanopticMatch",
    "PanopticQuality",
    "PanopticScore",
    "PanopticTable",
    "PixelAccuracy",
    "Precision",
    "ProbabilityHistogram",
    "RandScore",
    "Recall",
    "Reliability",
    "Segments",
    "average_precision",
    "average_surface_distance",
    "best_threshold",
    "bootstrap_images",
    "bootstrap_mean",
    "bootstrap_score",
    "boundary_counts",
    "boundary_f",
    "boundary_iou",
    "boundary_overlap",
    "box_overlap",
    "cells_between_membranes",
    "cohens_kappa",
    "confusion_matrices",
    "confusion_matrix",
    "dice_class",
    "dice_dataset",
    "expected_calibration_error",
    "f_beta",
    "f_beta_curve",
    "frequency_weighted_iou",
    "grid_artifacts",
    "hausdorff_distance",
    "iou_class",
    "iou_dataset",
    "iou_image",
    "mask_overlap",
    "match_detections",
    "mean_accuracy",
    "mean_panoptic_quality",
    "membrane_rand",
    "miou",
    "miou_class",
    "miou_image",
    "normalized_surface_distance",
    "panoptic_groups",
    "panoptic_match",
    "panoptic_quality",
    "panoptic_score",
    "panoptic_sums",
    "pixel_accuracy",
    "pixel_error",
    "precision",
    "precision_recall_curve",
    "probability_histogram",
    "rand_score",
    "recall",
    "recognition_quality",
    "reliability",
    "segment_table",
    "segmentation_quality",
    "segments_of",
    "surface_distances",
    "threshold_sweep",
    "warping_error",
    "worst_images",
    "worst_mean",
]
