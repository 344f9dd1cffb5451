"""The loss of a network that finds objects: of its anchors, of boxes drawn with the truth, and of their masks."""

import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kseg.errors import UsageError
from kseg.layers import encode_boxes, matched, sampled
from kseg.layers.boxes import HEAD_WEIGHTS, box_area
from kseg.layers.matching import Matches, Sample, gathered
from kseg.layers.objects import of_class
from kseg.layers.roi_align import bin_weights
from kseg.layers.roi_heads import Layers, layers_of, look_at_boxes, look_at_masks
from kseg.losses import LOSSES, get
from kseg.losses.base import Reduction, SegmentationLoss
from kseg.losses.compose import WeightedSum, parse
from kseg.losses.monitor import share_of_a_replica
from kseg.tasks.instance.decoding import INSIDE
from kseg.tasks.instance.targets import WHOLE

Tensor = Any

PARTS = ("rpn_objectness", "rpn_box", "box_class", "box_regression", "mask")
"""Parts of the loss, in the order of the network."""

ANCHOR_BOUNDS: dict[str, Any] = {"positive": 0.7, "negative": 0.3, "best_of_each": True}
ROI_BOUNDS: dict[str, Any] = {"positive": 0.5, "negative": 0.5}

POSITIVE_ANCHORS, POSITIVE_ROIS = 1 / 2, 1 / 4
"""Largest share of positives among the anchors and boxes that are drawn."""

BEND = 1 / 9
"""Where the smooth L1 loss of boxes turns from a square to a line."""

SAMPLES = 2
"""Samples of a truth's mask per cell of a mask target, along each axis."""

NO_TRUTH = 2
"""The label of every cell of a mask whose box is on no object, void for the loss of masks. It is not 255, the void of
files, because losses would take background and 255 alone for masks of 0 and 255, and warn."""

MASK = re.compile(r"\s*mask\s*=")

UNREADABLE = ("image",)
"""Targets of other losses that do not exist within the box of an object."""


def mask_spec(spec: str) -> str:
    """The losses of masks in "mask=bce + dice", or in "bce + dice" alone.

    >>> mask_spec("mask=bce + dice")
    'bce + dice'
    """
    return MASK.sub("", spec, count=1).strip()


def check_losses(spec: str) -> None:
    """Refuse text that is no sum of losses for masks. Raises: UsageError."""
    for _, name, _ in parse(mask_spec(spec)):
        reads = LOSSES[name].reads
        if reads in UNREADABLE:
            raise UsageError(f"--loss {spec}: {name} reads the {reads}, which masks do not have; choose another")


class PartMean(keras.metrics.Mean):
    """Running mean over images of a part of the loss."""

    def add_value(self, value: Any, images: Any) -> Any:
        """Count the part's value on a batch of so many images."""
        return self.update_state(value / share_of_a_replica(), sample_weight=ops.cast(images, "float32"))


