"""LinkNet (Chaurasia & Culurciello 2017) on any encoder: a narrow decoder to which the encoder's features are added."""

from typing import Any

from keras import layers

from kseg.encoders import encoder_named
from kseg.models.architecture import architecture
from kseg.models.conv_bn_relu import bn_relu, conv_bn_relu
from kseg.signature import Width

CHAURASIA: dict[str, Any] = {
    # Section 4: RMSprop at 5e-4, batches of 10, on CamVid and Cityscapes; class weights as in ENet
    # (`--class-weights inverse_log`). The number of epochs is kseg's own.
    "loss": "ce",
    "optimizer": "rmsprop",
    "learning_rate": 5e-4,
    "batch_size": 10,
    "epochs": 150,
    "patience": 30,
    "loss_reduction": "mean",
}


@architecture("linknet", encoder="resnet50", preset=CHAURASIA)
def linknet(
    image, channels, *, encoder: str = "resnet50", head_width: Width = 64, trainable_from: str | None = "all"
):  # fmt: skip
    """LinkNet: each decoder block upsamples by 2 in a quarter of its channels, and the encoder's feature is added.

        decoder4, 3, 2   1×1 to m/4 – transposed 3×3 stride 2 – 1×1 to n, plus the feature at 1/16, 1/8, 1/4
        decoder1         the same at stride 1, to head_width
        final1           transposed 3×3 stride 2 to head_width/2;  final2: 3×3;  score: transposed 2×2 stride 2

    Batch normalization and ReLU follow each convolution except the score. Weights of a block from m to n channels, with
    q = m/4: m·q + 9·q² + q·n + 4·(2q + n); of the end, with w = head_width: 9·w·w/2 + 9·(w/2)² + 4·w, 4·w/2·C + C.
    On the features of ResNet-18 (64, 128, 256, 512 channels) and with C = 20: 361,364 with moving statistics, and
    11.5 M with the encoder, as in the paper.

    Args:
      encoder: any network of keras.applications, or alexnet (`kseg.encoders.ENCODERS`).
      head_width: feature maps of the last block.
      trainable_from: first encoder layer to train, "all" or "none".
    Source: Chaurasia & Culurciello 2017, section 3, figures 1 and 2.
    Deviations: ResNet-50 replaces ResNet-18, which keras.applications lacks. The last block has no link: the authors
      add the pooled stem, but other encoders have no second feature at 1/4.
    """
    network = encoder_named(encoder)
    features = network(image, trainable_from=trainable_from)
    x = features[32]
    for block, stride in ((4, 16), (3, 8), (2, 4)):
        link = features[stride]
        x = decoder_block(x, link.shape[-1], stride=2, centered=network.centered, name=f"decoder{block}")
        x = layers.Add(name=f"link{block}")([x, link])
    x = decoder_block(x, head_width, stride=1, centered=network.centered, name="decoder1")
    narrow = max(1, head_width // 2)
    x = transposed(x, narrow, centered=network.centered, name="final1")
    x = conv_bn_relu(x, narrow, name="final2")
    return layers.Conv2DTranspose(channels, 2, strides=2, name="score")(x)


def decoder_block(x, filters, *, stride, centered, name):
    """Figure 2: to a quarter of the channels, upsampled, and to `filters`."""
    quarter = max(1, x.shape[-1] // 4)
    x = conv_bn_relu(x, quarter, kernel=1, name=f"{name}_reduce")
    if stride == 2:
        x = transposed(x, quarter, centered=centered, name=f"{name}_up")
    else:
        x = conv_bn_relu(x, quarter, name=f"{name}_up")
    return conv_bn_relu(x, filters, kernel=1, name=f"{name}_widen")


def transposed(x, filters, *, centered, name):
    """A transposed 3×3 convolution from (h, w) to (2h, 2w), batch normalization, ReLU.

    The full result has 2h + 1 rows. In a centered map, position i is pixel 2i, and the first row is dropped, as with
    PyTorch's padding 1. In other maps, position i is the center of two pixels, and the last row is dropped, as in
    TensorFlow.
    """
    x = layers.Conv2DTranspose(
        filters, 3, strides=2, use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)  # fmt: skip
    left_out = (1, 0) if centered else (0, 1)
    x = layers.Cropping2D((left_out, left_out), name=f"{name}_crop")(x)
    return bn_relu(x, name=name)
