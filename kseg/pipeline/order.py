"""Which examples stand in which batch: a pure function of seed and step, so that any step can be asked for.

Nothing is remembered between steps; resuming at step k is therefore asking for step k.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kseg.errors import UsageError

Shard = tuple[int, int]
"""(index, count): the part of every global batch that one worker or replica gets."""

WHOLE: Shard = (0, 1)


@dataclass(frozen=True)
class Order:
    """The order of `n` examples in batches: epoch e walks through one permutation that (seed, e) fixes.

    An epoch is ceil(n / batch_size) batches; the last one may be short.

    Raises:
      UsageError: no examples, or a batch size below 1.
    """

    n: int
    batch_size: int
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self) -> None:
        if self.n < 1:
            raise UsageError("there is no example to make a batch of; check the split and --limit")
        if self.batch_size < 1:
            raise UsageError(f"batch size is {self.batch_size}; it must be at least 1")

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.n // self.batch_size)

    def at(self, step: int, shard: Shard = WHOLE) -> tuple[int, np.ndarray]:
        """The epoch of global step `step` and the indices, int64, of one shard of its batch.

        The shards of a step partition its batch in contiguous parts whose sizes differ by at most one. Only a last
        batch with fewer examples than shards is filled up with the first examples of the same epoch, since a
        worker without an example would have no gradient to contribute.
        """
        epoch, k = divmod(step, self.steps_per_epoch)
        order = _permutation(self.n, self.seed, epoch) if self.shuffle else np.arange(self.n)
        batch = order[k * self.batch_size : (k + 1) * self.batch_size]
        index, count = shard
        if not 0 <= index < count:
            raise UsageError(f"shard {index} of {count} does not exist; the index runs from 0 to {count - 1}")
        if len(batch) < count:
            batch = np.concatenate([batch, np.resize(order, count - len(batch))])
        return epoch, np.array_split(batch, count)[index]


def batch_indices(
    n: int, batch_size: int, *, seed: int, start_step: int = 0, shuffle: bool = True, shard: Shard = WHOLE
) -> Iterator[tuple[int, np.ndarray]]:
    """(epoch, indices) of every batch from `start_step` on: without end when shuffling, one pass when not."""
    order = Order(n, batch_size, seed, shuffle)
    step = start_step
    while shuffle or step < order.steps_per_epoch:
        yield order.at(step, shard)
        step += 1


@lru_cache(maxsize=8)
def _permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    permutation = np.random.default_rng([seed, epoch]).permutation(n)
    permutation.flags.writeable = False  # it is shared by every caller
    return permutation
