"""Run as `python backend_worker.py IN.npz OUT.npz` under any KERAS_BACKEND: value and gradient of every loss.

Cases come as JSON in the input file, so that this script knows nothing but Keras and kseg.
"""

import json
import sys

import keras
import numpy as np

from kseg.losses import get


def values_and_gradients(losses, labels, logits):
    """[(value, gradient)] of losses(labels[i], logits[i]), each summed over images."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        def everything(every_logits):
            return [
                jax.value_and_grad(lambda z, loss=loss, y=y: loss(y, z))(z)
                for loss, y, z in zip(losses, labels, every_logits, strict=True)
            ]

        return jax.jit(everything)([jax.numpy.asarray(z) for z in logits])
    results = []
    for loss, y, z in zip(losses, labels, logits, strict=True):
        if backend == "torch":
            import torch

            scores = torch.tensor(z, requires_grad=True)
            value = loss(y, scores)
            value.backward()
            results.append((value.detach(), scores.grad))
        else:
            import tensorflow as tf

            scores = tf.Variable(z)
            with tf.GradientTape() as tape:
                value = loss(y, scores)
            results.append((value, tape.gradient(value, scores)))
    return results


def main(source, target):
    data = np.load(source)
    cases = json.loads(str(data["cases"]))
    losses = [get(name, from_logits=True, reduction="sum", **options) for name, _, options in cases]
    labels = [data[f"{problem}_labels"] for _, problem, _ in cases]
    logits = [data[f"{problem}_logits"] for _, problem, _ in cases]
    found = values_and_gradients(losses, labels, logits)
    np.savez(
        target,
        values=[float(value) for value, _ in found],
        **{f"gradient{i}": np.asarray(gradient) for i, (_, gradient) in enumerate(found)},
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
