"""Which loss? Every registered loss, alone and added to BCE, on the same networks and images.

    kseg lab run loss_study --scale cpu --processes 2 --weights mobilenetv2=FILE

Every loss takes its default options. Losses that need more than the labels are measured too; a loss that cannot be
trained is recorded as a failure.

* portraits: synthetic heads of 64×64 pixels, 256 / 48 / 100 images, a U-Net of width 8, batch 16, 8 epochs of 16 steps,
  Adam 4e-3 falling linearly to 0; 3 seeds.
* portraits-20, portraits-5, portraits-1: the same people further away, so that face and hair are 20, 5 and 1 % of the
  pixels on average (van Beers et al. 2019 leave the question of sparse data to future work); 2 seeds.
* lfw: LFW Part Labels, van Beers' small split (1000 / 100 / 292), hair is foreground, 224×224, fcmobilenet with a head
  of 32 feature maps instead of 256 on cached features of MobileNetV2, batch 16, 3 epochs, Adam 1e-3 falling linearly;
  2 seeds. Its score map has stride 32, as in the paper: it shows what a loss makes of coarse outlines.

Scale cpu: 539 jobs, of 13 to 25 seconds on portraits and 25 to 150 (clDice) on LFW: 1 h 45 min on two cores with
`--processes 2`, if every loss takes the shortest of its seeds' times; it has not been timed as a whole. Scale smoke:
three losses on 32×32 portraits, one seed, in a minute.
"""

import dataclasses
from typing import Any

from kseg.datasets import data_options
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.setting import Places, Scale, Setting
from kseg.lab.pages.many_losses import many_losses
from kseg.lab.recipe import RECIPES, Expected, Recipe
from kseg.losses.base import LOSSES
from kseg.models import model_options
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

SHARES = {"portraits": None, "portraits-20": 0.20, "portraits-5": 0.05, "portraits-1": 0.01}
"""Data sets of drawn portraits: mean share of foreground, None as they are drawn anyway (24 %)."""

SMOKE_LOSSES = ("bce", "iou", "bce + iou")


def every_spec() -> list[str]:
    """Each loss for two classes alone, then added to BCE."""
    names = [name for name, loss in LOSSES.items() if "binary" in loss.problems]
    return [*names, *(f"bce + {name}" for name in names if name != "bce")]


def portraits(share: float | None, **smaller: Any) -> TrainConfig:
    """Synthetic portraits; `smaller` replaces fields of the data options, `epochs`, `width`."""
    epochs, width = smaller.pop("epochs", 8), smaller.pop("width", 8)
    drawn = {"synthetic_size": 64, "synthetic_counts": (256, 48, 100), "synthetic_foreground": share, **smaller}
    data, side = data_options(**drawn), drawn["synthetic_size"]
    return TrainConfig(
        data=data,
        model=model_options("unet", base_width=width, image_size=(side, side)),
        training=TrainingOptions(epochs=epochs, batch_size=16, learning_rate=4e-3, schedule="poly", poly_power=1.0),
    )


def lfw(places: Places) -> TrainConfig:
    return TrainConfig(
        data=data_options("lfw", data_dir=places.data_dir("lfw"), size="small"),
        model=model_options(
            "fcmobilenet", weights=places.weights_of("mobilenetv2"), head_width=32, image_size=(224, 224)
        ),
        training=TrainingOptions(epochs=3, batch_size=16, learning_rate=1e-3, schedule="poly", poly_power=1.0),
    )


def settings(scale: Scale, places: Places) -> list[Setting]:
    if scale == "smoke":
        tiny = portraits(None, synthetic_size=32, synthetic_counts=(24, 8, 8), epochs=1, width=4)
        return [_setting("portraits", tiny, spec, seeds=1) for spec in SMOKE_LOSSES]
    data = [
        *((name, portraits(share), 3 if share is None else 2) for name, share in SHARES.items()),
        ("lfw", lfw(places), 2),
    ]
    return [_setting(name, config, spec, seeds) for name, config, seeds in data for spec in every_spec()]


def _setting(data: str, config: TrainConfig, spec: str, seeds: int) -> Setting:
    config = dataclasses.replace(config, loss=LossOptions(loss=spec, loss_reduction="mean"))
    return Setting(Condition(dataset=data, loss=spec.replace(" ", "")), config, seeds)


EXPECTED = (
    # Single jobs gave 0.83 (iou on portraits) and 0.74 (bce on LFW); the smoke test sees 24 images once.
    Expected("smoke", Condition(dataset="portraits", loss="iou"), 0.05, 0.6),
    Expected("cpu", Condition(dataset="portraits", loss="iou"), 0.70, 0.90),
    Expected("cpu", Condition(dataset="portraits", loss="bce"), 0.68, 0.90),
    Expected("cpu", Condition(dataset="lfw", loss="iou"), 0.65, 0.86),
    Expected("cpu", Condition(dataset="lfw", loss="bce"), 0.65, 0.86),
)

RECIPES.register("loss_study")(Recipe("loss_study", settings, many_losses, expected=EXPECTED))
