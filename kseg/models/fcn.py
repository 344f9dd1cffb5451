"""Fully convolutional networks of Long et al. 2015 on any encoder, and the AlexNet network of Rahman & Wang 2016."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from keras import layers

from kseg.encoders import encoder_named
from kseg.layers import SubpixelUpsample
from kseg.models.architecture import LAPTOP, architecture
from kseg.models.fully_convolutional import fully_convolutional, score
from kseg.signature import Dropped, Width

STAGE = {16: 4, 8: 3}
"""stride → the pooling stage of VGG16 at this stride, after which Long et al. name the skips"""

SKIP_SCALE = {16: 0.01, 8: 0.0001}
"""stride → Long et al.'s factor of the skip when all stages are trained at once"""


@dataclass(frozen=True)
class Head:
    """Defaults of the family on an encoder."""

    kernel: int
    """side of fc6: that of the map which the encoder's classifier flattens, where it has one"""
    width: int
    """feature maps of fc6 and fc7"""
    trainable_from: str
    upscore: Literal["fixed", "learned"]


HEADS = {
    "alexnet": Head(6, 4096, "all", "fixed"),
    "vgg16": Head(7, 4096, "all", "fixed"),
    "resnet50": Head(3, 512, "all", "learned"),
    "resnet101": Head(3, 512, "all", "learned"),
    "mobilenetv2": Head(3, 256, "none", "learned"),
}

OTHERS = Head(3, 512, "all", "learned")
"""The head on encoders without a paper: as on ResNet, whose classifier has no hidden layer either."""

CLASSIFIER = {"fc6": "fc1", "fc7": "fc2"}  # of VGG16, by Keras' names

Upscore = Literal["auto", "fixed", "learned"]
Skips = Literal["staged", "at_once"]

RAHMAN_WANG: dict[str, Any] = {
    # Section 4.1: SGD in mini-batches that hold a positive image, fixed rate, momentum, weight decay, "until
    # convergence", best validation IoU. MatConvNet adds the decay to the gradient, as `l2_decay` does. The paper does
    # not give the batch size: 20 is Long et al.'s. The bound on epochs and the patience are kseg's own. FCN_acc is
    # --outputs 2. "Testing was done on the original images without resizing."
    "loss": "iou(pooling='batch')",  # FCN_IoU: eqs. 3 to 5 run over the images together
    "test_input": "original",
    "optimizer": "sgd",
    "learning_rate": 1e-4,
    "momentum": 0.99,
    "l2_decay": 5e-4,
    "schedule": "constant",
    "batch_size": 20,
    "positives_per_batch": 1,
    "epochs": 1000,
    "patience": 20,
    "loss_reduction": "mean",
}

LONG: dict[str, Any] = {
    # Section 4.3 of the conference paper: batch 20, momentum 0.9, fixed rate of 1e-4 for FCN-VGG16, 175 epochs. Its
    # decay ("5^-4 or 2^-4") is read as 5e-4. Deviation: the rate of biases is not doubled.
    **RAHMAN_WANG,
    "loss": "iou",
    "momentum": 0.9,
    "positives_per_batch": 0,
    "epochs": 175,
}

# At LAPTOP's rate fcn32s still predicted foreground everywhere after six epochs of 160 portraits.
FCN_LAPTOP: Mapping[str, Mapping[str, Any]] = {"mobilenetv2": {**LAPTOP, "learning_rate": 5e-4}}


