"""Images and truths of a data set as batches: decoded, resized, augmented."""

from collections.abc import Callable, Sequence
from copy import copy
from hashlib import sha256
from typing import Literal, Self, TypeVar

import numpy as np

from kseg.datasets import Dataset, Record
from kseg.datasets.locate import stamp
from kseg.datasets.memory import Memory
from kseg.datasets.record import check_same_size
from kseg.errors import Failure, KsegError, UsageError
from kseg.pipeline.source import ArraySpec, Signature, Source, TargetMaker, Targets
from kseg.pipeline.targets import LabelTargets
from kseg.pipeline.transforms import Example, Transform, compose
from kseg.structures import LabelMap, Structure

AUTO_MEMORY = 2 * 1024**3
"""Bytes of decoded images that `memory="auto"` keeps."""

Read = TypeVar("Read", np.ndarray, Structure)


class ImageSource(Source):
    """Decoded, resized and optionally augmented images of a data set, with the targets made of their truths.

    `batch` gives images uint8 (N, h, w, 3) and what `targets` makes.

    Args:
      dataset, records: the data set, and which of its records to read.
      image_size: (h, w) to which every image (bilinear) and truth is resized; None keeps each image's own size, which
        then has to be the same within a batch.
      transforms: random `dict -> dict` functions (`kseg.pipeline.transforms`), applied after resizing with a
        generator seeded by (seed, epoch, index).
      memory: keep decoded images in RAM: "on", "off", or "auto" (up to 2 GB).
      targets: makes what losses are given; label maps by default.
    Raises:
      Failure: a file that cannot be read, or a truth whose size differs from its image's.
      UsageError: images of several sizes in one batch.
    """

    def __init__(
        self,
        dataset: Dataset,
        records: Sequence[Record],
        image_size: tuple[int, int] | None = None,
        transforms: Sequence[Transform] = (),
        seed: int = 0,
        memory: Literal["auto", "on", "off"] = "auto",
        targets: TargetMaker | None = None,
    ):
        self.dataset, self.records, self.image_size = dataset, tuple(records), image_size
        self.transforms, self.seed = tuple(transforms), seed
        budget = {"auto": AUTO_MEMORY, "on": None, "off": 0}[memory]
        self.targets = targets if targets is not None else LabelTargets()
        self._images: Memory[np.ndarray] = Memory(budget)
        self._truths: Memory[Structure] = Memory(budget)
        self._sizes: dict[int, tuple[int, ...]] = {}
        """(H, W) of each example before resizing"""

    def __len__(self) -> int:
        return len(self.records)

    @property
    def signature(self) -> Signature:
        first, second = ((8, 9), (9, 8)) if self.image_size is None else (self.image_size, self.image_size)
        delivered = zip(self._delivered(first), self._delivered(second), strict=True)
        size = tuple(side if side == other else None for side, other in delivered)
        return Signature(ArraySpec((*size, 3), "uint8"), self.targets.specs(size))

    def _delivered(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size of an image after the transforms, found with a blank image."""
        blank = np.zeros((*size, 3), np.uint8)
        return self._transformed({"image": blank, "truth": LabelMap(blank[..., 0])}, 0, 0)["truth"].size

    @property
    def fingerprint(self) -> str:
        """A text that changes when the pixels of an image do.

        Transforms do not change it, nor do truths where images are files: faces with and without hair share the cached
        features of their images.
        """
        lines = [self.dataset.name, repr(self.image_size), *map(self._stamp, self.records)]
        return sha256("\n".join(lines).encode()).hexdigest()

    def batch(self, indices: np.ndarray, epoch: int) -> tuple[np.ndarray, Targets]:
        examples = [self._transformed(self._example(int(i)), epoch, int(i)) for i in indices]
        images = self._stacked([example["image"] for example in examples], indices)
        return images, _stacked_targets([self.targets(one["truth"], one["image"]) for one in examples])

    def with_targets(self, targets: TargetMaker) -> Self:
        other = copy(self)
        other.targets = targets
        return other

    def image_batch(self, indices: np.ndarray, *, keep: bool = True) -> np.ndarray:
        """Only the images, without transforms; `keep=False` does not store them in memory."""
        return self._stacked([self.image(int(i), keep=keep) for i in indices], indices)

    def target_batch(self, indices: np.ndarray) -> Targets:
        """Only the targets, without transforms; images are read where the targets depend on them."""
        needed = self.targets.needs_image
        return _stacked_targets(
            [self.targets(self.truth(i), self.image(i) if needed else None) for i in map(int, indices)]
        )

    def image(self, index: int, *, keep: bool = True) -> np.ndarray:
        """uint8 (h, w, 3) of one example, resized."""
        image = self._images.get(index)
        if image is None:
            from kseg.datasets.images import resize_image

            image = self._read(self.dataset.image, index)
            if self.image_size is not None:
                image = resize_image(image, self.image_size)
            if keep:
                self._images.put(index, image)
        return image

    def truth(self, index: int) -> Structure:
        """The truth of one example, resized."""
        return self._truths.recall(index, lambda: self._read_truth(index))

    def _read_truth(self, index: int) -> Structure:
        truth: Structure = self._read(lambda record: self.dataset.truth(record, self.targets.task), index)
        return truth if self.image_size is None else truth.resized(self.image_size)

    def _stamp(self, record: Record) -> str:
        try:
            return stamp(record.image) if record.image is not None else self.dataset.fingerprint(record)
        except OSError as error:
            raise Failure(f"cannot read {record.id} of {self.dataset.name}: {error}") from error

    def _read(self, reader: Callable[[Record], Read], index: int) -> Read:
        """An image or truth at its own size, which has to equal that of the record's other one."""
        record = self.records[index]
        try:
            content = reader(record)
        except KsegError:
            raise
        except (OSError, ValueError) as error:
            raise Failure(f"cannot read {record.id} of {self.dataset.name}: {error}") from error
        size = content.shape[:2] if isinstance(content, np.ndarray) else content.size
        check_same_size(record, self._sizes.setdefault(index, size), size)
        return content

    def _example(self, index: int) -> Example:
        return {"image": self.image(index), "truth": self.truth(index)}

    def _transformed(self, example: Example, epoch: int, index: int) -> Example:
        if not self.transforms:
            return example
        return compose(self.transforms)(example, np.random.default_rng([self.seed, epoch, index]))

    def _stacked(self, arrays: list[np.ndarray], indices: np.ndarray) -> np.ndarray:
        if len({a.shape for a in arrays}) > 1:
            sizes = ", ".join(f"{self.records[i].id} {a.shape[:2]}" for i, a in zip(indices, arrays, strict=True))
            raise UsageError(f"images of one batch differ in size: {sizes}; pass --image-size H W or --batch-size 1")
        return np.stack(arrays)


def _stacked_targets(targets: Sequence[Targets]) -> Targets:
    return {name: np.stack([one[name] for one in targets]) for name in targets[0]}
