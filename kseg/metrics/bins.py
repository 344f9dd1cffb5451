"""Counts ids inside a compiled step, with a separate operation for each backend."""

import keras
from keras import ops


def count_ids(ids, number: int):
    """How often each id occurs: int32 (M,) with values 0..number−1 to int32 (number,), of static shape.

    `keras.ops.bincount` has a dynamic length on TensorFlow and fails on JAX under `jit`. `keras.ops.segment_sum` takes
    ten times as long or more with TensorFlow and PyTorch on a CPU. Each backend therefore has its own operation.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        no_weights = tf.zeros((0,), tf.int32)
        return tf.raw_ops.DenseBincount(input=ids, size=number, weights=no_weights, binary_output=False)
    if backend == "torch":
        import torch

        return torch.bincount(ids, minlength=number).to(torch.int32)
    return ops.segment_sum(ops.ones_like(ids), ids, num_segments=number)
