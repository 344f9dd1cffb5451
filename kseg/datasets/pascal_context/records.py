"""PASCAL-Context as records: VOC 2010's train and val lists, 59 classes of 459 labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.ids import read_ids
from kseg.datasets.lists import read_list
from kseg.datasets.matlab import matlab_variable, no_such_file
from kseg.datasets.options import DataOptions
from kseg.datasets.pascal_context.classes import CLASS_OF_LABEL, CLASS_OF_SORTED, LABELS, NAMES, PALETTE
from kseg.datasets.pascal_context.facts import FACTS, SORTED
from kseg.datasets.pascal_context.files import find_files
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel, class_table
from kseg.datasets.trees import listed_records, opened_folder

VARIABLE = "LabelMap"
WHAT = "label map of PASCAL-Context"

LEGENDS = {
    "class": Relabel(NAMES, PALETTE),
    "void": Relabel(
        NAMES[1:],
        PALETTE[1:],
        class_table({0: VOID} | {class_id: class_id - 1 for class_id in range(1, len(NAMES))}),
        background=False,
    ),
}


@dataclass(frozen=True)
class ContextOptions(DataOptions):
    """Options of PASCAL-Context."""

    context_rest: Literal["class", "void"] = "class"
    """pixels outside the 59 classes: the class background, or void, which is ignored"""

    @property
    def variant_names(self) -> tuple[str, ...]:
        return () if self.context_rest == "class" else (f"rest_{self.context_rest}",)


@DATASETS.register("pascal_context")
class PascalContext(Dataset):
    """PASCAL-Context. `--data-dir` holds VOC 2010 and the labels, as trees or archives."""

    name = "pascal_context"
    title = "PASCAL-Context: VOC 2010 with every pixel labeled, 59 classes and background"
    facts = FACTS
    Options = ContextOptions
    options: ContextOptions
    test_is_validation = True
    training_size = 375, 500
    """The size of most images."""

    def __init__(self, options: ContextOptions):
        super().__init__(options)
        self._files = find_files(opened_folder(self.name, options.data_dir), self.name)

    @property
    def legend(self) -> Relabel:
        return LEGENDS[self.options.context_rest]

    def all_records(self, split: str) -> Sequence[Record]:
        return self._train if split == "train" else self._validation

    def every_record(self) -> Sequence[Record]:
        return [*self._train, *self._validation]

    def read_labels(self, record: Record) -> np.ndarray:
        path: Path = record.annotation
        if path.suffix == ".mat":
            return CLASS_OF_LABEL[read_label_map(path)]
        ids = read_ids(path, len(NAMES), void=VOID, whose="PASCAL-Context's masks")
        if path.parent.name != SORTED:
            return ids
        return np.where(ids == VOID, np.uint8(VOID), CLASS_OF_SORTED[np.minimum(ids, len(NAMES) - 1)])

    def truth_key(self, record: Record) -> str:
        return self.options.context_rest

    @cached_property
    def _train(self) -> list[Record]:
        return self._listed("train")

    @cached_property
    def _validation(self) -> list[Record]:
        return self._listed("validation")

    def _listed(self, split: str) -> list[Record]:
        files = self._files
        listed_in = files.lists[split]
        return listed_records(read_list(listed_in), files.images, files.labels, listed_in=listed_in, where=files.where)


def read_label_map(path: Path) -> np.ndarray:
    """int (H, W), 0..459. Raises: Failure for a `.mat` file that is broken or holds something else."""
    labels = matlab_variable(path, VARIABLE, what=WHAT, source="PASCAL-Context")
    if labels is None:
        raise no_such_file(path, WHAT, f"it has no {VARIABLE}")
    labels = np.asarray(labels)
    whole = labels.dtype.kind in "iu" or (labels.dtype.kind == "f" and bool((labels == np.floor(labels)).all()))
    if labels.ndim != 2 or not labels.size or not whole:
        raise no_such_file(path, WHAT, f"its {VARIABLE} is {labels.dtype} of shape {labels.shape}, not a map of labels")
    if labels.min() < 0 or labels.max() > LABELS:
        odd = labels.max() if labels.max() > LABELS else labels.min()
        raise no_such_file(path, WHAT, f"its {VARIABLE} has the value {odd}; labels are 0..{LABELS}")
    return labels.astype(np.int64)
