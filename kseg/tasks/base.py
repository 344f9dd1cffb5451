"""The interface of a task: how truth becomes a loss, and how outputs of a network become an answer and a score."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, TypedDict, TypeVar

import keras
import numpy as np

from kseg.errors import UsageError
from kseg.losses.schedule import check_names
from kseg.pipeline import TargetMaker
from kseg.pipeline.source import Targets
from kseg.registry import Registry
from kseg.structures import Structure

if TYPE_CHECKING:
    from kseg.pipeline.maps import PixelWeights

Answer = TypeVar("Answer", bound=Structure)
"""The structure of a task's truth, and of its predictions."""

Outputs = Any
"""The outputs of a network for one image: an array (H, W, C), or several arrays by name, as the task decodes them."""

Palette = Sequence[Sequence[int]]
"""One RGB color per class."""


Legend = Sequence[tuple[str, Sequence[int]]]
"""Meaning and color, for each color of a picture."""


class EpochScore(NamedTuple):
    """The score of every epoch on the validation images, by which a run chooses the epoch that it keeps."""

    name: str
    """in metrics.jsonl, after "val_"; a score of the training images has no "val_" before it"""
    title: str
    """for a person, within a sentence"""

    @property
    def key(self) -> str:
        """The key of the score in an entry of metrics.jsonl."""
        return f"val_{self.name}"


class TrainingLoss(Protocol):
    """The loss of a batch, and what training has to know about it."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The targets that this loss needs beside those of every loss of the task."""
        ...

    @property
    def slow_under_xla(self) -> bool:
        """Whether XLA makes the loss slower on a CPU."""
        ...

    def bound(self, network: keras.Model) -> "TrainingLoss":
        """This loss for a network whose layers it may call; the same loss where it calls no layer."""
        ...

    def value_and_parts(self, targets: dict[str, Any], outputs: Any) -> tuple[Any, dict[str, Any]]:
        """float32 (), and by name the values of the parts of the loss that are logged beside it."""
        ...

    def part_metrics(self) -> "Sequence[PartMetric]":
        """A new running mean for each of the parts, in their order."""
        ...


class PartMetric(Protocol):
    """A Keras metric that is given values."""

    def add_value(self, value: Any, images: Any) -> Any:
        """Count a value that holds for a batch of so many images."""
        ...


class Circumstances(TypedDict):
    """What was measured, on which images, and how."""

    dataset: str
    split: str
    ids: tuple[str, ...]
    """of the images, in the order in which they were added"""
    original_size: bool
    """whether truth and prediction were compared at the truth's own size, or at the network's"""
    input_size: tuple[int, int] | Literal["original"] | None
    """(height, width) that the network was fed; "original": each image's own; None: close to it, or unknown"""
    seconds: float
    """wall time, reading of images included"""


class Evaluation(Protocol):
    """The result of measuring a network on a split: raw counts, from which every score can be made again later."""

    @property
    def split(self) -> str:
        """The split that was measured."""
        ...

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the images, in the split's order."""
        ...

    @property
    def task(self) -> str:
        """The name of the task."""
        ...

    @property
    def headline(self) -> tuple[str, float]:
        """The name, for a person, and the value of the single number of the result; nan where it has no meaning."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in order of id."""
        ...

    @property
    def background(self) -> bool:
        """Whether class 0 is background, and not a class like the others."""
        ...

    @property
    def image_score(self) -> str:
        """The name of the score of a single image."""
        ...

    @property
    def per_image(self) -> np.ndarray:
        """float64 (N,): the score of each image, the higher the better; nan for an image without a score."""
        ...

    def order(self) -> np.ndarray:
        """int64 (N,): the images from worst to best, those without a score last."""
        ...

    def scores(self) -> dict[str, Any]:
        """Every score by name; nan where a score has no meaning."""
        ...

    def beside(self) -> dict[str, float]:
        """Scores beside the headline of a report, by their names for a person; nan where a score has no meaning."""
        ...

    def by_class(self) -> dict[str, dict[str, float]]:
        """Scores of the classes: name of the score → class → value, nan where a class has none; the main score
        first."""
        ...

    def in_a_line(self) -> str:
        """The scores for the last lines of a run."""
        ...

    def remarks(self) -> list[str]:
        """Findings from the numbers, in sentences."""
        ...

    def mistakes(self, index: int) -> str:
        """The mistakes in an image, in a few words."""
        ...

    def nothing(self) -> str:
        """A sentence on why nothing was measured; "" where something was."""
        ...

    def write_csv(self, path: Path | str) -> None:
        """A table of one row per image."""
        ...

    def write_tables(self, folder: Path) -> list[str]:
        """Write all tables as CSV; returns the names of the files."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Everything, raw counts and scores, as JSON types (nan becomes None)."""
        ...


