"""Mask R-CNN on the backend of this process: what it detects, and its loss.

python instance_worker.py ANSWERS.npz
"""

import sys

import keras
import numpy as np

from kseg.models import build
from kseg.structures import Instances
from kseg.tasks import TASKS

SIZE = (64, 64)
TINY = {
    "base_width": 4, "pyramid_width": 8, "box_width": 16, "mask_width": 8, "mask_convolutions": 1, "proposals": 32,
    "candidates": 24, "rois": 16, "detections": 6,
}  # fmt: skip


def batch():
    """Two images, with the targets of three squares and of one."""
    rng = np.random.default_rng(0)
    masks = np.zeros((4, *SIZE), bool)
    for mask, (top, left, side) in zip(masks, ((2, 4, 20), (30, 10, 30), (5, 40, 22), (20, 20, 40)), strict=True):
        mask[top : top + side, left : left + side] = True
    truths = [Instances.of(masks[:3], [1, 2, 1]), Instances.of(masks[3:], [2])]
    made = [TASKS["instance"].targets(3)(truth, None) for truth in truths]
    targets = {name: np.stack([one[name] for one in made]) for name in made[0]}
    return rng.integers(0, 256, (2, *SIZE, 3)).astype("float32"), targets


def network():
    """With the same pseudo-random weights on every backend."""
    model = build("mask_rcnn", num_classes=3, input_shape=(*SIZE, 3), activation=None, **TINY)
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            rng.normal(size=w.shape) / np.sqrt(w[..., 0].size) if w.ndim > 1 else np.ones(w.shape)
            for w in model.get_weights()
        ]
    )  # of a normalization: mean and offset too
    return model


def answers():
    """Detections, and the loss and its parts, of these weights."""
    images, targets = batch()
    model, task = network(), TASKS["instance"]
    outputs = model(keras.ops.convert_to_tensor(images), training=False)
    given = {f"detected {name}": array for name, array in task.activated(outputs).items()}
    loss = task.loss("mask=bce + dice", reduction="mean").bound(model)
    tensors = {name: keras.ops.convert_to_tensor(array) for name, array in targets.items()}
    value, parts = loss.value_and_parts(tensors, outputs)
    given |= {f"loss {name}": keras.ops.convert_to_numpy(part) for name, part in {"all": value, **parts}.items()}
    return given


if __name__ == "__main__":
    np.savez(sys.argv[1], backend=keras.backend.backend(), **answers())
