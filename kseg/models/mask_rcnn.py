"""Mask R-CNN (He et al. 2017) on a feature pyramid, on any encoder or on a small network of its own."""

from collections.abc import Mapping
from typing import Annotated, Any

from keras import layers

from kseg.encoders import ENCODERS, encoder_named
from kseg.layers import (
    Chance,
    Detections,
    ImageSize,
    MaskOfClass,
    PadToMultiple,
    Preprocess,
    Proposals,
    PyramidAnchors,
    padded_size,
)
from kseg.layers.roi_heads import box_layers, look_at_boxes, look_at_masks, mask_layers, proposal_layers, propose
from kseg.models.architecture import Answers, architecture
from kseg.models.conv_bn_relu import conv_bn_relu
from kseg.models.fpn import LEVELS, feature_pyramid
from kseg.ranges import Range
from kseg.signature import Width

Count = Annotated[int, Range(least=1, most=10_000)]

SAMPLED_ANCHORS = 256
"""Of an image, in the loss of the region proposal network."""

HE: dict[str, Any] = {
    # He et al. 2017 train on COCO with SGD at 0.02, momentum 0.9 and decay 1e-4, 90,000 steps of 16 images, and the
    # rate falls in steps. Batch, schedule and epochs here are for one machine.
    "loss": "mask=bce",
    "optimizer": "sgd",
    "learning_rate": 2.5e-3,
    "momentum": 0.9,
    "l2_decay": 1e-4,
    "schedule": "poly",
    "batch_size": 2,
    "epochs": 12,
    "patience": 20,
    "loss_reduction": "mean",
}

SMALL: dict[str, Any] = {
    # Not from a paper: found on synthetic people.
    "loss": "mask=bce",
    "optimizer": "adam",
    "learning_rate": 2e-3,
    "schedule": "poly",
    "batch_size": 8,
    "epochs": 8,
    "patience": 20,
    "loss_reduction": "mean",
    "people": 3,
}

PAPER = {
    "pyramid_width": 256, "box_width": 1024, "mask_width": 256, "mask_convolutions": 4, "smallest_anchor": 32,
    "candidates": 1000, "proposals": 1000, "rois": 512, "detections": 100,
}  # fmt: skip
"""The sizes of He et al. 2017, which hold on an encoder."""

OWN = {
    "pyramid_width": 64, "box_width": 256, "mask_width": 64, "mask_convolutions": 2, "smallest_anchor": 16,
    "candidates": 100, "proposals": 64, "rois": 64, "detections": 20,
}  # fmt: skip
"""What takes their place on the small network, for two cores."""


