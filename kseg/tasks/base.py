"""What every task is: how truth becomes a loss, and how the outputs of a network become an answer and a score."""

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
"""What a network gives users of one image: an array (H, W, C), or several by name, as its task decodes them."""

Palette = Sequence[Sequence[int]]
"""One RGB color per class."""


Legend = Sequence[tuple[str, Sequence[int]]]
"""What each color of a picture means."""


class EpochScore(NamedTuple):
    """The score that every epoch gets on the validation images, and by which a run keeps one of them."""

    name: str
    """in metrics.jsonl, where "val_" stands before it; of the training images, if those are scored, without"""
    title: str
    """for a person, within a sentence"""

    @property
    def key(self) -> str:
        """Its key in an entry of metrics.jsonl."""
        return f"val_{self.name}"


class TrainingLoss(Protocol):
    """The loss of a batch, and what training has to know of it."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The targets that are made for this loss alone, beside those of every loss of the task."""
        ...

    @property
    def slow_under_xla(self) -> bool:
        """Whether XLA makes it slower on a CPU."""
        ...

    def bound(self, network: keras.Model) -> "TrainingLoss":
        """This loss for the outputs of a network, some of whose layers it may call; itself where it needs none."""
        ...

    def value_and_parts(self, targets: dict[str, Any], outputs: Any) -> tuple[Any, dict[str, Any]]:
        """float32 (), and by name the values of its parts that are logged beside it."""
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
    """What was measured on what, and how."""

    dataset: str
    split: str
    ids: tuple[str, ...]
    """of the images, in the order in which they were added"""
    original_size: bool
    """whether truth and prediction were compared at the truth's own size, or at the network's"""
    input_size: tuple[int, int] | Literal["original"] | None
    """(height, width) that the network was fed; "original": each image's own; None: near its own, or not known"""
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
        """Of the images, in the split's order."""
        ...

    @property
    def task(self) -> str:
        """The name of the task."""
        ...

    @property
    def headline(self) -> tuple[str, float]:
        """What the one number of the result is called, for a person, and it; nan where it has no meaning."""
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
        """What the score of a single image is called."""
        ...

    @property
    def per_image(self) -> np.ndarray:
        """float64 (N,): a score of each image, the higher the better; nan for an image that has none."""
        ...

    def order(self) -> np.ndarray:
        """int64 (N,): the images from worst to best, those without a score last."""
        ...

    def scores(self) -> dict[str, Any]:
        """Every score by name; nan where a score has no meaning."""
        ...

    def beside(self) -> dict[str, float]:
        """What stands beside the headline in a report, by its name for a person; nan where it has no meaning."""
        ...

    def by_class(self) -> dict[str, dict[str, float]]:
        """Scores of the classes: what a score is called → class → value, nan where a class has none; the main one
        first."""
        ...

    def in_a_line(self) -> str:
        """The scores that are said at the end of a run."""
        ...

    def remarks(self) -> list[str]:
        """What the numbers say, in sentences."""
        ...

    def mistakes(self, index: int) -> str:
        """What is wrong in an image, in a few words."""
        ...

    def nothing(self) -> str:
        """Why there is nothing to measure, in a sentence; "" where there is."""
        ...

    def write_csv(self, path: Path | str) -> None:
        """A table of one row per image."""
        ...

    def write_tables(self, folder: Path) -> list[str]:
        """Every table that there is of it, as CSV; the names of the files."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Everything, raw counts and scores, as JSON types (nan becomes None)."""
        ...


class Evaluator(Protocol[Answer]):
    """Counts what is right, image by image."""

    def add(self, truth: Answer, outputs: Outputs) -> Answer:
        """Count an image, at the size of its truth. Returns the prediction that was compared with it.

        It is given outputs and not a prediction, because scores may depend on more than the prediction, as
        calibration does on probabilities, and because neither has to be held at the size of a large photograph.
        """
        ...

    def result(self, circumstances: Circumstances) -> Evaluation:
        """What was counted so far."""
        ...


def refuse_weights(class_weights: tuple[float, ...] | None, pixel_weights: str, reason: str) -> None:
    """For a task whose loss has no use for either (`Task.loss`). Raises: UsageError with the reason."""
    if class_weights is not None:
        raise UsageError(f"--class-weights {reason}")
    if pixel_weights != "none":
        raise UsageError(f"--pixel-weights {reason}")


