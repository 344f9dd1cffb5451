"""A source whose targets hold more than the label: what a loss reads beside it, and weights of pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import numpy as np

from kseg.errors import UsageError
from kseg.pipeline.maps import PixelWeights, distance_maps
from kseg.pipeline.memory import ArrayMemory
from kseg.pipeline.source import Arrays, ArraySpec, Batch, Signature, Source

MEMORY = 512 * 1024**2
"""Bytes of maps that are kept where the same label maps come again."""

READABLE = ("distance", "image")
"""What a loss may read: "distance", `maps.distance_maps`, one per channel of the prediction, and "image", the image
itself over 255."""


@dataclass(frozen=True)
class Maps:
    """What is made of every label map, after all resizing and augmentation.

    Args:
      reads: the targets beside the label that a loss reads, of `READABLE`.
      channels: of the prediction.
      weights: of the pixels; None for no weights.
    Raises:
      UsageError: a target that nothing makes.
    """

    reads: tuple[str, ...] = ()
    channels: int = 1
    weights: PixelWeights | None = None

    def __post_init__(self) -> None:
        for name in self.reads:
            if name not in READABLE:
                raise UsageError(f"the loss reads {name!r}, which is no target; a loss may read {', '.join(READABLE)}")

    def specs(self, size: tuple[int | None, ...]) -> dict[str, ArraySpec]:
        """Shapes and dtypes of the targets of label maps of this size."""
        depths = {"distance": self.channels, "image": 3}
        specs = {name: ArraySpec((*size, depths[name]), "float32") for name in self.reads}
        return specs if self.weights is None else {**specs, "weight": ArraySpec(size, "float32")}

    def of_label(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        """The targets that follow from the label map alone, each as a function of it."""
        made: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
        if "distance" in self.reads:
            made["distance"] = partial(distance_maps, channels=self.channels)
        if self.weights is not None:
            made["weight"] = self.weights
        return made


class TargetSource(Source):
    """Another source's inputs and label, with the further targets that `maps` names.

    They are functions of the label maps and images alone, so they go with any order, augmentation and cache. `remember`
    keeps those of label maps that come again, as they do where nothing is random but a flip.
    """

    def __init__(self, source: Source, maps: Maps, *, remember: bool):
        self.source, self.maps = source, maps
        self._of_label = maps.of_label()
        self._memory = ArrayMemory(MEMORY if remember else 0)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def signature(self) -> Signature:
        inner = self.source.signature
        label = inner.targets["label"]
        return Signature(inner.inputs, {**inner.targets, **self.maps.specs(label.shape)})

    def batch(self, indices: np.ndarray, epoch: int) -> Batch:
        inputs, targets = self.source.batch(indices, epoch)
        targets = dict(targets)
        for name, function in self._of_label.items():
            targets[name] = np.stack([self._remembered(label, name, function) for label in targets["label"]])
        if "image" in self.maps.reads:
            targets["image"] = self.images(inputs, indices, epoch).astype(np.float32) / np.float32(255)
        return inputs, targets

    def images(self, inputs: Arrays, indices: np.ndarray, epoch: int) -> np.ndarray:
        return self.source.images(inputs, indices, epoch)

    def _remembered(self, label: np.ndarray, name: str, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        key = (name, label.shape, blake2b(label.tobytes(), digest_size=16).digest())
        found = self._memory.get(key)
        if found is None:
            found = function(label)
            self._memory.put(key, found)
        return found

    def __str__(self) -> str:
        return str(self.source)
