"""A source whose truth holds more than the label map: bands that a loss reads behind it, and weights of pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from kseg.pipeline.maps import PixelWeights, signed_distance
from kseg.pipeline.memory import ArrayMemory
from kseg.pipeline.source import Arrays, ArraySpec, Batch, Signature, Source

MEMORY = 512 * 1024**2
"""Bytes of maps that are kept where the same label maps come again."""

IMAGE_BANDS = 3


@dataclass(frozen=True)
class Maps:
    """What is made of every label map, after all resizing and augmentation.

    Args:
      bands: which kinds of bands stand behind the label, in this order: "distance" (`maps.signed_distance`, one per
        channel of the prediction) and "image" (the image itself over 255).
      channels: of the prediction.
      weights: of the pixels; None for no weights.
    """

    bands: tuple[str, ...] = ()
    channels: int = 1
    weights: PixelWeights | None = None

    @property
    def depth(self) -> int:
        """How many bands there are."""
        widths = {"distance": self.channels, "image": IMAGE_BANDS}
        return sum(widths[band] for band in self.bands)


class PackedSource(Source):
    """Another source's inputs, with truth float32 (N, h, w, 1 + B): its labels, then the bands that `maps` names;
    and, where `maps` has weights, these, float32 (N, h, w), as a third array.

    A function of the label maps and images alone, so it goes with any order, augmentation and cache. `remember` keeps
    the maps of label maps that come again, as they do where nothing is random but a flip.
    """

    def __init__(self, source: Source, maps: Maps, *, remember: bool):
        self.source, self.maps = source, maps
        self._memory = ArrayMemory(MEMORY if remember else 0)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def signature(self) -> Signature:
        inner = self.source.signature
        size = inner.labels.shape
        labels = ArraySpec((*size, 1 + self.maps.depth), "float32") if self.maps.bands else inner.labels
        return Signature(inner.inputs, labels, ArraySpec(size, "float32") if self.maps.weights else None)

    def batch(self, indices: np.ndarray, epoch: int) -> Batch:
        inputs, labels = self.source.batch(indices, epoch)[:2]
        truth = self._packed(labels, inputs, indices, epoch) if self.maps.bands else labels
        if self.maps.weights is None:
            return inputs, truth
        return inputs, truth, self._of_each(labels, "weights", self.maps.weights)

    def images(self, inputs: Arrays, indices: np.ndarray, epoch: int) -> np.ndarray:
        return self.source.images(inputs, indices, epoch)

    def _packed(self, labels: np.ndarray, inputs: Arrays, indices: np.ndarray, epoch: int) -> np.ndarray:
        layers = [labels[..., None].astype(np.float32)]
        for band in self.maps.bands:
            if band == "distance":
                layers.append(self._of_each(labels, band, lambda label: signed_distance(label, self.maps.channels)))
            else:
                layers.append(self.images(inputs, indices, epoch).astype(np.float32) / np.float32(255))
        return np.concatenate(layers, axis=-1)

    def _of_each(self, labels: np.ndarray, kind: str, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return np.stack([self._remembered(label, kind, function) for label in labels])

    def _remembered(self, label: np.ndarray, kind: str, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        key = (kind, label.shape, blake2b(label.tobytes(), digest_size=16).digest())
        found = self._memory.get(key)
        if found is None:
            found = function(label)
            self._memory.put(key, found)
        return found

    def __str__(self) -> str:
        return str(self.source)
