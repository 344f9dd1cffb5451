"""Test-time augmentation: the mean of a network's outputs for an image, its mirror images and other sizes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from kseg.datasets.images import resize_image, resize_probabilities
from kseg.errors import UsageError, unknown_name

Augmentation = Literal["flips", "turns", "scales"]

AUGMENTATIONS: tuple[Augmentation, ...] = ("flips", "turns", "scales")

SCALES = (0.75, 1.0, 1.25)
"""Shares of an image's size at which `scales` shows it."""

Forward = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Augmented:
    """Views of an image, over which a network's probabilities are averaged.

        p = mean_t t⁻¹(network(t(image)))      over every combination t of what is chosen

    Args:
      chosen: flips: the image and its mirror image, left and right exchanged. turns: the image and three more, turned
        by 90°, 180° and 270°, for images without up and down, such as those of a microscope. scales: the image at 0.75,
        1 and 1.25 times its size. All of them: 2·4·3 = 24 passes.
    Errors: UsageError for an unknown name or a name given twice.
    Source: Krizhevsky et al. 2012, section 4.1 (mirror images); Chen et al. 2018 (scales). Deviations: the mean is of
    probabilities.

    >>> Augmented(("flips", "scales")).passes
    6
    """

    chosen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.chosen:
            if name not in AUGMENTATIONS:
                raise unknown_name("test-time augmentation", name, AUGMENTATIONS)
        if len(set(self.chosen)) < len(self.chosen):
            raise UsageError(f"--tta is {','.join(self.chosen)}; name each augmentation once")

    @property
    def passes(self) -> int:
        """The number of views of each image."""
        return len(list(self._ways()))

    def around(self, run: Forward) -> Forward:
        """A function of the same kind: uint8 (N, h, w, 3) to float32 (N, h, w, C)."""
        if not self.chosen:
            return run

        def mean(batch: np.ndarray) -> np.ndarray:
            total: np.ndarray | None = None
            for scale, quarters, mirrored in self._ways():
                probabilities = _back(run(_shown(batch, scale, quarters, mirrored)), quarters, mirrored)
                if total is None:  # the first way is the image as it is
                    total = np.array(probabilities, np.float32)
                    continue
                for i, of_image in enumerate(probabilities):
                    total[i] += resize_probabilities(of_image, total.shape[1:3])
            assert total is not None
            return total / np.float32(self.passes)

        return mean

    def check_fits(self, model: keras.Model) -> None:
        """Raises UsageError where the model takes images of one size and the augmentation shows others."""
        height, width = model.inputs[0].shape[1:3]
        if None in (height, width):
            return
        if "scales" in self.chosen:
            raise UsageError(f"the model takes images of {height}×{width} pixels only; leave scales out of --tta")
        if "turns" in self.chosen and height != width:
            raise UsageError(f"the model takes images of {height}×{width} pixels only; leave turns out of --tta")

    def _ways(self) -> Iterator[tuple[float, int, bool]]:
        """(scale, quarter turns, whether mirrored), the image as it is first."""
        scales = sorted(SCALES, key=lambda scale: scale != 1) if "scales" in self.chosen else [1.0]
        for scale in scales:
            for quarters in range(4 if "turns" in self.chosen else 1):
                for mirrored in (False, True)[: 2 if "flips" in self.chosen else 1]:
                    yield scale, quarters, mirrored


def augmentations(words: Sequence[str]) -> Augmented:
    """The augmentations of these names, given one by one or joined by commas.

    >>> augmentations(["flips,scales"]).chosen
    ('flips', 'scales')
    """
    return Augmented(tuple(name for word in words for name in word.split(",") if name))


def _shown(batch: np.ndarray, scale: float, quarters: int, mirrored: bool) -> np.ndarray:
    if scale != 1:
        height, width = (max(1, round(side * scale)) for side in batch.shape[1:3])
        batch = np.stack([resize_image(image, (height, width)) for image in batch])
    batch = np.rot90(batch, quarters, axes=(1, 2))
    return np.ascontiguousarray(batch[:, :, ::-1] if mirrored else batch)


def _back(probabilities: np.ndarray, quarters: int, mirrored: bool) -> np.ndarray:
    """An output turned back to the image's orientation, at the size at which the image was shown."""
    upright = probabilities[:, :, ::-1] if mirrored else probabilities
    return np.rot90(upright, -quarters, axes=(1, 2))
