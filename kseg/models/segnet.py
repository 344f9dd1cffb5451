"""SegNet and SegNet-Basic (Badrinarayanan et al. 2017), and the decoders compared in the paper's table 1."""

from typing import Any, Literal

from keras import initializers, layers

from kseg.encoders import encoder_named
from kseg.layers import Bilinear, LocalResponseNorm, MaxPoolWithIndices, MaxUnpool, Preprocess, SubpixelUpsample
from kseg.models.architecture import architecture
from kseg.models.conv_bn_relu import MOMENTUM
from kseg.models.crop_to import crop_to
from kseg.signature import Width

BLOCKS = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
"""VGG16: convolutions of each block, and its filters as a multiple of the first block's"""

LEVELS = 4
"""levels of SegNet-Basic"""

SHIFT = 0.001
"""The authors' initial shift of batch normalization."""

UPSAMPLING = 8
"""Side of FCN-Basic's upsampling kernels."""

SEGNET: dict[str, Any] = {
    # The authors' tutorial: 40,000 steps of 4 images are 436 passes over CamVid's 367. The paper has rate 0.1 and
    # batch 12. Both have median frequency class weights (`--class-weights median`).
    "loss": "ce",
    "optimizer": "sgd",
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "l2_decay": 5e-4,
    "batch_size": 4,
    "epochs": 436,
    "patience": 50,
    "loss_reduction": "mean",
}

# Section 4.1 trains all variants with a fixed rate of 0.1 and momentum 0.9, in batches of 12.
SEGNET_BASIC = {**SEGNET, "learning_rate": 0.1, "batch_size": 12, "epochs": 200}


@architecture("segnet", encoder="vgg16", preset=SEGNET)
def segnet(image, channels, *, base_width: Width = 64, trainable_from: str | None = "all"):
    """SegNet: VGG16's convolutions, and the same in reverse after unpooling with the encoder's pool indices.

        encoder    five of: convolutions 3×3 – BN – ReLU, pool 2×2 with indices
                   64 64 | 128 128 | 256 256 256 | 512 512 512 | 512 512 512
        decoder    five of: unpool with the indices of that size, convolutions 3×3 – BN – ReLU
                   512 512 512 | 512 512 256 | 256 256 128 | 128 64 | 64
        conv1_1_D  3×3 → C, without BN and ReLU

    Weights of the convolutions for C = 11: 14,714,688 + 14,718,795 = 29,433,483, all with bias; 29,449,355 with scale
    and shift, 29,465,227 with the moving statistics.

    Args:
      base_width: filters of the first block. VGG16's is 64; its weights fit no other.
      trainable_from: first convolution of VGG16 to train, "all" or "none". The batch normalization after a convolution,
        which VGG16 does not have, is trained with it.
    Source: Badrinarayanan et al. 2017, section 3, and the layer names of their published decoder; the encoder's are
      VGG16's in Keras.
    Deviations: images are preprocessed as for VGG16; the paper normalizes local contrast, the published code does not
      preprocess. Sides that are not multiples of 32 are pooled to ⌈H/2⌉ and unpooled to H, as in Caffe.
    """
    x = Preprocess("caffe", name="preprocess")(image)
    convolutions, normalizations, pooled = [], [], []
    for block, (count, factor) in enumerate(BLOCKS, start=1):
        for part in range(1, count + 1):
            x, *made = conv_bn(x, factor * base_width, 3, name=f"block{block}_conv{part}")
            convolutions.append(made[0])
            normalizations.append(made[1])
            x = layers.ReLU(name=f"block{block}_relu{part}")(x)
        like = x
        x, places = MaxPoolWithIndices(name=f"block{block}_pool")(x)
        pooled.append((like, places))
    encoder_named("vgg16").freeze(convolutions, trainable_from)
    for convolution, normalization in zip(convolutions, normalizations, strict=True):
        normalization.trainable = convolution.trainable

    for block in range(len(BLOCKS), 0, -1):
        x = unpooled(x, *pooled[block - 1], name=f"upsample{block}")
        count, factor = BLOCKS[block - 1]
        for part in range(count, 0, -1):
            if (block, part) == (1, 1):
                continue
            narrower = BLOCKS[block - 2][1] if part == 1 else factor
            x, *_ = conv_bn(x, narrower * base_width, 3, name=f"conv{block}_{part}_D")
            x = layers.ReLU(name=f"relu{block}_{part}_D")(x)
    return layers.Conv2D(channels, 3, padding="same", kernel_initializer="he_normal", name="conv1_1_D")(x)


Decoder = Literal[
    "max_unpooling", "encoder_addition", "single_channel",
    "fcn", "fcn_no_addition", "fcn_no_dim_reduction", "fcn_no_addition_no_dim_reduction", "bilinear",
]  # fmt: skip


