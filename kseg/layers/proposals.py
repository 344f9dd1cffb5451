"""Turns a network's scores of anchors and proposals into a few boxes by decoding and non-maximum suppression.

All shapes are static: unused places hold a box without area.
"""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE
from kseg.layers.boxes import HEAD_WEIGHTS, box_area, clip_boxes, decode_boxes
from kseg.layers.matching import at_most, gathered
from kseg.layers.suppression import suppressed

SMALLEST_PROPOSAL, SMALLEST_DETECTION = 1e-3, 1e-2
"""Pixels along a side; smaller boxes are dropped."""

LEAST_SCORE = 0.05
"""Smallest score of a detection."""

NOTHING = float("-inf")
"""The logit of an unused place."""

MOST_CANDIDATES = 1000
"""Most detections of all classes that go into suppression."""


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class Proposals(keras.layers.Layer):
    """`[like, *anchors, *logits, *deltas]`, L of each → float32 (N, count, 4): proposals, the highest score first.

        per level: the `candidates` with the largest logits → boxes, clipped → suppression at `overlap`
        over all levels: the `count` with the largest logits

    Inputs: the image (N, H, W, …), of which only the size is read, or any tensor where `image_size` is given; for each
    level anchors (A, 4), logits (N, A) and deltas (N, A, 4). No gradient passes. Unused places are boxes of zeros.

    Args:
      count: proposals per image.
      candidates: boxes per level before suppression; `training_candidates` in training.
      overlap: IoU above which the box of the lower score is dropped, within a level.
      image_size: (H, W) where it is known in advance, so that layers after frozen features do not need the image.
    Source: Ren et al. 2015, section 3.3; Lin et al. 2017 (FPN), section 4.1. Deviations: none.

    >>> image, anchors = ops.ones((1, 16, 16, 3)), ops.convert_to_tensor([[0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 8.0, 7.0]])
    >>> logits, deltas = ops.convert_to_tensor([[0.0, 1.0]]), ops.zeros((1, 2, 4))
    >>> ops.convert_to_numpy(Proposals(2, 2)([image, anchors, logits, deltas])).tolist()
    [[[0.0, 0.0, 8.0, 7.0], [0.0, 0.0, 0.0, 0.0]]]
    """

    def __init__(self, count, candidates, training_candidates=None, overlap=0.7, image_size=None, **kwargs):
        super().__init__(**kwargs)
        self.image_size = None if image_size is None else tuple(image_size)
        self.count, self.candidates, self.overlap = int(count), int(candidates), float(overlap)
        self.training_candidates = int(training_candidates or candidates)
        self.autocast = False  # boxes in half precision would be off by pixels

    def call(self, inputs, training=False):
        like, *levels = inputs
        height, width = self.image_size or ops.shape(like)[1:3]
        most = self.training_candidates if training else self.candidates
        number = len(levels) // 3
        boxes, scores = [], []
        for anchors, logits, deltas in zip(levels[:number], levels[number:-number], levels[-number:], strict=True):
            # 1. the largest logits of a level
            logits = ops.stop_gradient(ops.cast(logits, "float32"))
            best, places = ops.top_k(logits, at_most(most, ops.shape(logits)[1]))
            references = ops.take(anchors, places, axis=0)
            candidates = decode_boxes(gathered(ops.stop_gradient(ops.cast(deltas, "float32")), places), references)
            candidates = clip_boxes(candidates, height, width)
            # 2. suppression within the level
            keep = suppressed(candidates, threshold=self.overlap, valid=are_wide(candidates, SMALLEST_PROPOSAL))
            boxes.append(candidates)
            scores.append(ops.where(keep, best, NOTHING))
        # 3. the largest logits of all levels
        top_boxes, best, _ = top_scoring(
            ops.concatenate(boxes, axis=1), ops.concatenate(scores, axis=1), self.count, NOTHING
        )
        return ops.where((best > NOTHING)[..., None], top_boxes, 0.0)

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor((inputs[0].shape[0], self.count, 4), dtype="float32")

    def get_config(self):
        config = {"count": self.count, "candidates": self.candidates, "overlap": self.overlap}
        of_training = {"training_candidates": self.training_candidates, "image_size": self.image_size}
        return {**super().get_config(), **config, **of_training}


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class Detections(keras.layers.Layer):
    """`[like, proposals, logits, deltas]` → boxes, scores, classes, valid: detections, the highest score first.

        score = softmax(logits) of every class except background (the first)     box = the class's deltas on a proposal
        per class: suppression at `overlap`     over all: the `count` largest scores above `least_score`

    Inputs: the image, of which only the size is read, or any tensor where `image_size` is given; proposals (N, P, 4);
    logits (N, P, C); deltas (N, P, C, 4).
    Outputs: float32 (N, count, 4) in pixels, float32 (N, count), int32 (N, count), class ids from 1 on, and float32
    (N, count), 1 for an object; unused places are zeros.

    Args:
      count: most objects per image.
      overlap: IoU above which the box of the lower score is dropped, within a class.
      least_score: bound of an object's score.
      image_size: as for `Proposals`.
    Source: Girshick 2015 (Fast R-CNN), section 3.2; the bounds are those of detectron2. Deviations: only the
      `MOST_CANDIDATES` boxes with the largest scores go into suppression.

    >>> image, proposals = ops.ones((1, 16, 16, 3)), ops.convert_to_tensor([[[0.0, 0.0, 8.0, 8.0]]])
    >>> logits, deltas = ops.zeros((1, 1, 2)), ops.zeros((1, 1, 2, 4))
    >>> boxes, scores, classes, valid = Detections(1)([image, proposals, logits, deltas])
    >>> float(scores[0, 0]), int(classes[0, 0]), float(valid[0, 0])
    (0.5, 1, 1.0)
    """

    def __init__(self, count, overlap=0.5, least_score=LEAST_SCORE, image_size=None, **kwargs):
        super().__init__(**kwargs)
        self.image_size = None if image_size is None else tuple(image_size)
        self.count, self.overlap, self.least_score = int(count), float(overlap), float(least_score)
        self.autocast = False

    def call(self, inputs):
        like, proposals, logits, deltas = (ops.convert_to_tensor(one) for one in inputs)
        height, width = self.image_size or ops.shape(like)[1:3]
        logits, deltas = ops.cast(logits, "float32"), ops.cast(deltas, "float32")
        classes = logits.shape[-1] - 1
        # 1. a box and a score for every proposal and class
        scores = ops.softmax(logits, axis=-1)[..., 1:]
        boxes = decode_boxes(deltas[:, :, 1:], proposals[:, :, None, :], weights=HEAD_WEIGHTS)
        boxes = clip_boxes(boxes, height, width)
        there = (box_area(proposals) > 0.0)[..., None] & are_wide(boxes, SMALLEST_DETECTION)
        scores = ops.where(there & (scores > self.least_score), scores, 0.0)
        boxes, scores = ops.reshape(boxes, (-1, ops.shape(proposals)[1] * classes, 4)), _flat(scores)
        # 2. the largest scores, and suppression within each class
        best, places = ops.top_k(scores, at_most(MOST_CANDIDATES, ops.shape(scores)[1]))
        boxes, labels = gathered(boxes, places), ops.cast(places, "int32") % classes + 1
        keep = suppressed(boxes, threshold=self.overlap, valid=best > 0.0, groups=labels)
        # 3. the `count` best
        boxes, scores, places = top_scoring(boxes, ops.where(keep, best, 0.0), self.count, 0.0)
        valid = scores > 0.0
        labels = gathered(ops.pad(labels, ((0, 0), (0, self.count))), places)
        return (
            ops.where(valid[..., None], boxes, 0.0),
            scores,
            ops.where(valid, labels, 0),
            ops.cast(valid, "float32"),
        )

    def compute_output_spec(self, inputs):
        shape = (inputs[0].shape[0], self.count)
        specs = [((*shape, 4), "float32"), (shape, "float32"), (shape, "int32"), (shape, "float32")]
        return tuple(keras.KerasTensor(sides, dtype=dtype) for sides, dtype in specs)

    def get_config(self):
        config = {"count": self.count, "overlap": self.overlap, "least_score": self.least_score}
        return {**super().get_config(), **config, "image_size": self.image_size}


def are_wide(boxes, least: float):
    """bool (…): whether both sides of the boxes (…, 4) have at least `least` pixels."""
    return ops.all(boxes[..., 2:] - boxes[..., :2] >= least, axis=-1)


def top_scoring(boxes, scores, count: int, nothing: float):
    """The `count` boxes (N, B, 4) with the largest scores (N, B), the scores, and their indices among B + count.

    If there are fewer boxes, boxes of zeros with the score `nothing` follow.
    """
    boxes = ops.pad(boxes, ((0, 0), (0, count), (0, 0)))
    scores = ops.pad(scores, ((0, 0), (0, count)), constant_values=nothing)
    best, places = ops.top_k(scores, count)
    return gathered(boxes, places), best, places


def _flat(scores):
    return ops.reshape(scores, (-1, ops.shape(scores)[1] * scores.shape[2]))
