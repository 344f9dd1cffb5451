"""Mask R-CNN (He et al. 2017) on a feature pyramid, on any encoder or on a small network."""

from typing import Any

from kseg.encoders import ENCODERS
from kseg.layers import PerImage
from kseg.models.architecture import Answers, architecture
from kseg.models.detector import Convolutions, Count, DetectorSizes, ProposalCount, find_objects, pyramid_features
from kseg.models.fpn import LEVELS, feature_pyramid
from kseg.signature import Width

HE: dict[str, Any] = {
    # He et al. 2017 train on COCO with SGD at 0.02, momentum 0.9 and decay 1e-4, for 90,000 steps of 16 images with a
    # step schedule. Batch, schedule and epochs here are for one machine.
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
    # Not from a paper: tuned on synthetic people. The default command reached a mask AP of 0.513 and an AP50 of 0.885
    # on its test images after 3 min 48 s on two cores, seed 1.
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


@architecture("mask_rcnn", task="instance", preset=SMALL, preset_on=dict.fromkeys(ENCODERS, HE))
def mask_rcnn(
    image, classes, *, encoder: str | None = None, trainable_from: str | None = "all", base_width: Width = 16,
    pyramid_width: Width | None = None, box_width: Width | None = None, mask_width: Width | None = None,
    mask_convolutions: Convolutions | None = None, smallest_anchor: Count | None = None,
    candidates: Count | None = None, proposals: ProposalCount | None = None, rois: Count | None = None,
    detections: Count | None = None, aligned_rois: bool = True, whole_pixels: bool = False,
):  # fmt: skip
    """Mask R-CNN: proposals from a feature pyramid, and a class, a refined box and a mask of each.

        pyramid      P2 … P5 as in `fpn`, P6 = every second position of P5
        proposals    3×3 – ReLU – 1×1: 3 logits and 3 × 4 deltas at each position; the best, suppressed at 0.7
        box head     RoIAlign 7×7 – 2 × (dense – ReLU) – logits of `classes`, 4 deltas of each
        mask head    RoIAlign 14×14 – 4 × (3×3 – ReLU) – 2×2 up ×2 – ReLU – 1×1: logits of `classes`, 28×28 each

    The size of a box decides from which map its features are cut. The smallest anchor a is that of P2, and boxes of
    side 7·a belong to P4.
    Weights, with f the channels of the encoder at 4, 8, 16, 32, p = pyramid_width, b = box_width, m = mask_width, n
    mask_convolutions and C = classes: Σf·p + 4·p + 4·(9·p² + p) (pyramid), 9·p² + p + 15·(p + 1) (proposals),
    (49·p + 1)·b + (b + 1)·(b + 5·C) (boxes), 9·p·m + m + (n − 1)·(9·m² + m) + 4·m² + m + (m + 1)·C (masks). On
    ResNet-50 with C = 91, 20,946,481 without the encoder.

    Args:
      encoder: any network of keras.applications, or alexnet (`kseg.encoders.ENCODERS`); none: a small network of ten
        convolutions.
      trainable_from: first layer of `encoder` to train, "all" or "none".
      base_width: filters of the first stage of the small network, w; the others have 2w, 4w, 8w and 8w.
      pyramid_width: feature maps of every level (unset: 256 on an encoder, 64 on the small network).
      box_width: features of the box head (unset: 1024, or 64·4).
      mask_width: feature maps of the mask head (unset: 256, or 64).
      mask_convolutions: 3×3 convolutions of the mask head (unset: 4, or 2).
      smallest_anchor: side of the anchors of P2 in pixels, doubling with each level (unset: 32, or 16).
      candidates: proposals per level before suppression, twice as many in training (unset: 1000, or 100).
      proposals: proposals per image (unset: 1000, or 64).
      rois: boxes per image in the loss, a quarter of them on objects (unset: 512, or 64).
      detections: most objects per image (unset: 100, or 20).
      aligned_rois: whether pixel centers lie at half a pixel, as in detectron2; torchvision's weights were trained
        without.
      whole_pixels: whether masks are pasted into boxes of whole pixels, as torchvision does with the weights it
        trained.
    Source: He et al. 2017, sections 3 and 3.1; Lin et al. 2017 (FPN), section 4. Deviations: the small network is
      kseg's own.
    """
    size = DetectorSizes.given(
        encoder, pyramid_width=pyramid_width, box_width=box_width, mask_width=mask_width,
        mask_convolutions=mask_convolutions, smallest_anchor=smallest_anchor, candidates=candidates,
        proposals=proposals, rois=rois, detections=detections,
    )  # fmt: skip
    features = pyramid_features(image, encoder, trainable_from=trainable_from, base_width=base_width)
    pyramid = feature_pyramid(features, size.pyramid_width)
    objects = find_objects(image, pyramid, classes, size, aligned_rois=aligned_rois)
    if not whole_pixels:
        return objects
    rule = PerImage([1.0], name="whole_pixels")(pyramid[LEVELS[-1]])
    return Answers({**objects.users, "whole_pixels": rule}, objects.training)
