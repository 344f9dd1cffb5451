"""ISBI 2012 as records: slices of one stack, divided into blocks."""

from collections.abc import Sequence

import numpy as np

from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.images import read_labels as read_mask
from kseg.datasets.isbi2012.facts import FACTS
from kseg.datasets.isbi2012.files import find_slices
from kseg.datasets.options import DataOptions
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel
from kseg.errors import Failure, UsageError
from kseg.wording import listed

SHARES = {"validation": 2 / 15, "test": 1 / 5}
"""Of the slices, at the end of the stack: 4 and 6 of 30."""


@DATASETS.register("isbi2012")
class ISBI2012(Dataset):
    """ISBI 2012. `--data-dir` holds the two stacks, or their slices, or names an archive of them."""

    name = "isbi2012"
    title = "ISBI 2012: membranes between neurons, 30 slices of an electron microscope's stack, 512×512"
    facts = FACTS
    legend = Relabel(("membrane", "cell"), ((0, 0, 0), (255, 255, 255)))
    """Cells are the foreground, as the challenge stores them and as weights of borders between objects need."""
    training_size = 512, 512

    def __init__(self, options: DataOptions):
        super().__init__(options)
        numbers, images, labels = find_slices(options.data_dir)
        if len(numbers) < 3:
            raise UsageError(f"{self.name} has {len(numbers)} slices here; three splits need three: complete the data")
        width = len(str(int(numbers[-1])))
        self._records = [Record(f"{int(number):0{width}}", images[number], labels[number]) for number in numbers]

    def all_records(self, split: str) -> Sequence[Record]:
        total = len(self._records)
        validation, test = (max(1, round(SHARES[name] * total)) for name in ("validation", "test"))
        first_to_last = {"train": total - validation - test, "validation": validation, "test": test}
        start = 0
        for name, count in first_to_last.items():
            if name == split:
                break
            start += count
        return self._records[start : start + first_to_last[split]]

    def every_record(self) -> Sequence[Record]:
        return self._records

    def read_labels(self, record: Record) -> np.ndarray:
        """0 membrane; cells are 255, or 1 in some copies."""
        values = read_mask(record.annotation)
        gray = np.unique(values)
        if values.ndim != 2 or len(gray) > 2 or gray[-1] not in (0, 1, 255) or (len(gray) == 2 and gray[0]):
            raise Failure(
                f"label {record.annotation} has the shape {values.shape} and the values {{{listed(gray)}}}; expected "
                "gray, 0 for membranes and 255 for cells; get the data again"
            )
        return (values > 0).astype(np.uint8)
