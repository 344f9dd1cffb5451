"""Segmentation losses: one idea per file, a pure function and a thin `keras.losses.Loss` each.

`get("iou")` and `get("ce + 0.5*dice(smooth=1)")` make a loss from text; `LOSSES` maps every name to its class. `base`
holds what all losses share, `pixels` reads truth and prediction, and `regions` has the sums over pixels and the means
over classes.
"""

from kseg.losses.base import LOSSES, SegmentationLoss, registered
from kseg.losses.compose import WeightedSum, get
from kseg.losses.monitor import part_metrics

# Keras only finds the classes of a saved model if they are defined, so `import kseg.losses` defines them all.
_EVERY_CLASS = tuple(LOSSES.values())

__all__ = ["LOSSES", "SegmentationLoss", "WeightedSum", "get", "part_metrics", "registered"]
