"""Which loss should masks be trained with? Mask R-CNN on drawn people, its mask head under six losses.

    kseg lab run mask_losses --scale cpu --processes 2

Everything else is the same: proposals, classes and boxes keep the losses of He et al. 2017, and only the mask head's
binary cross-entropy gives way to another loss, at its default options. The score is the mask AP of the test split; the
rows of results.json hold AP of boxes too, which tells whether the rest of the network has learned the same.

* people: up to three synthetic people in 96×96 pixels, partly in front of each other, 256 / 32 / 96 images; the small
  network of `mask_rcnn`, batch 8, 10 epochs, Adam 2e-3 falling to 0; 3 seeds.
* coco by heart: the first 20 training images of COCO at hand, on MobileNetV2, frozen, its features cached, at 256×256
  pixels; batch 2, 400 steps, Adam 1e-3 falling to 0; 2 seeds. Measured on the images that it was trained on: which loss
  can shape the masks of photographs at all. The folder by_heart in COCO's own holds the training images and annotations
  under the names of the val images too (results/mask_losses/README.md has the commands).
* coco (scale laptop): the people of the photographs of COCO at hand, on MobileNetV2, frozen, its features cached, at
  384×512 pixels; batch 4, 60 epochs, Adam 1e-3 falling to 0; 3 seeds. COCO's val images choose the epoch and are the
  test images too. Not run: with BCE, 12 epochs at 256×320 pixels of 100 training images, 51 of them with people, gave a
  mask AP of 0.007 (AP50 0.027), which compares no losses.

Scale cpu: 30 jobs; laptop: 18 others, on photographs that the network has not seen. Scale smoke: 64×64 pixels, a narrow
network, one epoch of two steps, three losses, one seed, in three minutes: it shows that all steps run, and its AP is
about 0.
"""

import dataclasses
from pathlib import Path
from typing import Any

from kseg.datasets import DataOptions, data_options
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.setting import Places, Scale, Setting
from kseg.lab.pages.many_losses import many_losses
from kseg.lab.recipe import RECIPES, Expected, Recipe
from kseg.models import model_options
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

LOSSES = ("bce", "dice", "bce + dice", "lovasz", "iou", "boundary")
SMOKE_LOSSES = ("bce", "dice", "boundary")

NARROW: dict[str, Any] = {
    "base_width": 4, "pyramid_width": 8, "box_width": 16, "mask_width": 8, "mask_convolutions": 1, "candidates": 32,
    "proposals": 32, "rois": 16, "detections": 5,
}  # fmt: skip
"""Options of the network at scale smoke."""


LIGHT: dict[str, Any] = {
    "pyramid_width": 128, "box_width": 256, "mask_width": 64, "mask_convolutions": 2, "smallest_anchor": 16,
    "candidates": 300, "proposals": 300, "rois": 128, "detections": 100,
}  # fmt: skip
"""Options of the network on MobileNetV2, for two cores."""

ADAM: dict[str, Any] = {"optimizer": "adam", "learning_rate": 1e-3, "schedule": "poly"}
"""How it is trained."""


def people(size: int, counts: tuple[int, int, int], training: TrainingOptions, **network: Any) -> TrainConfig:
    """Mask R-CNN on up to three people in pictures of `size` × `size` pixels."""
    return TrainConfig(
        data=data_options("synthetic", people=3, synthetic_size=size, synthetic_counts=counts),
        model=model_options("mask_rcnn", image_size=(size, size), **network),
        training=training,
    )


def settings(scale: Scale, places: Places) -> list[Setting]:
    """A setting for each loss."""
    if scale == "smoke":
        tiny = people(64, (8, 4, 4), TrainingOptions(epochs=1, batch_size=4), **NARROW)
        return [_setting("people", tiny, spec, 1) for spec in SMOKE_LOSSES]
    drawn = people(96, (256, 32, 96), TrainingOptions(epochs=10, batch_size=8, learning_rate=2e-3, schedule="poly"))
    if scale == "laptop":
        return [_setting("coco", unseen(places), spec, 3) for spec in LOSSES]
    cells = (("people", drawn, 3), ("coco by heart", by_heart(places), 2))
    return [_setting(dataset, config, spec, seeds) for dataset, config, seeds in cells for spec in LOSSES]


def by_heart(places: Places) -> TrainConfig:
    """Mask R-CNN on twenty photographs that are its validation and test images too."""
    training = TrainingOptions(epochs=8, patience=8, steps_per_epoch=50, batch_size=2, **ADAM)
    folder = (places.data_dir("coco") or Path("data", "coco")) / "by_heart"
    data = data_options("coco", data_dir=folder, limit=20)
    return photographs(data, (256, 256), training, places)


def unseen(places: Places) -> TrainConfig:
    """Mask R-CNN on the people of COCO's val images."""
    training = TrainingOptions(epochs=60, patience=60, batch_size=4, **ADAM)
    data = data_options("coco", data_dir=places.data_dir("coco"), category="person")
    return photographs(data, (384, 512), training, places)


def photographs(
    data: DataOptions, size: tuple[int, int], training: TrainingOptions, places: Places
) -> TrainConfig:  # fmt: skip
    """Mask R-CNN on cached features of MobileNetV2."""
    encoder = {"encoder": "mobilenetv2", "weights": places.weights_of("mobilenetv2"), "trainable_from": "none"}
    return TrainConfig(
        data=data, model=model_options("mask_rcnn", image_size=size, **encoder, **LIGHT), training=training
    )


def _setting(dataset: str, config: TrainConfig, spec: str, seeds: int) -> Setting:
    config = dataclasses.replace(config, loss=LossOptions(loss=f"mask={spec}", loss_reduction="mean"))
    return Setting(Condition(dataset=dataset, loss=spec.replace(" ", "")), config, seeds)


EXPECTED = (Expected("smoke", Condition(dataset="people", loss="bce"), 0.0, 0.5, figure="score"),)

RECIPES.register("mask_losses")(
    Recipe(
        "mask_losses",
        settings,
        many_losses,
        figures=("score",),
        expected=EXPECTED,
        scales=("smoke", "cpu", "laptop"),
    )
)
