"""Pillow's resize and kseg's, as arithmetic that every runtime has: an export then sees what `kseg predict` sees.

TensorFlow's antialiased resize has no counterpart in ONNX and LiteRT, and rounds in another way than Pillow. Pillow
weighs the pixels by fixed-point numbers of 22 bits. Here each is split into two halves of 11 bits, with which sums of
8-bit pixels are exact in float32 (and in the 11 bits that TF32 keeps), in whatever order a runtime adds them up.
"""

import tensorflow as tf

BITS = 22
"""Binary places of Pillow's weights: 32 less 8 of a pixel and 2 for filters that overshoot."""
HALF = BITS // 2


def shrink_or_enlarge(images, height, width):
    """uint8 (N, H, W, 3) → float32 (N, height, width, 3), whole numbers: Pillow's bilinear filter, bit for bit.

    Exact up to images 20 times as large as the network's; beyond, one pixel in many may differ by one gray level.
    """
    shape = tf.shape(images)
    x = tf.transpose(tf.cast(images, tf.float32), (0, 1, 3, 2))  # N, H, 3, W
    # Pillow rounds between its two passes, so their order matters: version 13 shortens tall images first.
    shorter, narrower = shape[1] - height, shape[2] - width
    x = tf.cond(
        tf.logical_and(shorter > 0, shorter > 2 * narrower),
        lambda: _rows(_columns(x, height), width),
        lambda: _columns(_rows(x, width), height),
    )
    return tf.transpose(x, (0, 1, 3, 2))


def _rows(x, width):
    """(N, H, 3, W) → (N, H, 3, width)."""
    count, height, channels, old = (tf.shape(x)[axis] for axis in range(4))
    y = _weighted(tf.reshape(x, (count, height * channels, old)), old, width, last=True)
    return tf.reshape(y, (count, height, 3, width))


def _columns(x, height):
    """(N, H, 3, W) → (N, height, 3, W)."""
    count, old, channels, width = (tf.shape(x)[axis] for axis in range(4))
    y = _weighted(tf.reshape(x, (count, old, channels * width)), old, height, last=False)
    return tf.reshape(y, (count, height, 3, width))


def _weighted(x, old, new, *, last):
    """(N, A, old) → (N, A, new), or (N, old, B) → (N, new, B), rounded to whole numbers as Pillow does."""
    weights = _pillow_weights(old, new)
    coarse = (weights + 2 ** (HALF - 1)) // 2**HALF
    fine = weights - coarse * 2**HALF
    coarse, fine = (
        tf.matmul(x, part, transpose_b=True) if last else tf.matmul(part, x)
        for part in (tf.cast(coarse, tf.float32)[None], tf.cast(fine, tf.float32)[None])
    )
    # (coarse·2¹¹ + fine + 2²¹) / 2²², rounded down, in numbers that fit into the 24 bits of a float32
    whole = tf.floor(coarse / 2**HALF)
    rest = (coarse - whole * 2**HALF) * 2**HALF + fine + 2 ** (BITS - 1)
    return tf.clip_by_value(whole + tf.floor(rest / 2**BITS), 0.0, 255.0)


def _pillow_weights(old, new):
    """int32 (new, old): the weight of each old pixel in each new one, times 2²² and rounded.

    A triangle over max(1, old/new) pixels on either side of the new pixel's center. In units of 1/(2·new) pixel all
    numbers are whole: the centers are (2i + 1)·old and (2j + 1)·new, the triangle is as high as it is wide.
    """
    centers = (2 * tf.range(new) + 1) * old
    pixels = (2 * tf.range(old) + 1) * new
    triangle = tf.maximum(2 * tf.maximum(old, new) - tf.abs(pixels[None, :] - centers[:, None]), 0)
    total = tf.reduce_sum(triangle, axis=1, keepdims=True)
    # triangle · 2²² / total by long division: the product does not fit into 32 bits
    quotient, remainder = tf.zeros_like(triangle), triangle
    for bits in (8, 7, 7):
        digit = remainder * 2**bits // total
        remainder = remainder * 2**bits - digit * total
        quotient = quotient * 2**bits + digit
    return quotient + tf.cast(2 * remainder >= total, tf.int32)


def rounded_to(multiple, side):
    """The multiple that is nearest, at least one; a tie goes to the even one, as Python's `round` does."""
    return tf.maximum(multiple, multiple * tf.cast(tf.round(tf.cast(side, tf.float32) / multiple), tf.int32))
