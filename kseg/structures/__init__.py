"""The truth of an image, and a prediction of it, as types that know how to be moved.

`LabelMap` answers which class each pixel is, `Instances` which objects are there, `Panoptic` both. Whoever flips, crops
or resizes an image calls the same method of its structure and needs to know no task. `fuse` makes the third of the
other two.
"""

from kseg.structures.base import Structure
from kseg.structures.fusion import FusionOptions, fuse
from kseg.structures.instances import Instances
from kseg.structures.label_map import LabelMap
from kseg.structures.masks import Masks
from kseg.structures.panoptic import NO_SEGMENT, Panoptic, Segment

__all__ = [
    "NO_SEGMENT",
    "FusionOptions",
    "Instances",
    "LabelMap",
    "Masks",
    "Panoptic",
    "Segment",
    "Structure",
    "fuse",
]