@architecture("mask_rcnn", task="instance", preset=SMALL, preset_on=dict.fromkeys(ENCODERS, HE))
def mask_rcnn(
    image, classes, *, encoder: str | None = None, trainable_from: str | None = "all", base_width: Width = 16,
    pyramid_width: Width | None = None, box_width: Width | None = None, mask_width: Width | None = None,
    mask_convolutions: Annotated[int, Range(least=1, most=9)] | None = None,
    smallest_anchor: Count | None = None, candidates: Count | None = None,
    proposals: Annotated[int, Range(least=32, most=10_000)] | None = None, rois: Count | None = None,
    detections: Count | None = None, aligned_rois: bool = True,
):  # fmt: skip
    """Mask R-CNN: proposals from a feature pyramid; of each proposal a class, a better box, and a mask.

        pyramid      P2 … P5 as in `fpn`, P6 = every second position of P5
        proposals    3×3 – ReLU – 1×1: 3 logits and 3 × 4 deltas at each position; the best, suppressed at 0.7
        box head     RoIAlign 7×7 – 2 × (dense – ReLU) – logits of `classes`, 4 deltas of each
        mask head    RoIAlign 14×14 – 4 × (3×3 – ReLU) – 2×2 up ×2 – ReLU – 1×1: logits of `classes`, 28×28 each

    A box has its features from the map of the stride that its size asks for. The smallest anchor a is that of P2, and
    boxes of side 7·a belong to P4.
    Weights, with f the channels of the encoder at 4, 8, 16, 32, p = pyramid_width, b = box_width, m = mask_width, n
    mask_convolutions and C = classes: Σf·p + 4·p + 4·(9·p² + p) (pyramid), 9·p² + p + 15·(p + 1) (proposals),
    (49·p + 1)·b + (b + 1)·(b + 5·C) (boxes), 9·p·m + m + (n − 1)·(9·m² + m) + 4·m² + m + (m + 1)·C (masks). On
    ResNet-50 with C = 91 all but the encoder has 20,946,481.

    Args:
      encoder: none: a small network of its own, of ten convolutions; otherwise any network of keras.applications, or
        alexnet (`kseg.encoders.ENCODERS`).
      trainable_from: first layer of `encoder` to train, "all" or "none".
      base_width: filters of the first stage of the small network, w; the others have 2w, 4w, 8w and 8w.
      pyramid_width: feature maps of every level (unset: 256 on an encoder, 64 on the small network).
      box_width: features of the box head (unset: 1024, or 64·4).
      mask_width: feature maps of the mask head (unset: 256, or 64).
      mask_convolutions: 3×3 convolutions of the mask head (unset: 4, or 2).
      smallest_anchor: side of the anchors of P2 in pixels, twice as much on each further level (unset: 32, or 16).
      candidates: proposals of a level before suppression, twice as many in training (unset: 1000, or 100).
      proposals: proposals of an image (unset: 1000, or 64).
      rois: boxes of an image that the loss is computed of, a quarter of them on objects (unset: 512, or 64).
      detections: most objects of an image (unset: 100, or 20).
      aligned_rois: pixel centers lie at half a pixel, as in detectron2; torchvision's weights were trained without.
    Source: He et al. 2017, sections 3 and 3.1; Lin et al. 2017 (FPN), section 4. Deviations: the small network is ours.
    """
    usual = OWN if encoder is None else PAPER
    given = {
        "pyramid_width": pyramid_width, "box_width": box_width, "mask_width": mask_width,
        "mask_convolutions": mask_convolutions, "smallest_anchor": smallest_anchor, "candidates": candidates,
        "proposals": proposals, "rois": rois, "detections": detections,
    }  # fmt: skip
    size = {name: usual[name] if value is None else value for name, value in given.items()}
    anchor = size["smallest_anchor"]

    # 1. maps of strides 4 to 64
    features = small_features(image, base_width) if encoder is None else encoded(image, encoder, trainable_from)
    pyramid = feature_pyramid(features, size["pyramid_width"])
    maps = [pyramid[stride] for stride in LEVELS]
    coarsest = layers.MaxPooling2D(1, strides=2, name="fpn_output6")(maps[-1])

    # 2. where objects may be; a size that is known is a number, so that frozen features can take the image's place
    known = None if None in image.shape[1:3] else tuple(image.shape[1:3])
    like = image if known is None else maps[0]
    logits, deltas = propose(proposal_layers(size["pyramid_width"]), [*maps, coarsest])
    anchors = PyramidAnchors(anchor, LEVELS[0], name="anchors_of_levels")([*maps, coarsest])
    proposed = Proposals(
        size["proposals"],
        size["candidates"],
        training_candidates=2 * size["candidates"],
        image_size=known,
        name="proposals_of_levels",
    )([like, *anchors, *logits, *deltas])

    # 3. which, where exactly, and which pixels
    of_boxes = box_layers(size["box_width"], size["pyramid_width"], classes, anchor, aligned=aligned_rois)
    of_masks = mask_layers(size["mask_width"], size["mask_convolutions"], classes, anchor, aligned=aligned_rois)
    looked = look_at_boxes(of_boxes, proposed, maps)
    found = Detections(size["detections"], image_size=known, name="detections")([like, proposed, *looked])
    boxes, scores, labels, valid = found
    masks = MaskOfClass(name="mask_of_class")([look_at_masks(of_masks, boxes, maps), labels, valid])
    users = {
        "boxes": boxes, "scores": scores, "classes": labels, "masks": masks, "valid": valid,
        "size": ImageSize(known, name="image_size")(like),
    }  # fmt: skip

    # 4. what the loss reads beside
    rpn_logits = layers.Concatenate(name="rpn_all_logits", dtype="float32")(logits)
    training = {
        "rpn_logits": rpn_logits,
        "rpn_deltas": layers.Concatenate(axis=1, name="rpn_all_deltas", dtype="float32")(deltas),
        "anchors": layers.Concatenate(axis=0, name="anchors", dtype="float32")(anchors),
        "proposals": proposed,
        "features": maps,
        "chance_anchors": Chance(SAMPLED_ANCHORS, name="chance_anchors")(rpn_logits),
        "chance_rois": Chance(size["rois"], name="chance_rois")(proposed),
    }
    return Answers(users, training)


def encoded(image, encoder: str, trainable_from: str | None) -> Mapping[int, Any]:
    """The features of an encoder."""
    return encoder_named(encoder)(image, trainable_from=trainable_from)


def small_features(image, width: int) -> dict[int, Any]:
    """Features at 1/4 to 1/32 of five stages of two 3×3 convolutions, the first of each with stride 2."""
    x = Preprocess("unit", name="preprocess")(image)
    if any(side is None or padded_size(side, LEVELS[-1]) != side for side in image.shape[1:3]):
        x = PadToMultiple(LEVELS[-1], name="pad")(x)
    features = {}
    for stage, widened in enumerate((1, 2, 4, 8, 8), start=1):
        x = conv_bn_relu(x, widened * width, strides=2, name=f"stage{stage}_1")
        x = conv_bn_relu(x, widened * width, name=f"stage{stage}_2")
        features[2**stage] = x
    return features
