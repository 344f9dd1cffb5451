"""Cityscapes as TFDS data set `cityscapes_segmentation`."""

from collections.abc import Sequence

from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.cityscapes.classes import NAMES
from kseg.datasets.opening import data_options


class CityscapesSegmentation(RecordsBuilder):
    """`tfds.load("cityscapes_segmentation", data_dir=…)`."""

    dataset = "cityscapes"
    BUILDER_CONFIGS = [
        OptionsConfig(
            name="fine",
            version="1.0.0",
            description="fine labels, 19 classes, 2,975 / 500; the val split is validation",
            options=data_options("cityscapes"),
        )
    ]

    def class_names(self) -> Sequence[str]:
        return NAMES
