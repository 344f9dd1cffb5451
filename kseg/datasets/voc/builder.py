"""VOC as TFDS data set `voc_segmentation`: a config per year, with the paper's splits and, as _official, VOC's own."""

from collections.abc import Sequence

from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.opening import data_options
from kseg.datasets.voc.classes import NAMES
from kseg.datasets.voc.records import YEARS


class VocSegmentation(RecordsBuilder):
    """`tfds.load("voc_segmentation/2012_sbd", data_dir=…)`."""

    dataset = "voc"
    BUILDER_CONFIGS = [
        OptionsConfig(
            name=year.replace("+", "_") + suffix,
            version="1.0.0",
            description=f"VOC {year}; {scheme} splits",
            options=data_options("voc", year=year, split_scheme=scheme),
        )
        for year in YEARS
        for suffix, scheme in (("", "paper"), ("_official", "official"))
    ]

    def class_names(self) -> Sequence[str]:
        return NAMES
