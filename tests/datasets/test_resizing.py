"""Half-pixel geometry: hand values, and agreement with an independent implementation."""

import numpy as np
import pytest
from layouts import noise
from scipy import ndimage

from kseg.datasets.images import resize_image, resize_labels, resize_probabilities


def test_labels_take_what_lies_under_their_center():
    # 4 → 2: centers at 1 and 3 lie on the border; floor(2·(i+½)) = 1, 3
    assert resize_labels(np.array([[0, 1, 2, 3]]), (1, 2)).tolist() == [[1, 3]]
    # 2 → 4: every label twice
    assert resize_labels(np.array([[7, 9]]), (1, 4)).tolist() == [[7, 7, 9, 9]]
    # 3 → 2: centers at .75 and 2.25
    assert resize_labels(np.array([[0, 1, 2]]), (1, 2)).tolist() == [[0, 2]]


def test_probabilities_by_hand():
    # 2 → 4: positions −.25 (clamped), .25, .75, 1.25 (clamped)
    wide = resize_probabilities(np.array([[[0.0], [1.0]]], dtype=np.float32), (1, 4))
    assert wide[0, :, 0].tolist() == [0, 0.25, 0.75, 1]
    assert wide.dtype == np.float32


@pytest.mark.parametrize("size", [(5, 7), (24, 31), (12, 40), (3, 3)])
def test_probabilities_agree_with_scipy(size):
    values = noise(0, 12, 10).astype(np.float32) / 255
    rows, columns = (np.arange(new) + 0.5 for new in size)
    places = np.meshgrid(rows * 12 / size[0] - 0.5, columns * 10 / size[1] - 0.5, indexing="ij")
    for channel in range(3):
        expected = ndimage.map_coordinates(values[..., channel], places, order=1, mode="nearest")
        assert np.allclose(resize_probabilities(values, size)[..., channel], expected, atol=1e-6)


def test_images_are_antialiased():
    stripes = np.zeros((8, 8, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    small = resize_image(stripes, (2, 2))
    assert np.abs(small.astype(int) - 127).max() < 40  # not 0 or 255, as without averaging


def test_the_same_size_changes_nothing():
    image = noise(0)
    assert resize_image(image, (12, 10)) is image
    assert np.array_equal(resize_labels(image[..., 0], (12, 10)), image[..., 0])
