"""Runs every registered metric on this process's backend and prints the results as JSON; no test by itself.

KERAS_BACKEND=jax python tests/metrics/streaming_run.py
"""

import json

import keras
import numpy as np
from keras import ops

from kseg.metrics import METRICS


def batches(num_classes, seed=0):
    """Three batches (the last one shorter) of labels with void, and logits that agree with them half of the time."""
    rng = np.random.default_rng(seed)
    channels = 1 if num_classes == 2 else num_classes
    for n in (3, 3, 2):
        truth = rng.integers(0, num_classes, (n, 6, 7)).astype(np.uint8)
        logits = rng.normal(size=(n, 6, 7, channels)).astype(np.float32)
        logits += np.eye(num_classes, dtype=np.float32)[truth][..., -channels:]
        truth[rng.random(truth.shape) < 0.2] = 255
        yield truth, logits


def through_fit(num_classes, jit, precision):
    """Every metric inside `fit` and `evaluate` of a model that gives back the logits it is fed."""
    keras.config.set_dtype_policy(precision)
    truth, logits = (np.concatenate(parts) for parts in zip(*batches(num_classes), strict=True))
    inputs = keras.Input((None, None, logits.shape[-1]))
    scale = keras.layers.Conv2D(logits.shape[-1], 1, use_bias=False)
    model = keras.Model(inputs, scale(inputs))
    scale.set_weights([np.eye(logits.shape[-1], dtype=np.float32)[None, None]])
    metrics = [METRICS[name](num_classes, from_logits=True) for name in METRICS]
    model.compile(keras.optimizers.SGD(0.0), lambda t, p: ops.mean(p), metrics=metrics, jit_compile=jit)
    history = model.fit(logits, truth, batch_size=3, shuffle=False, verbose=0).history
    trained = {name: float(history[name][-1]) for name in METRICS}
    evaluated = model.evaluate(logits, truth, batch_size=3, verbose=0, return_dict=True)
    return trained, {name: float(evaluated[name]) for name in METRICS}


def main():
    results = {}
    can_compile = keras.backend.backend() != "torch"
    for num_classes, jit, precision in ((2, False, "mixed_bfloat16"), (4, can_compile, "float32")):
        results[f"{num_classes} classes"] = through_fit(num_classes, jit, precision)
    metric = METRICS["iou"](2)
    for _ in range(40):
        metric.add_counts(ops.convert_to_tensor(np.array([2**29, 1, 0, 2**29 + 3, 0], np.int32)))
    results["large"] = metric.matrix().tolist()
    print("RESULT " + json.dumps(results))


if __name__ == "__main__":
    main()
