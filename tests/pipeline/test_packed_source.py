"""Truth with bands behind the label and weights of pixels: the same on every way that batches take."""

import numpy as np
import pytest
from tiny_encoder import tiny_network

from kseg.pipeline import Augmentation, ImageSource, batches
from kseg.pipeline.arrays import BatchSequence
from kseg.pipeline.features import cached_features
from kseg.pipeline.frozen import split_frozen
from kseg.pipeline.maps import PixelWeights, signed_distance
from kseg.pipeline.mirrored import flipped_features
from kseg.pipeline.packed import Maps, PackedSource

WEIGHTS = PixelWeights((0.5, 2.0), border=10.0, sigma=2.0)
EVERYTHING = Maps(bands=("distance", "image"), weights=WEIGHTS)


@pytest.fixture
def source(drawn):
    return ImageSource(drawn, drawn.records("train"), (16, 16), Augmentation(flip=True).transforms(), seed=3)


def test_bands_and_weights_are_made_of_what_the_augmentation_left(source):
    packed = PackedSource(source, EVERYTHING, remember=True)
    for epoch in (0, 1, 0):
        images, labels = source.batch(np.arange(7), epoch)
        inputs, truth, weights = packed.batch(np.arange(7), epoch)
        np.testing.assert_array_equal(inputs, images)
        assert (truth.dtype, truth.shape) == (np.float32, (7, 16, 16, 5))
        np.testing.assert_array_equal(truth[..., 0], labels)
        np.testing.assert_array_equal(truth[..., 1:2], np.stack([signed_distance(label, 1) for label in labels]))
        np.testing.assert_allclose(truth[..., 2:] * 255, images, atol=1e-4)
        np.testing.assert_array_equal(weights, np.stack([WEIGHTS(label) for label in labels]))


def test_tf_data_and_plain_arrays_deliver_the_same(source):
    packed = PackedSource(source, EVERYTHING, remember=False)
    sequence = BatchSequence(packed, 3, seed=5)
    for step, batch in enumerate(batches(packed, 3, seed=5).take(4)):
        for tensor, array, spec in zip(
            batch, sequence[step], [packed.signature.inputs, *packed.signature.targets], strict=True
        ):
            assert tuple(tensor.shape[1:]) == array.shape[1:] == spec.shape
            assert tensor.dtype.name == array.dtype.name == spec.dtype
            np.testing.assert_array_equal(tensor, array)


def test_weights_alone_leave_the_labels_as_they_are(source):
    inputs, truth, weights = PackedSource(source, Maps(weights=WEIGHTS), remember=True).batch(np.arange(3), 0)
    assert (truth.dtype, truth.ndim, weights.shape) == (np.uint8, 3, truth.shape)


@pytest.mark.parametrize("flip", [False, True])
def test_cached_features_have_the_truth_of_their_images(drawn, tmp_path, flip):
    """Also the image band: the head sees features, and the loss the image that they were computed from."""
    records, split = drawn.records("train"), split_frozen(tiny_network())
    images = ImageSource(drawn, records, (16, 16), Augmentation(flip=flip).transforms(), seed=3)
    cache = flipped_features if flip else cached_features
    features = cache(split.extractor, images, tmp_path, progress=False)
    indices = np.array([4, 0, 6, 3])
    for epoch in range(3):
        expected = PackedSource(images, EVERYTHING, remember=False).batch(indices, epoch)
        found = PackedSource(features, EVERYTHING, remember=True).batch(indices, epoch)
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_array_equal(found[2], expected[2])
