"""A TFDS builder over a kseg data set: the same records, splits and labels, as TFRecords."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from kseg.conventions import SPLITS
from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.opening import data_options, open_dataset
from kseg.datasets.options import DataOptions
from kseg.errors import KsegError, UsageError

FACE_VARIANTS: dict[str, dict[str, Any]] = {
    "hair": {"hair": True},
    "no_hair": {"hair": False},
    "parts": {"parts": True},
}
PAPER_SPLITS: dict[str, dict[str, Any]] = {
    "": {"size": "big"},
    "_small": {"size": "small"},
    "_official": {"split_scheme": "official"},
}


@dataclasses.dataclass(kw_only=True)
class OptionsConfig(tfds.core.BuilderConfig):
    """A named choice of `DataOptions`."""

    options: DataOptions = dataclasses.field(default_factory=data_options)


def face_configs(dataset: str, *, splits: dict[str, dict[str, Any]]) -> list[OptionsConfig]:
    """hair, no_hair and parts, each with every way to split: `hair`, `hair_small`, `hair_official` …"""
    return [
        OptionsConfig(
            name=f"{variant}{suffix}",
            version="1.0.0",
            description=f"classes: {variant}; splits: {suffix.strip('_') or 'big'}",
            options=data_options(dataset, **classes, **choice),
        )
        for suffix, choice in splits.items()
        for variant, classes in FACE_VARIANTS.items()
    ]


class RecordsBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Subclasses name their data set and configs. Examples are {"image", "label", "id"}; 255 in a label is void.

    The files are looked for in TFDS's manual folder, in `data_dir`, in a folder of the data set's name in either, and
    where kseg itself looks ($KSEG_DATA/NAME, data/NAME).
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "`kseg data info NAME` tells which files are needed and where to get them."
    dataset: ClassVar[str]

    def __init__(self, *, file_format: Any = None, **kwargs):
        # array_record files cannot be read back through tf.data
        super().__init__(file_format=file_format or tfds.core.FileFormat.TFRECORD, **kwargs)

    def class_names(self) -> Sequence[str] | None:
        """Class names that are known before any file is read."""
        return None

    def _info(self) -> tfds.core.DatasetInfo:
        kind = DATASETS[self.dataset]
        names = self.class_names()
        shape = (None, None, 1)
        label = (
            tfds.features.LabeledImage(labels=list(names), shape=shape) if names else tfds.features.Image(shape=shape)
        )
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Image(shape=(None, None, 3)), "label": label, "id": tfds.features.Text()}
            ),
            supervised_keys=("image", "label"),
            description=kind.title,
            homepage=kind.facts.homepage if kind.facts else None,
            citation=kind.facts.citation if kind.facts else None,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        opened = self._open(dl_manager)
        wanted = [split for split in SPLITS if not (split == "test" and opened.test_is_validation)]
        splits = {split: opened.all_records(split) for split in wanted}
        return {split: self._examples(opened, records) for split, records in splits.items() if records}

    def _generate_examples(self, opened: Dataset, records: Sequence) -> Iterator[tuple[str, dict[str, Any]]]:
        for record in records:
            yield (
                record.id,
                {"image": opened.image(record), "label": opened.labels(record)[..., None], "id": record.id},
            )

    _examples = _generate_examples

    def _open(self, dl_manager: tfds.download.DownloadManager) -> Dataset:
        """The data set from the first folder that holds it. Raises UsageError with what each folder lacks."""
        lacking = []
        for folder in dict.fromkeys(self._folders(dl_manager)):
            try:
                return open_dataset(dataclasses.replace(self.builder_config.options, data_dir=folder))
            except UsageError as error:
                lacking.append(str(error))
            except KsegError as error:
                raise type(error)(f"{error} (while preparing {self.name})") from error
        raise UsageError(f"cannot prepare {self.name}: {' | '.join(lacking)}")

    def _folders(self, dl_manager: tfds.download.DownloadManager) -> Iterator[Path]:
        roots = [Path(self._data_dir_root)]
        with contextlib.suppress(AssertionError):  # TFDS's way to say that there is no manual folder
            roots.insert(0, Path(dl_manager.manual_dir))
        kind = DATASETS[self.dataset]
        for root in roots:
            yield from (root, root / (kind.folder_name or kind.name))
        yield kind.place(None)


class FaceBuilder(RecordsBuilder, skip_registration=True):  # type: ignore[call-arg]
    """A builder of background, hair and face."""

    def class_names(self) -> Sequence[str]:
        # The names follow from the options alone; no file is needed for them.
        names = self.builder_config.options.class_names
        assert names is not None
        return names
