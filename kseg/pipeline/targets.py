"""Targets from label maps: the label, what a loss reads beside it, and weights of pixels."""

from collections.abc import Callable
from functools import partial
from hashlib import blake2b

import numpy as np

from kseg.datasets.memory import Memory
from kseg.errors import UsageError
from kseg.pipeline.maps import PixelWeights, distance_maps
from kseg.pipeline.source import ArraySpec, Targets
from kseg.structures import LabelMap, Structure

MEMORY = 512 * 1024**2
"""Bytes of maps that are kept in memory for label maps that occur again."""

READABLE = ("distance", "image")
"""The targets that a loss may read: "distance", `maps.distance_maps`, one per channel of the prediction, and "image",
the image itself over 255."""


class LabelTargets:
    """ "label", uint8 (h, w), and on demand "distance", float32 (h, w, K), "weight", float32 (h, w), and "image",
    float32 (h, w, 3).

    Args:
      reads: the targets beside the label that a loss reads, of `READABLE`.
      channels: K, of the prediction.
      weights: of the pixels; None for no weights.
      remember: keep the maps in memory, for labels that occur again because only flips are random.
    Raises:
      UsageError: an unknown target.
    """

    task = "semantic"

    def __init__(
        self,
        reads: tuple[str, ...] = (),
        *,
        channels: int = 1,
        weights: PixelWeights | None = None,
        remember: bool = False,
    ):
        for name in reads:
            if name not in READABLE:
                raise UsageError(f"the loss reads {name!r}, which is no target; a loss may read {', '.join(READABLE)}")
        self.reads, self.channels = reads, channels
        self._maps: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
        if "distance" in reads:
            self._maps["distance"] = partial(distance_maps, channels=channels)
        if weights is not None:
            self._maps["weight"] = weights
        self._memory: Memory[np.ndarray] = Memory(MEMORY if remember else 0)

    @property
    def needs_image(self) -> bool:
        return "image" in self.reads

    def specs(self, size: tuple[int | None, ...]) -> dict[str, ArraySpec]:
        shapes = {"distance": (*size, self.channels), "weight": size}
        specs = {"label": ArraySpec(size, "uint8")}
        specs |= {name: ArraySpec(shapes[name], "float32") for name in self._maps}
        return specs | {"image": ArraySpec((*size, 3), "float32")} if self.needs_image else specs

    def __call__(self, truth: Structure, image: np.ndarray | None) -> Targets:
        assert isinstance(truth, LabelMap)
        targets = {"label": truth.ids, **{name: self._map(name, truth.ids) for name in self._maps}}
        if self.needs_image:
            assert image is not None
            targets["image"] = image.astype(np.float32) / np.float32(255)
        return targets

    def _map(self, name: str, label: np.ndarray) -> np.ndarray:
        key = (name, label.shape, blake2b(label.tobytes(), digest_size=16).digest())
        return self._memory.recall(key, lambda: self._maps[name](label))
