"""The data that a run was trained on, which commands after training take again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from kseg.datasets import DATASETS, DataOptions, Dataset, Record, SeededOptions, data_options, open_dataset
from kseg.datasets.membership import Membership
from kseg.datasets.opening import OWN_FILES
from kseg.errors import KsegError, UsageError
from kseg.reading import held_to

if TYPE_CHECKING:
    from kseg.inference.model_file import ModelCard

NOT_GIVEN = "the run's"
"""The value of `--dataset` where the flag is absent: argument parsers do not tell a default from its value typed."""


@dataclass(frozen=True)
class RunData:
    """A model's training data, as far as they are known before any flag is read."""

    options: DataOptions | None
    """options in the run's config.json; None for a model file that lies in no run"""
    card: "ModelCard | None" = None
    """the card of a model file that lies in no run"""
    folder: Path | None = None
    """of the run"""

    @classmethod
    def of(cls, model: Path) -> "RunData":
        """The data of a run directory, or of the `.keras` file in one, or what the file's card says."""
        from kseg.inference.model_file import MODEL_OF_A_RUN, read_card
        from kseg.training.record import RunFiles

        run = model if model.is_dir() else model.parent if model.name == MODEL_OF_A_RUN else None
        if run is not None and (files := RunFiles(run)).is_run:
            from kseg.training.config import from_record

            return cls(from_record(files.read_config(), where=str(files.config)).data, folder=run)
        return cls(None, read_card(model))

    def defaults(self, given: DataOptions, model: Path) -> DataOptions:
        """The options that the flags `given` start from: the run's where they mean the same data set.

        `--data-dir` alone means the run's data set in that folder, or, where that has no files, a folder of images and
        masks. Raises `UsageError` where nothing says which data set is meant.
        """
        recorded = self.options
        if recorded is None and self.card is not None and self.card.dataset:
            recorded = options_of_card(self.card, model)
        if given.dataset != NOT_GIVEN:
            return recorded if recorded and recorded.dataset == given.dataset else data_options(given.dataset)
        if given.data_dir is not None and (recorded is None or not DATASETS[recorded.dataset].reads_files):
            return data_options(OWN_FILES)
        if recorded is None:
            raise UsageError(
                f"{model} lies in no run and names no data set; say what to measure it on: --dataset NAME, or "
                "--data-dir FOLDER with images/ and masks/"
            )
        return recorded

    def described(self, used: DataOptions) -> str:
        """Whether the data are the run's own, and if not, what is different."""
        if self.options is None:
            return "the model lies in no run, so what it was trained on is not known"
        if used.dataset != self.options.dataset:
            return f"the run was trained on {where(self.options)}"
        values = ((field.name, getattr(used, field.name), getattr(self.options, field.name)) for field in fields(used))
        changed = [f"--{name.replace('_', '-')} {new} instead of {old}" for name, new, old in values if new != old]
        return f"not the run's own data: {', '.join(changed)}" if changed else "the run's own data"

    def trained_on(self, dataset: Dataset, records: Sequence[Record]) -> int | None:
        """How many of `records` show an image that the run was trained on; None where that cannot be told.

        Pictures are compared, so that a copy or another split of the same folder is noticed.
        """
        if self.options is None:
            return None
        try:
            recorded = Membership.read(self.folder) if self.folder is not None else None
            if recorded is None:  # a run from before runs recorded their splits
                trained = open_dataset(self.options)
                train = trained.split_records("train")[: self.options.limit]
                recorded = Membership.of(trained, {"train": train})
            return len(recorded.trained_on(dataset, records))
        except (KsegError, OSError):
            return None  # the run's data are no longer where they were


def options_of_card(card: "ModelCard", model: Path) -> DataOptions:
    """The options of the data set that a model's card names, those it was drawn with included.

    Raises: UsageError where the data set has no such options.
    """
    try:
        kind = type(data_options(card.dataset, **card.data))
        return held_to({"dataset": card.dataset, **card.data}, kind)
    except (KsegError, TypeError, ValueError) as error:
        raise UsageError(
            f"{model} names options that {card.dataset} does not have ({error}); install the version that wrote it"
        ) from error


def where(options: DataOptions) -> str:
    """A data set and its folder: `lfw in /data/lfw`."""
    if not DATASETS[options.dataset].reads_files:
        seed = f" (seed {options.data_seed})" if isinstance(options, SeededOptions) else ""
        return f"{options.dataset}{seed}"
    return f"{options.dataset} in {DATASETS[options.dataset].place(options.data_dir)}"


def digest(options: DataOptions) -> str:
    """Six digits that tell these options from others, for the name of a directory."""
    text = json.dumps(asdict(options), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:6]
