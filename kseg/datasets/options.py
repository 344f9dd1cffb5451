"""The options of every data set; a data set declares its own in a subclass beside its records."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from kseg.conventions import TaskName
from kseg.datasets.facts import RemoteFile
from kseg.ranges import COUNT, SEED, check_ranges


@dataclass(frozen=True)
class DataOptions:
    """Which data set, where it lies, and how much of it to use.

    A data set with options of its own subclasses this as its `Options`; `data_options` finds the class by name.
    """

    dataset: str
    """which data set: one of ours by name, or folder for images and masks of your own"""
    data_dir: Path | None = None
    """where the data set's archives or extracted tree lie (unset: data/NAME)"""
    limit: Annotated[int | None, COUNT] = None
    """use only the first N records of every split, for a quick look"""
    category: str | None = None
    """one class of several against all others: it is the foreground, they are the background, void stays void"""
    classes_of: TaskName | None = None
    """for a network that tells the class of each pixel: the classes that the data set has for another task; those of
    panoptic make it fit for `kseg panoptic fuse` (unset: its own)"""

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def variant_names(self) -> tuple[str, ...]:
        """What tells these options from others of the data set in the name of a run."""
        return ()

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The classes that these options ask for, where options decide them; needs no files."""
        return None

    def needed_files(self, files: Sequence[RemoteFile]) -> Sequence[RemoteFile]:
        """Of the files of the data set those that these options need."""
        return files


@dataclass(frozen=True)
class SeededOptions(DataOptions):
    """Options of a data set in which chance has a part: it draws the images or divides them."""

    data_seed: Annotated[int, SEED] = 0  # not `seed`: that is the flag of the run
    """seed of images that are drawn, and of splits that chance makes"""
