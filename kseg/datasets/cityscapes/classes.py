"""Cityscapes' labels: the 19 that are measured, which of them are objects, and what the others become."""

import numpy as np

from kseg.conventions import VOID

CLASSES: dict[str, tuple[int, tuple[int, int, int]]] = {
    # name: labelId, color; trainId is the place
    "road": (7, (128, 64, 128)), "sidewalk": (8, (244, 35, 232)), "building": (11, (70, 70, 70)),
    "wall": (12, (102, 102, 156)), "fence": (13, (190, 153, 153)), "pole": (17, (153, 153, 153)),
    "traffic light": (19, (250, 170, 30)), "traffic sign": (20, (220, 220, 0)), "vegetation": (21, (107, 142, 35)),
    "terrain": (22, (152, 251, 152)), "sky": (23, (70, 130, 180)), "person": (24, (220, 20, 60)),
    "rider": (25, (255, 0, 0)), "car": (26, (0, 0, 142)), "truck": (27, (0, 0, 70)), "bus": (28, (0, 60, 100)),
    "train": (31, (0, 80, 100)), "motorcycle": (32, (0, 0, 230)), "bicycle": (33, (119, 11, 32)),
}  # fmt: skip
NAMES = tuple(CLASSES)
PALETTE = tuple(color for _, color in CLASSES.values())
THINGS = tuple(range(NAMES.index("person"), len(NAMES)))
"""Ids of the classes that are labeled object by object."""

LABELS = 34
"""labelIds are 0..33; those that are no class (caravan, parking, ego vehicle …) are void."""

PER_CLASS = 1000
"""Instance ids from this one on are labelId · 1000 + number. A smaller id is a labelId alone: stuff or a group."""

CLASS_OF = np.full(LABELS, VOID, np.uint8)
"""Class id by labelId."""
CLASS_OF[[label for label, _ in CLASSES.values()]] = np.arange(len(NAMES))
