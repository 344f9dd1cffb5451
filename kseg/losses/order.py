"""Sorting for losses: rows of numbers in decreasing order, and the k-th largest without a sort.

The results have no gradient.
"""

import functools
from collections.abc import Callable

import keras
from keras import ops

from kseg.losses.pixels import Tensor
from kseg.losses.regions import pixel_total

Function = Callable[[Tensor, Tensor], Tensor]


def by_rank(keys: Tensor, values: Tensor, of_row: Tensor, function: Function) -> Tensor:
    """function(values (R, P) in decreasing order of keys ≥ 0, of_row (R, 1)), with each result at its key's place.

    The order among equal keys is arbitrary. Where the key is 0, the result is 0. Pixels with key 0 cost next to
    nothing.
    """
    keys, values, of_row = map(ops.stop_gradient, (keys, values, of_row))
    if keras.backend.backend() == "tensorflow":
        return ops.stop_gradient(_compiled(function)(keys, values, of_row))
    results = _in_order(ops.argsort(-keys, axis=-1), values, of_row, function)
    return ops.stop_gradient(ops.where(keys > 0.0, results, 0.0))


def _in_order(order: Tensor, values: Tensor, of_row: Tensor, function: Function) -> Tensor:
    """Every result at the place of its key. In `order`, an entry equal to the row's length means "no place"."""
    rows, length = ops.shape(values)
    results = function(ops.take_along_axis(values, ops.minimum(order, length - 1), axis=-1), of_row)
    places = order + (length + 1) * ops.arange(rows, dtype=order.dtype)[:, None]
    back = ops.scatter(ops.reshape(places, (-1, 1)), ops.reshape(results, (-1,)), (rows * (length + 1),))
    return ops.reshape(back, (rows, length + 1))[:, :length]


@functools.cache
def _compiled(function: Function) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """`_in_order` under XLA, even if the caller is not compiled, since XLA's scatter is several times as fast.

    XLA sorts plain integers four times as fast as pairs or floats. A key and its place are therefore packed into one
    integer: the float's bits, which sort like the float, above the place. All keys of 0 become the same integer, since
    sorting is fast among equal values.
    """
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.python import xla

    @tf.function(jit_compile=True, autograph=False)
    def sorted_by_integers(keys, values, of_row):
        length = tf.shape(keys, tf.int64)[1]
        bits = tf.bitwise.left_shift(-tf.cast(tf.bitcast(keys, tf.int32), tf.int64), tf.constant(32, tf.int64))
        packed = xla.sort(tf.where(keys > 0.0, bits | tf.range(length), length))
        return _in_order(tf.cast(packed & 0xFFFFFFFF, tf.int32), values, of_row, function)

    return sorted_by_integers


def kth_largest(values: Tensor, k: Tensor, pooling: str) -> Tensor:
    """The k-th largest of values ≥ 0 (N, H, W) of every image, for k (N, 1, 1) from 1 up; of the batch (1, 1, 1).

    Same shape as k. Undefined where k = 0. The result is built bit by bit from the top: a bit stays set if at least k
    values reach the number that it makes. 31 counts of the pixels are several times faster than a sort of the pixels.
    """
    values = ops.stop_gradient(values)

    def with_bit(i, level):
        higher = level + ops.left_shift(ops.ones_like(level), 30 - i)
        enough = pixel_total(ops.cast(values >= _as_float(higher), "float32"), pooling) >= k
        return ops.where(enough, higher, level)

    bits = ops.fori_loop(0, 31, with_bit, ops.cast(0.0 * k, "int32"))
    return _as_float(ops.where(bits < 0x00800000, 0, bits))  # smaller floats are subnormal, which often count as 0


def _as_float(bits: Tensor) -> Tensor:
    """The float32 with these bits."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.bitcast(bits, tf.float32)
    if backend == "jax":
        import jax

        return jax.lax.bitcast_convert_type(bits, "float32")
    import torch

    return bits.view(torch.float32)
