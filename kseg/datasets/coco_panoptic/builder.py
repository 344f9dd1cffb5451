"""COCO's panoptic annotations as semantic classes, TFDS data set `coco_panoptic_segmentation`."""

from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.opening import data_options


class CocoPanopticSegmentation(RecordsBuilder):
    """`tfds.load("coco_panoptic_segmentation", data_dir=…)`."""

    dataset = "coco_panoptic"
    BUILDER_CONFIGS = [
        OptionsConfig(
            name="categories",
            version="1.0.0",
            description="the JSON's categories, 133 of COCO; the val split is validation",
            options=data_options("coco_panoptic"),
        )
    ]
