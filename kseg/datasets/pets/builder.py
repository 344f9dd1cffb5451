"""Oxford-IIIT Pet as TFDS data set `pets_segmentation`: a config for each choice of animals and border."""

from collections.abc import Sequence

from kseg.datasets.base import DataOptions
from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.pets.classes import ANIMALS, class_names
from kseg.datasets.pets.records import BORDERS


class PetsSegmentation(RecordsBuilder):
    """`tfds.load("pets_segmentation/species_border_class", data_dir=…)`; without `_border_…` the border is void."""

    dataset = "pets"
    BUILDER_CONFIGS = [
        OptionsConfig(
            name=animals + (f"_border_{border}" if border != "void" else ""),
            version="1.0.0",
            description=f"animals: {animals}; border: {border}",
            options=DataOptions("pets", animals=animals, border=border),  # type: ignore[arg-type]
        )
        for border in BORDERS
        for animals in ANIMALS
    ]

    def class_names(self) -> Sequence[str]:
        return class_names(self.builder_config.options)
