"""Where batches come from: a source turns indices into NumPy arrays, for `tf.data` and for plain arrays alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np

from kseg.datasets import Dataset, Record
from kseg.datasets.base import check_same_size
from kseg.datasets.locate import stamp
from kseg.errors import Failure, KsegError, UsageError
from kseg.pipeline.memory import ArrayMemory
from kseg.pipeline.transforms import Transform, compose

AUTO_MEMORY = 2 * 1024**3
"""Bytes of decoded images that `memory="auto"` keeps."""


@dataclass(frozen=True)
class ArraySpec:
    """Shape of one example (None where it varies from batch to batch) and dtype, as NumPy names it, or "bfloat16"."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Signature:
    """What `Source.batch` returns, without the batch axis; `inputs` is a tuple where the network takes several."""

    inputs: ArraySpec | tuple[ArraySpec, ...]
    targets: Mapping[str, ArraySpec]

    @property
    def flat_inputs(self) -> tuple[ArraySpec, ...]:
        return (self.inputs,) if isinstance(self.inputs, ArraySpec) else self.inputs


Arrays = np.ndarray | tuple[np.ndarray, ...]

Targets = dict[str, np.ndarray]
"""What losses and metrics are given, by name: "label", label maps (N, h, w); where they are wanted "distance" and
"image", (N, h, w, ·), and "weight", of pixels, (N, h, w)"""

Batch = tuple[Arrays, Targets]
"""(inputs, targets), as `fit` takes them"""


class Source(ABC):
    """`len(source)` examples, delivered as batches of NumPy arrays; several threads may call `batch` at once."""

    error: Exception | None = None
    """what the last failing `batch` raised; see `own_errors`"""

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def signature(self) -> Signature:
        """Shapes and dtypes of what `batch` returns."""

    @abstractmethod
    def batch(self, indices: np.ndarray, epoch: int) -> Batch:
        """(inputs, targets) of the examples `indices`, in this order; `epoch` only moves the random transforms."""

    def images(self, inputs: Arrays, indices: np.ndarray, epoch: int) -> np.ndarray:
        """The images, uint8 (N, h, w, 3), that stand behind the `inputs` of this batch: unless a source says otherwise,
        the inputs."""
        assert isinstance(inputs, np.ndarray)
        return inputs

    def checked_batch(self, indices: np.ndarray, epoch: int) -> Batch:
        """`batch`, remembering an exception in `error` on its way through a framework that would bury it."""
        try:
            return self.batch(indices, epoch)
        except Exception as error:
            self.error = error
            raise


@contextmanager
def own_errors(*sources: Source) -> Iterator[None]:
    """Around `model.fit` or a loop over batches: what a source raised comes out as itself, not as TensorFlow's
    account of it."""
    for source in sources:
        source.error = None
    try:
        yield
    except Exception as outer:
        for source in sources:
            if source.error is not None and source.error is not outer:
                raise source.error from None
        raise


