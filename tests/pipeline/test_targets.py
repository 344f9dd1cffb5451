"""Targets beside the label, and weights of pixels: the same on every way that batches take."""

import numpy as np
import pytest
from tiny_encoder import tiny_network

from kseg.errors import UsageError
from kseg.pipeline import Augmentation, ImageSource, batches
from kseg.pipeline.arrays import BatchSequence
from kseg.pipeline.features import cached_features
from kseg.pipeline.frozen import split_frozen
from kseg.pipeline.maps import PixelWeights, distance_maps
from kseg.pipeline.mirrored import flipped_features
from kseg.pipeline.targets import LabelTargets

WEIGHTS = PixelWeights((0.5, 2.0), border=10.0, sigma=2.0)


def everything(*, remember):
    return LabelTargets(("distance", "image"), weights=WEIGHTS, remember=remember)


@pytest.fixture
def source(drawn):
    return ImageSource(drawn, drawn.records("train"), (16, 16), Augmentation(flip=True).transforms(), seed=3)


def test_targets_are_made_of_what_the_augmentation_left(source):
    with_targets = source.with_targets(everything(remember=True))
    for epoch in (0, 1, 0):
        images, alone = source.batch(np.arange(7), epoch)
        labels = alone["label"]
        inputs, targets = with_targets.batch(np.arange(7), epoch)
        np.testing.assert_array_equal(inputs, images)
        assert list(targets) == ["label", "distance", "weight", "image"]
        np.testing.assert_array_equal(targets["label"], labels)
        np.testing.assert_array_equal(targets["distance"], np.stack([distance_maps(label, 1) for label in labels]))
        np.testing.assert_allclose(targets["image"] * 255, images, atol=1e-4)
        np.testing.assert_array_equal(targets["weight"], np.stack([WEIGHTS(label) for label in labels]))


def test_tf_data_and_plain_arrays_deliver_the_same(source):
    with_targets = source.with_targets(everything(remember=False))
    sequence, signature = BatchSequence(with_targets, 3, seed=5), with_targets.signature
    for step, (inputs, targets) in enumerate(batches(with_targets, 3, seed=5).take(4)):
        expected_inputs, expected = sequence[step]
        np.testing.assert_array_equal(inputs, expected_inputs)
        assert targets.keys() == expected.keys() == signature.targets.keys()
        for name, spec in signature.targets.items():
            assert tuple(targets[name].shape[1:]) == expected[name].shape[1:] == spec.shape
            assert targets[name].dtype.name == expected[name].dtype.name == spec.dtype
            np.testing.assert_array_equal(targets[name], expected[name])


def test_a_target_that_nothing_makes_is_refused():
    with pytest.raises(UsageError, match="the loss reads 'depth', which is no target; a loss may read distance, image"):
        LabelTargets(("depth",))


@pytest.mark.parametrize("flip", [False, True])
def test_cached_features_have_the_truth_of_their_images(drawn, tmp_path, flip):
    """Also the image: the head sees features, and the loss the image that they were computed from."""
    records, split = drawn.records("train"), split_frozen(tiny_network())
    images = ImageSource(drawn, records, (16, 16), Augmentation(flip=flip).transforms(), seed=3)
    cache = flipped_features if flip else cached_features
    features = cache(split.extractor, images, tmp_path, progress=False)
    indices = np.array([4, 0, 6, 3])
    for epoch in range(3):
        _, expected = images.with_targets(everything(remember=False)).batch(indices, epoch)
        _, found = features.with_targets(everything(remember=True)).batch(indices, epoch)
        assert found.keys() == expected.keys() == {"label", "distance", "image", "weight"}
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)
