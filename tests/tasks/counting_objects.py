"""A task as from outside of kseg: objects with masks, which no label map shows, measured by AP."""

from dataclasses import dataclass
from typing import ClassVar

import keras
import numpy as np

from kseg.datasets.images import save_labels
from kseg.metrics.instances import InstanceScores
from kseg.pipeline import ArraySpec
from kseg.structures import Instances, Masks
from kseg.structures.moves import scaling
from kseg.tasks import Circumstances, EpochScore, Task
from kseg.tasks.figures import plain

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
    class_ap: dict[str, float]
    background: ClassVar[bool] = True
    task = "objects"
    image_score = "AP"

    @property
    def split(self):
        return self.circumstances["split"]

    @property
    def ids(self):
        return self.circumstances["ids"]

    @property
    def headline(self):
        return "AP", self.ap

    @property
    def classes(self):
        return tuple(self.class_ap)

    def order(self):
        return np.argsort(self.per_image, kind="stable")

    def scores(self):
        return {"ap": self.ap}

    def beside(self):
        return {}

    def by_class(self):
        return {"AP": self.class_ap}

    def in_a_line(self):
        return f"AP {self.ap:.4f}"

    def remarks(self):
        return []

    def mistakes(self, index):
        return f"AP {self.per_image[index]:.2f}"

    def nothing(self):
        return ""

    def write_tables(self, folder):
        self.write_csv(folder / "images.csv")
        return ["images.csv"]

    def write_csv(self, path):
        path.write_text("".join(f"{name},{ap}\n" for name, ap in zip(self.ids, self.per_image, strict=True)))

    def to_json(self):
        numbers = {"ap": self.ap, "ap_image": self.per_image.tolist(), "ap_class": plain(self.class_ap)}
        return {"task": self.task, **self.circumstances, **numbers}


class ObjectEvaluator:
    def __init__(self, classes):
        self.classes = classes
        self._scores = InstanceScores(len(classes))

    def add(self, truth, outputs):
        prediction = CountingObjects().decode(outputs, truth.size)
        self._scores.add(truth, prediction)
        return prediction

    def result(self, circumstances):
        of_classes = dict(zip(self.classes, map(float, self._scores.class_ap()), strict=True))
        return ObjectEvaluation(circumstances, self._scores.summary()["AP"], self._scores.image_ap(), of_classes)


class CountingObjects(Task):
    """Which objects are there? Outputs are arrays by name: of each of `MOST` objects its mask, class and score."""

    name = "objects"
    structure = Instances
    score = EpochScore("objects", "number of objects")
    curves: ClassVar = {"objects": "Objects"}

    def targets(self, num_classes, *, things=None, reads=(), weights=None, remember=False):
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

    def another_loss(self, spec, num_classes):
        return spec

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

    def read_evaluation(self, content):
        circumstances = {name: content[name] for name in Circumstances.__annotations__}
        of_classes = {name: np.nan if ap is None else ap for name, ap in content["ap_class"].items()}
        return ObjectEvaluation(circumstances, content["ap"], np.array(content["ap_image"]), of_classes)

    def write(self, path, answer, palette, *, classes=None):
        save_labels(path, answer.id_map(), palette)

    def decode(self, outputs, size=None, *, threshold=None):
        outputs = outputs if size is None else self.resized(outputs, size)
        sure = outputs["scores"] >= (0.5 if threshold is None else threshold)
        masks = outputs["masks"][sure] >= 0.5
        return Instances.of(masks, outputs["classes"][sure], scores=outputs["scores"][sure])

    def evaluator(self, classes, *, background=True, void):
        return ObjectEvaluator(classes)

    def draw(self, image, answer, palette, *, background=True, classes=None):
        drawn = image.copy()
        for mask, class_id in zip(answer.masks.array(), answer.classes, strict=True):
            drawn[mask] = palette[class_id]
        return drawn

    def draw_mistakes(self, image, truth, prediction, *, background=True):
        drawn = image.copy()
        drawn[truth.masks.array().any(axis=0) ^ prediction.masks.array().any(axis=0)] = 255
        return drawn

    def legend(self, classes, palette, *, background=True):
        return list(zip(classes, palette, strict=True))[int(background) :]
