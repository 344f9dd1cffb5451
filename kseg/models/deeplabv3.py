"""DeepLab v3 (Chen et al. 2017) and v3+ (Chen et al. 2018) on any encoder: atrous spatial pyramid pooling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from keras import layers

from kseg.encoders import encoder_named
from kseg.layers import ResizeLike
from kseg.models.architecture import FINE_TUNED, architecture
from kseg.models.auxiliary import LossWeight, with_auxiliary
from kseg.models.conv_bn_relu import conv_bn_relu
from kseg.models.enlarge import enlarged
from kseg.signature import Dropped, Width

RATES = {16: (6, 12, 18), 8: (12, 24, 36)}
"""output stride → rates of the pyramid's 3×3 convolutions"""

LOW_LEVEL = 48
"""Channels to which v3+ reduces the feature at 1/4."""

DEEPLABV3: dict[str, Any] = {
    # Chen et al. 2017, section 4.1; crop 513 and scales 0.5 to 2 are not part of a preset. 30,000 steps of 16 images
    # are 45 passes over the 10,582 of VOC. The decay is that of the published code.
    "loss": "ce",
    "optimizer": "sgd",
    "learning_rate": 7e-3,
    "momentum": 0.9,
    "l2_decay": 4e-5,
    "schedule": "poly",
    "batch_size": 16,
    "epochs": 45,
    "patience": 20,
    "loss_reduction": "mean",
}

ON_A_LAPTOP: Mapping[str, Mapping[str, Any]] = {"mobilenetv2": FINE_TUNED}

OutputStride = Literal[16, 8]
Branches = Literal["all", "image"]
Corners = Literal["auto", "aligned"]
Grid = Literal["auto", "off"]
Head = Literal["paper", "torchvision"]

TORCHVISION_RATES = (12, 24, 36)
"""Rates of torchvision's pyramid at every output stride."""


@dataclass(frozen=True)
class Pyramid:
    """The pyramid's output, and what later layers need."""

    x: Any
    features: Mapping[int, Any]
    centered: bool


@architecture(
    "deeplabv3", encoder="resnet101", preset=DEEPLABV3, preset_on=ON_A_LAPTOP, applied={"auxiliary": 0.0}
)  # fmt: skip
def deeplabv3(
    image, channels, *, encoder: str = "resnet101", output_stride: OutputStride = 16, branches: Branches = "all",
    multi_grid: Grid = "auto", corners: Corners = "auto", head: Head = "paper", head_width: Width = 256,
    auxiliary: LossWeight = 0.0, dropout: Dropped = 0.1, trainable_from: str | None = "all",
):  # fmt: skip
    """DeepLab v3: an encoder at output stride 16 or 8, and a pyramid of dilated convolutions beside image pooling.

        image_pooling (mean – 1×1) | aspp0 (1×1) | aspp1, aspp2, aspp3 (3×3, rates 6 12 18, doubled at output stride 8)
        concatenate – concat_projection (1×1) – dropout – score (1×1) – bilinear

    Batch normalization and ReLU follow each convolution except the last. Weights, with f the encoder's channels,
    w = head_width and C = channels: f·w + f·w + 3·9·f·w + 5·w·w, 4·6·w of normalization, w·C + C; on ResNet with C = 21
    15,532,032 + 6,144 + 5,397. ResNet's windows are centered on every s-th pixel, those of other encoders are not, and
    scores are upsampled accordingly.

    Args:
      encoder: any network of keras.applications, or alexnet (`kseg.encoders.ENCODERS`). MobileNet's map is taken
        before its last 1×1 convolution, as the authors do.
      output_stride: of the encoder: 16, or 8, which is denser and slower.
      branches: "image": only image pooling and the 1×1 convolution, the authors' pyramid on MobileNet.
      multi_grid: auto: the three units of ResNet's last stage are dilated by 1, 2 and 4 times their rate, which other
        encoders do not have. "off": by their rate.
      corners: "aligned": images are padded to 32·k + 1 rows and the windows of every encoder are centered on every s-th
        pixel, including the first and the last, as in the published networks.
      head: "torchvision": one more 3×3 convolution before the scores (9·w·w + 4·w weights), rates 12, 24 and 36 at
        every output stride, and upsampling with half-pixel centers. Its weights are converted by `kseg weights
        convert`.
      head_width: feature maps of every branch.
      auxiliary: weight of the loss of an auxiliary head on the last but one stage, as in `pspnet`; 0: no auxiliary
        head. torchvision's networks were trained with 0.5. The finished network has no auxiliary head.
      dropout: share of the features that training drops before the scores, with torchvision's head before its
        convolution.
      trainable_from: first encoder layer to train, "all" or "none".
    Source: Chen et al. 2017, sections 3 and 4; the branches on MobileNet: Sandler et al. 2018, section 6.3; the layer
      names are the published code's.
    Deviations: batch normalization of the encoder stays frozen; the authors train it at output stride 16.
    """
    pyramid = aspp(
        image, encoder, output_stride, branches, multi_grid, corners, head_width, trainable_from, separable=False,
        rates=RATES[output_stride] if head == "paper" else TORCHVISION_RATES,
    )  # fmt: skip
    x = layers.Dropout(dropout, name="drop")(pyramid.x)
    if head == "torchvision":
        x = conv_bn_relu(x, head_width, name="head")
    x = layers.Conv2D(channels, 1, name="score")(x)
    x = with_auxiliary(x, pyramid.features[16], channels, weight=auxiliary, dropout=dropout)
    centered = pyramid.centered and head == "paper"
    return enlarged(x, output_stride, centered=centered, dtype="float32", name="upscore")