@architecture("segnet_basic", preset=SEGNET_BASIC)
def segnet_basic(image, channels, *, decoder: Decoder = "max_unpooling", base_width: Width = 64):
    """SegNet-Basic: four levels of 7×7 convolutions, and the decoders compared in table 1 of the paper.

        norm (LRN) – four of: conv 7×7×w – BN – ReLU – pool 2×2 with indices
        max_unpooling      four of: unpool – conv_decode 7×7×w – BN; conv_classifier 1×1
        encoder_addition   the same, and each level's features before pooling are added to its decoder's output
        single_channel     conv_decode is depthwise: each filter sees only its own map
        fcn                scores = 1×1 of pool4; four of: upsampling 8×8, stride 2, plus a 1×1 of the level's features
        fcn_no_addition    without the 1×1 sums; ..._no_dim_reduction: w maps throughout instead of C, and a classifier
        bilinear           fcn_no_addition with fixed bilinear upsampling

    Weights, with w = base_width and C = channels: the encoder has 7²·3·w + 3·7²·w² + 4·4w. Decoders: 4·7²·w² + 4·4w +
    w·C + C (max_unpooling, encoder_addition); 4·7²·w + 4·4w + w·C + C (single_channel); 5·(w·C + C) + 4·8²·C² (fcn);
    (w·C + C) + 4·8²·C² (fcn_no_addition); 4·8²·w² + w·C + C (no_dim_reduction); w·C + C + 4·4²·C² (bilinear).

    Args:
      decoder: the row of table 1. On CamVid with median frequency class weights, the paper's mIoU is 47.7
        (max_unpooling), 48.5 (encoder_addition), 46.1 (single_channel), 47.3 (fcn), 50.1 (fcn_no_dim_reduction) and
        43.3 (bilinear).
      base_width: filters of every level.
    Source: Badrinarayanan et al. 2017, section 3.2 and table 1, and the published network's layer names.
    Deviations: convolutions before batch normalization have no bias, as in the paper; those of the published network
      do. The paper does not say how bilinear weights fill an 8×8 kernel of stride 2; here 4×4 bilinear weights are
      centered in zeros.
    """
    w = base_width
    x = Preprocess("raw", name="preprocess")(image)
    x = LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, name="norm")(x)
    levels = []
    for level in range(1, LEVELS + 1):
        x, *_ = conv_bn(x, w, 7, name=f"conv{level}", use_bias=False)
        features = layers.ReLU(name=f"relu{level}")(x)
        x, places = MaxPoolWithIndices(name=f"pool{level}")(features)
        levels.append((features, places))
    if decoder in ("max_unpooling", "encoder_addition", "single_channel"):
        x = unpooling_decoder(x, levels, decoder)
    else:
        x = upsampling_decoder(x, levels, channels, decoder)
        if "no_dim_reduction" not in decoder:
            return x
    return layers.Conv2D(channels, 1, kernel_initializer="he_normal", name="conv_classifier")(x)


def unpooling_decoder(x, levels, decoder):
    """SegNet's side of figure 3: unpooling, then a convolution without ReLU."""
    for level in range(len(levels), 0, -1):
        features, places = levels[level - 1]
        x = unpooled(x, features, places, name=f"upsample{level}")
        depthwise = decoder == "single_channel"
        x, *_ = conv_bn(x, features.shape[-1], 7, name=f"conv_decode{level}", use_bias=False, depthwise=depthwise)
        if decoder == "encoder_addition":
            x = layers.Add(name=f"add{level}")([x, features])
    return x


def upsampling_decoder(x, levels, channels, decoder):
    """FCN's side of figure 3: reduction to the classes, learned upsampling, plus the level's own scores."""
    reduces = "no_dim_reduction" not in decoder
    maps = channels if reduces else x.shape[-1]

    def reduced(features, name):
        return layers.Conv2D(maps, 1, kernel_initializer="he_normal", name=name)(features) if reduces else features

    x = reduced(x, f"score_pool{len(levels)}")
    for level in range(len(levels), 0, -1):
        features, _ = levels[level - 1]
        if decoder == "bilinear":
            x = SubpixelUpsample(2, use_bias=False, trainable=False, name=f"upsample{level}")(x)
        else:
            x = layers.Conv2DTranspose(
                maps, UPSAMPLING, strides=2, padding="same", use_bias=False, kernel_initializer=Bilinear(stride=2),
                name=f"upsample{level}",
            )(x)  # fmt: skip
        x = crop_to(features, x, name=f"upsample{level}_crop")
        if decoder in ("fcn", "fcn_no_dim_reduction"):
            x = layers.Add(name=f"add{level}")([x, reduced(features, f"score_conv{level}")])
    return x


def conv_bn(x, filters, kernel, *, name, use_bias=True, depthwise=False):
    """A convolution and batch normalization with the authors' initializers → (tensor, convolution, normalization)."""
    options = {"padding": "same", "use_bias": use_bias, "name": name}
    if depthwise:
        convolution = layers.DepthwiseConv2D(kernel, depthwise_initializer="he_normal", **options)
    else:
        convolution = layers.Conv2D(filters, kernel, kernel_initializer="he_normal", **options)
    normalization = layers.BatchNormalization(
        momentum=MOMENTUM, beta_initializer=initializers.Constant(SHIFT), name=f"{name}_bn"
    )
    return normalization(convolution(x)), convolution, normalization


def unpooled(x, like, places, *, name):
    """`x` unpooled by `places` to the size of `like`, the map before pooling."""
    return crop_to(like, MaxUnpool(name=name)([x, places]), name=f"{name}_crop")
