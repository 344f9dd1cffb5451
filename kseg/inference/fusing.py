"""The two halves of a panoptic answer, objects and classes of pixels, of two trained networks or of one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kseg.inference.predict import Predictor
from kseg.structures import FusionOptions, Instances, LabelMap, Panoptic, fuse

Images = Callable[[], Iterable[np.ndarray]]
"""Called for each pass over the images, uint8 (H, W, 3)."""


@dataclass(frozen=True)
class Halves:
    """The outputs for an image before their fusion; both halves use the class ids of the panoptic task."""

    objects: Instances
    """with scores"""
    classes: LabelMap
    carried: FusionOptions | None = None
    """the thresholds that a panoptic network carries"""

    def fused(self, things: Sequence[int], options: FusionOptions) -> Panoptic:
        """The answer with these thresholds; `things`: class ids of which there are objects."""
        return fuse(self.objects, self.classes, things, options)


@dataclass(frozen=True)
class Pair:
    """A network that tells the class of each pixel and one that finds objects.

    Args:
      semantic, instance: each predicts as its run was measured.
      order: the semantic network's id of each panoptic class.
      class_of: int (K,), the panoptic class of each class of the instance network; that of its background is not used.
    """

    semantic: Predictor
    instance: Predictor
    order: Sequence[int]
    class_of: np.ndarray

    def halves(self, images: Images, *, confidence: float = 0.0) -> Iterator[Halves]:
        """The halves of each image, at its size; objects that score below `confidence` are left out."""
        both = self.semantic.outputs(images()), self.instance.outputs(images(), original_size=False)
        for image, probabilities, detections in zip(images(), *both, strict=True):
            size = image.shape[:2]
            classes = self.semantic.task.decode(self.semantic.task.reordered(probabilities, self.order), size)
            objects = self.instance.task.decode(detections, size, threshold=confidence)
            assert isinstance(classes, LabelMap) and isinstance(objects, Instances)
            yield Halves(replace(objects, classes=self.class_of[objects.classes]), classes)
