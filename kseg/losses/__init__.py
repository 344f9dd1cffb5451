"""Segmentation losses: one idea per file, a pure function and a thin `keras.losses.Loss` each.

`get("iou")`, `get("ce + 0.5*dice(smooth=1)")` make one from its name; `LOSSES` maps every name to its class.
`base` holds what all of them share, `pixels` the door through which truth and prediction enter, `regions` the
sums over pixels and the means over classes.
"""

from kseg.losses.base import LOSSES, SegmentationLoss, registered
from kseg.losses.compose import WeightedSum, get
from kseg.losses.monitor import part_metrics

# Keras finds the classes of a saved model among those that are defined: `import kseg.losses` has to define them all.
_EVERY_CLASS = tuple(LOSSES.values())

__all__ = ["LOSSES", "SegmentationLoss", "WeightedSum", "get", "part_metrics", "registered"]
