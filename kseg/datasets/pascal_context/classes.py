"""PASCAL-Context's 59 classes, and their numbers among the 459 labels."""

import numpy as np

from kseg.datasets.images import contrasting_palette
from kseg.datasets.relabel import BACKGROUND

LABEL_OF = {
    # name in the order of the 59: number among the 459 of the label maps
    "aeroplane": 2, "bicycle": 23, "bird": 25, "boat": 31, "bottle": 34, "bus": 45, "car": 59, "cat": 65, "chair": 72,
    "cow": 98, "diningtable": 397, "dog": 113, "horse": 207, "motorbike": 258, "person": 284, "pottedplant": 308,
    "sheep": 347, "sofa": 368, "train": 416, "tvmonitor": 427, "bag": 9, "bed": 18, "bench": 22, "book": 33,
    "building": 44, "cabinet": 46, "ceiling": 68, "clothes": 80, "computer": 85, "cup": 104, "door": 115, "fence": 144,
    "floor": 158, "flower": 159, "food": 162, "grass": 187, "ground": 189, "keyboard": 220, "light": 232,
    "mountain": 259, "mouse": 260, "curtain": 105, "platform": 296, "sign": 355, "plate": 295, "road": 324, "rock": 326,
    "shelves": 349, "sidewalk": 354, "sky": 360, "snow": 366, "bedcloth": 19, "track": 415, "tree": 420, "truck": 424,
    "wall": 440, "water": 445, "window": 454, "wood": 458,
}  # fmt: skip

NAMES = (BACKGROUND, *LABEL_OF)
"""60: everything outside the 59 is background."""
PALETTE = contrasting_palette(len(NAMES))

LABELS = 459
"""The label maps hold 1..459, and 0 where nothing is labeled."""

CLASS_OF_LABEL = np.zeros(LABELS + 1, np.uint8)
"""Class id by number of the label."""
CLASS_OF_LABEL[list(LABEL_OF.values())] = np.arange(1, len(NAMES))

CLASS_OF_SORTED = np.array([0, *CLASS_OF_LABEL[sorted(LABEL_OF.values())]], np.uint8)
"""Class id in PNGs that number the 59 by their place among the 459, as MMSegmentation's conversion does."""
