"""A task of somebody else's: objects with masks, of which no label map tells; counted by AP."""

from dataclasses import dataclass

import keras
import numpy as np

from kseg.datasets.images import save_labels
from kseg.metrics.instances import InstanceScores
from kseg.pipeline import ArraySpec
from kseg.structures import Instances, Masks
from kseg.structures.moves import scaling
from kseg.tasks import Circumstances, Task

MOST = 8
"""Objects of an image."""


class ObjectTargets:
    """The targets "masks", bool (MOST, h, w), "classes", int32 (MOST,), and "valid", bool (MOST,): which there are."""

    task, needs_image = "objects", False

    def specs(self, size):
        return {
            "masks": ArraySpec((MOST, *size), "bool"),
            "classes": ArraySpec((MOST,), "int32"),
            "valid": ArraySpec((MOST,), "bool"),
        }

    def __call__(self, truth, image):
        told_apart = truth.chosen(~truth.crowd)
        count = len(told_apart)
        masks, classes = np.zeros((MOST, *truth.size), bool), np.zeros(MOST, np.int32)
        masks[:count], classes[:count] = told_apart.masks.array(), told_apart.classes
        return {"masks": masks, "classes": classes, "valid": np.arange(MOST) < count}


@dataclass(frozen=True)
class ObjectEvaluation:
    """AP of all images."""

    circumstances: Circumstances
    ap: float
    per_image: np.ndarray
    task = "objects"

    @property
    def split(self):
        return self.circumstances["split"]

    @property
    def ids(self):
        return self.circumstances["ids"]

    @property
    def headline(self):
        return "AP", self.ap

    def scores(self):
        return {"ap": self.ap}

    def write_csv(self, path):
        path.write_text("".join(f"{name},{ap}\n" for name, ap in zip(self.ids, self.per_image, strict=True)))

    def to_json(self):
        return {"task": self.task, **self.circumstances, "ap": self.ap, "ap_image": self.per_image.tolist()}


class ObjectEvaluator:
    def __init__(self, num_classes):
        self._scores = InstanceScores(num_classes)

    def add(self, truth, outputs):
        prediction = CountingObjects().decode(outputs, truth.size)
        self._scores.add(truth, prediction)
        return prediction

    def result(self, circumstances):
        return ObjectEvaluation(circumstances, self._scores.summary()["AP"], self._scores.image_ap())


class CountingObjects(Task):
    """Which objects are there? Outputs are arrays by name: of each of `MOST` objects its mask, class and score."""

    name = "objects"
    structure = Instances

    def targets(self, num_classes, *, reads=(), weights=None, remember=False):
        return ObjectTargets()

    def perfect_outputs(self, targets, num_classes):
        return {
            "masks": targets["masks"].astype(np.float32),
            "classes": targets["classes"],
            "scores": targets["valid"].astype(np.float32),
        }

    def loss(self, spec, *, reduction, class_weights=None, pixel_weights="none"):
        raise NotImplementedError("nobody trains it here")

    def metrics(self, num_classes):
        return [keras.metrics.Mean(name="objects")]

    def activated(self, outputs):
        return {name: keras.ops.convert_to_numpy(output) for name, output in outputs.items()}

    def misfit(self, model, classes):
        missing = {"masks", "classes", "scores"} - set(model.output if isinstance(model.output, dict) else ())
        return f"it does not give {', '.join(sorted(missing))}" if missing else ""

    def of_each_image(self, outputs):
        return [dict(zip(outputs, arrays, strict=True)) for arrays in zip(*outputs.values(), strict=True)]

    def resized(self, outputs, size):
        masks = Masks.of(outputs["masks"] >= 0.5)
        return {**outputs, "masks": masks.moved(scaling(masks.size, size)).array().astype(np.float32)}

    def reordered(self, outputs, order):
        return {**outputs, "classes": np.argsort(order)[outputs["classes"]]}

    def write(self, path, answer, palette):
        save_labels(path, answer.id_map(), palette)

    def decode(self, outputs, size=None, *, threshold=0.5):
        outputs = outputs if size is None else self.resized(outputs, size)
        sure = outputs["scores"] >= threshold
        masks = outputs["masks"][sure] >= 0.5
        return Instances.of(masks, outputs["classes"][sure], scores=outputs["scores"][sure])

    def evaluator(self, classes, *, background=True, void):
        return ObjectEvaluator(len(classes))

    def draw(self, image, answer, palette, *, background=True):
        drawn = image.copy()
        for mask, class_id in zip(answer.masks.array(), answer.classes, strict=True):
            drawn[mask] = palette[class_id]
        return drawn
