"""Data sets as framework-free records, and the TFDS builders over them.

`open_dataset(DataOptions(dataset="lfw", data_dir=…))` gives a `Dataset`: its splits are tuples of records, and it turns
a record into an RGB image and a label map. One folder per data set; each registers itself in `DATASETS`.
"""

from kseg.datasets.base import DATASETS, EVERYTHING, DataOptions, Dataset, Record, open_dataset

__all__ = ["DATASETS", "EVERYTHING", "DataOptions", "Dataset", "Record", "open_dataset"]
