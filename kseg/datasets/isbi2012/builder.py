"""ISBI 2012 as TFDS data set `isbi2012_segmentation`."""

from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.opening import data_options


class Isbi2012Segmentation(RecordsBuilder):
    """`tfds.load("isbi2012_segmentation", data_dir=…)`."""

    dataset = "isbi2012"
    BUILDER_CONFIGS = [
        OptionsConfig(
            name="membranes",
            version="1.0.0",
            description="membrane and cell; slices 0 to 19 train, 20 to 23 validate, 24 to 29 test",
            options=data_options("isbi2012"),
        )
    ]
