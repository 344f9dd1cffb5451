"""Which examples each batch holds: a pure function of seed and step.

There is no state between steps, so training resumes at step k by asking for step k.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, islice

import numpy as np

from kseg.errors import UsageError
from kseg.wording import counted

Shard = tuple[int, int]
"""(index, count): the part of every global batch that one worker or replica gets."""

WHOLE: Shard = (0, 1)


@dataclass(frozen=True)
class Positives:
    """The examples that show the category; every batch is to hold at least `per_batch` of them.

    Rahman & Wang 2016, section 4.1: "we made it sure that each batch contains at least one positive example". The
    paper does not say how; `Order` describes kseg's way.

    Raises:
      UsageError: there is no positive example, or `per_batch` is below 1.
    """

    indices: frozenset[int]
    per_batch: int = 1

    def __post_init__(self) -> None:
        if self.per_batch < 1:
            raise UsageError(f"positives per batch are {self.per_batch}; they must be at least 1")
        if not self.indices:
            raise UsageError(
                "no training image shows the category, so no batch can hold one; choose another --category, or leave "
                "out --positives-per-batch"
            )


@dataclass(frozen=True)
class Order:
    """The order of `n` examples in batches: epoch e uses the permutation seeded by (seed, e).

    An epoch is ceil(n / batch_size) batches; the last one may be short.

    With `positives`, a shuffled batch with too few of them swaps other examples for positives of batches that have more
    than they need, so an epoch still shows every example once. Where there are not enough positives for all batches,
    positives are repeated and replace other examples, which wait for another epoch.

    Raises:
      UsageError: no examples, a batch size below 1, or more positives per batch than the batch size.
    """

    n: int
    batch_size: int
    seed: int = 0
    shuffle: bool = True
    positives: Positives | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise UsageError("there is no example to make a batch of; check the split and --limit")
        if self.batch_size < 1:
            raise UsageError(f"batch size is {self.batch_size}; it must be at least 1")
        if self.positives is not None and self.positives.per_batch > self.batch_size:
            raise UsageError(
                f"--positives-per-batch is {self.positives.per_batch} and a batch has "
                f"{counted(self.batch_size, 'image')}; lower it, or raise --batch-size"
            )

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.n // self.batch_size)

    def at(self, step: int, shard: Shard = WHOLE) -> tuple[int, np.ndarray]:
        """The epoch of global step `step` and the indices, int64, of one shard of its batch.

        The shards of a step divide its batch into contiguous parts whose sizes differ by at most one. A last batch with
        fewer examples than shards is filled up with the first examples of the same epoch, since a worker without an
        example has no gradient.
        """
        epoch, k = divmod(step, self.steps_per_epoch)
        order = np.arange(self.n) if not self.shuffle else self._shuffled(epoch)
        batch = order[k * self.batch_size : (k + 1) * self.batch_size]
        index, count = shard
        if not 0 <= index < count:
            raise UsageError(f"shard {index} of {count} does not exist; the index runs from 0 to {count - 1}")
        if len(batch) < count:
            batch = np.concatenate([batch, np.resize(order, count - len(batch))])
        return epoch, np.array_split(batch, count)[index]

    def _shuffled(self, epoch: int) -> np.ndarray:
        if self.positives is None:
            return _permutation(self.n, self.seed, epoch)
        return _with_positives(self.n, self.batch_size, self.seed, epoch, self.positives)


def batch_indices(
    n: int,
    batch_size: int,
    *,
    seed: int,
    start_step: int = 0,
    shuffle: bool = True,
    shard: Shard = WHOLE,
    positives: Positives | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """(epoch, indices) of every batch from `start_step` on: endless when shuffling, one pass otherwise."""
    order = Order(n, batch_size, seed, shuffle, positives)
    step = start_step
    while shuffle or step < order.steps_per_epoch:
        yield order.at(step, shard)
        step += 1


@lru_cache(maxsize=8)
def _permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    permutation = np.random.default_rng([seed, epoch]).permutation(n)
    permutation.flags.writeable = False  # the cache shares it among callers
    return permutation


@lru_cache(maxsize=4)
def _with_positives(n: int, batch_size: int, seed: int, epoch: int, positives: Positives) -> np.ndarray:
    """The epoch's permutation with as few swaps as every batch needs to hold its positives."""
    order = _permutation(n, seed, epoch).copy()
    is_positive = np.zeros(n, dtype=bool)
    is_positive[list(positives.indices)] = True
    starts = range(0, n, batch_size)
    places = [np.arange(start, min(start + batch_size, n)) for start in starts]
    needs = [min(positives.per_batch, len(batch)) for batch in places]
    spare = [
        place
        for batch, need in zip(places, needs, strict=True)
        for place in batch[is_positive[order[batch]]][need:].tolist()
    ]
    repeats = cycle(order[is_positive[order]].tolist())
    for batch, need in zip(places, needs, strict=True):
        others = batch[~is_positive[order[batch]]].tolist()
        for _ in range(need - (len(batch) - len(others))):
            place = others.pop()
            if spare:
                other = spare.pop(0)
                order[place], order[other] = order[other], order[place]
            else:
                order[place] = _another(repeats, len(positives.indices), order[batch].tolist())
    order.flags.writeable = False
    return order


def _another(repeats: Iterator[int], count: int, batch: list[int]) -> int:
    """The next of `count` positives that the batch does not hold yet; any positive if it holds all."""
    for candidate in islice(repeats, count):
        if candidate not in batch:
            break
    return candidate
