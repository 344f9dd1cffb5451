"""Fully convolutional networks of Long et al. 2015 on several encoders, and the AlexNet one of Rahman & Wang 2016."""

from dataclasses import dataclass
from typing import Literal

from keras import layers

from kseg.encoders import ENCODERS
from kseg.errors import UsageError, unknown_name
from kseg.layers import SubpixelUpsample
from kseg.models.build import architecture
from kseg.models.fully_convolutional import fully_convolutional, score

STAGE = {16: 4, 8: 3}
"""stride → the pooling stage of VGG16 that ends there, by which Long et al. name the skips"""

SKIP_SCALE = {16: 0.01, 8: 0.0001}
"""stride → what Long et al. multiply the skip with when all stages are trained at once"""


@dataclass(frozen=True)
class Head:
    """How the family is built and trained on an encoder unless options say otherwise."""

    kernel: int
    """of fc6: the map that the encoder's classifier flattens, where it has one"""
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
"""On an encoder that no paper puts this head on: ResNet's, whose classifier has no hidden layer either."""

CLASSIFIER = {"fc6": "fc1", "fc7": "fc2"}  # of VGG16, by Keras' names


@architecture("fcn32s", encoder="vgg16", convolutionised=CLASSIFIER)
def fcn32s(image, channels, *, encoder="vgg16", head_width=None, dropout=0.5, upscore="auto", trainable_from="auto"):
    """FCN-32s: a classifier made convolutional, one score per class at 1/32, upsampling to full resolution.

        fc6 (k×k) – ReLU – dropout – fc7 (1×1) – ReLU – dropout – score_fr (1×1) – upscore32

    With w = head_width, f the encoder's channels at 1/32 and C = channels: k²·f·w + w (fc6), w² + w (fc7), w·C + C
    (score_fr) and 64²·C² (upscore32) weights. On VGG16 k and w are its classifier's, 7 and 4096. ResNet and MobileNetV2
    have no such layers: there they are 3 and 512, 3 and 256, which on MobileNetV2 makes 9·1280·256 + 256 + 256² + 256 =
    3,015,168 weights in fc6 and fc7, few enough to train on a CPU. Scores start at zero.

    Args:
      encoder: any of `kseg.encoders.ENCODERS`, with ResNet's head where no paper has another; alexnet is
        `fcn32s_alexnet`'s.
      head_width: feature maps of fc6 and fc7; None for the encoder's, as above.
      dropout: share of the features that training drops after fc6 and after fc7.
      upscore: the last upsampling starts bilinear and is "fixed" there or "learned"; "auto" fixes it on VGG16, as in
        the paper, and learns it on the others, whose strided convolutions look up to 15 pixels off centre.
      trainable_from: first encoder layer to train, "all" or "none"; "auto" trains all of VGG16 and ResNet, as in the
        paper, and nothing of MobileNetV2, so that its features can be cached.
    Source: Long et al. 2015, sections 3 and 4, and the layer names of their published networks.
    Deviations: "same" padding and a crop at the bottom right in place of 100 pixels of padding and a crop all round.
    """
    return fcn(
        image, channels, (), encoder=encoder, head_width=head_width, dropout=dropout, upscore=upscore,
        trainable_from=trainable_from,
    )  # fmt: skip


@architecture("fcn16s", encoder="vgg16", convolutionised=CLASSIFIER)
def fcn16s(
    image, channels, *, encoder="vgg16", head_width=None, dropout=0.5, skips="staged", upscore="auto",
    trainable_from="auto",
):  # fmt: skip
    """FCN-16s: the scores of FCN-32s, enlarged twice, plus scores of the features at 1/16.

        x = upscore2(score_fr) + score_pool4      scores = upscore16(x)

    Weights beside fc6, fc7 and score_fr: 4²·C² (upscore2), g·C + C (score_pool4) and 32²·C² (upscore16), with g the
    encoder's channels at 1/16. upscore2 starts bilinear and is learned.

    Args:
      encoder: as in `fcn32s`.
      head_width: as in `fcn32s`.
      dropout: as in `fcn32s`.
      skips: "staged" is for a start from a trained FCN-32s (`--init`): score_pool4 begins at zero, so the network
        begins with that one's scores, enlarged by upscore2 and a new upscore16, which are bilinear (what a learned
        upscore32 has learnt is lost). "at_once", for learning everything from the start, multiplies the
        features that are skipped ahead by 0.01 (by 0.0001 at 1/8), for VGG16's are larger than the scores by orders of
        magnitude; encoders with batch normalisation do not need it.
      upscore: as in `fcn32s`.
      trainable_from: as in `fcn32s`.
    Source: Long et al. 2015, section 4.2; "at_once" is FCN-8s-atonce of Shelhamer et al. 2017.
    Deviations: as in `fcn32s`. The preset's learning rate is the same for all stages; the authors lower it by a factor
      of 100 where a skip is added (`--learning-rate 1e-6`).
    """
    return fcn(
        image, channels, (16,), encoder=encoder, head_width=head_width, dropout=dropout, skips=skips, upscore=upscore,
        trainable_from=trainable_from,
    )  # fmt: skip


