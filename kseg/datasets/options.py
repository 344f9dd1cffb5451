"""The options of every data set; a data set declares its own in a subclass beside its records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from kseg.conventions import TaskName
from kseg.datasets.facts import RemoteFile
from kseg.ranges import COUNT, SEED, check_ranges


@dataclass(frozen=True)
class DataOptions:
    """Which data set, where it lies, and how much of it to use.

    A data set with its own options subclasses this as its `Options`; `data_options` finds the class by name.
    """

    dataset: str
    """name of a data set, or folder for your own images and masks"""
    data_dir: Path | None = None
    """where the data set's archives or extracted tree lie (unset: data/NAME)"""
    limit: Annotated[int | None, COUNT] = None
    """use only the first N records of every split, for a quick look"""
    category: str | None = None
    """one class is the foreground and all others are background; void stays void"""
    classes_of: TaskName | None = None
    """for the task semantic: use the classes that the data set has for another task; `kseg panoptic fuse` needs those
    of panoptic (unset: those of semantic)"""

    usual: ClassVar[Mapping[str, Any]] = {}
    """option that a model's preset may fill in → its value where none does"""

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def variant_names(self) -> tuple[str, ...]:
        """Parts of a run's name that distinguish these options from others of the data set."""
        return ()

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The classes for these options, or None where they depend on files."""
        return None

    def needed_files(self, files: Sequence[RemoteFile]) -> Sequence[RemoteFile]:
        """The files of the data set that these options need."""
        return files


@dataclass(frozen=True)
class SeededOptions(DataOptions):
    """Options of a data set that draws its images, or divides them, at random."""

    data_seed: Annotated[int, SEED] = 0  # not `seed`, which is the flag of the run
    """seed of drawn images and of random splits"""
