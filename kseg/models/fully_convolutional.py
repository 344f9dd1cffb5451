"""The networks of van Beers et al. 2019, BFCN-32s and FCResNet, and their head on MobileNetV2 for small machines."""

from typing import Any, Literal

from keras import layers

from kseg.encoders import ENCODERS
from kseg.layers import LargeKernelConv2D, SubpixelUpsample
from kseg.models.architecture import LAPTOP, architecture
from kseg.signature import Width

PAPER_WIDTH = 4096
"""Feature maps of the fully convolutional layers, as many as VGG16's fc6 and fc7 have units."""

UPSCORE_STARTS = {"bilinear": ("zeros", None), "glorot": ("glorot_uniform", "glorot_uniform")}
"""Option → initializers of score_fr and of upscore32, whose default (None) is bilinear."""

UpscoreStart = Literal["bilinear", "glorot"]

VAN_BEERS: dict[str, Any] = {
    # Table 2, and eq. 4: "applied to each element in a batch and added".
    # Keras 3's RMSprop divides by √(v + ε), that of 2019 by √v + 1e-7. With Keras 3's default ε of 1e-7, a weight with
    # a gradient below 3e-4 hardly moves. √(v + 1e-14) is the old divisor to within 1 % where √v is above 1e-5, and at
    # most 30 % below it (at √v = 1e-7).
    "optimizer": "rmsprop",
    "epsilon": 1e-14,
    "learning_rate": 1e-4,
    "schedule": "constant",
    "batch_size": 100,
    "epochs": 1000,
    "patience": 20,
    "loss_reduction": "sum",
}


@architecture("bfcn32s", encoder="vgg16", convolutionized={"fc6": "fc1", "fc7": "fc2"}, preset=VAN_BEERS)
def bfcn32s(
    image, channels, *, head_width: Width = PAPER_WIDTH, trainable_from: str | None = "block5",
    upscore_start: UpscoreStart = "bilinear",
):  # fmt: skip
    """FCN-32s (Long et al. 2015) on VGG16 with one foreground score; blocks 1–4 frozen, block 5 and the head trained.

    With w = head_width, C = channels the head has 7²·512·w + w (fc6), w² + w (fc7), w·C + C (score_fr) and 64²·C² + C
    (upscore32) weights: 102,764,544 + 16,781,312 + 4,097 + 4,097 for the paper's.

    Args:
      head_width: feature maps of fc6 and fc7.
      trainable_from: first encoder layer to train, "all" or "none". If a weights file leaves earlier layers random,
        name the first of these.
      upscore_start: the trained upsampling starts bilinear with scores of zero, or at random (glorot) as in van Beers
        et al. See `upscored`.
    Source: van Beers et al., section 2.1.1. Deviations: no dropout as in FCN-32s, which the paper does not mention; the
      paper's start is "glorot".
    """
    x = ENCODERS["vgg16"](image, trainable_from=trainable_from)[32]
    x = fully_convolutional(x, head_width, kernel=7, name="fc6")
    x = fully_convolutional(x, head_width, kernel=1, name="fc7")
    return upscored(x, channels, start=upscore_start)


@architecture("fcresnet", encoder="resnet50", preset=VAN_BEERS)
def fcresnet(
    image, channels, *, head_width: Width = PAPER_WIDTH, trainable_from: str | None = "conv5",
    upscore_start: UpscoreStart = "bilinear",
):  # fmt: skip
    """`bfcn32s` on ResNet-50 with a single fully convolutional layer; all stages except the last, res5, are frozen.

    7²·2048·w + w weights in fc6: 411,045,888 at the paper's width, which is why there is no fc7.

    Args:
      head_width: feature maps of fc6.
      trainable_from: first encoder layer to train, "all" or "none". Batch normalization stays frozen (see
        `kseg.encoders.base`).
      upscore_start: as in `bfcn32s`.
    Source: van Beers et al., section 2.1.2, whose layer "similar to the one used in BFCN-32s" is read as one with ReLU.
    Deviations: the paper's start is "glorot".
    """
    x = ENCODERS["resnet50"](image, trainable_from=trainable_from)[32]
    x = fully_convolutional(x, head_width, kernel=7, name="fc6")
    return upscored(x, channels, start=upscore_start)


# At ten times this rate, its 16 M weights predict foreground everywhere after the first steps.
@architecture("fcmobilenet", encoder="mobilenetv2", preset={**LAPTOP, "learning_rate": 1e-4})
def fcmobilenet(
    image, channels, *, head_width: Width = 256, trainable_from: str | None = None,
    upscore_start: UpscoreStart = "bilinear",
):  # fmt: skip
    """A narrow head of BFCN-32s on a frozen MobileNetV2: the paper's comparison for a machine without a GPU.

    7²·1280·w + w weights in fc6 and w² + w in fc7: 16,122,368 at width 256.

    Args:
      head_width: feature maps of fc6 and fc7.
      trainable_from: first encoder layer to train, "all" or "none". None also freezes MobileNetV2, whose features can
        then be cached.
      upscore_start: as in `bfcn32s`.
    Source: kseg's own; the head is van Beers et al.'s.
    """
    x = ENCODERS["mobilenetv2"](image, trainable_from=trainable_from)[32]
    x = fully_convolutional(x, head_width, kernel=7, name="fc6")
    x = fully_convolutional(x, head_width, kernel=1, name="fc7")
    return upscored(x, channels, start=upscore_start)


def fully_convolutional(x, width, *, kernel, name):
    """A dense layer of a classifier as a convolution that keeps the size of its map.

    An even kernel is padded by one more at the start than at the end, the opposite of "same" padding.
    """
    if kernel % 2 == 0:
        x = layers.ZeroPadding2D(((kernel // 2, kernel // 2 - 1),) * 2, name=f"{name}_pad")(x)
        return layers.Conv2D(width, kernel, activation="relu", name=name)(x)
    kind = LargeKernelConv2D if kernel > 1 else layers.Conv2D
    return kind(width, kernel, padding="same", activation="relu", name=name)(x)


def upscored(x, channels, *, start):
    """A linear score per position at 1/32, and a trainable deconvolution of stride 32 to full resolution.

    Args:
      start: "bilinear": the deconvolution starts as bilinear upsampling and the score at zero (Long et al. 2015,
        section 4.3), so every pixel starts at probability ½ and the first masks are smooth. "glorot": both start at
        random, the default of Keras in 2019. Van Beers et al. name no other start, and report "up-sampling artifacts
        much more pronounced upon initialization" (section 5). The models' default is "bilinear", which avoids these
        artifacts; the paper's recipe has "glorot".
    """
    of_score, of_upscore = UPSCORE_STARTS[start]
    x = layers.Conv2D(channels, 1, kernel_initializer=of_score, name="score_fr")(x)
    return SubpixelUpsample(32, kernel_initializer=of_upscore, name="upscore32", dtype="float32")(x)


def score(x, channels, *, name):
    """A linear score per position and class, zero at the start."""
    return layers.Conv2D(channels, 1, kernel_initializer="zeros", name=name)(x)
