"""What a recipe is: settings built from the typed configuration, each to be run with several seeds."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kseg.datasets.locate import folder_name
from kseg.errors import UsageError
from kseg.registry import Registry
from kseg.training.config import TrainConfig

if TYPE_CHECKING:
    from kseg.lab.claims import Claim
    from kseg.lab.jobs import Job
    from kseg.lab.report.canvas import Plot
    from kseg.lab.rows import Results
    from kseg.lab.table import Table

Scale = Literal["smoke", "cpu", "laptop", "paper"]
"""smoke: proves the path in a minute; cpu: quick stand-ins for two cores; laptop: the paper's own networks in nights on
two cores; paper: to the letter."""


@dataclass(frozen=True)
class Setting:
    """One cell of a recipe's tables."""

    tags: tuple[str, ...]
    """names it, data first and loss last: ("lfw", "fcmobilenet", "big", "hair", "iou"); what `--only` looks for"""
    config: TrainConfig
    """everything but the seed; `model.image_size` has to be given"""
    seeds: int = 1
    """how often it is run, unless `--seeds` says otherwise"""


@dataclass(frozen=True)
class Places:
    """Where this machine keeps what the settings need."""

    data: Path | None = None
    """folder of the data sets' folders (None: where kseg looks anyway)"""
    weights: Mapping[str, str] = field(default_factory=dict)
    """encoder to its weights file; "" stands for any encoder"""

    def data_dir(self, dataset: str) -> Path | None:
        return None if self.data is None else self.data.expanduser().absolute() / folder_name(dataset)

    def weights_of(self, encoder: str) -> str:
        """The file for an encoder, "imagenet" where none was named."""
        return self.weights.get(encoder, self.weights.get("", "imagenet"))


def read_places(data: Path | None, weights: Sequence[str]) -> Places:
    """`--data-dir` and `--weights FILE` or `--weights mobilenetv2=FILE resnet50=FILE`, checked."""
    found = {}
    for text in weights:
        encoder, equals, file = text.partition("=")
        encoder, file = (encoder, file) if equals else ("", text)
        if file not in ("imagenet", "none"):
            if not Path(file).expanduser().is_file():
                raise UsageError(f"--weights {text}: there is no file {file}; name a weights file, imagenet or none")
            file = str(Path(file).expanduser().absolute())
        found[encoder] = file
    return Places(data, found)


FIGURES = {
    "iou": "IoU",
    "iou_image": "mean image IoU",
    "accuracy": "accuracy",
    "train_accuracy": "accuracy in training",
    "lowest": "lowest image IoU",
    "best_epoch": "epochs to the best validation IoU",
    "epochs_95": "epochs to 95 % of the best validation IoU",
}
"""Fields of a row that tables show, and what they are called."""

BESIDE = "with "
"""Begins the tag of a setting that differs from one of the paper's in a single thing: "with float32"."""

LOWER_IS_BETTER = {"best_epoch", "epochs_95"}


@dataclass(frozen=True)
class Expected:
    """A range in which the mean over the seeds of a setting has to lie; `kseg lab verify` checks it."""

    scale: Scale
    tags: tuple[str, ...]
    low: float
    high: float
    figure: str = "iou"


@dataclass(frozen=True)
class PaperTest:
    """Figures of a paper under the loss in question and under the baseline, for the statistics to be tried on."""

    name: str
    """"table 1: VOC 2010, validation" """
    first: Mapping[str, float]
    """row of the table → figure"""
    baseline: Mapping[str, float]
    figure: str = "iou"
    printed: Mapping[str, float] = field(default_factory=dict)
    """what the paper itself says of these figures: "p", "error reduction", "mean" …"""


@dataclass(frozen=True)
class Recipe:
    """A registered recipe; its module's docstring is what a reader is told first."""

    name: str
    settings: Callable[[Scale, Places], list[Setting]]
    scales: tuple[Scale, ...] = ("smoke", "cpu")
    figures: tuple[str, ...] = ("iou",)
    """what its tables show: keys of `FIGURES`"""
    versus: tuple[str, str] | None = None
    """two losses to compare in every setting: the one in question, and the baseline"""
    paper: Callable[[tuple[str, ...]], Mapping[str, float]] | None = None
    """tags → the paper's figures for this cell; empty where it has none"""
    tables: "Callable[[Results, Recipe], list[Table]] | None" = None
    """the paper's own tables, instead of one per figure"""
    captions: Mapping[Any, str] = field(default_factory=dict)
    """how a scale deviates from the paper; stands under every table"""
    remark: "Callable[[Results], str] | None" = None
    """in what the runs at hand deviate beyond their scale; a sentence behind the caption, or nothing"""
    beside: "Callable[[Results], list[Table]] | None" = None
    """tables of the settings that only stand beside the paper's; see `is_beside`"""
    figures_of_paper: "Callable[[Sequence[Job], Results], list[Plot]] | None" = None
    """the paper's figures drawn anew, from jobs that left their masks behind"""
    expected: tuple[Expected, ...] = ()
    claims: "Callable[[Results], list[Claim]] | None" = None
    """whether what the paper says holds for results of ours"""
    paper_tests: tuple[PaperTest, ...] = ()
    """the paper's own pairs; `kseg lab report NAME --paper` puts them through the statistics"""

    @staticmethod
    def is_beside(tags: tuple[str, ...]) -> bool:
        """Whether a setting is not one of the paper's but changes a single thing of one, named "with …".

        Tests over settings and claims would count its cell twice.
        """
        return any(tag.startswith(BESIDE) for tag in tags)

    @property
    def text(self) -> str:
        return inspect.getdoc(inspect.getmodule(self.settings)) or ""

    @property
    def title(self) -> str:
        return self.text.splitlines()[0]

    def at(self, scale: Scale, places: Places) -> list[Setting]:
        """The settings of a scale."""
        if scale not in self.scales:
            raise UsageError(f"recipe {self.name} has no scale {scale!r}; it has {', '.join(self.scales)}")
        return self.settings(scale, places)


RECIPES: Registry[Recipe] = Registry("recipe", "kseg.lab.recipes")
