"""Sources of batches: a source turns indices into NumPy arrays, for `tf.data` and for plain arrays."""

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
"""What losses and metrics are given, by name; a task makes it from the truth"""

Batch = tuple[Arrays, Targets]
"""(inputs, targets), as `fit` takes them"""


class TargetMaker(Protocol):
    """Makes the targets of an example from its resized and augmented image and truth.

    It is a pure function of the two, so it works with any order, augmentation and feature cache; several threads may
    call it at once.
    """

    @property
    def task(self) -> str:
        """The task whose truth it takes."""
        ...

    @property
    def needs_image(self) -> bool:
        """Whether the targets depend on the image, which is then decoded even where features are cached."""
        ...

    def specs(self, size: tuple[int | None, ...]) -> dict[str, ArraySpec]:
        """Shapes and dtypes of the targets of an image of this size (h, w), in their order."""
        ...

    def __call__(self, truth: Structure, image: np.ndarray | None) -> Targets:
        """The targets of one example, without the batch axis; `image`, uint8 (h, w, 3), is None if not needed."""
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
        """(inputs, targets) of the examples `indices`, in this order; `epoch` only seeds the random transforms."""

    @abstractmethod
    def with_targets(self, targets: "TargetMaker") -> Self:
        """The same examples with other targets; decoded images and stored features are shared."""

    def checked_batch(self, indices: np.ndarray, epoch: int) -> Batch:
        """`batch`, which keeps an exception in `error`, since frameworks wrap it in their own."""
        try:
            return self.batch(indices, epoch)
        except Exception as error:
            self.error = error
            raise


@contextmanager
def own_errors(*sources: Source) -> Iterator[None]:
    """Context for `model.fit` or a loop over batches in which errors of a source are raised unchanged, without
    TensorFlow's wrapping."""
    for source in sources:
        source.error = None
    try:
        yield
    except Exception as outer:
        for source in sources:
            if source.error is not None and source.error is not outer:
                raise source.error from None
        raise
