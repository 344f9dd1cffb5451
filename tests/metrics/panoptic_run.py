"""Runs the Keras metric of panoptic quality on this process's backend and prints its sums as JSON; no test by itself.

KERAS_BACKEND=jax python tests/metrics/panoptic_run.py
"""

import json

import keras
import numpy as np

from kseg.metrics import PanopticQuality

CLASSES, INSTANCES, VOID = 3, 5, 255


def batches(seed=0):
    """Three batches (the last one shorter) of truth and prediction (N, H, W, 2) with void, crowds and all rules."""
    rng = np.random.default_rng(seed)
    for n in (6, 6, 5):
        truth = np.stack([rng.integers(0, CLASSES, (n, 4, 5)), rng.integers(0, 3, (n, 4, 5))], axis=-1)
        truth = truth.repeat(2, axis=1).repeat(2, axis=2).astype(np.int32)
        noise = np.stack([rng.integers(0, CLASSES, (n, 8, 10)), rng.integers(0, INSTANCES, (n, 8, 10))], axis=-1)
        prediction = np.where(rng.random((n, 8, 10, 1)) < 0.2, noise, truth).astype(np.int32)
        truth[(truth[..., 0] == 2) & (truth[..., 1] == 2), 1] = -1  # the last segment of the last class is a crowd
        truth[rng.random((n, 4, 5)).repeat(2, 1).repeat(2, 2) < 0.1, 0] = VOID
        prediction[rng.random((n, 8, 10)) < 0.1, 0] = VOID
        yield truth, prediction


def through_fit(jit):
    """Inside `fit` of a model that gives back what it is fed."""
    truth, prediction = (np.concatenate(parts) for parts in zip(*batches(), strict=True))
    inputs = keras.Input((8, 10, 2))
    scale = keras.layers.Dense(2, use_bias=False, kernel_initializer="identity", trainable=False)
    model = keras.Model(inputs, scale(inputs))
    metric = PanopticQuality(CLASSES, max_instances=INSTANCES)
    model.compile("sgd", lambda t, p: keras.ops.mean(p), metrics=[metric], jit_compile=jit)
    model.evaluate(prediction.astype("float32"), truth, batch_size=6, verbose=0)
    return {"sums": metric.sums().tolist(), "pq": float(metric.result())}


if __name__ == "__main__":
    print("RESULT " + json.dumps([through_fit(jit) for jit in {False, keras.backend.backend() != "torch"}]))
