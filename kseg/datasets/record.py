"""One image of a data set and what its truth is read from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kseg.errors import Failure


@dataclass(frozen=True)
class Record:
    """One image with its truth."""

    id: str
    """unique within the data set; safe as a file name"""
    image: Path | None = None
    """file of the image; None if the data set draws it"""
    annotation: Any = None
    """what its data set reads the truth from: a file, a folder, several files; only the data set uses it"""

    @property
    def image_file(self) -> Path:
        """The image's file; only for data sets that read files."""
        assert self.image is not None, f"{self.id} is drawn and has no file"
        return self.image


def check_same_size(record: Record, image: tuple[int, ...], labels: tuple[int, ...]) -> None:
    """Raises Failure where the image of a record and its truth differ in size."""
    if image != labels:
        raise Failure(
            f"{record.id}: image and label map have {image} and {labels} pixels; make them the same size "
            "(`kseg data check` lists all such pairs)"
        )
