"""Types for the truth of an image or its prediction, which can be flipped, cropped and resized with the image.

`LabelMap` holds the class of each pixel, `Instances` holds objects, and `Panoptic` holds both. All have the same
geometric methods, so code that moves an image works for every task. `fuse` makes a `Panoptic` of the other two.
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
