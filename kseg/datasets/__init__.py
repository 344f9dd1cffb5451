"""Data sets as framework-free records, and the TFDS builders over them.

`open_dataset(data_options("lfw", "DATA_DIR", hair=False))` gives a `Dataset`: its splits are tuples of records, and it
turns a record into an RGB image and a label map. One folder per data set; each registers itself in `DATASETS` and
declares its own options.
"""

from kseg.datasets.base import DATASETS, EVERYTHING, Dataset
from kseg.datasets.opening import data_options, open_dataset
from kseg.datasets.options import DataOptions, SeededOptions
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel

__all__ = [
    "DATASETS", "EVERYTHING", "DataOptions", "Dataset", "Record", "Relabel", "SeededOptions", "data_options",
    "open_dataset",
]  # fmt: skip
