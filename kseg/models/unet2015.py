"""U-Net as published (Ronneberger et al. 2015), with unpadded convolutions, so that scores need context around them."""

from typing import Annotated, Any, Literal

from keras import initializers, layers

from kseg.errors import UsageError
from kseg.layers import MirrorBorder, Preprocess
from kseg.models.architecture import architecture
from kseg.ranges import Range
from kseg.signature import Dropped, Width

RONNEBERGER: dict[str, Any] = {
    # Section 3: "a high momentum (0.99)", "a single image" per batch, cross-entropy with a map of weights, w0 = 10 and
    # σ ≈ 5; section 3.1: displacements of 10 pixels. Rate, schedule and number of epochs are not in the paper.
    "loss": "ce",
    "pixel_weights": "border",
    "elastic": 10.0,
    "loss_reduction": "mean",
    "optimizer": "sgd",
    "learning_rate": 1e-3,
    "momentum": 0.99,
    "schedule": "constant",
    "batch_size": 1,
    "epochs": 300,
    "patience": 100,
}


@architecture("unet2015", preset=RONNEBERGER, applied={"borders": "mirrored"})
def unet2015(
    image, channels, *, base_width: Width = 64, depth: Annotated[int, Range(least=1, most=8)] = 4,
    merge: Literal["concatenate", "add"] = "concatenate", block: Literal["plain", "dense"] = "plain",
    dropout: Dropped = 0.5, borders: Literal["mirrored", "cropped"] = "mirrored",
):  # fmt: skip
    """U-Net: d poolings and d up-convolutions, unpadded 3×3 convolutions, cropped skip connections, all trained.

        down       d of: two 3×3 convolutions, unpadded, ReLU – pool 2×2         w 2w 4w 8w
        bottleneck two 3×3 convolutions                                          16w
        up         d of: up-convolution 2×2, stride 2, half the channels – the crop of the level's features beside
                   them – two 3×3 convolutions                                   8w 4w 2w w
        score      1×1 → C

    A side of n pixels loses 2m, m = 6·2ᵈ − 4: 92 at each end for d = 4. Valid sides are n = 2ᵈ·b + 8·2ᵈ − 4, b = 4, 5,
    … for d ≥ 2: 572 → 388.
    Weights with w = 64, d = 4: 31,030,658 from one channel to two classes, 31,033,045 from RGB to C = 21.

    Args:
      base_width: filters of the first level, w. The paper's is 64.
      depth: d, poolings.
      merge: whether the level's features are concatenated with those from below, or added to them.
      block: of a level. plain: two convolutions. dense: the second also sees the input of the first.
      dropout: share of the features dropped after the last two stages of the way down.
      borders: how scores cover the image. mirrored: the image is padded with its mirror image, and every pixel has a
        score. cropped: only the center has scores, and training compares them with the center of the truth; the
        finished network mirrors.
    Errors: UsageError with borders="cropped" for a size that varies or is not valid.
    Source: Ronneberger et al. 2015, section 2 and figure 1; layer names of their published network. Initialization:
      Gaussian of deviation √(2/N), N incoming nodes (section 3). The dense block is not from the paper.
    Deviations: RGB scaled to [0, 1] (the paper does not say how its gray images are scaled). The paper's dropout is "at
      the end of the contracting path" without a place or share; here it is 0.5 after level d and the bottleneck.
    """
    # 1. the border that unpadded convolutions need
    x = Preprocess("unit", name="preprocess")(image)
    if borders == "mirrored":
        x = MirrorBorder(margin(depth), 2**depth, -4 % 2**depth, name="mirror")(x)
    else:
        check_sides(image.shape[1:3], depth)

    # 2. down
    levels = []
    for level in range(depth):  # 1, 1/2, 1/4, 1/8
        x = stage(x, base_width * 2**level, f"d{level}", "abc", block=block)
        if level == depth - 1:
            x = layers.Dropout(dropout, name=f"dropout_d{level}c")(x)
        levels.append(x)
        x = layers.MaxPooling2D(name=f"pool_d{level}c-{level + 1}a")(x)
    x = stage(x, base_width * 2**depth, f"d{depth}", "abc", block=block)  # 1/16
    x = layers.Dropout(dropout, name=f"dropout_d{depth}c")(x)

    # 3. up
    below = f"d{depth}c"
    for level in reversed(range(depth)):
        filters = base_width * 2**level
        x = layers.Conv2DTranspose(
            filters, 2, strides=2, kernel_initializer=he_start(x.shape[-1]), name=f"upconv_{below}_u{level}a"
        )(x)
        beside = layers.Cropping2D(2 * margin(depth - 1 - level), name=f"crop_d{level}c-d{level}cc")(levels[level])
        join = layers.Concatenate if merge == "concatenate" else layers.Add
        x = join(name=f"{'concat' if merge == 'concatenate' else 'add'}_d{level}cc_u{level}a-b")([beside, x])
        x = stage(x, filters, f"u{level}", "bcd", block=block)
        below = f"u{level}d"
    return layers.Conv2D(channels, 1, kernel_initializer=he_start(x.shape[-1]), name="conv_u0d-score")(x)


def stage(x, filters, name, letters, *, block):
    """Two unpadded 3×3 convolutions with ReLU; `letters` name their input, the map between them and the output."""
    first, between, last = letters
    y = conv(x, filters, f"conv_{name}{first}-{between}")
    if block == "dense":
        seen = layers.Cropping2D(1, name=f"crop_{name}{first}")(x)
        y = layers.Concatenate(name=f"dense_{name}{between}")([seen, y])
    return conv(y, filters, f"conv_{name}{between}-{last}")


def conv(x, filters, name):
    """An unpadded 3×3 convolution with ReLU."""
    return layers.Conv2D(filters, 3, activation="relu", kernel_initializer=he_start(9 * x.shape[-1]), name=name)(x)


def he_start(incoming):
    """A Gaussian of deviation √(2/N) for N incoming nodes; Keras' own counts a transposed convolution's differently."""
    return initializers.RandomNormal(stddev=(2.0 / incoming) ** 0.5)


def margin(depth):
    """Pixels that a U-Net of this depth loses on each side: two per pair of convolutions, and twice the loss below.

    m(0) = 2, m(d) = 2 + 2·m(d − 1) + 2 = 6·2ᵈ − 4. The features of the level above are cropped by 2·m(d) for the skip.

    >>> [margin(depth) for depth in range(5)]
    [2, 8, 20, 44, 92]
    """
    return 6 * 2**depth - 4


def valid_side(side, depth):
    """The largest valid side up to `side`, or 0 without one, and the smallest valid side above it.

    >>> valid_side(572, 4), valid_side(580, 4), valid_side(100, 4)
    ((572, 588), (572, 588), (0, 188))
    """
    stride = 2**depth
    least = 2 * margin(depth) + (4 % stride or stride)  # the smallest side with a score
    if side < least:
        return 0, least
    below = side - (side - least) % stride
    return below, below + stride


def check_sides(sides, depth):
    """Raises UsageError for sides that are not valid without padding, with the nearest valid sides."""
    for side in sides:
        if side is None:
            raise UsageError(
                "unet2015 with borders cropped takes images of one size only; pass one --image-size and no --crop, or "
                "leave --borders at mirrored, which takes any"
            )
        below, above = valid_side(side, depth)
        if below != side:
            near = f"{below} or {above}" if below else f"{above}, the smallest"
            raise UsageError(
                f"a side of {side} pixels is not valid for unet2015 of depth {depth} with borders cropped; take "
                f"{near}, or leave --borders at mirrored, which takes any"
            )
