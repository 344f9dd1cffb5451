"""FCN on a dilated encoder, as in torchvision: the baseline of PSPNet and DeepLab v3."""

from keras import layers

from kseg.encoders import encoder_named
from kseg.layers import BilinearUpsample
from kseg.models.architecture import architecture
from kseg.models.auxiliary import LossWeight, with_auxiliary
from kseg.models.conv_bn_relu import conv_bn_relu
from kseg.models.pspnet import ON_A_LAPTOP, ZHAO, OutputStride
from kseg.signature import Dropped


@architecture("fcn_dilated", encoder="resnet50", preset=ZHAO, preset_on=ON_A_LAPTOP, applied={"auxiliary": 0.0})
def fcn_dilated(
    image, channels, *, encoder: str = "resnet50", output_stride: OutputStride = 8, auxiliary: LossWeight = 0.4,
    dropout: Dropped = 0.1, trainable_from: str | None = "all",
):  # fmt: skip
    """FCN on a dilated encoder: one 3×3 convolution and a score on its last feature at 1/8, without skips.

        fcn (3×3 to f/4 – BN – ReLU) – dropout – score (1×1) – bilinear ×8

    Weights of the head, with f the encoder's channels and C = channels: 9·f·f/4 + 4·f/4 + f/4·C + C; on ResNet with
    C = 21 9,437,184 + 2,048 + 10,773.

    Args:
      encoder: any network of keras.applications, or alexnet (`kseg.encoders.ENCODERS`).
      output_stride: of the encoder: 8, or 16, which is faster.
      auxiliary: weight of the loss of an auxiliary head on the last but one stage, as in `pspnet`; 0: no auxiliary
        head. torchvision's networks were trained with 0.5. The finished network has no auxiliary head.
      dropout: share of the features that training drops before the scores.
      trainable_from: first encoder layer to train, "all" or "none".
    Source: `fcn_resnet50` and `fcn_resnet101` of torchvision, whose weights `kseg weights convert` converts; the
      dilated baseline of Zhao et al. 2017, section 5.2. Deviations: as `pspnet`'s, but scores are upsampled with
      half-pixel centers, as in torchvision.
    """
    features = encoder_named(encoder)(image, trainable_from=trainable_from, output_stride=output_stride)
    last = features[32]
    x = conv_bn_relu(last, max(1, last.shape[-1] // 4), name="fcn")
    x = layers.Dropout(dropout, name="drop")(x)
    x = layers.Conv2D(channels, 1, name="score")(x)
    x = with_auxiliary(x, features[16], channels, weight=auxiliary, dropout=dropout)
    return BilinearUpsample(output_stride, dtype="float32", name="upscore")(x)