class Task(ABC):
    """A question about an image, as training, inference and reports need it answered.

    Outputs are what a network gives users; of a batch they have one axis more, the first. A network under training
    gives them before `activated`.
    """

    name: ClassVar[str]
    structure: ClassVar[type[Structure]]
    """of truth and prediction"""
    writes: ClassVar[tuple[str, ...]] = (".png",)
    """endings of the files that `write` makes of an answer; the PNG is the first"""
    score: ClassVar[EpochScore]
    """by which an epoch is kept: one of `metrics`, or what `logged` gives"""
    curves: ClassVar[Mapping[str, str]]
    """what a report draws over the epochs beside the loss: name in metrics.jsonl → title"""
    decision: ClassVar[str] = "as the task decodes it"
    """how outputs by name become an answer, for a program that has an export and not kseg"""
    measured_whole: ClassVar[bool] = False
    """whether the score is of all validation images together, so that an evaluator counts them after every epoch"""
    leaves_out_classes: ClassVar[bool] = False
    """whether a model that knows more classes than a data set can be measured on it, its other answers left out"""

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
        """What makes the targets of a truth, arrays of fixed shape by name, that losses and metrics are given.

        Args:
          things: class ids of which there are objects, for a task that tells them from stuff; None: nobody told.
          reads: the targets that a loss has use for beside those that every loss is given (`TrainingLoss.reads`).
          weights: of the pixels; None for no weights.
          remember: whether truths come again, so that what is dear to make may be kept.
        Raises:
          UsageError: targets that nothing makes, or weights that mean nothing here.
        """

    @abstractmethod
    def perfect_outputs(self, targets: Targets, num_classes: int) -> Outputs:
        """The outputs of an image from a network that is right about these targets, and sure of it.

        `decode` makes the truth of them again, but for what counts for nothing: no target loses what a score asks for.
        """

    def check_losses(self, spec: str) -> None:
        """Refuse text that names losses that nobody has, before any is made.

        Raises: UsageError.
        """
        check_names(spec)

    @abstractmethod
    def loss(
        self, spec: str, *, reduction: str, class_weights: tuple[float, ...] | None = None, pixel_weights: str = "none"
    ) -> TrainingLoss:
        """The loss that a text names, of targets and of outputs before `activated`.

        Args:
          reduction: over the images of a batch: "mean" or "sum".
          class_weights: one per class.
          pixel_weights: how pixels are to be weighed; "none": all alike.
        Raises:
          UsageError: an unknown loss, or weights that it has no use for.
        """

    @abstractmethod
    def metrics(self, num_classes: int) -> list[keras.metrics.Metric]:
        """What is logged beside the loss after every epoch: metrics of targets and outputs before `activated`."""

    def logged(self, evaluator: Evaluator) -> dict[str, float]:
        """What is logged of the validation images, all counted, where they are `measured_whole`: name without "val_" →
        score."""
        raise NotImplementedError(f"the task {self.name} is measured_whole and does not say what is logged")

    @abstractmethod
    def another_loss(self, spec: str, num_classes: int) -> str:
        """A loss to compare a run with that was trained with this one; the same where there is none to propose."""

    @abstractmethod
    def activated(self, outputs: Any) -> Outputs:
        """The outputs that users get, float32, of those of a network under training."""

    @abstractmethod
    def misfit(self, model: keras.Model, classes: Sequence[str]) -> str:
        """What keeps a model that users are given from answering for the classes; "" where nothing does."""

    @abstractmethod
    def of_each_image(self, outputs: Any) -> Sequence[Outputs]:
        """The outputs of a batch, as arrays, image by image.

        Raises:
          Failure: nan or infinity, which a network with weights that are none gives.
          UsageError: values that mean nothing, as logits where probabilities are wanted.
        """

    @abstractmethod
    def resized(self, outputs: Outputs, size: tuple[int, ...]) -> Outputs:
        """The outputs of an image as they are for an image of another size (h, w)."""

    def served(self, outputs: dict[str, Any], size: tuple[Any, Any]) -> dict[str, Any]:
        """What an export gives of a batch, of outputs that a network gives by name: `resized` in `keras.ops`.

        `size`: height and width of the images, numbers or tensors.
        """
        raise NotImplementedError(f"the task {self.name} does not say what an export gives of its outputs")

    def difference(self, one: Outputs, other: Outputs) -> float:
        """How far apart two outputs of an image are, 0..1, the order of what has none left aside."""
        raise NotImplementedError(f"the task {self.name} does not say how far its outputs are apart")

    @abstractmethod
    def reordered(self, outputs: Outputs, order: Sequence[int]) -> Outputs:
        """The outputs with other class ids: the class i of the result is the class `order[i]` of `outputs`."""

    @abstractmethod
    def decode(
        self, outputs: Outputs, size: tuple[int, ...] | None = None, *, threshold: float | None = None
    ) -> Structure:
        """The answer that the outputs of an image mean, for an image of `size` (default: theirs).

        `threshold` is the probability from which a thing counts as found; None: what the outputs carry, or ½.
        """

    @abstractmethod
    def evaluator(self, classes: Sequence[str], *, background: bool = True, void: int) -> Evaluator:
        """A new count of what is right.

        Args:
          background: whether class 0 is background, and not a class like the others.
          void: the class id of what counts for nothing.
        """

    @abstractmethod
    def read_evaluation(self, content: Any) -> Evaluation:
        """The evaluation that `Evaluation.to_json` wrote. Raises: UsageError for anything else."""

    @abstractmethod
    def write(self, path: Path, answer: Structure, palette: Palette, *, classes: Sequence[str] | None = None) -> None:
        """Write an answer as a PNG that says what each pixel is, and beside it the files of the other `writes`; each
        whole or not at all.

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
        """The image (H, W, 3), pale, with what is wrong in a prediction painted on it; uint8 (H, W, 3)."""

    @abstractmethod
    def legend(self, classes: Sequence[str], palette: Palette, *, background: bool = True) -> Legend:
        """What the colors of `draw` and `draw_mistakes` mean."""


TASKS: Registry[Task] = Registry("task", "kseg.tasks")
"""Name to task; a registered task is walked by the contract tests."""
