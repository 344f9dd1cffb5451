"""Where batches come from: a source turns indices into NumPy arrays, for `tf.data` and for plain arrays alike."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from kseg.structures import Structure


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
"""What losses and metrics are given, by name, as a task makes it of the truth"""

Batch = tuple[Arrays, Targets]
"""(inputs, targets), as `fit` takes them"""


class TargetMaker(Protocol):
    """What makes the targets of an example, once image and truth are resized and augmented.

    It is a function of the two alone, so it goes with any order, augmentation and cache of features; several threads
    may call it at once.
    """

    @property
    def task(self) -> str:
        """The task whose truth it takes."""
        ...

    @property
    def needs_image(self) -> bool:
        """Whether the targets depend on the image, which then is decoded even where cached features stand for it."""
        ...

    def specs(self, size: tuple[int | None, ...]) -> dict[str, ArraySpec]:
        """Shapes and dtypes of the targets of an image of this size (h, w), in their order."""
        ...

    def __call__(self, truth: Structure, image: np.ndarray | None) -> Targets:
        """The targets of one example, without the batch axis; `image`, uint8 (h, w, 3), is there if it is needed."""
        ...


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

    @abstractmethod
    def with_targets(self, targets: "TargetMaker") -> Self:
        """The same examples with other targets; decoded images and stored features are shared."""

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