class Evaluator(Protocol[Answer]):
    """Counts what is right, image by image."""

    def add(self, truth: Answer, outputs: Outputs) -> Answer:
        """Count an image, at the size of its truth. Returns the prediction that was compared with it.

        It takes outputs and not a prediction, because scores may depend on more than the prediction, as calibration
        does on probabilities, and because outputs need not be held at the size of a large photograph.
        """
        ...

    def result(self, circumstances: Circumstances) -> Evaluation:
        """The counts so far."""
        ...


class EpochCount(Protocol):
    """The few scores that an epoch is kept by, image by image; an `Evaluator` counts all there are."""

    def add(self, truth: Any, outputs: Outputs) -> object:
        """Count an image, at the size of its truth, which has the structure of the task."""
        ...

    def figures(self) -> dict[str, float]:
        """The scores so far: name without "val_" → score."""
        ...


def refuse_weights(class_weights: tuple[float, ...] | None, pixel_weights: str, reason: str) -> None:
    """For a task whose loss takes no weights of either kind (`Task.loss`). Raises: UsageError with the reason."""
    if class_weights is not None:
        raise UsageError(f"--class-weights {reason}")
    if pixel_weights != "none":
        raise UsageError(f"--pixel-weights {reason}")


class Task(ABC):
    """A question about an image, and all that training, inference and reports need to answer it.

    Outputs are what a network gives users; those of a batch have one more axis, the first. A network under training
    gives outputs before `activated`.
    """

    name: ClassVar[str]
    structure: ClassVar[type[Structure]]
    """of truth and prediction"""
    writes: ClassVar[tuple[str, ...]] = (".png",)
    """endings of the files that `write` makes of an answer; the PNG is the first"""
    score: ClassVar[EpochScore]
    """the score by which an epoch is kept: one of `metrics`, or of `logged`"""
    curves: ClassVar[Mapping[str, str]]
    """curves over the epochs that a report draws beside the loss: name in metrics.jsonl → title"""
    decision: ClassVar[str] = "as the task decodes it"
    """how outputs by name become an answer, for a program that has an export and not kseg"""
    measured_whole: ClassVar[bool] = False
    """whether the score is of all validation images together, so that an evaluator counts them after every epoch"""
    leaves_out_classes: ClassVar[bool] = False
    """whether a model with more classes than a data set can be measured on it, leaving out answers of other classes"""

    @abstractmethod
    def targets(
        self,
        num_classes: int,
        *,
        things: Sequence[int] | None = None,
        reads: tuple[str, ...] = (),
        weights: "PixelWeights | None" = None,
        remember: bool = False,
    ) -> TargetMaker:
        """The maker of the targets of losses and metrics, arrays of fixed shape by name, from a truth.

        Args:
          things: class ids of which there are objects, for a task that tells things from stuff; None: unknown.
          reads: the targets that a loss needs beside those of every loss (`TrainingLoss.reads`).
          weights: of the pixels; None for no weights.
          remember: whether truths come again, so that expensive targets are kept.
        Raises:
          UsageError: targets that the task cannot make, or weights that have no meaning for it.
        """

    @abstractmethod
    def perfect_outputs(self, targets: Targets, num_classes: int) -> Outputs:
        """The outputs for an image of a network that is right about these targets, and certain.

        `decode` gives the truth again, except for void pixels and crowds: targets keep all that a score needs.
        """

    def check_losses(self, spec: str) -> None:
        """Refuse text that names an unknown loss, before a loss is made.

        Raises: UsageError.
        """
        check_names(spec)

    @abstractmethod
    def loss(
        self, spec: str, *, reduction: str, class_weights: tuple[float, ...] | None = None, pixel_weights: str = "none"
    ) -> TrainingLoss:
        """The loss that a text names, a function of targets and of outputs before `activated`.

        Args:
          reduction: over the images of a batch: "mean" or "sum".
          class_weights: one per class.
          pixel_weights: how pixels are weighed; "none": all alike.
        Raises:
          UsageError: an unknown loss, or weights that the loss does not take.
        """

    @abstractmethod
    def metrics(self, num_classes: int) -> list[keras.metrics.Metric]:
        """Metrics that are logged beside the loss after every epoch, of targets and of outputs before `activated`."""

    def epoch_count(self, classes: Sequence[str]) -> EpochCount:
        """A new count of the scores that are logged after every epoch, for a task that is `measured_whole`."""
        raise NotImplementedError(f"the task {self.name} is measured_whole and does not implement epoch_count()")

    @abstractmethod
    def another_loss(self, spec: str, num_classes: int) -> str:
        """Another loss to compare with a run trained with `spec`; `spec` itself where no other is proposed."""

    @abstractmethod
    def activated(self, outputs: Any) -> Outputs:
        """The outputs that users get, float32, from the outputs of a network under training."""

    @abstractmethod
    def misfit(self, model: keras.Model, classes: Sequence[str]) -> str:
        """Why a finished model cannot answer for the classes; "" where it can."""

    @abstractmethod
    def of_each_image(self, outputs: Any) -> Sequence[Outputs]:
        """The outputs of a batch, as arrays, image by image.

        Raises:
          Failure: nan or infinity, as of a network whose weights are not finite.
          UsageError: meaningless values, such as logits where probabilities are wanted.
        """

    @abstractmethod
    def resized(self, outputs: Outputs, size: tuple[int, ...]) -> Outputs:
        """The outputs of an image, resized for an image of another size (h, w)."""

    def served(self, outputs: dict[str, Any], size: tuple[Any, Any]) -> dict[str, Any]:
        """The outputs by name that an export gives for a batch: `resized` in `keras.ops`.

        `size`: height and width of the images, numbers or tensors.
        """
        raise NotImplementedError(f"the task {self.name} does not implement served(), which exports need")

    def difference(self, one: Outputs, other: Outputs) -> float:
        """How far apart two outputs of an image are, 0..1; the order of detections does not count."""
        raise NotImplementedError(f"the task {self.name} does not implement difference(), which exports need")

    @abstractmethod
    def reordered(self, outputs: Outputs, order: Sequence[int]) -> Outputs:
        """The outputs with other class ids: the class i of the result is the class `order[i]` of `outputs`."""

    @abstractmethod
    def decode(
        self, outputs: Outputs, size: tuple[int, ...] | None = None, *, threshold: float | None = None
    ) -> Structure:
        """The answer that the outputs of an image mean, at `size` (default: that of the outputs).

        `threshold` is the probability from which a thing counts as found; None: the one that the outputs carry, or ½.
        """

    @abstractmethod
    def evaluator(self, classes: Sequence[str], *, background: bool = True, void: int) -> Evaluator:
        """A new evaluator.

        Args:
          background: whether class 0 is background, and not a class like the others.
          void: the label of pixels that do not count.
        """

    @abstractmethod
    def read_evaluation(self, content: Any) -> Evaluation:
        """The evaluation that `Evaluation.to_json` wrote. Raises: UsageError for anything else."""

    @abstractmethod
    def write(self, path: Path, answer: Structure, palette: Palette, *, classes: Sequence[str] | None = None) -> None:
        """Write an answer as a PNG of what each pixel is, and beside it the other files of `writes`, each whole or not
        at all.

        `classes` are names, for tasks whose files name them.
        """

    @abstractmethod
    def draw(
        self,
        image: np.ndarray,
        answer: Structure,
        palette: Palette,
        *,
        background: bool = True,
        classes: Sequence[str] | None = None,
    ) -> np.ndarray:
        """The image (H, W, 3) with a truth or a prediction painted on it; uint8 (H, W, 3).

        `classes` are names, for tasks whose answers are labeled with them.
        """

    @abstractmethod
    def draw_mistakes(
        self, image: np.ndarray, truth: Structure, prediction: Structure, *, background: bool = True
    ) -> np.ndarray:
        """The image (H, W, 3) in pale gray with the mistakes of a prediction painted on it; uint8 (H, W, 3)."""

    @abstractmethod
    def legend(self, classes: Sequence[str], palette: Palette, *, background: bool = True) -> Legend:
        """The meaning of the colors of `draw` and `draw_mistakes`."""


TASKS: Registry[Task] = Registry("task", "kseg.tasks")
"""Name to task; the contract tests walk every registered task."""
