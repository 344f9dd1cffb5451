"""Every random change of the pipeline moves every structure as it moves a drawing of it."""

import dataclasses

import numpy as np
import pytest
from drawn_structures import HEIGHT, STRUCTURES, WIDTH, beyond, drawn

from kseg.conventions import VOID
from kseg.pipeline import Augmentation, compose
from kseg.pipeline.augmentation import SETS
from kseg.structures import LabelMap

SWITCHED_ON = {
    "flip": True,
    "vertical_flip": True,
    "scale": (0.5, 2.0),
    "rotate": 40.0,
    "elastic": 3.0,
    "crop": (9, 21),
    "color": 0.4,
    "blur": 1.0,
    "noise": 8.0,
}
AUGMENTATIONS = {
    **{name: Augmentation(**{name: value}) for name, value in SWITCHED_ON.items()},
    **{name: Augmentation(augment=name) for name in SETS},
    "everything": Augmentation(**SWITCHED_ON),
}


def test_every_option_is_tried():
    assert {field.name for field in dataclasses.fields(Augmentation)} == {*SWITCHED_ON, "augment"}


@pytest.mark.parametrize("make", STRUCTURES.values(), ids=STRUCTURES.keys())
@pytest.mark.parametrize("augmentation", AUGMENTATIONS.values(), ids=AUGMENTATIONS.keys())
def test_augmenting_and_drawing_commute(make, augmentation):
    change = compose(augmentation.transforms())
    for seed in range(20):
        structure = make(seed)
        image = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        moved = change({"image": image, "truth": structure}, np.random.default_rng([7, seed]))
        drawing = LabelMap(drawn(structure))
        moved_drawing = change({"image": image, "truth": drawing}, np.random.default_rng([7, seed]))
        np.testing.assert_array_equal(moved["image"], moved_drawing["image"])
        assert moved["truth"].size == moved["image"].shape[:2] == (augmentation.crop or (HEIGHT, WIDTH))
        expected = moved_drawing["truth"].ids
        if beyond(structure) != VOID:
            expected = np.where(expected == VOID, beyond(structure), expected)
        np.testing.assert_array_equal(drawn(moved["truth"]), expected)
