"""Oxford-IIIT Pet as TFDS data set `pets_segmentation`: a config for each choice of animals and border."""

from collections.abc import Sequence

from kseg.datasets.builders.base import OptionsConfig, RecordsBuilder
from kseg.datasets.pets.classes import ANIMALS, BORDERS, PetsOptions


class PetsSegmentation(RecordsBuilder):
    """`tfds.load("pets_segmentation/species_border_class", data_dir=…)`; the border is void without `_border_…`."""

    dataset = "pets"
    BUILDER_CONFIGS = [
        OptionsConfig(
            name=animals + (f"_border_{border}" if border != "void" else ""),
            version="1.0.0",
            description=f"animals: {animals}; border: {border}",
            options=PetsOptions("pets", animals=animals, border=border),
        )
        for border in BORDERS
        for animals in ANIMALS
    ]

    def class_names(self) -> Sequence[str]:
        return self.builder_config.options.class_names
