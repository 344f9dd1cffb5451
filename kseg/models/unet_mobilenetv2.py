"""A small U-Net decoder on frozen MobileNetV2 features, which trains on a laptop."""

from keras import layers

from kseg.encoders import ENCODERS
from kseg.layers import PixelShuffle
from kseg.models.architecture import architecture
from kseg.models.conv_bn_relu import conv_bn_relu
from kseg.signature import Width


@architecture("unet_mobilenetv2", encoder="mobilenetv2")
def unet_mobilenetv2(image, channels, *, width: Width = 128, trainable_from: str | None = None):
    """A top-down decoder over strides 32, 16, 8, 4: nearest upsampling plus a 1×1 lateral, 3×3 convolution, BN, ReLU.

        x₃₂ = lateral(f₃₂)      x_s = ReLU(BN(conv(upsample(x_2s) + lateral(f_s))))      s = 16, 8, 4

    At stride 4 a 1×1 convolution gives 16 scores per position and class, which the pixel shuffle arranges as 4 × 4
    pixels. The decoder has 0.73 M weights at width 128:
    (1280 + 576 + 192 + 144)·128 + 4·128 laterals, 3·(9·128² + 4·128) stages, (128 + 1)·16 scores.

    Args:
      width: channels of the decoder.
      trainable_from: first encoder layer to train, "all" or "none". None also freezes MobileNetV2, whose features can
        then be cached.
    Source: kseg's own; a U-Net (Ronneberger et al. 2015) with the sums of a feature pyramid (Lin et al. 2017).
    """
    features = ENCODERS["mobilenetv2"](image, trainable_from=trainable_from)
    x = layers.Conv2D(width, 1, name="lateral32")(features[32])  # 1/32
    for stride in (16, 8, 4):
        x = layers.UpSampling2D(interpolation="nearest", name=f"upsample{stride}")(x)  # 1/stride
        lateral = layers.Conv2D(width, 1, name=f"lateral{stride}")(features[stride])
        x = layers.Add(name=f"add{stride}")([x, lateral])
        x = conv_bn_relu(x, width, name=f"decoder{stride}")
    scores = layers.Conv2D(16 * channels, 1, name="score")(x)
    return PixelShuffle(4, dtype="float32", name="upscore4")(scores)  # 1
