"""DeepLab v1 and v2 (Chen et al. 2015, 2018): dilated networks that score every eighth pixel, as in Kim et al. 2019."""

import keras
from keras import layers

from kseg.encoders import ENCODERS
from kseg.errors import UsageError
from kseg.layers import AlignedUpsample, Preprocess, SubpixelUpsample
from kseg.models.build import architecture

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""VGG16: convolutions and filters of each block."""

RATES = (6, 12, 18, 24)
"""Of ASPP's four convolutions (ASPP-L)."""

STRIDE = 8


def score_start():
    """What the authors start scores from: N(0, 0.01)."""
    return keras.initializers.RandomNormal(stddev=0.01)


@architecture("deeplab_largefov", encoder="vgg16", convolutionised={"fc7": "fc2"})
def deeplab_largefov(image, channels, *, head_width=1024, rate=12, dropout=0.5, trainable_from="all"):
    """DeepLab-LargeFOV: VGG16 whose last two poolings do not stride, fc6 with a field of view of 224 pixels.

        blocks 1–3: 3×3 convolutions, pooling 3×3 stride 2       1/2, 1/4, 1/8
        blocks 4, 5: the same, pooling 3×3 stride 1; block 5 with dilation 2
        pool5a (mean 3×3) – fc6 (3×3, dilation 12) – ReLU – dropout – fc7 (1×1) – ReLU – dropout – fc8 – upscore8

    Weights, with w = head_width and C = channels: VGG16's 14,714,688, 9·512·w + w (fc6), w² + w (fc7), w·C + C (fc8):
    20,505,429 for w = 1024 and C = 21. An image of 321 rows gives 41.

    Args:
      head_width: feature maps of fc6 and fc7.
      rate: dilation of fc6.
      dropout: share of the features that training drops after fc6 and after fc7.
      trainable_from: first layer of VGG16 to train, "all" or "none".
    Source: Chen et al. 2015, section 3, and the layer names of their published network.
    Deviations: fc6 starts at random and not from the classifier's, of which the authors take every fourth weight.
    """
    _check_dropout(dropout)
    x = Preprocess("caffe", name="preprocess")(image)
    backbone = []
    for block, (convolutions, filters) in enumerate(BLOCKS, start=1):
        for part in range(1, convolutions + 1):
            convolution = layers.Conv2D(
                filters, 3, padding="same", dilation_rate=2 if block == 5 else 1, activation="relu",
                name=f"block{block}_conv{part}",
            )  # fmt: skip
            backbone.append(convolution)
            x = convolution(x)
        x = layers.ZeroPadding2D(1, name=f"block{block}_pad")(x)  # after a ReLU zeros are as good as nothing
        x = layers.MaxPooling2D(3, strides=2 if block < 4 else 1, name=f"block{block}_pool")(x)
    ENCODERS["vgg16"].freeze(backbone, trainable_from)
    x = layers.AveragePooling2D(3, strides=1, padding="same", name="pool5a")(x)
    for name, kernel, dilation in (("fc6", 3, rate), ("fc7", 1, 1)):
        x = layers.Conv2D(
            head_width, kernel, padding="same", dilation_rate=dilation, activation="relu", name=name
        )(x)  # fmt: skip
        x = layers.Dropout(dropout, name=f"drop{name[-1]}")(x)
    x = layers.Conv2D(channels, 1, kernel_initializer=score_start(), name="fc8")(x)
    return AlignedUpsample(STRIDE, dtype="float32", name="upscore8")(x)


@architecture("deeplab_resnet101", encoder="resnet101")
def deeplab_resnet101(image, channels, *, encoder="resnet101", trainable_from="all"):
    """DeepLab-ResNet101: ResNet at output stride 8, and the sum of four dilated convolutions for scores (ASPP-L).

        scores = Σ_r conv_r(features)      r ∈ {6, 12, 18, 24}, 3×3, with bias, N(0, 0.01)

    Weights, with f the encoder's channels: 4·(9·f·C + C); 1,548,372 on ResNet-101 with C = 21, and 44,206,548 in all.
    Batch normalisation is frozen, as in the paper.

    Args:
      encoder: any of `kseg.encoders.ENCODERS`, at output stride 8.
      trainable_from: first encoder layer to train, "all" or "none".
    Source: Chen et al. 2018, section 4.1; Kim et al. 2019, section 4.1. Deviations: one scale; the authors' learning
      rates of ASPP are 10 and 20 times the encoder's.
    """
    features = ENCODERS[encoder](image, trainable_from=trainable_from, output_stride=STRIDE)[32]
    branches = [
        layers.Conv2D(
            channels, 3, padding="same", dilation_rate=rate, kernel_initializer=score_start(), name=f"aspp{rate}"
        )(features)
        for rate in RATES
    ]  # fmt: skip
    scores = layers.Add(name="aspp")(branches)
    if encoder.startswith("resnet"):  # its windows are centred on every eighth pixel, those of the others beside it
        return AlignedUpsample(STRIDE, dtype="float32", name="upscore8")(scores)
    return SubpixelUpsample(STRIDE, use_bias=False, trainable=False, dtype="float32", name="upscore8")(scores)


def _check_dropout(dropout) -> None:
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout is {dropout}; it is a share from 0 to below 1, such as the paper's 0.5")
