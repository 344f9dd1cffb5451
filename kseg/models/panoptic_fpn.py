"""Panoptic FPN (Kirillov et al. 2019): one feature pyramid for objects and stuff, on any encoder or a small network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from keras import layers

from kseg.encoders import ENCODERS, encoder_named
from kseg.errors import UsageError
from kseg.layers import ClassOfLabel, PerImage
from kseg.models.architecture import Answers, architecture
from kseg.models.crop_to import crop_to
from kseg.models.detector import Convolutions, Count, DetectorSizes, ProposalCount, find_objects, pyramid_features
from kseg.models.fpn import LEVELS, feature_pyramid, semantic_head
from kseg.models.mask_rcnn import HE, SMALL
from kseg.ranges import SHARE, Range
from kseg.signature import Width

if TYPE_CHECKING:
    import keras

LOSS = "mask=bce; semantic=ce"

KIRILLOV: dict[str, Any] = {**HE, "loss": LOSS}
"""Kirillov et al. 2019 train on COCO as Mask R-CNN is trained."""

OWN: dict[str, Any] = {
    **SMALL, "loss": "mask=bce; semantic=ce + lovasz; lambda_s=1", "batch_size": 4, "epochs": 9,
}  # fmt: skip
"""Not from a paper: for synthetic people, whose floor is a narrow strip; Lovász-softmax weighs it like larger stuff."""

DRAWN: dict[str, Any] = {**OWN, "synthetic_counts": (1200, 100, 100), "epochs": 4}
"""OWN with more drawn pictures, fewer passes over them: after nine over 600 the loss was 0.62 in training and 0.98 in
validation (λ_s = ½), and after as many steps over 2,400 pictures 1.01 and 1.06 (λ_s = 1)."""

PAPER_FUSION: dict[str, Any] = {"confidence": 0.5, "overlap": 0.5, "stuff_area": 4096}
"""The thresholds of the paper, which are for COCO; the defaults on an encoder."""

OWN_FUSION: dict[str, Any] = {"confidence": 0.8, "overlap": 0.4, "stuff_area": 256}
"""The defaults on the small network, for small images: what `kseg panoptic tune` found on the validation images of
synthetic people behind the default command, seed 1."""

RULES = "fusion_rules"
"""Name of the layer that holds the thresholds of fusion."""


@architecture(
    "panoptic_fpn", task="panoptic", preset=OWN, preset_on=dict.fromkeys(ENCODERS, KIRILLOV), preset_drawn=DRAWN
)
def panoptic_fpn(
    image, classes, things: Sequence[int], *, encoder: str | None = None, trainable_from: str | None = "all",
    base_width: Width = 16, pyramid_width: Width | None = None, head_width: Width | None = None,
    box_width: Width | None = None, mask_width: Width | None = None, mask_convolutions: Convolutions | None = None,
    smallest_anchor: Count | None = None, candidates: Count | None = None, proposals: ProposalCount | None = None,
    rois: Count | None = None, detections: Count | None = None, aligned_rois: bool = True,
    confidence: Annotated[float, SHARE] | None = None, overlap: Annotated[float, SHARE] | None = None,
    stuff_area: Annotated[int, Range(least=0, most=16_777_216)] | None = None,
):  # fmt: skip
    """Panoptic FPN: Mask R-CNN and the semantic head of `fpn` on one feature pyramid, fused into one result.

        objects   the layers of `mask_rcnn`, whose classes are "no object" and the T things by class id
        stuff     the head of `fpn`: a channel for each kind of stuff, and one for all things together
        result    objects by falling score, each without pixels of those before it; stuff around them (`fuse`)

    The outputs are the detections of `mask_rcnn`; "semantic", the probabilities (N, H, W, S + 1) of the S kinds of
    stuff by class id and, last, of any thing; "things" (N, C), 1 for a class that is a thing; and "fusion" (N, 3), the
    thresholds `confidence`, `overlap` and `stuff_area`.
    Weights: those of `mask_rcnn` with T + 1 for its C, and of the semantic head, with p = pyramid_width and
    h = head_width, 4·9·p·h + 3·9·h² + 7·2·h + (h + 1)·(S + 1). On ResNet-50 with COCO's T = 80 and S = 53, 22,523,435
    without the encoder.

    Args:
      encoder: as in `mask_rcnn`.
      trainable_from: as in `mask_rcnn`.
      base_width: as in `mask_rcnn`.
      pyramid_width: as in `mask_rcnn`.
      head_width: feature maps of the semantic head (unset: 128 on an encoder, 64 on the small network).
      box_width: as in `mask_rcnn`.
      mask_width: as in `mask_rcnn`.
      mask_convolutions: as in `mask_rcnn`.
      smallest_anchor: as in `mask_rcnn`.
      candidates: as in `mask_rcnn`.
      proposals: as in `mask_rcnn`.
      rois: as in `mask_rcnn`.
      detections: as in `mask_rcnn`.
      aligned_rois: as in `mask_rcnn`.
      confidence: objects with a smaller score are left out (unset: 0.5 on an encoder, 0.8 on the small network).
      overlap: objects with a larger share behind objects of higher scores are left out (unset: 0.5 on an encoder, 0.4
        on the small network).
      stuff_area: stuff of fewer pixels becomes void (unset: 4096 on an encoder, 256 on the small network).
    Source: Kirillov et al. 2019, "Panoptic Feature Pyramid Networks", section 3. Deviations: the small network is
      kseg's own.
    """
    size = DetectorSizes.given(
        encoder, pyramid_width=pyramid_width, box_width=box_width, mask_width=mask_width,
        mask_convolutions=mask_convolutions, smallest_anchor=smallest_anchor, candidates=candidates,
        proposals=proposals, rois=rois, detections=detections,
    )  # fmt: skip
    head_width = head_width or (64 if encoder is None else 128)
    given = {"confidence": confidence, "overlap": overlap, "stuff_area": stuff_area}
    usual = OWN_FUSION if encoder is None else PAPER_FUSION
    thresholds = [usual[name] if value is None else value for name, value in given.items()]

    # 1. one pyramid, and the objects on it
    features = pyramid_features(image, encoder, trainable_from=trainable_from, base_width=base_width)
    pyramid = feature_pyramid(features, size.pyramid_width)
    objects = find_objects(image, pyramid, len(things) + 1, size, aligned_rois=aligned_rois)

    # 2. the class of every pixel
    centered = encoder is not None and encoder_named(encoder).centered
    channels = classes - len(things) + 1
    scores = semantic_head(pyramid, channels, width=head_width, dropout=0.0, centered=centered)
    scores = crop_to(image, scores)

    # 3. further outputs for fusion
    like = pyramid[LEVELS[-1]]
    users = {
        **objects.users,
        "classes": ClassOfLabel(things, name="classes")(objects.users["classes"]),
        "semantic": layers.Softmax(dtype="float32", name="semantic")(scores),
        "things": PerImage([float(number in things) for number in range(classes)], name="things")(like),
        "fusion": PerImage(thresholds, name=RULES)(like),
    }
    return Answers(users, {**objects.training, "semantic_logits": scores})


def with_fusion(model: "keras.Model", *, confidence: float, overlap: float, stuff_area: int) -> None:
    """Sets the thresholds of fusion in a panoptic network, which are saved with it.

    Raises: UsageError for a network without thresholds.
    """
    rules = next((layer for layer in model.layers if layer.name == RULES), None)
    if rules is None:
        raise UsageError(f"{model.name} does not fuse and has no thresholds to set; give a panoptic network")
    rules.values = (float(confidence), float(overlap), float(stuff_area))
