"""One category against all others: Rahman & Wang's task, on any data set with several classes."""

from collections.abc import Sequence

import numpy as np

from kseg.conventions import SPLITS, VOID
from kseg.datasets.base import Dataset, Record
from kseg.datasets.images import ValueRange
from kseg.errors import UsageError, unknown_name

BACKGROUND = "background"


class Relabeled(Dataset):
    """A data set whose labels are those of `whole` renumbered; images, splits, sizes and files are those of `whole`.

    Args:
      ids: of `whole`, of the classes that become 1, 2, …; every other class is background, void stays void.
    """

    def __init__(self, whole: Dataset, ids: Sequence[int]):
        super().__init__(whole.options)
        self.whole, self.ids = whole, tuple(ids)
        # Pixels, names and facts are asked for under the data set's own name, so that caches of images are shared.
        self.name, self.title, self.facts = whole.name, whole.title, whole.facts  # type: ignore[misc]
        self._new_label = np.zeros(VOID + 1, dtype=np.uint8)
        self._new_label[[*self.ids, VOID]] = *range(1, len(self.ids) + 1), VOID

    @property
    def classes(self) -> tuple[str, ...]:
        return BACKGROUND, *(self.whole.classes[i] for i in self.ids)

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        return (0, 0, 0), *(self.whole.palette[i] for i in self.ids)

    @property
    def training_size(self) -> tuple[int, int]:
        return self.whole.training_size

    @property
    def test_is_validation(self) -> bool:
        return self.whole.test_is_validation

    @property
    def reading(self) -> Sequence[str]:
        return self.whole.reading

    @property
    def value_range(self) -> ValueRange | None:
        return self.whole.value_range

    @property
    def draws_splits(self) -> bool:
        return self.whole.draws_splits

    @property
    def layout(self) -> Sequence[str]:
        return self.whole.layout

    @property
    def problems(self) -> Sequence[str]:
        return self.whole.problems

    @property
    def unpaired(self) -> tuple[Sequence[str], Sequence[str]]:
        return self.whole.unpaired

    def picture_digests(self, records: Sequence[Record]) -> list[str]:
        return self.whole.picture_digests(records)

    def all_records(self, split: str) -> Sequence[Record]:
        return self.whole.all_records(split)

    def every_record(self) -> Sequence[Record]:
        return self.whole.every_record()

    def read_image(self, record: Record) -> np.ndarray:
        return self.whole.image(record)

    def use_range(self, value_range: ValueRange | None) -> str:
        return self.whole.use_range(value_range)

    def read_labels(self, record: Record) -> np.ndarray:
        return self._new_label[self.whole.read_labels(record)]

    def fingerprint(self, record: Record) -> str:
        return f"{self.whole.fingerprint(record)} category {', '.join(self.classes[1:])}"

    def label_counts(self, records: Sequence[Record]) -> np.ndarray:
        """From the counts of all classes, so that the masks are read once for all categories."""
        counts = self.whole.label_counts(records)
        kept = [*self.ids, VOID]
        merged = np.zeros_like(counts)
        merged[:, self._new_label[kept]] = counts[:, kept]
        merged[:, 0] = counts.sum(axis=1) - counts[:, kept].sum(axis=1)
        return merged


class OneCategory(Relabeled):
    """A data set whose foreground is one class of another one.

    A split without a single image that shows the category is an error, since neither a network nor an IoU can be had
    from it.
    """

    def __init__(self, whole: Dataset, category: str):
        super().__init__(whole, [category_id(whole.classes, category, whole.name)])

    @property
    def category(self) -> str:
        """The class's own name."""
        return self.classes[1]

    def records(self, split: str) -> tuple[Record, ...]:
        """The records of a split; one in which no image shows the category is an error."""
        records = super().records(split)
        if not self._images_with(records):
            raise UsageError(self._absent(split, len(records)))
        return records

    def _images_with(self, records: Sequence[Record]) -> int:
        return int((self.label_counts(records)[:, 1] > 0).sum())

    def _absent(self, split: str, count: int) -> str:
        elsewhere = {
            other: self._images_with(records)
            for other in SPLITS
            if other != split and (records := self.all_records(other)[: self.options.limit])
        }
        limit = f" (--limit {self.options.limit})" if self.options.limit else ""
        if not any(elsewhere.values()):
            return f"no image of {self.name}{limit} shows the category {self.category!r}; choose another --category"
        found = ", ".join(f"{number} of {other}" for other, number in elsewhere.items() if number)
        return (
            f"none of the {count} {split} images of {self.name}{limit} shows the category {self.category!r} "
            f"({found} do); choose another --category or other splits"
        )


def category_id(classes: Sequence[str], category: str, dataset: str) -> int:
    """The id of a class by its name; case, spaces, hyphens and the like do not matter.

    Raises `UsageError` for a name that is no class (the nearest are given), for the background, and where the data set
    has but two classes.
    """
    if len(classes) < 3:
        raise UsageError(
            f"--category {category} picks one of several classes, and {dataset} has only {' and '.join(classes)}; "
            "leave it out, or ask for more classes (faces: --parts)"
        )
    ids = {plain_name(name): index for index, name in enumerate(classes) if name != BACKGROUND}
    if plain_name(category) not in ids:
        raise unknown_name("category", category.lower(), [name for name in classes if name != BACKGROUND])
    return ids[plain_name(category)]


def plain_name(name: str) -> str:
    """A class's name as it is compared: without capitals, spaces, hyphens and the like."""
    return "".join(character for character in name.casefold() if character.isalnum()) or name