@architecture("fcn32s", encoder="vgg16", convolutionized=CLASSIFIER, preset=LONG, preset_on=FCN_LAPTOP)
def fcn32s(
    image, channels, *, encoder: str = "vgg16", head_width: Width | None = None, dropout: Dropped = 0.5,
    fully_connected: bool = True, upscore: Upscore = "auto", trainable_from: str | None = "auto",
):  # fmt: skip
    """FCN-32s: a classifier made convolutional, one score per class at 1/32, upsampling to full resolution.

        fc6 (k×k) – ReLU – dropout – fc7 (1×1) – ReLU – dropout – score_fr (1×1) – upscore32

    With w = head_width, f the encoder's channels at 1/32 and C = channels: k²·f·w + w (fc6), w² + w (fc7), w·C + C
    (score_fr) and 64²·C² (upscore32) weights. On VGG16, k and w are its classifier's, 7 and 4096. ResNet and
    MobileNetV2 have no hidden dense layers: k and w are 3 and 512, and 3 and 256. On MobileNetV2, fc6 and fc7 have
    9·1280·256 + 256 + 256² + 256 = 3,015,168 weights, few enough to train on a CPU. Scores start at zero.

    Args:
      encoder: any network of keras.applications, such as resnet50, mobilenetv2, efficientnetb0. Encoders without a
        paper have ResNet's head. (`kseg.encoders.ENCODERS`; for alexnet see `fcn32s_alexnet`.)
      head_width: feature maps of fc6 and fc7 (unset: by encoder: VGG16 4096, MobileNetV2 256, others 512).
      dropout: share of the features that training drops after fc6 and after fc7.
      fully_connected: whether fc6 and fc7 stand between the encoder and score_fr. Without them the encoder's features
        are scored directly, by f·C + C weights, as in FCN on ResNet101 of Kim et al. 2019: 43,029 on res5, 21,525 on
        res4 and 10,773 on res3 for C = 21.
      upscore: whether the last upsampling stays bilinear ("fixed") or is learned from a bilinear start; auto: fixed on
        VGG16, as in the paper, and learned on others, whose strided convolutions are up to 15 pixels off center.
      trainable_from: first encoder layer to train, "all" or "none"; auto: all, as in the paper, but none of
        MobileNetV2, whose features can be cached while it is frozen.
    Source: Long et al. 2015, sections 3 and 4, and the layer names of their published networks.
    Deviations: "same" padding and a crop at the bottom right instead of 100 pixels of padding and a crop on all sides.
    """
    return fcn(
        image, channels, (), encoder=encoder, head_width=head_width, dropout=dropout, fully_connected=fully_connected,
        upscore=upscore, trainable_from=trainable_from,
    )  # fmt: skip


@architecture("fcn16s", encoder="vgg16", convolutionized=CLASSIFIER, preset=LONG, preset_on=FCN_LAPTOP)
def fcn16s(
    image, channels, *, encoder: str = "vgg16", head_width: Width | None = None, dropout: Dropped = 0.5,
    fully_connected: bool = True, skips: Skips = "staged", upscore: Upscore = "auto",
    trainable_from: str | None = "auto",
):  # fmt: skip
    """FCN-16s: the scores of FCN-32s, upsampled by 2, plus scores of the features at 1/16.

        x = upscore2(score_fr) + score_pool4      scores = upscore16(x)

    Weights beside fc6, fc7 and score_fr: 4²·C² (upscore2), g·C + C (score_pool4) and 32²·C² (upscore16), with g the
    encoder's channels at 1/16. upscore2 starts bilinear and is learned.

    Args:
      encoder: as in `fcn32s`.
      head_width: as in `fcn32s`.
      dropout: as in `fcn32s`.
      fully_connected: as in `fcn32s`.
      skips: "staged" to start from a trained network with one skip less (--init), "at_once" to learn all from the
        start. Staged, score_pool4 starts at zero, so the network starts with the scores of FCN-32s, upsampled by
        upscore2 and a new upscore16, both bilinear (a learned upscore32 is lost). At once, the skipped features are
        multiplied by 0.01 (by 0.0001 at 1/8), since VGG16's are larger than the scores by orders of magnitude;
        encoders with batch normalization do not need this factor.
      upscore: as in `fcn32s`.
      trainable_from: as in `fcn32s`.
    Source: Long et al. 2015, section 4.2; "at_once" is FCN-8s-atonce of Shelhamer et al. 2017.
    Deviations: as in `fcn32s`. The preset's learning rate is the same for all stages; the authors lower it by a factor
      of 100 when a skip is added (`--learning-rate 1e-6`).
    """
    return fcn(
        image, channels, (16,), encoder=encoder, head_width=head_width, dropout=dropout,
        fully_connected=fully_connected, skips=skips, upscore=upscore, trainable_from=trainable_from,
    )  # fmt: skip


@architecture("fcn8s", encoder="vgg16", convolutionized=CLASSIFIER, preset=LONG, preset_on=FCN_LAPTOP)
def fcn8s(
    image, channels, *, encoder: str = "vgg16", head_width: Width | None = None, dropout: Dropped = 0.5,
    fully_connected: bool = True, skips: Skips = "staged", upscore: Upscore = "auto",
    trainable_from: str | None = "auto",
):  # fmt: skip
    """FCN-8s: FCN-16s with one more skip, from the features at 1/8.

        x = upscore2(score_fr) + score_pool4      x' = upscore_pool4(x) + score_pool3      scores = upscore8(x')

    Weights beside FCN-16s' without upscore16: 4²·C² (upscore_pool4), h·C + C (score_pool3) and 16²·C² (upscore8), with
    h the encoder's channels at 1/8.

    Args:
      encoder: as in `fcn32s`.
      head_width: as in `fcn32s`.
      dropout: as in `fcn32s`.
      fully_connected: as in `fcn32s`.
      skips: as in `fcn16s`.
      upscore: as in `fcn32s`.
      trainable_from: as in `fcn32s`.
    Source: Long et al. 2015, section 4.2. Deviations: as in `fcn16s`.
    """
    return fcn(
        image, channels, (16, 8), encoder=encoder, head_width=head_width, dropout=dropout,
        fully_connected=fully_connected, skips=skips, upscore=upscore, trainable_from=trainable_from,
    )  # fmt: skip


