"""A folder of images and masks as TFDS data set `segmentation_folder`."""

from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.opening import data_options


class SegmentationFolder(RecordsBuilder):
    """`tfds.load("segmentation_folder", data_dir=…)` with `images/` and `masks/` in that folder.

    For colors, named classes or other splits pass a config of your own, as in
    `builder_kwargs={"config": OptionsConfig(name=…, options=data_options("folder", …))}`.
    """

    dataset = "folder"
    BUILDER_CONFIGS = [
        OptionsConfig(name="found", version="1.0.0", description="classes as found", options=data_options("folder"))
    ]
