"""The class of each pixel: the structure of semantic segmentation."""

from dataclasses import dataclass

import numpy as np

from kseg.conventions import VOID
from kseg.structures.base import Structure, check_map
from kseg.structures.moves import Move, Size


@dataclass(frozen=True, eq=False)
class LabelMap(Structure):
    """A class per pixel.

    >>> LabelMap(np.array([[0, 1, 255]], np.uint8)).flipped().ids.tolist()
    [[255, 1, 0]]
    """

    ids: np.ndarray
    """uint8 (H, W): class ids 0..254, and `VOID` for pixels to ignore"""

    def __post_init__(self) -> None:
        check_map(self.ids, np.uint8, "a label map")

    @property
    def size(self) -> Size:
        return self.ids.shape[0], self.ids.shape[1]

    @property
    def nbytes(self) -> int:
        return self.ids.nbytes

    def relabeled(self, table: np.ndarray, *, background: bool = True) -> "LabelMap":
        return LabelMap(table[self.ids])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelMap) and np.array_equal(self.ids, other.ids)

    __hash__ = None  # type: ignore[assignment]

    def _moved(self, move: Move) -> "LabelMap":
        return LabelMap(move.of_map(self.ids, VOID))
