"""The semantic task: label maps as truth, class probabilities as outputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from kseg import metrics
from kseg.conventions import VOID, output_channels
from kseg.datasets.images import overlay, resize_probabilities, save_labels
from kseg.pipeline.source import Targets
from kseg.pipeline.targets import LabelTargets
from kseg.structures import LabelMap, Structure
from kseg.tasks.base import TASKS, EpochScore, Legend, Palette, Task
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, MIXED_UP
from kseg.tasks.semantic.decoding import predicted_labels
from kseg.tasks.semantic.evaluation import SemanticEvaluation
from kseg.tasks.semantic.evaluator import SemanticEvaluator
from kseg.tasks.semantic.loss import SemanticLoss
from kseg.tasks.semantic.mistakes import show_errors
from kseg.tasks.semantic.probabilities import checked, in_order, misfit

if TYPE_CHECKING:
    from kseg.pipeline.maps import PixelWeights


class Semantic(Task):
    """A class for each pixel.

    Outputs are probabilities (H, W, C): C = 1 is the foreground of two classes, else one channel per class. Targets
    are those of `LabelTargets`: "label", class ids (N, H, W), and further targets that a loss reads.
    """

    name = "semantic"
    structure = LabelMap
    score = EpochScore("iou", "IoU")
    curves: ClassVar = {"iou": "IoU", "accuracy": "Pixel accuracy"}

    def targets(
        self,
        num_classes: int,
        *,
        things: Sequence[int] | None = None,
        reads: tuple[str, ...] = (),
        weights: "PixelWeights | None" = None,
        remember: bool = False,
    ) -> LabelTargets:
        return LabelTargets(reads, channels=output_channels(num_classes), weights=weights, remember=remember)

    def perfect_outputs(self, targets: Targets, num_classes: int) -> np.ndarray:
        """One for the class of a pixel, zero for all others; void is labeled as background."""
        label = np.where(targets["label"] == VOID, 0, targets["label"])
        of_classes = np.eye(num_classes, dtype=np.float32)[label]
        return of_classes[..., -output_channels(num_classes) :]  # of two classes the foreground alone

    def loss(
        self, spec: str, *, reduction: str, class_weights: tuple[float, ...] | None = None, pixel_weights: str = "none"
    ) -> SemanticLoss:
        return SemanticLoss(spec, reduction=reduction, class_weights=class_weights, pixel_weights=pixel_weights)

    def metrics(self, num_classes: int) -> list[keras.metrics.Metric]:
        return [metrics.IoU(num_classes, from_logits=True), metrics.PixelAccuracy(from_logits=True)]

    def another_loss(self, spec: str, num_classes: int) -> str:
        """Cross-entropy for the soft IoU, and the soft IoU for everything else."""
        if spec != "iou":
            return "iou"
        return "bce" if num_classes == 2 else "ce"

    def activated(self, outputs: Any) -> np.ndarray:
        activation = keras.activations.sigmoid if outputs.shape[-1] == 1 else keras.activations.softmax
        return keras.ops.convert_to_numpy(activation(keras.ops.cast(outputs, "float32")))

    def misfit(self, model: keras.Model, classes: Sequence[str]) -> str:
        return misfit(model.outputs, classes)

    def of_each_image(self, outputs: Any) -> Sequence[np.ndarray]:
        return list(checked(outputs))

    def resized(self, outputs: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
        return np.asarray(resize_probabilities(outputs, (size[0], size[1])), np.float32)

    def reordered(self, outputs: np.ndarray, order: Sequence[int]) -> np.ndarray:
        return in_order(outputs, order)

    def decode(
        self, outputs: np.ndarray, size: tuple[int, ...] | None = None, *, threshold: float | None = None
    ) -> LabelMap:
        return LabelMap(predicted_labels(outputs, size, threshold=0.5 if threshold is None else threshold))

    def evaluator(self, classes: Sequence[str], *, background: bool = True, void: int = VOID) -> SemanticEvaluator:
        return SemanticEvaluator(classes, background=background, void=void)

    def read_evaluation(self, content: Any) -> SemanticEvaluation:
        return SemanticEvaluation.from_json(content)

    def write(self, path: Path, answer: Structure, palette: Palette, *, classes: Sequence[str] | None = None) -> None:
        """A palette PNG of class ids."""
        assert isinstance(answer, LabelMap)
        save_labels(path, answer.ids, palette)

    def draw(
        self,
        image: np.ndarray,
        answer: Structure,
        palette: Palette,
        *,
        background: bool = True,
        classes: Sequence[str] | None = None,
    ) -> np.ndarray:
        assert isinstance(answer, LabelMap)
        return overlay(image, answer.ids, palette, background=background)

    def draw_mistakes(
        self, image: np.ndarray, truth: Structure, prediction: Structure, *, background: bool = True
    ) -> np.ndarray:
        """Wrong pixels, by the kind of their error."""
        assert isinstance(truth, LabelMap) and isinstance(prediction, LabelMap)
        return show_errors(image, truth.ids, prediction.ids, background=background)

    def legend(self, classes: Sequence[str], palette: Palette, *, background: bool = True) -> Legend:
        entries = list(zip(classes, palette, strict=True))[int(background) :]
        if background:
            entries += [("too much", FALSE_POSITIVE), ("missed", FALSE_NEGATIVE)]
        if len(classes) > 2:
            entries.append(("another class", MIXED_UP))
        return entries


TASKS.register(Semantic.name)(Semantic())