class ImageSource(Source):
    """Decoded, resized and, if asked for, augmented images of a data set, with their labels.

    `batch` gives images uint8 (N, h, w, 3) and one target, "label", uint8 (N, h, w).

    Args:
      dataset, records: where the pixels come from, and which.
      image_size: (h, w) to which every image (bilinear) and label map (nearest) is resized; None keeps each image's
        own size, which then has to be the same within a batch.
      transforms: random `dict -> dict` functions (`kseg.pipeline.transforms`), applied after resizing with a
        generator that (seed, epoch, index) fixes.
      memory: keep decoded images in RAM: "on", "off", or "auto": until they fill 2 GB.
    Raises:
      Failure: a file that cannot be read, or a label map of another size than its image.
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
    ):
        self.dataset, self.records, self.image_size = dataset, tuple(records), image_size
        self.transforms, self.seed = tuple(transforms), seed
        budget = {"auto": AUTO_MEMORY, "on": None, "off": 0}[memory]
        self._images, self._labels = ArrayMemory(budget), ArrayMemory(budget)
        self._sizes: dict[int, tuple[int, ...]] = {}
        """(H, W) of each example before resizing"""

    def __len__(self) -> int:
        return len(self.records)

    @property
    def signature(self) -> Signature:
        size: tuple[int | None, ...] = (None, None)
        if self.image_size is not None:  # what the transforms make of a blank image is the size they deliver
            blank = np.zeros((*self.image_size, 3), np.uint8)
            size = self._transformed(blank, blank[..., 0], 0, 0)[1].shape
        return Signature(ArraySpec((*size, 3), "uint8"), {"label": ArraySpec(size, "uint8")})

    @property
    def fingerprint(self) -> str:
        """Changes when the pixels of an image do; transforms and, where images are files, labels do not move it, so
        that with hair and without, say, share what a frozen network makes of the images."""
        lines = [self.dataset.name, repr(self.image_size), *map(self._stamp, self.records)]
        return sha256("\n".join(lines).encode()).hexdigest()

    def batch(self, indices: np.ndarray, epoch: int) -> tuple[np.ndarray, Targets]:
        pairs = [self._transformed(self.image(i), self.label(i), epoch, i) for i in map(int, indices)]
        images, labels = (self._stacked(list(half), indices) for half in zip(*pairs, strict=True))
        return images, {"label": labels}

    def image_batch(self, indices: np.ndarray, *, keep: bool = True) -> np.ndarray:
        """Only the images, without transforms; `keep=False` leaves the memory alone."""
        return self._stacked([self.image(int(i), keep=keep) for i in indices], indices)

    def label_batch(self, indices: np.ndarray) -> np.ndarray:
        """Only the labels, without transforms."""
        return self._stacked([self.label(int(i)) for i in indices], indices)

    def image(self, index: int, *, keep: bool = True) -> np.ndarray:
        """uint8 (h, w, 3) of one example, resized."""
        found = self._images.get(index)
        if found is None:
            from kseg.datasets.images import resize_image

            found = self._read(self.dataset.image, index)
            if self.image_size is not None:
                found = resize_image(found, self.image_size)
            if keep:
                self._images.put(index, found)
        return found

    def label(self, index: int) -> np.ndarray:
        """uint8 (h, w) of one example, resized."""
        found = self._labels.get(index)
        if found is None:
            from kseg.datasets.images import resize_labels

            found = self._read(self.dataset.labels, index)
            if self.image_size is not None:
                found = resize_labels(found, self.image_size)
            self._labels.put(index, found)
        return found

    def _stamp(self, record: Record) -> str:
        try:
            return stamp(record.image) if record.image is not None else self.dataset.fingerprint(record)
        except OSError as error:
            raise Failure(f"cannot read {record.id} of {self.dataset.name}: {error}") from error

    def _read(self, reader: Callable[[Record], np.ndarray], index: int) -> np.ndarray:
        """Pixels of the record's own size, checked against what its other half had."""
        record = self.records[index]
        try:
            pixels = reader(record)
        except KsegError:
            raise
        except (OSError, ValueError) as error:
            raise Failure(f"cannot read {record.id} of {self.dataset.name}: {error}") from error
        size = pixels.shape[:2]
        check_same_size(record, self._sizes.setdefault(index, size), size)
        return pixels

    def _transformed(
        self, image: np.ndarray, label: np.ndarray, epoch: int, index: int
    ) -> tuple[np.ndarray, np.ndarray]:
        if not self.transforms:
            return image, label
        rng = np.random.default_rng([self.seed, epoch, index])
        example = compose(self.transforms)({"image": image, "label": label}, rng)
        return example["image"], example["label"]

    def _stacked(self, arrays: list[np.ndarray], indices: np.ndarray) -> np.ndarray:
        if len({a.shape for a in arrays}) > 1:
            sizes = ", ".join(f"{self.records[i].id} {a.shape[:2]}" for i, a in zip(indices, arrays, strict=True))
            raise UsageError(f"images of one batch differ in size: {sizes}; pass --image-size H W or --batch-size 1")
        return np.stack(arrays)
