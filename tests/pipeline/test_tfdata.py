"""tf.data over a source: the stream of `Order`, whatever the parallelism, and errors that stay themselves."""

import numpy as np
import pytest

from kseg.errors import Failure, UsageError
from kseg.pipeline import Augmentation, ImageSource, Order, Positives, batches, own_errors

tf = pytest.importorskip("tensorflow")


def source_of(drawn, **arguments):
    return ImageSource(drawn, drawn.records("train"), (6, 6), **arguments)


def taken(dataset, steps):
    return [(images.numpy(), {"label": targets["label"].numpy()}) for images, targets in dataset.take(steps)]


def assert_same(left, right):
    assert len(left) == len(right)
    for (images, targets), (other_images, other_targets) in zip(left, right, strict=True):
        np.testing.assert_array_equal(images, other_images)
        np.testing.assert_array_equal(targets["label"], other_targets["label"])


def eager(source, batch_size, seed, steps):
    order = Order(len(source), batch_size, seed)
    return [source.batch(indices, epoch) for epoch, indices in map(order.at, range(steps))]


def test_the_stream_is_the_order_and_transforms_do_inside_what_they_do_outside(drawn):
    augmentation = Augmentation("strong", vertical_flip=True, elastic=1.5)
    source = source_of(drawn, transforms=augmentation.transforms(), seed=4)
    dataset = batches(source, 3, seed=9, workers=4, prefetch=3)
    assert dataset.element_spec[0] == tf.TensorSpec((None, 6, 6, 3), tf.uint8)
    assert dataset.element_spec[1] == {"label": tf.TensorSpec((None, 6, 6), tf.uint8)}
    assert_same(taken(dataset, 8), eager(source, 3, 9, 8))  # two epochs and two steps


def test_a_resumed_stream_equals_the_uninterrupted_one(drawn):
    source = source_of(drawn, transforms=Augmentation(flip=True, color=0.5).transforms())
    whole = taken(batches(source, 3, seed=1), 9)
    assert_same(taken(batches(source, 3, seed=1, start_step=4), 5), whole[4:])


def test_the_stream_holds_positives_in_every_batch_and_resumes(drawn):
    source, positives = source_of(drawn), Positives(frozenset({2}))
    order = Order(7, 3, 1, positives=positives)
    whole = taken(batches(source, 3, seed=1, positives=positives), 9)
    assert_same(whole, [source.batch(indices, epoch) for epoch, indices in map(order.at, range(9))])
    second = source.image(2)
    assert all(any(np.array_equal(image, second) for image in images) for images, _ in whole)
    assert_same(taken(batches(source, 3, seed=1, start_step=4, positives=positives), 5), whole[4:])


def test_one_pass_without_shuffling(drawn):
    dataset = batches(source_of(drawn), 3, shuffle=False)
    assert int(dataset.cardinality()) == 3
    assert [len(images) for images, _ in dataset] == [3, 3, 1]
    assert [images[0, 0, 0, 0] for images, _ in taken(batches(source_of(drawn), 1, shuffle=False), 9)] == [
        image[0, 0, 0] for image in map(source_of(drawn).image, range(7))
    ]


def test_shards_and_replicas_partition_the_global_batch(drawn):
    source = source_of(drawn)
    whole = taken(batches(source, 4, seed=2), 2)
    two_workers = [taken(batches(source, 4, seed=2, shard=(i, 2)), 2) for i in range(2)]
    one_worker_with_two_replicas = taken(batches(source, 4, seed=2, shard=(0, 2), replicas=2), 4)
    for step, (images, _) in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([worker[step][0] for worker in two_workers]), images)
        replicas = one_worker_with_two_replicas[2 * step : 2 * step + 2]
        np.testing.assert_array_equal(np.concatenate([images for images, _ in replicas]), images)


def test_tensorflow_does_not_shard_once_more(drawn):
    policy = batches(source_of(drawn), 3).options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.OFF


def test_no_thread_tunes_the_input(drawn):
    """Such a thread sleeps up to a minute, and its iterator is not deleted before."""
    assert batches(source_of(drawn), 3).options().autotune.enabled is False


def test_native_sizes_may_change_from_batch_to_batch(drawn):
    drawn.size_of = lambda record: (8, 10) if record.id == "image3" else (12, 16)
    dataset = batches(ImageSource(drawn, drawn.records("train")), 1, shuffle=False)
    assert dataset.element_spec[0] == tf.TensorSpec((None, None, None, 3), tf.uint8)
    assert [images.shape[1:3] for images, _ in taken(dataset, 5)] == [(12, 16)] * 3 + [(8, 10), (12, 16)]


def test_an_error_of_the_source_comes_out_as_itself(drawn):
    def broken(record):
        if record.id == "image5":
            raise Failure("image5.jpg is truncated; delete it or fetch it again")
        return np.zeros((12, 16, 3), np.uint8)

    drawn.image = broken
    source = source_of(drawn)
    message = "^image5.jpg is truncated; delete it or fetch it again$"
    with pytest.raises(Failure, match=message) as caught, own_errors(source):
        taken(batches(source, 2, shuffle=False), 4)
    assert caught.value.__suppress_context__  # no TensorFlow traceback above it


def test_an_error_of_somebody_else_stays_what_it_was(drawn):
    source = source_of(drawn)
    source.error = Failure("from an earlier loop")
    with pytest.raises(ZeroDivisionError), own_errors(source):
        1 / 0  # noqa: B018


def test_fit_reports_the_error_of_the_source(drawn):
    import keras

    def broken(record):
        raise Failure("no such image")

    drawn.image = broken
    source = source_of(drawn)
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, {"label": keras.layers.Reshape((6, 6))(keras.layers.Conv2D(1, 1)(inputs))})
    model.compile("sgd", {"label": "mse"})
    with pytest.raises(Failure, match="no such image"), own_errors(source):
        model.fit(batches(source, 2), steps_per_epoch=1, verbose=0)


def test_a_batch_smaller_than_the_replicas_is_named(drawn):
    from kseg.pipeline import distributed_batches

    class TwoReplicas:
        num_replicas_in_sync = 2

    with pytest.raises(UsageError, match="batch size 1 is smaller than the 2 replicas"):
        distributed_batches(TwoReplicas(), source_of(drawn), 1)


def test_replicas_of_a_strategy_share_the_global_batch(drawn):
    """Two workers of two replicas each, as a strategy would ask for them."""
    from kseg.pipeline import distributed_batches

    class FourReplicas:
        num_replicas_in_sync = 4

        def distribute_datasets_from_function(self, per_worker):
            contexts = [tf.distribute.InputContext(2, worker, 4) for worker in range(2)]
            return [per_worker(context) for context in contexts]

    source = source_of(drawn)
    workers = distributed_batches(FourReplicas(), source, 6, seed=3)
    parts = [taken(worker, 4) for worker in workers]  # two steps, two replicas
    for step, (images, _) in enumerate(taken(batches(source, 6, seed=3), 1)):
        shared = [part[2 * step + replica][0] for part in parts for replica in range(2)]
        np.testing.assert_array_equal(np.concatenate(shared), images)
        assert [len(s) for s in shared] == [2, 2, 1, 1]
