"""Prepares a data set: downloads missing files, extracts archives, counts the records of each split."""

from collections.abc import Callable

from kseg.conventions import SPLITS
from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.download import download
from kseg.datasets.opening import open_dataset
from kseg.datasets.options import DataOptions
from kseg.errors import Failure, UsageError


def prepare(options: DataOptions, *, progress: bool = True, note: Callable[[str], None] = print) -> Dataset:
    """The opened data set, after downloading its missing files into the data folder where a source is known.

    If an optional file cannot be downloaded, a note says so and the rest goes on.
    """
    facts = DATASETS[options.dataset].facts
    remote = options.needed_files(facts.files) if facts else ()
    folder = DATASETS[options.dataset].place(options.data_dir)
    for file in remote:
        if (folder / file.name).exists() or any((folder / tree).is_dir() for tree in file.unpacked):
            continue
        try:
            download(file, folder, progress=progress, note=note)
        except Failure as failure:
            if not file.optional:
                raise
            note(f"left out: {failure}")
    return open_dataset(options)


def split_counts(dataset: Dataset) -> dict[str, int | str]:
    """The number of records per split, or the error where a split cannot be read."""
    counts: dict[str, int | str] = {}
    for split in SPLITS:
        try:
            counts[split] = len(dataset.all_records(split))
        except (UsageError, Failure) as error:
            counts[split] = str(error)
    return counts
