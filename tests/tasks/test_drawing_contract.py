"""Drawing commutes with flips, crops and the like: the moved drawing of a truth is the drawing of the moved truth."""

import numpy as np
import pytest
from scenes import SCENES, image_of

from kseg.conventions import VOID
from kseg.datasets.images import contrasting_palette
from kseg.datasets.images.draw_objects import draw_structure
from kseg.structures import Instances, LabelMap, Panoptic

CLASSES = 4
PALETTE = contrasting_palette(CLASSES)
SEEDS = range(8)


def drawn(image, structure, background):
    return draw_structure(image, structure, PALETTE, background=background)


def whole(structure):
    """top, left, bottom, right: all objects, with a pixel around them where there is room."""
    ids = {
        LabelMap: lambda one: (one.ids > 0) & (one.ids != VOID),
        Instances: lambda one: one.id_map() > 0,
        Panoptic: lambda one: np.isin(one.ids, [number for number, kind in numbered(one) if kind.thing]),
    }[type(structure)](structure)
    rows, columns = np.flatnonzero(ids.any(axis=1)), np.flatnonzero(ids.any(axis=0))
    height, width = ids.shape
    return max(0, rows[0] - 2), max(0, columns[0] - 2), min(height, rows[-1] + 3), min(width, columns[-1] + 3)


def numbered(panoptic):
    return enumerate(panoptic.segments, start=1)


@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("clean", [True, False], ids=["clean", "void and crowds"])
@pytest.mark.parametrize("background", [True, False])
def test_transforms_commute_with_drawing(kind, clean, background):
    for seed in SEEDS:
        image, truth = image_of(seed), SCENES[kind](seed, CLASSES, clean=clean)
        picture = drawn(image, truth, background)
        assert (picture != image).any()
        np.testing.assert_array_equal(drawn(image[:, ::-1], truth.flipped(), background), picture[:, ::-1])
        np.testing.assert_array_equal(drawn(image[::-1], truth.flipped(vertical=True), background), picture[::-1])
        twice = image.repeat(2, axis=0).repeat(2, axis=1)
        larger = drawn(twice, truth.resized(twice.shape[:2]), background)
        moved = drawn(twice[:, ::-1], truth.resized(twice.shape[:2]).flipped(), background)
        np.testing.assert_array_equal(moved, larger[:, ::-1])
        top, left, bottom, right = window = whole(truth)
        inside = slice(top, bottom), slice(left, right)
        cut = drawn(image[inside], truth.cropped(window), background)
        # An outline may end where the picture does.
        np.testing.assert_array_equal(cut[1:-1, 1:-1], picture[inside][1:-1, 1:-1])
