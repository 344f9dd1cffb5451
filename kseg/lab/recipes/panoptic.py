"""How much should stuff weigh beside things, and under which loss? Panoptic FPN on drawn people and their room.

    kseg lab run panoptic --scale cpu --processes 2

Kirillov et al. 2019 train the two heads of one network with L = λ_i (L_cls + L_bbox + L_mask) + λ_s L_s. Only λ_s (¼,
½, 1 or 2) and the loss of pixels L_s vary: cross-entropy alone, with Lovász-softmax, and with Kim et
al.'s level set. The score is the PQ of the test split; rows of results.json hold PQ of things and stuff too.

* people: up to three synthetic people before backdrop, floor and sky in 96×96 pixels, partly in front of each other,
  256 / 32 / 96 images; the small network of `panoptic_fpn`, batch 8, 10 epochs, Adam 2e-3 falling to 0; 3 seeds.

Scale cpu: 36 jobs, 24 of which were run (`results/panoptic`): two seeds.
Scale smoke: 64×64 pixels, a narrow network, one epoch of two steps, two weights, two losses, one seed, in four minutes:
it shows that all steps run, and its PQ is about 0.
"""

import dataclasses
from typing import Any

from kseg.datasets import data_options
from kseg.lab.experiment.condition import Condition, Factor
from kseg.lab.experiment.setting import Places, Scale, Setting
from kseg.lab.pages.weighed import weighed
from kseg.lab.recipe import RECIPES, Expected, Recipe
from kseg.models import model_options
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

FACTORS: tuple[Factor, ...] = ("dataset", "weight")

WEIGHTS = (0.25, 0.5, 1.0, 2.0)
"""λ_s; the paper's own is ½."""

LEVEL_SET = 4e-4 * (321 / 96) ** 2
"""Weight of the level set energy, a sum over pixels: Kim et al.'s weight per pixel, whose crops have a side of 321."""

LOSSES = {"ce": "ce", "ce+lovasz": "ce + lovasz", "ce+level_set": f"ce + {LEVEL_SET:.1g}*level_set"}
"""Tag → loss."""

SMOKE_WEIGHTS, SMOKE_LOSSES = (0.5, 2.0), ("ce", "ce+level_set")

NARROW: dict[str, Any] = {
    "base_width": 4, "pyramid_width": 8, "head_width": 8, "box_width": 16, "mask_width": 8, "mask_convolutions": 1,
    "candidates": 32, "proposals": 32, "rois": 16, "detections": 5,
}  # fmt: skip
"""Options of the network at scale smoke."""


def people(size: int, counts: tuple[int, int, int], training: TrainingOptions, **network: Any) -> TrainConfig:
    """Panoptic FPN on up to three people in pictures of `size` × `size` pixels."""
    return TrainConfig(
        data=data_options("synthetic", people=3, synthetic_size=size, synthetic_counts=counts),
        model=model_options("panoptic_fpn", image_size=(size, size), **network),
        training=training,
    )


def settings(scale: Scale, places: Places) -> list[Setting]:
    """A setting for each weight and each loss."""
    if scale == "smoke":
        tiny = people(64, (8, 4, 4), TrainingOptions(epochs=1, batch_size=4), **NARROW)
        return [_setting(tiny, weight, name, 1) for weight in SMOKE_WEIGHTS for name in SMOKE_LOSSES]
    config = people(96, (256, 32, 96), TrainingOptions(epochs=10, batch_size=8, learning_rate=2e-3, schedule="poly"))
    return [_setting(config, weight, name, 3) for weight in WEIGHTS for name in LOSSES]


def _setting(config: TrainConfig, weight: float, name: str, seeds: int) -> Setting:
    loss = LossOptions(loss=f"mask=bce; semantic={LOSSES[name]}; lambda_s={weight:g}", loss_reduction="mean")
    return Setting(_condition(weight, name), dataclasses.replace(config, loss=loss), seeds)


def _condition(weight: float, name: str) -> Condition:
    return Condition(factors=FACTORS, dataset="people", weight=f"lambda_s={weight:g}", loss=name)


EXPECTED = (Expected("smoke", _condition(0.5, "ce"), 0.0, 0.7, figure="score"),)

RECIPES.register("panoptic")(
    Recipe(
        "panoptic",
        settings,
        weighed,
        factors=FACTORS,
        figures=("score", "PQ_things", "PQ_stuff", "SQ", "RQ"),
        expected=EXPECTED,
    )
)
