"""DeepLab v1 and v2 (Chen et al. 2015, 2018): dilated networks at output stride 8, as in Kim et al. 2019."""

from typing import Annotated, Any

import keras
from keras import layers

from kseg.encoders import encoder_named
from kseg.encoders.transplant import Decimated
from kseg.layers import AlignedUpsample, Preprocess
from kseg.models.architecture import architecture
from kseg.models.enlarge import enlarged
from kseg.models.fcn import FCN_LAPTOP
from kseg.ranges import Range
from kseg.signature import Dropped, Width

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""VGG16: convolutions and filters of each block."""

RATES = (6, 12, 18, 24)
"""Rates of ASPP's four convolutions (ASPP-L)."""

STRIDE = 8

CLASSIFIER = {"fc6": Decimated("fc1"), "fc7": Decimated("fc2")}
"""Layer → dense layer of VGG16 from which it starts."""

KIM_LARGEFOV: dict[str, Any] = {
    # Kim et al. 2019, section 4.1; crop 512 and flip are not part of a preset. 20,000 steps of 10 images are 19 passes
    # over the 10,582 of VOC.
    "loss": "ce",
    "optimizer": "sgd",
    "learning_rate": 4e-3,
    "momentum": 0.9,
    "l2_decay": 1e-4,
    "layer_rates": ("*/bias=2", "fc8/kernel=10", "fc8/bias=20"),  # as in Chen et al. 2015's published solver
    "schedule": "poly",
    "batch_size": 10,
    "epochs": 19,
    "patience": 20,
    "loss_reduction": "mean",
}

# Crop 321.
KIM_RESNET = {
    **KIM_LARGEFOV, "learning_rate": 2.5e-4, "l2_decay": 5e-4, "layer_rates": ("aspp*/kernel=10", "aspp*/bias=20"),
}  # fmt: skip


def score_start():
    """The authors' initializer of scores: N(0, 0.01)."""
    return keras.initializers.RandomNormal(stddev=0.01)


@architecture("deeplab_largefov", encoder="vgg16", convolutionized=CLASSIFIER, preset=KIM_LARGEFOV)
def deeplab_largefov(
    image, channels, *, head_width: Width = 1024, rate: Annotated[int, Range(least=1, most=1024)] = 12,
    dropout: Dropped = 0.5, trainable_from: str | None = "all",
):  # fmt: skip
    """DeepLab-LargeFOV: VGG16 with stride 1 in its last two poolings, and fc6 with a field of view of 224 pixels.

        blocks 1–3: 3×3 convolutions, pooling 3×3 stride 2       1/2, 1/4, 1/8
        blocks 4, 5: the same, pooling 3×3 stride 1; block 5 with dilation 2
        pool5a (mean 3×3) – fc6 (3×3, dilation 12) – ReLU – dropout – fc7 (1×1) – ReLU – dropout – fc8 – upscore8

    Weights, with w = head_width and C = channels: VGG16's 14,714,688, 9·512·w + w (fc6), w² + w (fc7), w·C + C (fc8):
    20,505,429 for w = 1024 and C = 21. An image of 321 rows gives 41.

    Args:
      head_width: feature maps of fc6 and fc7.
      rate: dilation of fc6.
      dropout: share of the features that training drops after fc6 and after fc7.
      trainable_from: first encoder layer to train, "all" or "none".
    Source: Chen et al. 2015, section 3, and the layer names of their published network.
    Where a file of weights has VGG16's classifier, fc6 and fc7 start from it, decimated: 512×7×7×4096 → 512×3×3×1024,
      with the first, the middle and the last of 7 rows and columns, and every fourth unit.
    Deviations: none.
    """
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
        x = layers.ZeroPadding2D(1, name=f"block{block}_pad")(x)  # zeros never win a maximum after ReLU
        x = layers.MaxPooling2D(3, strides=2 if block < 4 else 1, name=f"block{block}_pool")(x)
    encoder_named("vgg16").freeze(backbone, trainable_from)
    x = layers.AveragePooling2D(3, strides=1, padding="same", name="pool5a")(x)
    for name, kernel, dilation in (("fc6", 3, rate), ("fc7", 1, 1)):
        x = layers.Conv2D(
            head_width, kernel, padding="same", dilation_rate=dilation, activation="relu", name=name
        )(x)  # fmt: skip
        x = layers.Dropout(dropout, name=f"drop{name[-1]}")(x)
    x = layers.Conv2D(channels, 1, kernel_initializer=score_start(), name="fc8")(x)
    return AlignedUpsample(STRIDE, dtype="float32", name="upscore8")(x)


@architecture("deeplab_resnet101", encoder="resnet101", preset=KIM_RESNET, preset_on=FCN_LAPTOP)
def deeplab_resnet101(
    image, channels, *, encoder: str = "resnet101", trainable_from: str | None = "all"
):  # fmt: skip
    """DeepLab-ResNet101: ResNet at output stride 8, and scores that sum four dilated convolutions (ASPP-L).

        scores = Σ_r conv_r(features)      r ∈ {6, 12, 18, 24}, 3×3, with bias, N(0, 0.01)

    Weights, with f the encoder's channels: 4·(9·f·C + C); 1,548,372 on ResNet-101 with C = 21, and 44,206,548 in total.
    Batch normalization is frozen, as in the paper.

    Args:
      encoder: any network of keras.applications, or alexnet, at output stride 8 (`kseg.encoders.ENCODERS`).
      trainable_from: first encoder layer to train, "all" or "none".
    Source: Chen et al. 2018, section 4.1; Kim et al. 2019, section 4.1. Deviations: one scale.
    """
    network = encoder_named(encoder)
    features = network(image, trainable_from=trainable_from, output_stride=STRIDE)[32]
    branches = [
        layers.Conv2D(
            channels, 3, padding="same", dilation_rate=rate, kernel_initializer=score_start(), name=f"aspp{rate}"
        )(features)
        for rate in RATES
    ]  # fmt: skip
    scores = layers.Add(name="aspp")(branches)
    return enlarged(scores, STRIDE, centered=network.centered, dtype="float32", name="upscore8")
