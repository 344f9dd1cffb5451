"""Plain arrays: the same stream as tf.data, on any backend, through `fit`."""

import keras
import numpy as np
import pytest

from kseg.errors import Failure
from kseg.pipeline import ImageSource, Order, Positives, Source, own_errors
from kseg.pipeline.arrays import BatchSequence


class Recording(Source):
    """Passes a source on and remembers what was asked of it."""

    def __init__(self, source):
        self.source, self.asked = source, []

    signature = property(lambda self: self.source.signature)

    def __len__(self):
        return len(self.source)

    def batch(self, indices, epoch):
        self.asked.append((epoch, indices.tolist()))
        return self.source.batch(indices, epoch)

    def with_targets(self, targets):
        return Recording(self.source.with_targets(targets))


@pytest.fixture
def source(drawn):
    return ImageSource(drawn, drawn.records("train"), (6, 6))


@pytest.fixture
def model():
    inputs = keras.Input((6, 6, 3))
    score = keras.layers.Conv2D(1, 1)(inputs)
    model = keras.Model(inputs, {"label": keras.layers.Reshape((6, 6))(score)})
    model.compile("sgd", {"label": "mse"})
    return model


@pytest.mark.parametrize("positives", [None, Positives(frozenset({4}))])
def test_items_are_the_batches_of_the_order(source, positives):
    sequence = BatchSequence(source, 3, seed=5, start_step=2, positives=positives)
    order = Order(7, 3, seed=5, positives=positives)
    for step in range(2, 8):
        epoch, indices = order.at(step)
        images, targets = sequence[step - 2]
        expected = source.batch(indices, epoch)
        np.testing.assert_array_equal(images, expected[0])
        np.testing.assert_array_equal(targets["label"], expected[1]["label"])
    assert sequence.num_batches is None


def test_one_pass_without_shuffling(source):
    sequence = BatchSequence(source, 3, shuffle=False)
    assert sequence.num_batches == 3
    assert [len(sequence[i][0]) for i in range(3)] == [3, 3, 1]


def test_shards(source):
    halves = [BatchSequence(source, 4, seed=1, shard=(i, 2))[1][0] for i in range(2)]
    np.testing.assert_array_equal(np.concatenate(halves), BatchSequence(source, 4, seed=1)[1][0])


def test_fit_walks_the_stream_epoch_after_epoch(source, model):
    recording = Recording(source)
    sequence = BatchSequence(recording, 3, seed=5, start_step=1)
    model.fit(sequence, steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
    order = Order(7, 3, seed=5)
    expected = [(epoch, indices.tolist()) for epoch, indices in map(order.at, range(1, 7))]
    # Keras may look at the first batches for their shapes before it begins
    assert any(recording.asked[i : i + 6] == expected for i in range(len(recording.asked)))


def test_an_error_of_the_source_comes_out_as_itself(source, model, drawn):
    def broken(record):
        raise Failure("image is truncated")

    drawn.image = broken
    with pytest.raises(Failure, match="^image is truncated$"), own_errors(source):
        model.fit(BatchSequence(source, 3), steps_per_epoch=1, verbose=0)
