"""CamVid as TFDS data set `camvid_segmentation`."""

from collections.abc import Sequence

from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.camvid.classes import NAMES
from kseg.datasets.opening import data_options


class CamvidSegmentation(RecordsBuilder):
    """`tfds.load("camvid_segmentation", data_dir=…)`."""

    dataset = "camvid"
    BUILDER_CONFIGS = [
        OptionsConfig(
            name="eleven",
            version="1.0.0",
            description="11 classes, 367 / 101 / 233",
            options=data_options("camvid"),
        )
    ]

    def class_names(self) -> Sequence[str]:
        return NAMES
