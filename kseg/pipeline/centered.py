"""Targets for networks that score only the center of an image, because their convolutions are not padded."""

from dataclasses import dataclass

import numpy as np

from kseg.pipeline.source import ArraySpec, TargetMaker, Targets
from kseg.structures import Structure


@dataclass(frozen=True)
class CenteredTargets:
    """The targets that another maker makes of a whole truth, cropped by `margin` pixels on every side.

    Distances to borders and the like are computed from the whole truth, so they take the margin into account.

    Args:
      maker: makes targets that are maps, (h, w, …) each.
      margin: pixels, fewer than half a side.
    """

    maker: TargetMaker
    margin: int

    @property
    def task(self) -> str:
        return self.maker.task

    @property
    def needs_image(self) -> bool:
        return self.maker.needs_image

    def specs(self, size: tuple[int | None, ...]) -> dict[str, ArraySpec]:
        inside = tuple(side if side is None else side - 2 * self.margin for side in size)
        return {
            name: ArraySpec((*inside, *spec.shape[2:]), spec.dtype) for name, spec in self.maker.specs(size).items()
        }

    def __call__(self, truth: Structure, image: np.ndarray | None) -> Targets:
        return {name: self._inside(target) for name, target in self.maker(truth, image).items()}

    def _inside(self, target: np.ndarray) -> np.ndarray:
        height, width = target.shape[:2]
        return target[self.margin : height - self.margin, self.margin : width - self.margin]
