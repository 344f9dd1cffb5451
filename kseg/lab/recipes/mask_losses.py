"""Which loss should masks be trained with? Mask R-CNN on drawn people, its mask head under six losses.

    kseg lab run mask_losses --scale cpu --processes 2

Everything else is the same: proposals, classes and boxes keep the losses of He et al. 2017, and only the mask head's
binary cross-entropy gives way to another loss, at its default options. The score is the mask AP of the test split; the
rows of results.json hold AP of boxes too, which tells whether the rest of the network has learned the same.

* people: up to three synthetic people in 96×96 pixels, partly in front of each other, 256 / 32 / 96 images; the small
  network of `mask_rcnn`, batch 8, 10 epochs, Adam 2e-3 falling to 0; 3 seeds.
* coco (scale laptop): the people of the photographs of COCO at hand, on MobileNetV2, frozen, its features cached, at
  384×512 pixels; batch 4, 60 epochs, Adam 1e-3 falling to 0; 3 seeds. COCO's val images choose the epoch and are the
  test images too. Not run: with BCE, 12 epochs at 256×320 pixels of 100 training images, 51 of them with people, gave a
  mask AP of 0.007 (AP50 0.027), which compares no losses.

Scale cpu: 18 jobs; laptop: 18 others, on the photographs. Scale smoke: 64×64 pixels, a narrow network, one epoch of two
steps, three losses, one seed, in three minutes: it shows that all steps run, and its AP is about 0.
"""

import dataclasses
from typing import Any

from kseg.datasets import data_options
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
    dataset, config = ("coco", photographs(places)) if scale == "laptop" else ("people", drawn)
    return [_setting(dataset, config, spec, 3) for spec in LOSSES]


def photographs(places: Places) -> TrainConfig:
    """Mask R-CNN on the people of COCO."""
    weights = places.weights_of("mobilenetv2")
    return TrainConfig(
        data=data_options("coco", data_dir=places.data_dir("coco"), category="person"),
        model=model_options(
            "mask_rcnn", encoder="mobilenetv2", weights=weights, trainable_from="none", image_size=(384, 512), **LIGHT
        ),
        training=TrainingOptions(
            epochs=60, patience=60, batch_size=4, optimizer="adam", learning_rate=1e-3, schedule="poly"
        ),
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