@architecture("deeplabv3plus", encoder="resnet101", preset=DEEPLABV3, preset_on=ON_A_LAPTOP)
def deeplabv3plus(
    image, channels, *, encoder: str = "resnet101", output_stride: OutputStride = 16, separable: bool = True,
    branches: Branches = "all", multi_grid: Grid = "auto", corners: Corners = "auto", head_width: Width = 256,
    dropout: Dropped = 0.1, trainable_from: str | None = "all",
):  # fmt: skip
    """DeepLab v3+: v3's pyramid, upsampled to 1/4 and concatenated with the encoder's feature there.

        x = enlarged pyramid (w) | feature_projection0 of the feature at 1/4 (1×1 to 48)
        decoder_conv0, decoder_conv1 (3×3 to w) – dropout – score (1×1) – bilinear ×4

    Weights beside v3's pyramid, with g the encoder's channels at 1/4 (ResNet 256): g·48 + 4·48; for each decoder
    convolution of a inputs 9·a·w + 4·w, or separable 9·a + 4·a + a·w + 4·w, with a = w + 48, then w; and w·C + C. On
    ResNet with C = 21: 1,310,165, separable 170,565.

    Args:
      encoder: as in `deeplabv3`.
      output_stride: as in `deeplabv3`.
      separable: whether the 3×3 convolutions of pyramid and decoder are depthwise separable.
      branches: as in `deeplabv3`.
      multi_grid: as in `deeplabv3`.
      corners: as in `deeplabv3`.
      head_width: feature maps of every branch and of the decoder.
      dropout: as in `deeplabv3`.
      trainable_from: as in `deeplabv3`.
    Source: Chen et al. 2018 (v3+), section 3. Deviations: as `deeplabv3`'s.
    """
    pyramid = aspp(
        image, encoder, output_stride, branches, multi_grid, corners, head_width, trainable_from, separable=separable,
        rates=RATES[output_stride],
    )  # fmt: skip
    low = conv_bn_relu(pyramid.features[4], LOW_LEVEL, kernel=1, name="feature_projection0")
    x = enlarged(pyramid.x, output_stride // 4, centered=pyramid.centered, like=low, name="upsample4")
    x = layers.Concatenate(name="decoder_concat")([x, low])
    for place in (0, 1):
        x = conv_bn_relu(x, head_width, separable=separable, name=f"decoder_conv{place}")
    x = layers.Dropout(dropout, name="drop")(x)
    x = layers.Conv2D(channels, 1, name="score")(x)
    return enlarged(x, 4, centered=pyramid.centered, dtype="float32", name="upscore")


def aspp(
    image, encoder, output_stride, branches, multi_grid, corners, width, trainable_from, *, separable, rates
) -> Pyramid:  # fmt: skip
    """The encoder and the pyramid on its last feature, projected to `width` channels."""
    network = encoder_named(encoder)
    centered = corners == "aligned"
    features = network(
        image, trainable_from=trainable_from, output_stride=output_stride, widened=False,
        multi_grid=multi_grid == "auto", centered=centered,
    )  # fmt: skip
    last = features[32]
    pooled = layers.GlobalAveragePooling2D(keepdims=True, name="image_mean")(last)
    pooled = conv_bn_relu(pooled, width, kernel=1, name="image_pooling")
    parts = [
        ResizeLike(name="image_pooling_spread")([pooled, last]),
        conv_bn_relu(last, width, kernel=1, name="aspp0"),
    ]
    if branches == "all":
        parts += [
            conv_bn_relu(last, width, dilation=rate, separable=separable, name=f"aspp{place}")
            for place, rate in enumerate(rates, start=1)
        ]
    x = layers.Concatenate(name="concat")(parts)
    x = conv_bn_relu(x, width, kernel=1, name="concat_projection")
    return Pyramid(x, features, centered or network.centered)
