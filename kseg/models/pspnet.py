"""PSPNet (Zhao et al. 2017) on any encoder: a feature concatenated with its means over 1, 4, 9 and 36 parts."""

from collections.abc import Mapping
from typing import Any, Literal

from keras import layers

from kseg.encoders import encoder_named
from kseg.layers import AdaptiveAveragePooling2D, ResizeLike
from kseg.models.architecture import FINE_TUNED, architecture
from kseg.models.auxiliary import LossWeight, with_auxiliary
from kseg.models.conv_bn_relu import conv_bn_relu
from kseg.models.enlarge import enlarged
from kseg.signature import Dropped, Width

BINS = (1, 2, 3, 6)
"""Parts of an axis at each level of the pyramid."""

ZHAO: dict[str, Any] = {
    # Zhao et al. 2017, sections 4 and 5.3: poly with power 0.9 from 0.01, momentum 0.9, decay 1e-4, batches of 16. The
    # paper's 30,000 steps on VOC are 45 passes over 10,582 images. Crops of 473, scales 0.5 to 2, rotation by 10° and
    # flips are not part of a preset.
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

OutputStride = Literal[8, 16]


@architecture("pspnet", encoder="resnet50", preset=ZHAO, preset_on=ON_A_LAPTOP, applied={"auxiliary": 0.0})
def pspnet(
    image, channels, *, encoder: str = "resnet50", output_stride: OutputStride = 8, head_width: Width = 512,
    auxiliary: LossWeight = 0.4, dropout: Dropped = 0.1, trainable_from: str | None = "all",
):  # fmt: skip
    """PSPNet: an encoder at output stride 8; its last feature and the means over 1, 2, 3 and 6 parts per axis.

        conv5_3_pool{1,2,3,6} of f channels, each – 1×1 to f/4 – bilinear; concatenated with the feature (2·f)
        conv5_4 (3×3 to w) – dropout – score (1×1) – bilinear
        only in training, on the feature one stage earlier, of g channels: aux_conv (3×3 to g/4) – dropout – aux_score

    Batch normalization and ReLU follow each convolution except the scores. Parts of a side that is not divisible share
    a row. Weights of the head, with f and g the encoder's channels, w = head_width and C = channels:
    f² + 4·f of the pyramid, 9·2·f·w + 4·w, w·C + C; on ResNet with C = 21 23,089,685, and 2,365,717 of the auxiliary
    head: 9·g·g/4 + 4·g/4 + g/4·C + C.

    Args:
      encoder: any network of keras.applications, or alexnet (`kseg.encoders.ENCODERS`).
      output_stride: of the encoder: 8, or 16, which is faster.
      head_width: feature maps of the last convolution.
      auxiliary: weight of the auxiliary head's loss; 0: no auxiliary head. The finished network has none.
      dropout: share of the features that training drops before the scores.
      trainable_from: first encoder layer to train, "all" or "none".
    Source: Zhao et al. 2017, sections 3.2 and 3.3; widths are the published network's.
    Deviations: upsampling uses the true centers of the windows, the authors align corners; batch normalization of the
      encoder stays frozen, the authors train it; the stem is the encoder's own, the authors' ResNet has three 3×3
      convolutions there.
    """
    network = encoder_named(encoder)
    features = network(image, trainable_from=trainable_from, output_stride=output_stride)
    x = pyramid_pooling(features[32])
    x = conv_bn_relu(x, head_width, name="conv5_4")
    x = layers.Dropout(dropout, name="drop")(x)
    x = layers.Conv2D(channels, 1, name="score")(x)
    x = with_auxiliary(x, features[16], channels, weight=auxiliary, dropout=dropout)
    return enlarged(x, output_stride, centered=network.centered, dtype="float32", name="upscore")


def pyramid_pooling(feature):
    """(N, h, w, f) → (N, h, w, 2·f): the feature, and its means over 1, 4, 9 and 36 parts in f/4 channels each.

    Layers, for b = 1, 2, 3, 6: conv5_3_pool{b}, with _conv, _bn, _relu and _spread.
    """
    filters = max(1, feature.shape[-1] // len(BINS))
    levels = [feature]
    for bins in BINS:
        name = f"conv5_3_pool{bins}"  # DenseNet and AlexNet have layers called pool1, pool2_bn
        x = AdaptiveAveragePooling2D(bins, name=name)(feature)
        x = conv_bn_relu(x, filters, kernel=1, name=name)
        levels.append(ResizeLike(name=f"{name}_spread")([x, feature]))
    return layers.Concatenate(name="conv5_3_concat")(levels)
