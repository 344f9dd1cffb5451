"""Maps beside the label: distances as the loss computes them, U-Net's weights as its equation says."""

import math

import numpy as np
import pytest

from kseg.conventions import VOID
from kseg.losses.distance import signed_distance
from kseg.losses.pixels import read_pixels
from kseg.pipeline.maps import PixelWeights, balancing_weights, closeness, distance_maps, objects


@pytest.mark.parametrize("channels", [1, 4])
def test_distances_are_those_that_the_loss_computes_itself(channels):
    rng = np.random.default_rng(channels)
    labels = rng.integers(0, max(2, channels), (4, 9, 11)).astype("uint8")
    labels[0][rng.random((9, 11)) < 0.8] = 0
    labels[1, 2:5, 3:7] = VOID
    labels[2] = 1  # fills the image: no boundary
    labels[3] = VOID
    pixels = read_pixels(labels, np.zeros((*labels.shape, channels), "float32"), from_logits=True)
    valid = pixels.valid[..., None] > 0.0
    expected = np.asarray(signed_distance(pixels.truth > 0.5, valid)) * np.asarray(valid)
    found = np.stack([distance_maps(label, channels) for label in labels])
    np.testing.assert_allclose(found * np.asarray(valid), expected, atol=1e-5)


def brute_force_closeness(label, sigma):
    """Every pixel against every pixel of every object's border."""
    height, width = label.shape
    inside = lambda i, j: 0 <= i < height and 0 <= j < width  # noqa: E731
    borders = []
    for _, mask in objects(label, margin=max(label.shape)):  # so that every window is the image
        around = ((-1, 0), (1, 0), (0, -1), (0, 1))
        borders.append([
            (i, j) for i in range(height) for j in range(width)
            if mask[i, j] and any(inside(i + a, j + b) and not mask[i + a, j + b] for a, b in around)
        ])  # fmt: skip
    result = np.zeros(label.shape)
    for place in np.ndindex(*label.shape):
        distances = sorted(min(math.dist(place, other) for other in border) for border in borders if border)
        if len(distances) > 1:
            result[place] = math.exp(-((distances[0] + distances[1]) ** 2) / (2 * sigma**2))
    return result


@pytest.mark.parametrize("sigma", [0.7, 5.0])
def test_border_term_is_the_equation(sigma):
    """Three objects of two classes, two of which touch; at the small σ the windows around objects matter."""
    label = np.zeros((14, 15), "uint8")
    label[2:6, 2:5], label[2:6, 7:12], label[6:12, 7:9] = 1, 1, 2
    label[12:, 12:] = VOID
    np.testing.assert_allclose(closeness(label, sigma), brute_force_closeness(label, sigma), atol=1e-7)


def test_weights_by_hand():
    # Two objects of one pixel, two apart: d1 + d2 is 2 on and between them, and 1 + 3 beyond.
    label = np.array([[0, 1, 0, 1, 0, VOID]], "uint8")
    weights = PixelWeights((0.5, 2.0), border=10.0, sigma=2.0)(label)
    near, beyond = 10 * math.exp(-4 / 8), 10 * math.exp(-16 / 8)
    expected = [[0.5 + beyond, 2 + near, 0.5 + near, 2 + near, 0.5 + beyond, 0]]
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    np.testing.assert_array_equal(PixelWeights((0.5, 2.0))(label), np.array([[0.5, 2, 0.5, 2, 0.5, 0]], "float32"))


@pytest.mark.parametrize("label", [np.zeros((4, 4)), np.ones((4, 4)), np.eye(4)[:2], np.full((4, 4), VOID)])
def test_fewer_than_two_objects_have_no_border_between_them(label):
    if label.max() == 1 and label.min() == 0:
        label = np.where(np.arange(4) < 2, label, 0)[:1]
    assert not closeness(label.astype("uint8"), 5.0).any()


def test_balancing_weights_make_classes_count_alike():
    pixels = np.array([90, 10, 0])
    assert balancing_weights(pixels) == pytest.approx((100 / (2 * 90), 100 / (2 * 10), 1.0))
    assert pixels @ balancing_weights(pixels) == pytest.approx(pixels.sum())
