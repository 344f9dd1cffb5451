"""The panoptic task: segments as truth, detections and probabilities of pixels as outputs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from kseg.conventions import VOID
from kseg.datasets.images.draw_objects import overlay_panoptic
from kseg.errors import UsageError
from kseg.pipeline.source import Targets
from kseg.structures import Panoptic, Structure
from kseg.tasks.base import TASKS, EpochScore, Legend, Palette, Task, refuse_weights
from kseg.tasks.instance import InstanceTask
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, FOUND, MIXED_UP
from kseg.tasks.panoptic.decoding import (
    ANSWERS,
    checked,
    decoded,
    difference,
    fusion_of,
    kinds_of,
    misfit,
    reordered,
    resized,
    served,
)
from kseg.tasks.panoptic.evaluation import PanopticEvaluation
from kseg.tasks.panoptic.evaluator import PanopticEvaluator, SegmentCount
from kseg.tasks.panoptic.loss import PanopticLoss, PanopticSpec, check_losses
from kseg.tasks.panoptic.mistakes import show_mistakes
from kseg.tasks.panoptic.targets import PanopticTargets
from kseg.tasks.panoptic.writing import write_panoptic

if TYPE_CHECKING:
    from kseg.pipeline.maps import PixelWeights

NO_MEANING = "weigh pixels of a label map by its classes, which a panoptic network does not score; leave them out"


class PanopticTask(Task):
    """Every pixel belongs to an object, to a kind of stuff, or to nothing.

    Outputs are those of `kseg.tasks.panoptic.decoding.ANSWERS`; targets are those of `PanopticTargets`. A network under
    training gives further outputs by name for its loss.
    """

    name = "panoptic"
    structure = Panoptic
    writes = (".png", ".json")
    score = EpochScore("pq", "PQ")
    curves: ClassVar = {"pq": "PQ", "pq_things": "PQ of things", "pq_stuff": "PQ of stuff"}
    measured_whole = True
    decision = (
        "objects where valid is 1 and the score at least fusion[0], the surest first, each without what lies behind "
        "those before it, and none of which more than fusion[1] does; a mask covers a pixel from 0.5 on; other pixels "
        "are of the most probable channel of semantic: the classes with things = 0 by id, and last, void; stuff of "
        "fewer than fusion[2] pixels is void"
    )

    def targets(
        self,
        num_classes: int,
        *,
        things: Sequence[int] | None = None,
        reads: tuple[str, ...] = (),
        weights: "PixelWeights | None" = None,
        remember: bool = False,
    ) -> PanopticTargets:
        if weights is not None:
            raise UsageError(f"--pixel-weights {NO_MEANING}")
        return PanopticTargets(num_classes, things=things, reads=reads, remember=remember)

    def perfect_outputs(self, targets: Targets, num_classes: int) -> dict[str, np.ndarray]:
        """Each object except crowds is found and every pixel has its class; void is labeled as a thing, so that the
        answer is void there."""
        kinds = kinds_of(targets)
        objects = InstanceTask().perfect_outputs(targets, 1 + len(kinds.things))
        channels = len(kinds.stuff) + 1
        label = np.where(targets["label"] == VOID, channels - 1, targets["label"])
        return {
            **objects,
            "classes": np.array([0, *kinds.things], np.int32)[objects["classes"]],
            "semantic": np.eye(channels, dtype=np.float32)[label],
            "things": targets["things"],
            "fusion": np.array([0.5, 0.5, 0.0], np.float32),
        }

    def check_losses(self, spec: str) -> None:
        check_losses(spec)

    def loss(
        self, spec: str, *, reduction: str, class_weights: tuple[float, ...] | None = None, pixel_weights: str = "none"
    ) -> PanopticLoss:
        refuse_weights(class_weights, pixel_weights, NO_MEANING)
        return PanopticLoss(spec, reduction=reduction)

    def metrics(self, num_classes: int) -> list[keras.metrics.Metric]:
        """No metric: PQ is of segments, which are made of all outputs of an image together."""
        return []

    def epoch_count(self, classes: Sequence[str]) -> SegmentCount:
        return SegmentCount(classes, decode=self.decode)

    def another_loss(self, spec: str, num_classes: int) -> str:
        """Another loss of masks: Dice beside cross-entropy, or cross-entropy alone."""
        parts = PanopticSpec.read(spec)
        mask = "mask=bce" if "dice" in parts.mask else "mask=bce + dice"
        return f"{mask}; semantic={parts.semantic}"

    def activated(self, outputs: Any) -> dict[str, np.ndarray]:
        return {name: keras.ops.convert_to_numpy(outputs[name]) for name in ANSWERS}

    def misfit(self, model: keras.Model, classes: Sequence[str]) -> str:
        return misfit(model.output, classes)

    def of_each_image(self, outputs: Any) -> Sequence[dict[str, np.ndarray]]:
        answers = checked(outputs)
        return [dict(zip(answers, arrays, strict=True)) for arrays in zip(*answers.values(), strict=True)]

    def resized(self, outputs: dict[str, np.ndarray], size: tuple[int, ...]) -> dict[str, np.ndarray]:
        return resized(outputs, size)

    def served(self, outputs: dict[str, Any], size: tuple[Any, Any]) -> dict[str, Any]:
        """The detections and the probabilities in pixels of images of this size."""
        return served(outputs, size)

    def difference(self, one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
        """The difference of detections as in the instance task, or the largest difference of probabilities."""
        return difference(one, other)

    def reordered(self, outputs: dict[str, np.ndarray], order: Sequence[int]) -> dict[str, np.ndarray]:
        return reordered(outputs, order)

    def decode(
        self, outputs: dict[str, np.ndarray], size: tuple[int, ...] | None = None, *, threshold: float | None = None
    ) -> Panoptic:
        """`threshold` takes the place of the confidence that the outputs carry."""
        options = fusion_of(outputs)
        return decoded(outputs, size, options if threshold is None else replace(options, confidence=threshold))

    def evaluator(self, classes: Sequence[str], *, background: bool = True, void: int = VOID) -> PanopticEvaluator:
        return PanopticEvaluator(classes, decode=self.decode)

    def read_evaluation(self, content: Any) -> PanopticEvaluation:
        return PanopticEvaluation.from_json(content)

    def write(self, path: Path, answer: Structure, palette: Palette, *, classes: Sequence[str] | None = None) -> None:
        assert isinstance(answer, Panoptic)
        write_panoptic(path, answer, palette, classes=classes)

    def draw(
        self,
        image: np.ndarray,
        answer: Structure,
        palette: Palette,
        *,
        background: bool = True,
        classes: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Stuff in the color of its class, each object in a color of its own."""
        assert isinstance(answer, Panoptic)
        return overlay_panoptic(image, answer, palette, background=background)

    def draw_mistakes(
        self, image: np.ndarray, truth: Structure, prediction: Structure, *, background: bool = True
    ) -> np.ndarray:
        """Segments missed, made up and misnamed; those found are outlined."""
        assert isinstance(truth, Panoptic) and isinstance(prediction, Panoptic)
        return show_mistakes(image, truth, prediction)

    def legend(self, classes: Sequence[str], palette: Palette, *, background: bool = True) -> Legend:
        """The colors of the classes, which stuff has, and of the mistakes."""
        entries = list(zip(classes, palette, strict=True))[int(background) :]
        wrong = [("found", FOUND), ("too much", FALSE_POSITIVE), ("missed", FALSE_NEGATIVE)]
        return [*entries, *wrong, *([("another class", MIXED_UP)] if len(classes) > 2 else [])]


TASKS.register(PanopticTask.name)(PanopticTask())
