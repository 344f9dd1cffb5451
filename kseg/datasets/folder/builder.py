"""A folder of images and masks as TFDS data set `segmentation_folder`."""

from kseg.datasets.base import DataOptions
from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder


class SegmentationFolder(RecordsBuilder):
    """`tfds.load("segmentation_folder", data_dir=…)` with `images/` and `masks/` in that folder.

    For colors, named classes or other splits pass a config of your own:
    `tfds.load("segmentation_folder", builder_kwargs={"config": OptionsConfig(name=…, options=DataOptions(…))})`.
    """

    dataset = "folder"
    BUILDER_CONFIGS = [
        OptionsConfig(name="found", version="1.0.0", description="classes as found", options=DataOptions("folder"))
    ]