@architecture("fcn32s_alexnet", encoder="alexnet", convolutionized={"fc6": "fc6", "fc7": "fc7"}, preset=RAHMAN_WANG)
def fcn32s_alexnet(
    image, channels, *, head_width: Width = 4096, fc6_kernel: Literal[1, 6] = 6, dropout: Dropped = 0.5,
    upscore: Literal["fixed", "learned"] = "fixed", trainable_from: str | None = "all",
):  # fmt: skip
    """The network of Rahman & Wang 2016, FCN-32s on AlexNet: FCN_IoU with one output, FCN_acc with two.

    6²·256·4096 + 4096 (fc6), 4096² + 4096 (fc7), 4096·C + C (score_fr) and 64²·C² (upscore32) weights: 37,752,832 +
    16,781,312 + 4,097 + 4,096 with one output, behind AlexNet's 2,334,080.

    Args:
      head_width: feature maps of fc6 and fc7.
      fc6_kernel: 6 as in the classifier, or 1 as in the paper's text. The classifier sees its whole 6×6 map at once, so
        as a convolution it is 6×6 (Long et al., section 3.1), and no other shape can take its weights, from which the
        paper starts. The paper's text says "1×1 convolution layers (C6 and C7)", but also that all this "remains the
        same as the original" FCN-32s.
      dropout: share of the features that training drops after fc6 and after fc7.
      upscore: whether the last upsampling stays bilinear ("fixed"), as in the paper, or is learned from there.
      trainable_from: first encoder layer to train, "all" or "none".
    Source: Rahman & Wang 2016, section 3.1 and figure 1.
    Deviations: padding and crop as in `fcn32s`. The 6×6 kernel is padded by 3 at the start and 2 at the end, which
      moves its center by −16 pixels and compensates the 14.5 of `kseg.encoders.alexnet`; with 1×1 they remain.
    """
    return fcn(
        image, channels, (), encoder="alexnet", head_width=head_width, fc6_kernel=fc6_kernel, dropout=dropout,
        upscore=upscore, trainable_from=trainable_from,
    )  # fmt: skip


def fcn(
    image, channels, strides, *, encoder, head_width, dropout, upscore, trainable_from, fully_connected=True,
    fc6_kernel=None, skips="staged",
):  # fmt: skip
    """The builder of the whole family: scores at 1/32, a skip for each of `strides`, upsampling to full resolution."""
    encoder = encoder_named(encoder)
    head = HEADS.get(encoder.name, OTHERS)
    width, kernel = head_width or head.width, fc6_kernel or head.kernel
    trainable_from = head.trainable_from if trainable_from == "auto" else trainable_from
    learned = (head.upscore if upscore == "auto" else upscore) == "learned"

    features = encoder(image, trainable_from=trainable_from)
    x = features[32]  # 1/32
    if fully_connected:
        for name, side in (("fc6", kernel), ("fc7", 1)):
            x = fully_convolutional(x, width, kernel=side, name=name)
            x = layers.Dropout(dropout, name=f"drop{name[-1]}")(x)
    x = score(x, channels, name="score_fr")
    upscore_name = "upscore2"
    for stride in strides:
        x = SubpixelUpsample(2, use_bias=False, name=upscore_name)(x)
        stage = f"pool{STAGE[stride]}"
        skip = features[stride]
        if skips == "at_once":
            skip = layers.Rescaling(SKIP_SCALE[stride], name=f"scale_{stage}")(skip)
        x = layers.Add(name=f"fuse_{stage}")([x, score(skip, channels, name=f"score_{stage}")])  # 1/stride
        upscore_name = f"upscore_{stage}"
    last = min((32, *strides))
    return SubpixelUpsample(last, use_bias=False, trainable=learned, dtype="float32", name=f"upscore{last}")(x)
