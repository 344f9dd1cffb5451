"""The instance task: objects as truth, detections as outputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from kseg.conventions import VOID
from kseg.datasets.images import contrasting_palette
from kseg.datasets.images.draw_objects import overlay_instances
from kseg.errors import UsageError
from kseg.pipeline.source import Targets
from kseg.structures import Instances, Structure
from kseg.tasks.base import TASKS, EpochScore, Legend, Palette, Task, TrainingLoss, refuse_weights
from kseg.tasks.instance.decoding import checked, decoded, difference, misfit, names_in, resized, served
from kseg.tasks.instance.evaluation import InstanceEvaluation
from kseg.tasks.instance.evaluator import InstanceEvaluator, MaskCount
from kseg.tasks.instance.loss import InstanceLoss, check_losses
from kseg.tasks.instance.mistakes import SURE, show_mistakes
from kseg.tasks.instance.targets import WHOLE, InstanceTargets
from kseg.tasks.instance.writing import write_objects
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, FOUND, MIXED_UP

if TYPE_CHECKING:
    from kseg.pipeline.maps import PixelWeights

NO_MEANING = "have no meaning for a network that finds objects; leave them out"


class InstanceTask(Task):
    """Every object with a box, a class, a mask and, of a prediction, a score.

    Outputs are those of `kseg.tasks.instance.decoding.DETECTIONS`; targets are those of `InstanceTargets`. A network
    under training gives further outputs by name for its loss.
    """

    name = "instance"
    structure = Instances
    writes = (".png", ".json")
    score = EpochScore("ap", "mask AP")
    curves: ClassVar = {"ap": "Mask AP", "ap50": "Mask AP at an IoU of 0.5"}
    measured_whole = True
    leaves_out_classes = True
    decision = "an object where valid is 1 and the score at least 0.5; its mask covers a pixel from 0.5 on"

    def targets(
        self,
        num_classes: int,
        *,
        things: Sequence[int] | None = None,
        reads: tuple[str, ...] = (),
        weights: "PixelWeights | None" = None,
        remember: bool = False,
    ) -> InstanceTargets:
        if weights is not None:
            raise UsageError(
                "--pixel-weights weigh pixels of a label map, which a network that finds objects does not have; leave "
                "them out"
            )
        if reads:
            raise UsageError(f"the loss reads {', '.join(reads)}, which objects do not have; choose another loss")
        return InstanceTargets()

    def perfect_outputs(self, targets: Targets, num_classes: int) -> dict[str, np.ndarray]:
        """Each object is found except crowds, which no network is asked to find."""
        count = targets["masks"].shape[-3]
        is_object = (targets["valid"] * (1 - targets["crowd"]))[..., :count]
        return {
            "boxes": targets["boxes"][..., :count, :],
            "scores": is_object,
            "classes": targets["classes"][..., :count],
            "masks": targets["masks"].astype(np.float32) / WHOLE,
            "valid": is_object,
            "size": targets["size"],
        }

    def check_losses(self, spec: str) -> None:
        check_losses(spec)

    def loss(
        self, spec: str, *, reduction: str, class_weights: tuple[float, ...] | None = None, pixel_weights: str = "none"
    ) -> TrainingLoss:
        refuse_weights(class_weights, pixel_weights, NO_MEANING)
        return InstanceLoss(spec, reduction=reduction)

    def metrics(self, num_classes: int) -> list[keras.metrics.Metric]:
        """No metric: AP ranks the detections of all images, so it is no mean over batches."""
        return []

    def epoch_count(self, classes: Sequence[str]) -> MaskCount:
        return MaskCount(len(classes))

    def another_loss(self, spec: str, num_classes: int) -> str:
        """A loss of masks: Dice beside cross-entropy, or cross-entropy alone."""
        return "mask=bce" if "dice" in spec else "mask=bce + dice"

    def activated(self, outputs: Any) -> dict[str, np.ndarray]:
        return {name: keras.ops.convert_to_numpy(outputs[name]) for name in names_in(outputs)}

    def misfit(self, model: keras.Model, classes: Sequence[str]) -> str:
        return misfit(model.output)

    def of_each_image(self, outputs: Any) -> Sequence[dict[str, np.ndarray]]:
        detections = checked(outputs)
        return [dict(zip(detections, arrays, strict=True)) for arrays in zip(*detections.values(), strict=True)]

    def resized(self, outputs: dict[str, np.ndarray], size: tuple[int, ...]) -> dict[str, np.ndarray]:
        return resized(outputs, size)

    def served(self, outputs: dict[str, Any], size: tuple[Any, Any]) -> dict[str, Any]:
        """The detections in pixels of images of this size."""
        return served(outputs, size)

    def difference(self, one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
        """The difference of scores, masks and boxes as shares of the image; that of a detection without a partner is
        its score."""
        return difference(one, other)

    def reordered(self, outputs: dict[str, np.ndarray], order: Sequence[int]) -> dict[str, np.ndarray]:
        """Detections of a class that is not in `order` are left out."""
        of_data = np.full(1 + max(*order, int(outputs["classes"].max(initial=0))), -1)
        of_data[list(order)] = np.arange(len(order))
        classes = of_data[outputs["classes"]]
        there = (classes >= 0).astype(outputs["valid"].dtype)
        return {**outputs, "classes": np.maximum(classes, 0), "valid": outputs["valid"] * there}

    def decode(
        self, outputs: dict[str, np.ndarray], size: tuple[int, ...] | None = None, *, threshold: float | None = None
    ) -> Instances:
        least = SURE if threshold is None else threshold
        return decoded(outputs if size is None else resized(outputs, size), threshold=least)

    def evaluator(self, classes: Sequence[str], *, background: bool = True, void: int = VOID) -> InstanceEvaluator:
        return InstanceEvaluator(classes, background=background)

    def read_evaluation(self, content: Any) -> InstanceEvaluation:
        return InstanceEvaluation.from_json(content)

    def write(self, path: Path, answer: Structure, palette: Palette, *, classes: Sequence[str] | None = None) -> None:
        assert isinstance(answer, Instances)
        write_objects(path, answer)

    def draw(
        self,
        image: np.ndarray,
        answer: Structure,
        palette: Palette,
        *,
        background: bool = True,
        classes: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Each object in a color of its own, neighbors of one class too; a detection in its box, with class and score.

        A truth is drawn without boxes, because its masks show where the objects are.
        """
        assert isinstance(answer, Instances)
        return overlay_instances(image, answer, classes=classes, boxes=answer.scores is not None)

    def draw_mistakes(
        self, image: np.ndarray, truth: Structure, prediction: Structure, *, background: bool = True
    ) -> np.ndarray:
        """Objects missed, made up and misnamed; those found are outlined."""
        assert isinstance(truth, Instances) and isinstance(prediction, Instances)
        return show_mistakes(image, truth, prediction)

    def legend(self, classes: Sequence[str], palette: Palette, *, background: bool = True) -> Legend:
        """The colors of the mistakes, and one of the objects' colors for an object."""
        one = ("an object, each in another color", contrasting_palette(3)[2])
        wrong = [("found", FOUND), ("too much", FALSE_POSITIVE), ("missed", FALSE_NEGATIVE)]
        return [one, *wrong, *([("another class", MIXED_UP)] if len(classes) - int(background) > 1 else [])]


TASKS.register(InstanceTask.name)(InstanceTask())
