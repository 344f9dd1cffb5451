"""A run small enough for a test: tiny synthetic portraits, a narrow U-Net."""

import dataclasses

from kseg.datasets import data_options
from kseg.models import model_options
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

TINY_DATA = data_options(synthetic_size=32, synthetic_counts=(10, 4, 4))
TINY_FLAGS = [
    "--synthetic-size", "32", "--synthetic-counts", "10", "4", "4", "--base-width", "4",
    "--batch-size", "4", "--no-tensorboard",
]  # fmt: skip
"""The command line of `tiny_run()`."""


def tiny_run(**changes) -> TrainConfig:
    """A configuration of 3 epochs of 3 steps; `changes` are fields of any group."""
    groups = {
        "data": TINY_DATA,
        "model": model_options("unet", base_width=4),
        "loss": LossOptions("iou"),
        "training": TrainingOptions(epochs=3, batch_size=4, tensorboard=False),
    }
    for name, value in changes.items():
        if name == "augment":
            continue
        group = next(key for key, options in groups.items() if hasattr(options, name))
        groups[group] = dataclasses.replace(groups[group], **{name: value})
    augment = {"augment": changes["augment"]} if "augment" in changes else {}
    return TrainConfig(**groups, **augment)
