"""Kim et al. 2019: the numbers of tables 1 to 5, and the times in the text."""

from typing import NamedTuple


class Cell(NamedTuple):
    """mIoU of one network on one data set."""

    ce: float
    """the baseline, cross-entropy"""
    crf: float | None
    """the baseline behind a dense CRF"""
    ls: float
    """with the level set loss"""


TABLES: dict[tuple[str, str], Cell] = {
    # table 1
    ("voc", "fcn32s"): Cell(0.651, None, 0.689),
    ("voc", "fcn16s"): Cell(0.684, None, 0.692),
    ("voc", "fcn8s"): Cell(0.685, None, 0.693),
    ("voc", "largefov"): Cell(0.628, 0.673, 0.667),
    ("voc", "largefov msc"): Cell(0.642, 0.681, 0.672),
    ("voc", "deeplab"): Cell(0.751, 0.763, 0.765),
    ("voc", "deeplab msc"): Cell(0.760, 0.777, 0.773),
    # table 2
    ("pascal_context", "fcn8s"): Cell(0.410, None, 0.422),
    ("pascal_context", "largefov"): Cell(0.371, 0.397, 0.394),
    ("pascal_context", "deeplab"): Cell(0.447, 0.457, 0.455),
    # table 3
    ("cityscapes", "fcn8s"): Cell(0.647, None, 0.655),
    ("cityscapes", "largefov"): Cell(0.629, 0.641, 0.640),
    ("cityscapes", "deeplab"): Cell(0.688, 0.698, 0.698),
}
"""(data set, network) → mIoU. FCN is on ResNet101, "deeplab" is DeepLab-ResNet101, "msc" with three scales."""


class Cost(NamedTuple):
    """A row of table 4, seconds an image and mIoU on VOC's validation list."""

    network: float
    crf5: float
    crf10: float
    miou: tuple[float, float, float]
    """the level set loss without a CRF, and the baseline with 5 and with 10 iterations"""


TIMES = {
    "largefov": Cost(0.025, 0.272, 0.387, (0.667, 0.665, 0.673)),
    "deeplab": Cost(0.054, 0.315, 0.452, (0.765, 0.761, 0.763)),
}
"""Table 4, on a GTX 1080 Ti and an i7-8700."""

STEP = (0.133, 0.157)
"""Section 4.3: seconds an image of a training step of LargeFOV with cross-entropy, and with the level set loss too."""

OTHER_LOSSES = {"ce": 0.751, "ce + adaptive": 0.761, "loss max-pooling": 0.763, "ls": 0.765}
"""Table 5: DeepLab-ResNet101 on VOC."""
