"""The targets of segments: those of their objects, and the label of every pixel."""

from collections.abc import Sequence

import numpy as np

from kseg.pipeline.source import ArraySpec, Targets
from kseg.pipeline.targets import LabelTargets
from kseg.structures import LabelMap, Panoptic, Structure
from kseg.tasks.instance.targets import InstanceTargets
from kseg.tasks.panoptic.kinds import Kinds


class PanopticTargets:
    """The targets of `InstanceTargets`, with `Kinds.object_label` as "classes"; those of `LabelTargets`, with
    `Kinds.pixel_label` as labels; and "things", float32 (C,), 1 for each class of which there are objects.

    Args:
      num_classes: C.
      things: class ids of which there are objects; None: every class but the first.
      reads: the targets that the semantic loss reads beside the label.
      remember: keep expensive targets of label maps that come again.
    Raises:
      UsageError: a target that cannot be made; when called, an object of a class that is stuff.
    """

    task = "panoptic"

    def __init__(
        self,
        num_classes: int,
        *,
        things: Sequence[int] | None = None,
        reads: tuple[str, ...] = (),
        remember: bool = False,
    ):
        self.kinds = Kinds.told(num_classes, things)
        self._objects = InstanceTargets()
        self._pixels = LabelTargets(reads, channels=len(self.kinds.stuff) + 1, remember=remember)

    @property
    def needs_image(self) -> bool:
        return self._pixels.needs_image

    def specs(self, size: tuple[int | None, ...]) -> dict[str, ArraySpec]:
        things = ArraySpec((len(self.kinds.is_thing),), "float32")
        return {**self._objects.specs(size), **self._pixels.specs(size), "things": things}

    def __call__(self, truth: Structure, image: np.ndarray | None) -> Targets:
        assert isinstance(truth, Panoptic)
        self.kinds.check(truth)
        objects = self._objects(truth.instances(), None)
        objects["classes"] = self.kinds.object_label[objects["classes"]] * (objects["valid"] > 0)
        label = LabelMap(self.kinds.pixel_label[truth.semantic().ids])
        return {**objects, **self._pixels(label, image), "things": np.array(self.kinds.is_thing, np.float32)}
