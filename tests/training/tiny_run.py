"""A run small enough for a test: tiny synthetic portraits, a tiny network."""

import dataclasses

import tiny_network

from kseg.datasets import data_options
from kseg.datasets.opening import retargeted
from kseg.models import model_options
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

TINY_DATA = data_options(synthetic_size=32, synthetic_counts=(10, 4, 4))
DATA_FLAGS = ["--synthetic-size", "32", "--synthetic-counts", "10", "4", "4"]
SMALLEST = ["--model", "unet2015", "--base-width", "8", "--depth", "1", "--dropout", "0", "--elastic", "0"]
"""Of the networks that every process knows: eight convolutions, no normalization of a batch."""
OF_OBJECTS = {
    "base_width": 4, "pyramid_width": 8, "box_width": 8, "mask_width": 8, "mask_convolutions": 1, "smallest_anchor": 8,
    "candidates": 16, "proposals": 32, "rois": 8, "detections": 4, "people": 3, "optimizer": "sgd",
    "learning_rate": 0.01,
}  # fmt: skip
NETWORKS = {
    "semantic": {},
    "instance": {"model": "mask_rcnn", "loss": "mask=bce", **OF_OBJECTS},
    "panoptic": {"model": "panoptic_fpn", "loss": "mask=bce; semantic=ce", "head_width": 8, **OF_OBJECTS},
}
"""Changes of `tiny_run` for a network of each task."""
TINY_FLAGS = [*DATA_FLAGS, "--batch-size", "4", "--no-tensorboard"]
"""The command line of a run like `tiny_run()`, without its network."""
TRAIN_TINY = """
import sys
import tiny_network
from kseg.cli.main import main
tiny_network.register()
sys.exit(main(["train", "--model", tiny_network.NAME, *sys.argv[1:]]))
"""
"""A program for `warm` that trains the tiny network."""


def tiny_run(**changes) -> TrainConfig:
    """A configuration of 3 epochs of 3 steps; `changes` are fields of any group, or options of the `model` named."""
    augment = {"augment": changes.pop("augment")} if "augment" in changes else {}
    groups = {
        "data": retargeted(TINY_DATA, changes["dataset"]) if "dataset" in changes else TINY_DATA,
        "loss": LossOptions("iou"),
        "training": TrainingOptions(epochs=3, batch_size=4, tensorboard=False),
    }
    of_model = {} if "model" in changes else {"model": tiny_network.NAME}
    for name, value in changes.items():
        group = next((key for key, options in groups.items() if hasattr(options, name)), None)
        if group is None:
            of_model[name] = value
        else:
            groups[group] = dataclasses.replace(groups[group], **{name: value})
    return TrainConfig(**groups, model=model_options(**of_model), **augment)
