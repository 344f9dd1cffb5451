"""Rows of numbers in falling order: the one sort of the losses, and the k-th largest without a sort.

Nothing here carries a gradient: an order has none.
"""

import functools
from collections.abc import Callable

import keras
from keras import ops

from kseg.losses.pixels import Tensor
from kseg.losses.regions import pixel_total

Function = Callable[[Tensor, Tensor], Tensor]


def by_rank(keys: Tensor, values: Tensor, of_row: Tensor, function: Function) -> Tensor:
    """function(values (R, P) in falling order of keys ≥ 0, of_row (R, 1)), each result at the place its key came from.

    The order among equal keys is free. Where the key is 0 the result is 0, and what stands there in the values is
    anything: such pixels cost next to nothing.
    """
    keys, values, of_row = map(ops.stop_gradient, (keys, values, of_row))
    if keras.backend.backend() == "tensorflow":
        return ops.stop_gradient(_compiled(function)(keys, values, of_row))
    found = _in_order(ops.argsort(-keys, axis=-1), values, of_row, function)
    return ops.stop_gradient(ops.where(keys > 0.0, found, 0.0))


def _in_order(order: Tensor, values: Tensor, of_row: Tensor, function: Function) -> Tensor:
    """The results in place; in `order` the row's length stands for nowhere."""
    rows, length = ops.shape(values)
    found = function(ops.take_along_axis(values, ops.minimum(order, length - 1), axis=-1), of_row)
    places = order + (length + 1) * ops.arange(rows, dtype=order.dtype)[:, None]
    back = ops.scatter(ops.reshape(places, (-1, 1)), ops.reshape(found, (-1,)), (rows * (length + 1),))
    return ops.reshape(back, (rows, length + 1))[:, :length]


@functools.cache
def _compiled(function: Function) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The same under XLA, also where nothing around it is compiled: there its scatter is several times as fast.

    XLA compares pairs, and floats, in a way that takes four times as long as its sort of plain integers. So a key and
    its place are packed into one integer: the float's bits, which order as the float does, above the place. Keys of 0
    all become the same integer, because a sort is quick where it finds equals.
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

    As k is. Where k = 0: anything. Found bit by bit from the top: a bit stays set if k values are at least as large as
    what it makes. 31 counts of the pixels are several times faster than their sort.
    """
    values = ops.stop_gradient(values)

    def with_bit(i, level):
        higher = level + ops.left_shift(ops.ones_like(level), 30 - i)
        enough = pixel_total(ops.cast(values >= _as_float(higher), "float32"), pooling) >= k
        return ops.where(enough, higher, level)

    bits = ops.fori_loop(0, 31, with_bit, ops.cast(0.0 * k, "int32"))
    return _as_float(ops.where(bits < 0x00800000, 0, bits))  # below lie subnormal numbers, often taken for 0


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