class InstanceLoss:
    """The sum of five parts; anchors and boxes are drawn anew in every step.

        rpn_objectness   binary cross-entropy of 256 anchors of an image, at most half of them positive
        rpn_box          smooth L1 of the positive anchors' deltas, over all 256
        box_class        cross-entropy of R boxes, proposals and the objects' own, at most a quarter of them positive
        box_regression   smooth L1 of the positive boxes' deltas for their class, over all R
        mask             mean of the loss `spec` over the positive boxes' masks of their class

    Args:
      spec: "mask=bce", "mask=bce + dice": a loss of `kseg.losses` for one channel, or a sum. "mask=" may be left out.
      reduction: of the images' losses: "mean" or "sum".
      network: the network whose box head and mask head are called; `bound` sets it.
    Source: He et al. 2017, section 3, after Ren et al. 2015, eqs. 1–3, and Girshick 2015, eqs. 1–3; bend of the smooth
      L1 and the divisors as in torchvision. Deviations: an image without an object counts only in the first and third
      part.
    """

    reads = ()
    slow_under_xla = True  # convolutions of the heads are part of it

    def __init__(self, spec: str, *, reduction: str, network: keras.Model | None = None):
        check_losses(spec)
        self.spec, self.reduction = spec, reduction
        self.mask_loss = get(mask_spec(spec), from_logits=True, reduction="none", void=NO_TRUTH)
        self._network = network
        self._reduce = Reduction(reduction="sum_over_batch_size" if reduction == "mean" else "sum", dtype="float32")
        if network is not None:
            self._box_head: Layers = layers_of(network, "box_")
            self._mask_head: Layers = layers_of(network, "mask_")
            self._anchors = int(network.get_layer("chance_anchors").sampled)
            self._rois = int(network.get_layer("chance_rois").sampled)

    def bound(self, network: keras.Model) -> "InstanceLoss":
        """This loss for the outputs of a network, whose heads it calls."""
        return InstanceLoss(self.spec, reduction=self.reduction, network=network)

    def value_and_parts(self, targets: dict[str, Any], outputs: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """float32 (), and by name the value of each part.

        Raises: ValueError for a loss without a network.
        """
        if not hasattr(self, "_box_head"):
            raise ValueError("the loss of objects needs the heads of a network; call bound(network) first")
        per_image = {**self._of_anchors(targets, outputs), **self._of_rois(targets, outputs)}
        parts = {name: self._reduce(per_image[name], per_image[name]) for name in PARTS}
        return sum(parts.values()), parts

    def part_metrics(self) -> Sequence[PartMean]:
        """A running mean of every part."""
        return [PartMean(name=f"loss_{name}", dtype="float32") for name in PARTS]

    def _of_anchors(self, targets: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Tensor]:
        """The parts of the region proposal network, (N,) each."""
        anchors = ops.cast(outputs["anchors"], "float32")
        matches = matched(anchors, **self._objects(targets), **ANCHOR_BOUNDS)
        most = int(self._anchors * POSITIVE_ANCHORS)
        sample = sampled(matches, outputs["chance_anchors"], count=self._anchors, positives=most)
        logits = gathered(outputs["rpn_logits"], sample.places)
        # log(1 + e^z) − y·z is the cross-entropy of a logit z
        objectness = (ops.softplus(logits) - sample.positive * logits) * sample.there
        boxes = gathered(targets["boxes"], gathered(matches.objects, sample.places))
        wanted = encode_boxes(boxes, ops.take(anchors, sample.places, axis=0))
        off = smooth_l1(gathered(outputs["rpn_deltas"], sample.places) - wanted) * sample.positive
        count = ops.maximum(ops.sum(sample.there, axis=1), 1.0)
        return {
            "rpn_objectness": ops.sum(objectness, axis=1) / count,
            "rpn_box": ops.sum(off, axis=1) / count,
        }

    def _of_rois(self, targets: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Tensor]:
        """The parts of the box head and the mask head, (N,) each."""
        boxes, matches, sample = self._drawn(targets, outputs)
        rois = ops.stop_gradient(gathered(boxes, sample.places))
        objects = gathered(matches.objects, sample.places)
        classes = gathered(targets["classes"], objects) * ops.cast(sample.positive, "int32")
        features = outputs["features"]

        # 1. class and box of all boxes that were drawn
        logits, deltas = look_at_boxes(self._box_head, rois, features)
        logits, deltas = ops.cast(logits, "float32"), ops.cast(deltas, "float32")
        entropy = ops.logsumexp(logits, axis=-1) - of_class(logits, classes)
        wanted = encode_boxes(gathered(targets["boxes"], objects), rois, weights=HEAD_WEIGHTS)
        off = smooth_l1(of_class(ops.swapaxes(deltas, 2, 3), classes) - wanted) * sample.positive
        count = ops.maximum(ops.sum(sample.there, axis=1), 1.0)

        # 2. masks of the first quarter, where the positive ones stand
        quarter = max(1, int(self._rois * POSITIVE_ROIS))
        quarter = self._needed(ops.sum(sample.positive, axis=1), quarter)
        rois, objects, classes = rois[:, :quarter], objects[:, :quarter], classes[:, :quarter]
        positive = sample.positive[:, :quarter]
        masks = of_class(ops.cast(look_at_masks(self._mask_head, rois, features), "float32"), classes)
        side = masks.shape[-1]
        label = mask_targets(targets, rois, objects, side)
        label = ops.where(positive[..., None, None] > 0.0, label, NO_TRUTH)
        return {
            "box_class": ops.sum(entropy * sample.there, axis=1) / count,
            "box_regression": ops.sum(off, axis=1) / count,
            "mask": self._of_masks(ops.cast(label, "int32"), masks, positive),
        }

    def _drawn(self, targets: dict[str, Any], outputs: dict[str, Any]) -> tuple[Tensor, Matches, Sample]:
        """Proposals followed by the true boxes of the objects, their matches, and a random sample of them."""
        proposals, count = ops.cast(outputs["proposals"], "float32"), targets["masks"].shape[1]
        learned = ops.cast(targets["valid"] * (1.0 - targets["crowd"]), "float32")[:, :count]
        true_boxes = ops.cast(targets["boxes"], "float32")[:, :count] * learned[..., None]
        boxes = ops.concatenate([proposals, true_boxes], axis=1)
        matches = matched(boxes, **self._objects(targets), **ROI_BOUNDS)
        # an empty place holds a box without area, which overlaps no object and must not count as background
        matches = matches._replace(negative=matches.negative & (box_area(boxes) > 0.0))
        chance = ops.cast(outputs["chance_rois"], "float32")
        # random numbers of the true boxes, made of those of the proposals; shifted where there are more true boxes
        places = np.arange(count)
        again = ops.take(1.0 - chance, places % chance.shape[1], axis=1) + 0.37 * (places // chance.shape[1])
        again = ops.where(again < 1.0, again, again - 1.0)
        most = int(self._rois * POSITIVE_ROIS)
        sample = sampled(matches, ops.concatenate([chance, again], axis=1), count=self._rois, positives=most)
        return boxes, matches, sample

    def _objects(self, targets: dict[str, Any]) -> dict[str, Tensor]:
        """The arguments of `matched` for as many objects as the fullest image of the batch has."""
        count = self._needed(ops.sum(ops.cast(targets["valid"], "float32"), axis=1), targets["valid"].shape[1])
        names = {"objects": "boxes", "there": "valid", "crowd": "crowd"}
        whole = {name: ops.cast(ops.convert_to_tensor(targets[target]), "float32") for name, target in names.items()}
        return {name: values[:, :count] for name, values in whole.items()}

    def _needed(self, counts: Tensor, most: int) -> Any:
        """The largest of `counts`, 1 at least, where shapes may differ from step to step; otherwise `most`."""
        if keras.backend.backend() == "jax" or getattr(self._network, "jit_compile", False) is True:
            return most  # XLA compiles a program for every shape
        return ops.cast(ops.maximum(ops.max(counts), 1.0), "int32")

    def _of_masks(self, label: Tensor, logits: Tensor, positive: Tensor) -> Tensor:
        """(N,); the mean over images is the mean over the positive boxes of the batch, without void boxes."""
        images, side = ops.shape(positive)[0], logits.shape[-1]
        label = ops.reshape(label, (-1, side, side))
        logits = ops.reshape(logits, (-1, side, side, 1))
        summands = self.mask_loss.parts.values() if isinstance(self.mask_loss, WeightedSum) else [(1.0, self.mask_loss)]
        total = ops.zeros_like(positive[:, 0])
        for weight, loss in summands:
            if pools_the_batch(loss):
                total = total + weight * ops.reshape(loss(label, logits), ())
                continue
            of_box = ops.reshape(loss(label, logits), ops.shape(positive)) * positive
            count = ops.maximum(ops.sum(positive), 1.0)
            total = total + weight * ops.sum(of_box, axis=1) * ops.cast(images, "float32") / count
        return total


def pools_the_batch(loss: SegmentationLoss) -> bool:
    """Whether the loss has one value for all masks together."""
    return getattr(loss, "pooling", None) == "batch"


def smooth_l1(difference: Tensor) -> Tensor:
    """(…, 4) → (…): Σ_i of x²/(2β) where |x| < β, else |x| − β/2, with β = `BEND`.

    >>> [round(float(value), 4) for value in smooth_l1(ops.convert_to_tensor([[0.0, 0.0, 0.0, 1.0], [1 / 9, 0, 0, 0]]))]
    [0.9444, 0.0556]
    """
    size = ops.abs(difference)
    return ops.sum(ops.where(size < BEND, 0.5 * size * size / BEND, size - 0.5 * BEND), axis=-1)


def mask_targets(targets: dict[str, Any], rois: Tensor, objects: Tensor, side: int) -> Tensor:
    """int32 (N, R, side, side): 1 where the object of each box covers at least half of a cell of the box, else 0.

    Args:
      targets: "boxes" (N, B, 4) and "masks" (N, M, S, S) within the first M of them, of `WHOLE`.
      rois: (N, R, 4); objects: int (N, R), the place among M of each box's object.
    """
    masks = ops.convert_to_tensor(targets["masks"])
    cells = masks.shape[-1]
    # a border of zeros, because the weights repeat the border and an object has no pixel beyond its own box
    masks = ops.cast(gathered(masks, objects), "float32") / WHOLE
    masks = ops.pad(masks, ((0, 0), (0, 0), (1, 1), (1, 1)))
    boxes = gathered(ops.cast(targets["boxes"], "float32"), objects)
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 1e-6)
    start, end = ((corner - boxes[..., :2]) / sides * cells + 0.5 for corner in (rois[..., :2], rois[..., 2:]))
    extent = end - start
    rows, columns = (bin_weights(start[..., axis], extent[..., axis], side, SAMPLES, cells + 2) for axis in (0, 1))
    shares = ops.matmul(ops.matmul(rows, masks), ops.swapaxes(columns, 2, 3))
    return ops.cast(shares >= INSIDE, "int32")
