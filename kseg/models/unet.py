"""U-Net as in Amadi: three levels, batch normalization, nearest upsampling; and the decoder on any encoder."""

from typing import Any

from keras import layers

from kseg.encoders import encoder_named
from kseg.layers import PadToMultiple, Preprocess, padded_size
from kseg.models.architecture import ANY_ENCODER, FINE_TUNED, architecture
from kseg.models.conv_bn_relu import conv_bn_relu
from kseg.signature import Width

AMADI: dict[str, Any] = {
    # The paper only names Adam: the rate is Keras' default, the rest is kseg's own.
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "poly",
    "batch_size": 16,
    "epochs": 30,
    "patience": 20,
    "loss_reduction": "mean",
}

NARROW = {**AMADI, "base_width": 16, "learning_rate": 4e-3, "batch_size": 8}
"""A quarter of the paper's width, which trains within minutes on two cores."""


@architecture("unet", preset=AMADI, preset_on={ANY_ENCODER: FINE_TUNED}, preset_drawn={**NARROW, "epochs": 8})
def unet(
    image, channels, *, base_width: Width = 64, encoder: str | None = None, trainable_from: str | None = "all"
):  # fmt: skip
    """U-Net with encoder 64-128-256, bottleneck 256, decoder 128-64-64 and a 1×1 classifier, trained from scratch.

    Each stage is two 3×3 convolutions with batch normalization and ReLU; max pooling on the way down, nearest
    upsampling and concatenation with the encoder's stage of that resolution on the way up.

    On an `encoder`, five decoder stages of 4w, 2w, w, w/2 and w/4 filters lead from 1/32 to the image's size. The
    stages at 1/16, 1/8, 1/4 and 1/2 take the encoder's feature there, and a 3×3 convolution gives the scores. Weights
    of a stage from a to b: 9·a·b + 9·b² + 8·b; on ResNet-50 with w = 64 and C = 1, the decoder has 9,013,073 trained
    weights.

    Args:
      base_width: filters of the first stage, w; the others have 2w and 4w. The paper's is 64; at 16 a training step
        takes a fourteenth of the time (128×128, batch 8, 2 cores).
      encoder: any network of keras.applications, or alexnet (`kseg.encoders.ENCODERS`); none: the paper's own.
      trainable_from: first layer of `encoder` to train, "all" or "none".
    Source: Amadi, section 2.1, whose decoder is ambiguous. It upsamples three times (at the end of the bottleneck,
      after the 128 filters, after the 64), so there are three poolings, one per encoder stage, and the last
      "reconstruction" at full resolution is a stage of its own, here with 64 filters like its neighbor. The "channel
      depth back to 3" is read as the classes of the paper's data set, that is the classifier.
    Deviations: images are scaled to [0, 1] first (the paper names no preprocessing). Sizes that are not multiples of 8
      are padded with zeros below and to the right, and the output is cropped. The decoder on an encoder is that of
      segmentation_models.
    """
    if encoder is not None:
        return decoded(image, channels, encoder, base_width, trainable_from)
    w = base_width
    x = Preprocess("unit", name="preprocess")(image)
    if any(size is None or padded_size(size, 8) != size for size in image.shape[1:3]):
        x = PadToMultiple(8, name="pad")(x)
    skips = []
    for level, filters in enumerate((w, 2 * w, 4 * w), start=1):  # 1, 1/2, 1/4
        x = stage(x, filters, name=f"encoder{level}")
        skips.append(x)
        x = layers.MaxPooling2D(name=f"pool{level}")(x)
    x = stage(x, 4 * w, name="bottleneck")  # 1/8
    for level, filters in ((3, 2 * w), (2, w), (1, w)):  # 1/4, 1/2, 1
        x = layers.UpSampling2D(interpolation="nearest", name=f"upsample{level}")(x)
        x = layers.Concatenate(name=f"skip{level}")([skips[level - 1], x])
        x = stage(x, filters, name=f"decoder{level}")
    return layers.Conv2D(channels, 1, name="classifier")(x)


def decoded(image, channels, encoder, base_width, trainable_from):
    """The decoder's five stages on an encoder's features."""
    features = encoder_named(encoder)(image, trainable_from=trainable_from)
    x = features[32]
    for place, stride in enumerate((16, 8, 4, 2, 1)):
        x = layers.UpSampling2D(interpolation="nearest", name=f"upsample{stride}")(x)
        if stride in features:
            x = layers.Concatenate(name=f"skip{stride}")([x, features[stride]])
        x = stage(x, max(1, 4 * base_width // 2**place), name=f"decoder{stride}")
    return layers.Conv2D(channels, 3, padding="same", name="classifier")(x)


def stage(x, filters, *, name):
    """Two 3×3 convolutions, each followed by batch normalization and ReLU."""
    for part in (1, 2):
        x = conv_bn_relu(x, filters, name=f"{name}_{part}")
    return x
