"""A setting of a recipe: a typed configuration with its name, and the places of data and weights on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kseg.datasets import DATASETS
from kseg.errors import UsageError
from kseg.lab.experiment.condition import Condition
from kseg.training.config import TrainConfig

Scale = Literal["smoke", "cpu", "laptop", "paper"]
"""smoke: shows in a minute that all steps run; cpu: quick stand-ins for two cores; laptop: the paper's own networks in
nights on two cores; paper: to the letter."""


@dataclass(frozen=True)
class Setting:
    """One cell of a recipe's tables."""

    condition: Condition
    config: TrainConfig
    """everything except the seed; `model.image_size` or `augment.crop` has to be given"""
    seeds: int = 1
    """number of runs, unless `--seeds` says otherwise"""


@dataclass(frozen=True)
class Places:
    """The folders and files of this machine with data and weights."""

    data: Path | None = None
    """folder of the data sets' folders (None: the usual places)"""
    weights: Mapping[str, str] = field(default_factory=dict)
    """encoder to its weights file; "" stands for any encoder"""

    def data_dir(self, dataset: str) -> Path | None:
        kind = DATASETS[dataset]
        return None if self.data is None else self.data.expanduser().absolute() / (kind.folder_name or kind.name)

    def weights_of(self, encoder: str) -> str:
        """The file for an encoder, "imagenet" where none was named."""
        return self.weights.get(encoder, self.weights.get("", "imagenet"))


def read_places(data: Path | None, weights: Sequence[str]) -> Places:
    """`--data-dir` and `--weights FILE` or `--weights ENCODER=FILE ENCODER=FILE`, checked."""
    files = {}
    for text in weights:
        encoder, equals, file = text.partition("=")
        encoder, file = (encoder, file) if equals else ("", text)
        if file not in ("imagenet", "none"):
            if not Path(file).expanduser().is_file():
                raise UsageError(f"--weights {text}: there is no file {file}; name a weights file, imagenet or none")
            file = str(Path(file).expanduser().absolute())
        files[encoder] = file
    return Places(data, files)
