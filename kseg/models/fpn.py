"""Semantic FPN (Lin et al. 2017; Kirillov et al. 2019, "Panoptic FPN"): segmentation on a feature pyramid."""

from collections.abc import Mapping
from typing import Any

from keras import layers

from kseg.encoders import encoder_named
from kseg.models.architecture import FINE_TUNED, architecture
from kseg.models.enlarge import enlarged
from kseg.signature import Dropped, Width

LEVELS = (4, 8, 16, 32)
"""Strides of the pyramid: P2 to P5."""

GROUPS = 32
"""Groups of group normalization; fewer where they do not divide the channels."""

KIRILLOV: dict[str, Any] = {
    # Kirillov et al. 2019 train on Cityscapes with SGD at 0.01, momentum 0.9 and decay 1e-4, for 65,000 steps of 32
    # crops with a step schedule. Batch, schedule and epochs here are DeepLab v3's on VOC.
    "loss": "ce",
    "optimizer": "sgd",
    "learning_rate": 1e-2,
    "momentum": 0.9,
    "l2_decay": 1e-4,
    "schedule": "poly",
    "batch_size": 16,
    "epochs": 45,
    "patience": 20,
    "loss_reduction": "mean",
}

ON_A_LAPTOP: Mapping[str, Mapping[str, Any]] = {"mobilenetv2": FINE_TUNED}


@architecture("fpn", encoder="resnet50", preset=KIRILLOV, preset_on=ON_A_LAPTOP)
def fpn(
    image, channels, *, encoder: str = "resnet50", pyramid_width: Width = 256, head_width: Width = 128,
    dropout: Dropped = 0.0, trainable_from: str | None = "all",
):  # fmt: skip
    """Semantic FPN: every level of a feature pyramid is convolved and upsampled to 1/4, and their sum is scored.

        pyramid   P5 = lateral(C5)    P_l = lateral(C_l) + nearest ×2 of P_{l+1}    then a 3×3 convolution each
        head      3 × (3×3 – GN – ReLU – ×2) of P5, 2 × of P4, 1 × of P3, 3×3 – GN – ReLU of P2; sum
                  dropout – score (1×1) – bilinear ×4

    Weights, with f the channels of the encoder at 4, 8, 16, 32, p = pyramid_width, h = head_width and C = channels:
    Σf·p + 4·p (laterals), 4·(9·p² + p) (outputs), 4·9·p·h + 3·9·h² + 7·2·h (head), h·C + C; on ResNet-50 with C = 54
    984,064 + 2,360,320 + 1,623,808 + 6,966.

    Args:
      encoder: any network of keras.applications, or alexnet (`kseg.encoders.ENCODERS`).
      pyramid_width: feature maps of every level.
      head_width: feature maps of the head.
      dropout: share of the features that training drops before the scores.
      trainable_from: first encoder layer to train, "all" or "none".
    Source: Lin et al. 2017 (FPN), section 3; Kirillov et al. 2019, section 3 and figure 3. Deviations: none.
    """
    network = encoder_named(encoder)
    pyramid = feature_pyramid(network(image, trainable_from=trainable_from), pyramid_width)
    return semantic_head(pyramid, channels, width=head_width, dropout=dropout, centered=network.centered)


def feature_pyramid(features: Mapping[int, Any], width: int) -> dict[int, Any]:
    """Features of strides 4 to 32 → maps of `width` channels at the same strides: laterals, top-down sums, 3×3.

    Layers: fpn_lateral{2..5}, fpn_topdown{2..4}, fpn_add{2..4}, fpn_output{2..5}, by the level log2(stride).
    """
    outputs, x = {}, None
    for stride in reversed(LEVELS):
        level = stride.bit_length() - 1
        lateral = layers.Conv2D(width, 1, name=f"fpn_lateral{level}")(features[stride])
        if x is not None:
            x = layers.UpSampling2D(interpolation="nearest", name=f"fpn_topdown{level}")(x)
            lateral = layers.Add(name=f"fpn_add{level}")([lateral, x])
        x = lateral
        outputs[stride] = layers.Conv2D(width, 3, padding="same", name=f"fpn_output{level}")(x)
    return outputs


def semantic_head(pyramid: Mapping[int, Any], channels: int, *, width: int, dropout: float, centered: bool):
    """Scores float32 (N, ≥ H, ≥ W, channels) of an image from its pyramid: the head of `fpn`.

    `centered`: as in `enlarged`.
    """
    scaled = []
    for level in LEVELS:
        x = pyramid[level]
        for stride in at_strides(level):
            name = f"head{level}_at{stride}"
            x = layers.Conv2D(
                width, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
            )(x)
            x = layers.GroupNormalization(groups_of(width), name=f"{name}_gn")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
            if stride > LEVELS[0]:
                x = enlarged(x, 2, centered=centered, name=f"{name}_x2")
        scaled.append(x)
    x = layers.Add(name="levels")(scaled)
    x = layers.Dropout(dropout, name="drop")(x)
    x = layers.Conv2D(channels, 1, name="score")(x)
    return enlarged(x, LEVELS[0], centered=centered, dtype="float32", name="upscore")


def at_strides(level: int) -> list[int]:
    """The strides at which the head convolves a level: 32, 16, 8 for P5, and only its own stride for P3 and P2."""
    return [stride for stride in reversed(LEVELS) if LEVELS[0] < stride <= level] or [level]


def groups_of(channels: int) -> int:
    """The largest number of groups up to 32 that divides the channels."""
    return max(groups for groups in range(1, GROUPS + 1) if channels % groups == 0)
