"""What a trimap's three values become: the classes that `--animals` and `--border` ask for."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.options import SeededOptions
from kseg.errors import Failure, unknown_name

PET, BACKGROUND, BORDER = 1, 2, 3
"""Values of a trimap; upstream calls the last one "not classified": a seam of some pixels around the animal."""

BREEDS = (
    "Abyssinian", "american_bulldog", "american_pit_bull_terrier", "basset_hound", "beagle", "Bengal", "Birman",
    "Bombay", "boxer", "British_Shorthair", "chihuahua", "Egyptian_Mau", "english_cocker_spaniel", "english_setter",
    "german_shorthaired", "great_pyrenees", "havanese", "japanese_chin", "keeshond", "leonberger", "Maine_Coon",
    "miniature_pinscher", "newfoundland", "Persian", "pomeranian", "pug", "Ragdoll", "Russian_Blue", "saint_bernard",
    "samoyed", "scottish_terrier", "shiba_inu", "Siamese", "Sphynx", "staffordshire_bull_terrier", "wheaten_terrier",
    "yorkshire_terrier",
)  # fmt: skip
"""In order of the class id in upstream's lists, 1 … 37. The name of a cat begins with a capital, that of a dog not."""

Border = Literal["void", "pet", "class"]
BORDERS: tuple[Border, ...] = get_args(Border)

Animals = Literal["pet", "species", "breed"]
ANIMALS: dict[Animals, tuple[str, ...]] = {"pet": ("pet",), "species": ("cat", "dog"), "breed": BREEDS}
"""Values of `--animals`, and the classes besides the background."""


@dataclass(frozen=True)
class PetsOptions(SeededOptions):
    """Options of Oxford-IIIT Pet."""

    border: Border = "void"
    """the border around the animal counts for nothing, is part of it, or a class of its own"""
    animals: Animals = "pet"
    """classes besides the background: pet, the two species, or the 37 breeds"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for option, value, valid in (("border", self.border, BORDERS), ("animals", self.animals, tuple(ANIMALS))):
            if value not in valid:
                raise unknown_name(option, value, valid)

    @property
    def variant_names(self) -> tuple[str, ...]:
        animals = () if self.animals == "pet" else (self.animals,)
        return animals if self.border == "void" else (*animals, f"border_{self.border}")

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("background", *ANIMALS[self.animals], *(["border"] if self.border == "class" else []))


def class_of(image_id: str, animals: Animals) -> int:
    """The id of the animal in `Abyssinian_100`, which its name tells."""
    if animals == "pet":
        return 1
    breed = image_id.rpartition("_")[0]
    if breed not in BREEDS:
        raise Failure(f"{image_id} is named after none of the {len(BREEDS)} breeds; expected BREED_NUMBER")
    species = "cat" if breed[0].isupper() else "dog"
    return 1 + ANIMALS[animals].index(breed if animals == "breed" else species)


def label_of_value(image_id: str, options: PetsOptions) -> np.ndarray:
    """uint8 (4,): the label of each value of the image's trimap."""
    animal = class_of(image_id, options.animals)
    labels = np.full(4, VOID, dtype=np.uint8)
    labels[[PET, BACKGROUND]] = animal, 0
    labels[BORDER] = {"void": VOID, "pet": animal, "class": len(options.class_names) - 1}[options.border]
    return labels
