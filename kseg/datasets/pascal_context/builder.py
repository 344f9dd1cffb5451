"""PASCAL-Context as TFDS data set `pascal_context_segmentation`: with background as a class, or without."""

from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.opening import data_options
from kseg.datasets.pascal_context.records import LEGENDS


class PascalContextSegmentation(RecordsBuilder):
    """`tfds.load("pascal_context_segmentation/rest_class", data_dir=…)`."""

    dataset = "pascal_context"
    BUILDER_CONFIGS = [
        OptionsConfig(
            name=f"rest_{rest}",
            version="1.0.0",
            description=f"{len(legend.classes)} classes, 4,998 / 5,105; the val split is validation",
            options=data_options("pascal_context", context_rest=rest),
        )
        for rest, legend in LEGENDS.items()
    ]
