"""COCO's objects as semantic classes, TFDS data set `coco_segmentation`."""

from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.opening import data_options


class CocoSegmentation(RecordsBuilder):
    """`tfds.load("coco_segmentation", data_dir=…)`."""

    dataset = "coco"
    BUILDER_CONFIGS = [
        OptionsConfig(
            name="categories",
            version="1.0.0",
            description="background and the JSON's categories, 80 of COCO; the val split is validation",
            options=data_options("coco"),
        )
    ]
