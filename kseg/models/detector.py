"""The detector that Mask R-CNN and Panoptic FPN share, from the image to boxes, classes and masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from keras import layers

from kseg.encoders import encoder_named
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
from kseg.models.architecture import Answers
from kseg.models.conv_bn_relu import conv_bn_relu
from kseg.models.fpn import LEVELS
from kseg.ranges import Range

Count = Annotated[int, Range(least=1, most=10_000)]
ProposalCount = Annotated[int, Range(least=32, most=10_000)]
Convolutions = Annotated[int, Range(least=1, most=9)]

SAMPLED_ANCHORS = 256
"""Anchors per image in the loss of the region proposal network."""


@dataclass(frozen=True)
class DetectorSizes:
    """Widths and counts, which are options of the architectures that share the detector and are documented there."""

    pyramid_width: int
    box_width: int
    mask_width: int
    mask_convolutions: int
    smallest_anchor: int
    candidates: int
    proposals: int
    rois: int
    detections: int

    @classmethod
    def given(cls, encoder: str | None, **sizes: int | None) -> "DetectorSizes":
        """The given sizes; the default of the others is `PAPER` on an encoder and `OWN` on the small network."""
        usual = OWN if encoder is None else PAPER
        return cls(**{name: usual[name] if value is None else value for name, value in sizes.items()})


PAPER = {
    "pyramid_width": 256, "box_width": 1024, "mask_width": 256, "mask_convolutions": 4, "smallest_anchor": 32,
    "candidates": 1000, "proposals": 1000, "rois": 512, "detections": 100,
}  # fmt: skip
"""The sizes of He et al. 2017, the defaults on an encoder."""

OWN = {
    "pyramid_width": 64, "box_width": 256, "mask_width": 64, "mask_convolutions": 2, "smallest_anchor": 16,
    "candidates": 100, "proposals": 64, "rois": 64, "detections": 20,
}  # fmt: skip
"""The defaults on the small network, for two CPU cores."""


def pyramid_features(image, encoder: str | None, *, trainable_from: str | None, base_width: int) -> Mapping[int, Any]:
    """Features at 1/4 to 1/32, of the named encoder or else of the small network."""
    if encoder is None:
        return small_features(image, base_width)
    return encoder_named(encoder)(image, trainable_from=trainable_from)


def find_objects(
    image, pyramid: Mapping[int, Any], classes: int, size: DetectorSizes, *, aligned_rois: bool
) -> Answers:
    """The detections of an image from its feature pyramid (`LEVELS`), and the further outputs that the loss reads."""
    maps = [pyramid[stride] for stride in LEVELS]
    coarsest = layers.MaxPooling2D(1, strides=2, name="fpn_output6")(maps[-1])

    # 1. proposals; a known size is passed as numbers, so that frozen features can replace the image
    known = None if None in image.shape[1:3] else tuple(image.shape[1:3])
    like = image if known is None else maps[0]
    logits, deltas = propose(proposal_layers(size.pyramid_width), [*maps, coarsest])
    anchors = PyramidAnchors(size.smallest_anchor, LEVELS[0], name="anchors_of_levels")([*maps, coarsest])
    proposed = Proposals(
        size.proposals,
        size.candidates,
        training_candidates=2 * size.candidates,
        image_size=known,
        name="proposals_of_levels",
    )([like, *anchors, *logits, *deltas])

    # 2. classes, boxes and masks
    of_boxes = box_layers(size.box_width, size.pyramid_width, classes, size.smallest_anchor, aligned=aligned_rois)
    of_masks = mask_layers(size.mask_width, size.mask_convolutions, classes, size.smallest_anchor, aligned=aligned_rois)
    of_proposals = look_at_boxes(of_boxes, proposed, maps)
    detections = Detections(size.detections, image_size=known, name="detections")([like, proposed, *of_proposals])
    boxes, scores, labels, valid = detections
    masks = MaskOfClass(name="mask_of_class")([look_at_masks(of_masks, boxes, maps), labels, valid])
    users = {
        "boxes": boxes, "scores": scores, "classes": labels, "masks": masks, "valid": valid,
        "size": ImageSize(known, name="image_size")(like),
    }  # fmt: skip

    # 3. further outputs for the loss
    rpn_logits = layers.Concatenate(name="rpn_all_logits", dtype="float32")(logits)
    training = {
        "rpn_logits": rpn_logits,
        "rpn_deltas": layers.Concatenate(axis=1, name="rpn_all_deltas", dtype="float32")(deltas),
        "anchors": layers.Concatenate(axis=0, name="anchors", dtype="float32")(anchors),
        "proposals": proposed,
        "features": maps,
        "chance_anchors": Chance(SAMPLED_ANCHORS, name="chance_anchors")(rpn_logits),
        "chance_rois": Chance(size.rois, name="chance_rois")(proposed),
    }
    return Answers(users, training)


def small_features(image, width: int) -> dict[int, Any]:
    """Features at 1/4 to 1/32 of five stages, each of two 3×3 convolutions, the first with stride 2."""
    x = Preprocess("unit", name="preprocess")(image)
    if any(side is None or padded_size(side, LEVELS[-1]) != side for side in image.shape[1:3]):
        x = PadToMultiple(LEVELS[-1], name="pad")(x)
    features = {}
    for stage, widened in enumerate((1, 2, 4, 8, 8), start=1):
        x = conv_bn_relu(x, widened * width, strides=2, name=f"stage{stage}_1")
        x = conv_bn_relu(x, widened * width, name=f"stage{stage}_2")
        features[2**stage] = x
    return features
