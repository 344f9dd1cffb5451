"""The classes that a trimap's three values become under `--animals` and `--border`."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.images import contrasting_palette
from kseg.datasets.options import SeededOptions
from kseg.datasets.relabel import Relabel, class_table
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
"""In order of the class id in upstream's lists, 1 … 37. Names of cats begin with a capital, names of dogs do not."""

Border = Literal["void", "pet", "class"]
BORDERS: tuple[Border, ...] = get_args(Border)

Animals = Literal["pet", "species", "breed"]
ANIMALS: dict[Animals, tuple[str, ...]] = {"pet": ("pet",), "species": ("cat", "dog"), "breed": BREEDS}
"""Values of `--animals`, and the classes besides the background."""


@dataclass(frozen=True)
class PetsOptions(SeededOptions):
    """Options of Oxford-IIIT Pet."""

    border: Border = "void"
    """the border around the animal is void, part of the animal, or a class of its own"""
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


def breed_of(image_id: str, *, needed: bool) -> int:
    """The breed in the name `Abyssinian_100`, 1 … 37; 0 for a name without a breed.

    Raises: Failure for a name without a breed where the breed is `needed`.
    """
    breed = image_id.rpartition("_")[0]
    if breed in BREEDS:
        return 1 + BREEDS.index(breed)
    if needed:
        raise Failure(f"{image_id} is named after none of the {len(BREEDS)} breeds; expected BREED_NUMBER")
    return 0


def stored_ids(breed: int, values: np.ndarray) -> np.ndarray:
    """uint8 (H, W): one id for each breed and value of a trimap, 3·breed + value − 1, at most 3·37 + 2."""
    return np.uint8(BORDER * breed) + (values - np.uint8(PET))


def legend(options: PetsOptions) -> Relabel:
    """The classes under `--animals` and `--border`, and the class of each stored id."""
    class_of: dict[int, int] = {}
    for breed in range(len(BREEDS) + 1):
        animal = _class_of(breed, options.animals)
        border = {"void": VOID, "pet": animal, "class": len(options.class_names) - 1}[options.border]
        pet, background, seam = stored_ids(breed, np.array([PET, BACKGROUND, BORDER], np.uint8)).tolist()
        class_of |= {pet: animal, background: 0, seam: border}
    return Relabel(options.class_names, contrasting_palette(len(options.class_names)), class_table(class_of))


def _class_of(breed: int, animals: Animals) -> int:
    if animals == "pet":
        return 1
    if breed == 0:
        return VOID  # not used: `breed_of` has refused such images
    if animals == "breed":
        return breed
    return 1 + ANIMALS["species"].index("cat" if BREEDS[breed - 1][0].isupper() else "dog")
