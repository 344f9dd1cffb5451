"""The truth of a record as something may be measured against: of the size of its image."""

from typing import TYPE_CHECKING

import numpy as np

from kseg.datasets.images import image_size
from kseg.errors import Failure

if TYPE_CHECKING:
    from kseg.datasets.base import Dataset, Record


def truth(dataset: "Dataset", record: "Record") -> np.ndarray:
    """`dataset.labels(record)`; a label map of another size than its image is refused, not stretched.

    Of an image in a file only the header is read; what a data set draws has one size.
    """
    labels = dataset.labels(record)
    if record.image is not None:
        check_same_size(record, image_size(record.image), labels.shape)
    return labels


def check_same_size(record: "Record", image: tuple[int, ...], labels: tuple[int, ...]) -> None:
    if image != labels:
        raise Failure(
            f"{record.id}: image and label map have {image} and {labels} pixels; they must be the same size "
            "(kseg data check lists every such pair)"
        )
