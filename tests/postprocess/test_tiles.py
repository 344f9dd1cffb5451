"""Tiles: their places and weights; a network with a limited receptive field gives the same in tiles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import uniform_filter

from kseg.errors import UsageError
from kseg.postprocess import Tiling, blended

BLENDS = ("linear", "gaussian", "none")


def put_together(tiling, image, run, **settings):
    whole = np.full(image.shape, np.nan, np.float32)
    for where, piece in blended(tiling, image, run, channels=image.shape[-1], **settings):
        assert np.isnan(whole[where]).all(), "each pixel is told once"
        whole[where] = piece
    return whole


def picture(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_where_tiles_lie():
    # steps of ⌊(128 − 40)/32⌋·32 = 64; the last begins at a multiple of 32 and ends where the image ends
    assert Tiling(128, overlap=40).spans(300) == [(0, 128), (64, 192), (128, 256), (192, 300)]
    assert Tiling(128, overlap=40).spans(100) == [(0, 100)]
    assert Tiling(128, overlap=0).spans(128) == [(0, 128)]


def test_weights_by_hand():
    # two tiles of 64 that share 4 pixels: 1/8 3/8 5/8 7/8 over the overlap, whose sum with its mirror image is 1
    first, second = Tiling(64, overlap=4, alignment=60).weights(124)
    assert_allclose(first, [*np.ones(60), 0.875, 0.625, 0.375, 0.125])
    assert_allclose(second, first[::-1])
    nearest, _ = Tiling(64, overlap=4, blend="none", alignment=60).weights(124)
    assert nearest.tolist() == [1] * 62 + [0] * 2
    gaussian, other = Tiling(64, overlap=4, blend="gaussian", alignment=60).weights(124)
    # deviation 8 about 32 and 92, at row 60.5: distances 28.5 and 31.5
    a, b = np.exp(-((28.5 / 8) ** 2) / 2), np.exp(-((31.5 / 8) ** 2) / 2)
    assert gaussian[60] == pytest.approx(max(a, 1e-3) / (max(a, 1e-3) + max(b, 1e-3)))
    assert gaussian[60] + other[0] == pytest.approx(1)


@pytest.mark.parametrize("blend", BLENDS)
@pytest.mark.parametrize(("size", "overlap"), [(64, 0), (65, 32), (96, 33), (128, 96)])
def test_what_needs_no_neighbors_is_the_same_in_tiles(size, overlap, blend):
    for height, width in [(1, 1), (64, 65), (211, 150)]:
        image = picture(height, width)
        tiling = Tiling(size, overlap, blend)
        for side in (height, width):
            total = np.zeros(side)
            for (start, stop), weights in zip(tiling.spans(side), tiling.weights(side), strict=True):
                total[start:stop] += weights
            assert_allclose(total, 1, atol=1e-6)
        found = put_together(tiling, image, lambda tiles: tiles.astype(np.float32), batch_size=3)
        assert_allclose(found, image, rtol=1e-6)
        if blend == "none":
            assert_array_equal(found, image)


def test_a_limited_receptive_field_makes_tiles_equal_to_the_whole():
    """Radius 7: outside of the image the filter sees padding, beyond a tile's inner edge it sees pixels."""
    radius, image = 7, picture(150, 211)

    def run(tiles):
        return uniform_filter(tiles.astype(np.float64), (0, 2 * radius + 1, 2 * radius + 1, 0), mode="constant")

    whole = run(image[None])[0]
    exact = put_together(Tiling(96 + 2 * radius, 2 * radius, "none"), image, run)
    assert_allclose(exact, whole, rtol=1e-5)
    short = put_together(Tiling(96 + 2 * radius - 6, 2 * radius - 6, "none"), image, run)
    assert np.abs(short - whole).max() > 1
    # linear: beyond the overlap
    tiling = Tiling(96, 16, "linear")
    inside = np.zeros(image.shape[:2], int)
    for top, bottom in tiling.spans(150):
        for left, right in tiling.spans(211):
            inside[top:bottom, left:right] += 1
    linear = put_together(tiling, image, run)
    assert_allclose(linear[inside == 1], whole[inside == 1], rtol=1e-5)
    assert 0.2 < (inside == 1).mean() < 0.9


def test_batches_hold_tiles_of_one_size_and_not_too_many():
    seen = []

    def run(tiles):
        seen.append(tiles.shape)
        return tiles.astype(np.float32)

    put_together(Tiling(64, 32), picture(64, 210), run, batch_size=2)
    assert seen == [(2, 64, 64, 3), (2, 64, 64, 3), (1, 64, 64, 3), (1, 64, 50, 3)]


@pytest.mark.parametrize(("size", "overlap"), [(64, 33), (64, 64), (128, -1), (20, 0)])
def test_tiles_that_lead_nowhere_are_refused(size, overlap):
    with pytest.raises(UsageError, match=f"tiles of {size} pixels that overlap by {overlap} leave no step of 32"):
        Tiling(size, overlap)
