"""Run as `python replica_worker.py OUT.json`: one step of `fit` with every loss, on one device and mirrored over two.

One network has a 1×1 convolution per loss, so that a single step trains each loss on its own; the change of a
convolution's weights is the gradient of its loss. Eager, because compiling fifty losses takes a minute.
"""

import json
import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[1]))

from kseg.losses import get, part_metrics
from losses.cases import CHANNELS, batch, once

SUMS = [("ce", "multi-class", {}), ("iou", "binary", {}), ("iou", "binary", {"pooling": "batch"})]
COMPOSED = "bce + 0.5*iou"


def cases():
    """(label, spec, problem, options, reduction) of every output."""
    rows = [(f"{name} {problem}", name, problem, options, "sum_over_batch_size") for name, problem, options in once()]
    rows += [(f"{name} {options} sum", name, problem, options, "sum") for name, problem, options in SUMS]
    rows.append(("iou pooled", "iou", "binary", {"pooling": "batch"}, "sum_over_batch_size"))
    return rows + [(f"{COMPOSED} {how}", COMPOSED, "binary", {}, how) for how in ("sum", "sum_over_batch_size")]


def score(channels, name):
    """Those with as many channels begin with the same weights."""
    return keras.layers.Conv2D(channels, 1, kernel_initializer=keras.initializers.GlorotUniform(seed=3), name=name)


def train(strategy, labels, images):
    """(change of weights by label, parts logged) of one step of SGD with rate 1."""
    rows = cases()
    keras.utils.set_random_seed(0)
    with strategy.scope() if strategy else nullcontext():
        inputs = keras.Input(images.shape[1:])
        convolutions = [score(CHANNELS[row[2]], name=f"score{i}") for i, row in enumerate(rows)]
        model = keras.Model(inputs, [convolution(inputs) for convolution in convolutions])
        losses = [get(spec, from_logits=True, reduction=how, **options) for _, spec, _, options, how in rows]
        model.compile(
            keras.optimizers.SGD(1.0), loss=losses, metrics=[part_metrics(loss) for loss in losses], run_eagerly=True
        )
    before = [convolution.get_weights()[0] for convolution in convolutions]
    truths = tuple(labels[row[2]] for row in rows)
    data = tf.data.Dataset.from_tensor_slices((images, truths)).batch(len(images))
    history = model.fit(data, epochs=1, verbose=0).history
    changes = [convolution.get_weights()[0] - old for convolution, old in zip(convolutions, before, strict=True)]
    logs = {name.split("_", 1)[1]: values[0] for name, values in history.items() if "_loss_" in name}
    return {row[0]: change.tolist() for row, change in zip(rows, changes, strict=True)}, logs


def main(target):
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    images = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")
    labels = {problem: batch(problem, seed=5, size=(6, 6))[0] for problem in CHANNELS}
    halves = [
        train(None, {problem: rows[part] for problem, rows in labels.items()}, images[part])[0]
        for part in (slice(0, 2), slice(2, 4))
    ]
    alone, logs = train(None, labels, images)
    mirrored, mirrored_logs = train(tf.distribute.MirroredStrategy(devices), labels, images)
    found = {"alone": alone, "mirrored": mirrored, "halves": halves, "logs": logs, "mirrored_logs": mirrored_logs}
    Path(target).write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
