"""Batches of a source as plain arrays, for `fit` on any backend and without TensorFlow; the same stream as `tfdata`."""

import keras

from kseg.pipeline.order import WHOLE, Order, Positives, Shard
from kseg.pipeline.source import Batch, Source


class BatchSequence(keras.utils.PyDataset):
    """(inputs, targets) of a source, batch by batch: endless when shuffling, one pass otherwise.

    The arguments are those of `kseg.pipeline.batches`. With `shuffle=True`, `fit` needs `steps_per_epoch`
    (`sequence.order.steps_per_epoch`). Call `fit` with `shuffle=False`; otherwise Keras shuffles the batches again.

    Inside `kseg.pipeline.own_errors(source)`, errors of the source are raised unchanged on every backend.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        *,
        seed: int = 0,
        start_step: int = 0,
        shuffle: bool = True,
        shard: Shard = WHOLE,
        positives: Positives | None = None,
        prefetch: int = 2,
        workers: int = 1,
    ):
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=prefetch)
        self.source, self.order = source, Order(len(source), batch_size, seed, shuffle, positives)
        self._start, self._shard = start_step, shard

    @property
    def num_batches(self) -> int | None:
        return None if self.order.shuffle else self.order.steps_per_epoch - self._start

    def __getitem__(self, index: int) -> Batch:
        epoch, indices = self.order.at(self._start + index, self._shard)
        return self.source.checked_batch(indices, epoch)
