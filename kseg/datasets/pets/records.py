"""Oxford-IIIT Pet as records: upstream's lists, trimaps to the chosen classes."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.images import read_labels as read_mask
from kseg.datasets.lists import read_list
from kseg.datasets.locate import existing_data_dir
from kseg.datasets.pets.classes import BORDER, PET, PetsOptions, breed_of, legend, stored_ids
from kseg.datasets.pets.facts import FACTS
from kseg.datasets.pets.files import find_annotations, find_images
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel
from kseg.datasets.splits import drawn_splits
from kseg.datasets.trees import listed_records
from kseg.errors import Failure, UsageError

SHARES = (0.8, 0.2, 0.0)
"""Of trainval.txt; test.txt is the test split."""


@DATASETS.register("pets")
class Pets(Dataset):
    """Oxford-IIIT Pet. `--data-dir` holds upstream's two archives or the extracted trees."""

    name = "pets"
    title = "Oxford-IIIT Pet: cats and dogs of 37 breeds; pet, background and the border between them"
    facts = FACTS
    folder_name = "oxford_iiit_pet"
    Options = PetsOptions
    options: PetsOptions
    draws_splits = True

    def __init__(self, options: PetsOptions):
        super().__init__(options)
        folder = existing_data_dir(self.name, options.data_dir, folder=self.folder_name)
        self._lists, self._trimaps = find_annotations(folder)
        self._folder, self._images = find_images(folder)

    @cached_property
    def legend(self) -> Relabel:
        return legend(self.options)

    def all_records(self, split: str) -> Sequence[Record]:
        return self._listed("test") if split == "test" else self._trainval[split]

    def every_record(self) -> Sequence[Record]:
        return [Record(one, self._images[one], mask) for one, mask in self._trimaps.items() if one in self._images]

    def read_labels(self, record: Record) -> np.ndarray:
        mask = record.annotation
        values = read_mask(mask)
        if values.ndim == 3:
            raise Failure(f"trimap {mask} is saved as RGB; expected gray values 1 to 3; extract it again")
        odd = np.unique(values[(values < PET) | (values > BORDER)])
        if odd.size:
            raise Failure(
                f"trimap {mask} has the values {{{', '.join(map(str, odd[:8]))}}}; expected 1 pet, 2 background, "
                "3 border; extract it from annotations.tar.gz again"
            )
        return stored_ids(breed_of(record.id, needed=self.options.animals != "pet"), values)

    def truth_key(self, record: Record) -> str:
        return f"{self.options.animals} {self.options.border}"

    @cached_property
    def _trainval(self) -> dict[str, list[Record]]:
        # The list is sorted by breed; a random split has all breeds in both parts.
        return drawn_splits(self._listed("trainval"), SHARES, self.options.data_seed, key=lambda record: record.id)

    def _listed(self, name: str) -> list[Record]:
        path = self._lists / f"{name}.txt"
        if not path.is_file():
            raise UsageError(f"{path} is missing; extract upstream's annotations.tar.gz again")
        where = {"image": self._folder, "mask": self._lists / "trimaps"}
        return listed_records(read_list(path), self._images, self._trimaps, listed_in=path, where=where)
