"""Images of any sizes in one batch, padded to the largest, so that whole images can be scored together."""

from typing import Any

import numpy as np

from kseg.pipeline.image_source import ImageSource
from kseg.pipeline.source import ArraySpec, Signature
from kseg.pipeline.transforms import pad
from kseg.structures import Structure


class Padded(ImageSource):
    """The images and truths of a data set at their own sizes, padded with mean color and void at the right and below.

    Every image becomes as high as the highest and as wide as the widest. Sizes are read from the files' headers.

    Args: those of `ImageSource`, without a size and transforms.
    Source: Chen et al. 2018, whose validation pads to the size of the crops in this way.
    """

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        sizes = [self.dataset.size_of(record) for record in self.records]
        self.size = max(height for height, _ in sizes), max(width for _, width in sizes)

    @property
    def signature(self) -> Signature:
        return Signature(ArraySpec((*self.size, 3), "uint8"), self.targets.specs(self.size))

    def image(self, index: int, *, keep: bool = True) -> np.ndarray:
        return pad(super().image(index, keep=keep), self.size)

    def truth(self, index: int) -> Structure:
        return super().truth(index).padded(self.size)