@architecture("fcn8s", encoder="vgg16", convolutionised=CLASSIFIER)
def fcn8s(
    image, channels, *, encoder="vgg16", head_width=None, dropout=0.5, skips="staged", upscore="auto",
    trainable_from="auto",
):  # fmt: skip
    """FCN-8s: FCN-16s with one skip more, from the features at 1/8.

        x = upscore2(score_fr) + score_pool4      x' = upscore_pool4(x) + score_pool3      scores = upscore8(x')

    Weights beside FCN-16s' without upscore16: 4²·C² (upscore_pool4), h·C + C (score_pool3) and 16²·C² (upscore8), with
    h the encoder's channels at 1/8.

    Args:
      encoder: as in `fcn32s`.
      head_width: as in `fcn32s`.
      dropout: as in `fcn32s`.
      skips: as in `fcn16s`; the stage before is FCN-16s.
      upscore: as in `fcn32s`.
      trainable_from: as in `fcn32s`.
    Source: Long et al. 2015, section 4.2. Deviations: as in `fcn16s`.
    """
    return fcn(
        image, channels, (16, 8), encoder=encoder, head_width=head_width, dropout=dropout, skips=skips,
        upscore=upscore, trainable_from=trainable_from,
    )  # fmt: skip


@architecture("fcn32s_alexnet", encoder="alexnet", convolutionised={"fc6": "fc6", "fc7": "fc7"})
def fcn32s_alexnet(
    image, channels, *, head_width=4096, fc6_kernel=6, dropout=0.5, upscore="fixed", trainable_from="all"
):
    """The network of Rahman & Wang 2016, FCN-32s on AlexNet: FCN_IoU with one output, FCN_acc with two.

    6²·256·4096 + 4096 (fc6), 4096² + 4096 (fc7), 4096·C + C (score_fr) and 64²·C² (upscore32) weights: 37,752,832 +
    16,781,312 + 4,097 + 4,096 with one output, behind AlexNet's 2,334,080.

    Args:
      head_width: feature maps of fc6 and fc7.
      fc6_kernel: 6, the default, is the classifier's, which takes in its whole 6×6 map at once: made convolutional it
        is a 6×6 convolution (Long et al., section 3.1), and no other shape can take over its weights, from which the
        paper starts. 1 is the letter of the paper, "1×1 convolution layers (C6 and C7)"; but it also says that all
        this "remains the same as the original" FCN-32s.
      dropout: share of the features that training drops after fc6 and after fc7.
      upscore: "fixed" keeps the upsampling bilinear, as in the paper; "learned" starts from there.
      trainable_from: first encoder layer to train, "all" or "none".
    Source: Rahman & Wang 2016, section 3.1 and figure 1.
    Deviations: padding and crop as in `fcn32s`. The 6×6 kernel is padded by 3 in front and 2 behind, which moves its
      centre by −16 pixels and so makes up for the 14.5 of `kseg.encoders.alexnet`; with 1×1 those remain.
    """
    if fc6_kernel not in (1, HEADS["alexnet"].kernel):
        raise UsageError(f"fc6_kernel of fcn32s_alexnet is {fc6_kernel!r}; wanted 6 (the classifier's) or 1")
    return fcn(
        image, channels, (), encoder="alexnet", head_width=head_width, fc6_kernel=fc6_kernel, dropout=dropout,
        upscore=upscore, trainable_from=trainable_from,
    )  # fmt: skip


def fcn(
    image, channels, strides, *, encoder, head_width, dropout, upscore, trainable_from, fc6_kernel=None, skips="staged"
):
    """The family's one builder: scores at 1/32, a skip for each of `strides`, upsampling to full resolution."""
    head = _checked(encoder, dropout, upscore, skips)
    width, kernel = head_width or head.width, fc6_kernel or head.kernel
    trainable_from = head.trainable_from if trainable_from == "auto" else trainable_from
    learned = (head.upscore if upscore == "auto" else upscore) == "learned"

    features = ENCODERS[encoder](image, trainable_from=trainable_from)
    x = fully_convolutional(features[32], width, kernel=kernel, name="fc6")  # 1/32
    x = layers.Dropout(dropout, name="drop6")(x)
    x = fully_convolutional(x, width, kernel=1, name="fc7")
    x = layers.Dropout(dropout, name="drop7")(x)
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


def _checked(encoder, dropout, upscore, skips) -> Head:
    ENCODERS[encoder]  # an unknown name is refused
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout is {dropout}; it is a share from 0 to below 1, such as the paper's 0.5")
    if upscore not in ("auto", "fixed", "learned"):
        raise unknown_name("upscore", upscore, ("auto", "fixed", "learned"))
    if skips not in ("staged", "at_once"):
        raise unknown_name("skips", skips, ("staged", "at_once"))
    return HEADS.get(encoder, OTHERS)
