"""Elastic deformation: the field by hand, image and truth together, and whose preset it is."""

import numpy as np
import pytest

from kseg.conventions import VOID
from kseg.models import model_options
from kseg.pipeline import Augmentation
from kseg.pipeline.elastic import cubic_weights, displacements, elastic
from kseg.pipeline.transforms import MEAN_COLOR
from kseg.structures import LabelMap
from kseg.training.config import LossOptions, TrainConfig, resolve


class Drawn:
    """A generator that gives these displacements, in units of sigma."""

    def __init__(self, nodes):
        self.nodes = np.asarray(nodes, float)

    def normal(self, mean, sigma, shape):
        assert mean == 0 and shape == self.nodes.shape == (2, 3, 3)
        return sigma * self.nodes


def test_the_field_goes_through_the_nodes():
    nodes = np.random.default_rng(0).normal(0, 10, (2, 3, 3))
    field = displacements((41, 61), nodes)
    np.testing.assert_allclose(field[:, ::20, ::30], nodes, atol=1e-12)


def test_between_nodes_the_field_is_keys_cubic():
    # A quarter of the way from node 0 to 1: distances 5/4 (node −1, which is node 0 again), 1/4, 3/4 and 7/4.
    near = [1.5 * d**3 - 2.5 * d**2 + 1 for d in (0.25, 0.75)]
    far = [-0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 for d in (1.25, 1.75)]
    np.testing.assert_allclose(cubic_weights(9, 3)[1], [far[0] + near[0], near[1], far[1]], atol=1e-12)
    np.testing.assert_allclose(cubic_weights(50, 3).sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(cubic_weights(1, 3), [[0, 1, 0]], atol=1e-12)


def test_one_displacement_everywhere_is_a_shift():
    """By 2 rows down and 3 columns to the left: what comes from outside is void and the mean color."""
    rng = np.random.default_rng(1)
    image, ids = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8), rng.integers(0, 5, (9, 11)).astype(np.uint8)
    nodes = np.stack([np.full((3, 3), -1.0), np.full((3, 3), 1.5)])
    moved = elastic({"image": image, "truth": LabelMap(ids)}, Drawn(nodes), sigma=2.0)
    np.testing.assert_array_equal(moved["truth"].ids[2:, :-3], ids[:-2, 3:])
    np.testing.assert_array_equal(moved["image"][2:, :-3], image[:-2, 3:])
    outside = moved["truth"].ids == VOID
    assert outside[:2].all() and outside[:, -3:].all() and not outside[2:, :-3].any()
    assert (moved["image"][outside] == MEAN_COLOR).all()


def test_image_and_truth_move_together():
    """A disk and its label: bent, the bright pixels are the labeled ones.

    Bilinear and nearest sampling may disagree on the rim, about 190 pixels long, by less than a pixel.
    """
    rows, columns = np.mgrid[:96, :128]
    disk = ((rows - 48) ** 2 + (columns - 64) ** 2 < 30**2).astype(np.uint8)
    example = {"image": np.repeat(disk[..., None] * np.uint8(255), 3, -1), "truth": LabelMap(disk)}
    for seed in range(5):
        moved = elastic(example, np.random.default_rng(seed), sigma=10.0)
        bent, inside = moved["truth"].ids == 1, moved["truth"].ids != VOID
        assert (bent != (disk == 1)).sum() > 100
        assert ((moved["image"][..., 0] > 127) != bent)[inside].sum() <= 40


def test_the_displacements_have_their_deviation():
    field = [displacements((3, 3), np.random.default_rng(seed).normal(0, 10, (2, 3, 3))) for seed in range(400)]
    assert np.std(field) == pytest.approx(10, rel=0.05)


def resolved(model="unet2015", augment=None, **loss):
    asked = TrainConfig(model=model_options(model=model), augment=augment or Augmentation(), loss=LossOptions(**loss))
    return resolve(asked, image_size=(64, 64))


def test_the_preset_of_unet_bends_and_weighs_borders():
    config = resolved()
    assert (config.augment.elastic, config.loss.pixel_weights, config.loss.border_weight) == (10.0, "border", 10.0)
    assert not config.augment.cacheable
    assert resolved("unet").augment.elastic is None and resolved("unet").loss.pixel_weights == "none"


def test_what_is_given_wins_over_the_preset():
    assert resolved(augment=Augmentation(elastic=4.0)).augment.elastic == 4.0
    off = resolved(augment=Augmentation(elastic=0.0)).augment
    assert off.transforms() == () and off.cacheable
    assert resolved(augment=Augmentation("none")).augment.transforms() == ()
    assert resolved(augment=Augmentation(flip=True)).augment.elastic == 10.0
    # Weights of pixels mean nothing to the loss, or balance what is balanced already.
    assert resolved(loss="lovasz").loss.pixel_weights == "none"
    assert resolved(class_weights="median").loss.pixel_weights == "none"
    assert resolved(loss="bce", pixel_weights="balance").loss.pixel_weights == "balance"
