"""What face data sets share: three parts (background, hair, face), and options that say which are foreground."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from kseg.datasets.base import Dataset
from kseg.datasets.lists import read_lines
from kseg.datasets.options import DataOptions
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel, class_table
from kseg.datasets.splits import PaperSplit
from kseg.errors import Failure, UsageError
from kseg.wording import counted

BACKGROUND, HAIR, FACE = 0, 1, 2
"""Ids of the parts: the stored ids, and the classes under `--parts`."""

BLACK, ORANGE, TEAL = (0, 0, 0), (240, 128, 40), (50, 190, 160)

LEGENDS = {
    "hair": Relabel(("background", "face+hair"), (BLACK, TEAL), class_table({HAIR: 1, FACE: 1})),
    "no_hair": Relabel(("background", "face"), (BLACK, TEAL), class_table({HAIR: 0, FACE: 1})),
    "parts": Relabel(("background", "hair", "face"), (BLACK, ORANGE, TEAL)),
}
"""The classes that the parts become, by the options' variant."""


@dataclass(frozen=True)
class FaceOptions(DataOptions):
    """Options of a data set of faces."""

    hair: bool = True
    """whether hair belongs to the foreground or to the background"""
    parts: bool = False
    """keep background, hair and face as three classes instead of two"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parts and not self.hair:
            raise UsageError("--parts keeps hair as a class of its own and --no-hair removes it; give one of them")

    @property
    def variant(self) -> str:
        """The key of `LEGENDS` for these options."""
        return "parts" if self.parts else "hair" if self.hair else "no_hair"

    @property
    def variant_names(self) -> tuple[str, ...]:
        return (self.variant,)

    @property
    def class_names(self) -> tuple[str, ...]:
        return LEGENDS[self.variant].classes


@dataclass(frozen=True)
class PaperFaceOptions(FaceOptions):
    """Options of a data set of faces that van Beers et al. measure on."""

    size: Literal["big", "small"] = "big"
    """the paper's big or small training and validation split"""
    split_scheme: Literal["paper", "official"] = "paper"
    """van Beers et al.'s splits by sorted name, or the data set's own lists"""

    @property
    def variant_names(self) -> tuple[str, ...]:
        return (self.variant, *([self.size] if self.size != "big" else []))


class FaceDataset(Dataset):
    """A data set whose stored ids are `BACKGROUND`, `HAIR` and `FACE` (neck included); the options choose the classes.

    `hair` (default): hair and face are foreground; `--no-hair`: hair is background; `--parts`: all three are classes.
    """

    Options: ClassVar[type[DataOptions]] = FaceOptions
    options: FaceOptions

    @property
    def legend(self) -> Relabel:
        return LEGENDS[self.options.variant]

    def truth_key(self, record: Record) -> str:
        return self.options.variant


class PaperFaceDataset(FaceDataset):
    """Faces that van Beers et al. measure on, divided as in the paper or by the data set's own lists.

    Args:
      folder: where the lists lie.
      records: all records.
      where: what was counted and where, for the message about an incomplete data set.
    """

    Options = PaperFaceOptions
    options: PaperFaceOptions
    paper: ClassVar[PaperSplit]
    lists: ClassVar[Mapping[str, str]]
    """file name of the data set's own list, by split"""
    lacking: ClassVar[Literal["image", "mask"]]
    """what a listed id lacks if there is no record of it"""

    def __init__(self, options: PaperFaceOptions, folder: Path, records: Iterable[Record], *, where: str):
        super().__init__(options)
        self.folder, self._where = folder, where
        self._by_id = {record.id: record for record in records}

    @abstractmethod
    def listed_id(self, line: str, path: Path) -> str:
        """The id of the record that a line of the list `path` names."""

    def all_records(self, split: str) -> Sequence[Record]:
        if self.options.split_scheme == "official":
            return self._listed(self.folder / self.lists[split])
        # Sorted by file name, as the paper's counts suggest: the pictures of one person stay together.
        records = [self._by_id[one] for one in sorted(self._by_id)]
        return self.paper.cut(records, split, self.options.size, where=self._where)

    def every_record(self) -> Sequence[Record]:
        return list(self._by_id.values())

    def _listed(self, path: Path) -> list[Record]:
        if not path.is_file():
            raise UsageError(
                f"the official split needs {path}; see `kseg data info {self.name}`, or use --split-scheme paper"
            )
        ids = [self.listed_id(line, path) for line in read_lines(path)]
        unknown = [one for one in ids if one not in self._by_id]
        if unknown:
            more = f" (and {counted(len(unknown) - 1, 'other')})" if len(unknown) > 1 else ""
            raise Failure(f"{path} lists {unknown[0]}, which has no {self.lacking}{more}; complete the data")
        return [self._by_id[one] for one in ids]
