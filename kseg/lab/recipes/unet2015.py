"""Ronneberger et al. 2015: U-Net on ISBI 2012's membranes, with and without elastic deformation and border weights.

    kseg lab run unet2015 --scale cpu --data-dir DATA
    kseg lab report unet2015 --scale cpu

Scale paper is the paper's section 3 as far as it goes: U-Net of 64 to 1024 channels, unpadded, whole slices of 512×512
among their mirror images, a single image per batch, SGD with momentum 0.99, cross-entropy with w0 = 10 and σ = 5, bent
by 10 pixels on a grid of 3×3. Not in the paper, chosen here: a rate of 1e-3, 300 epochs, patience 100. This scale needs
a GPU; it was not run. The challenge's test labels are secret, so the 30 slices are divided: 20 train, 4 validate, 6
test. The published warping, Rand and pixel errors (0.000353, 0.0382, 0.0611) are of another stack and do not compare.

Deviations at scale cpu: depth 3 and width 8 instead of 4 and 64 (120,825 weights instead of 31 million), Adam 1e-3
falling to 0 over 30 epochs; 3 seeds. It was not run.

Scale smoke: drawn portraits of 32×32, depth 1 and width 4, one epoch.
"""

import dataclasses

from kseg.datasets import data_options
from kseg.lab.experiment.condition import Condition, Factor
from kseg.lab.experiment.setting import Places, Scale, Setting
from kseg.lab.pages.two_losses import two_losses
from kseg.lab.recipe import RECIPES, Expected, Recipe
from kseg.models import model_options
from kseg.pipeline import Augmentation
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

VARIANTS: dict[str, tuple[float, str]] = {
    "plain": (0.0, "none"),
    "elastic": (10.0, "none"),
    "border": (0.0, "border"),
    "elastic+border": (10.0, "border"),
}
"""Name → deviation of the displacements in pixels, and weights of the pixels. The last one is the paper's."""

OURS = "Split of ours: slices 0 to 19 train, 20 to 23 validate, 24 to 29 test, so no figure of the paper is of them."

CAPTIONS: dict[Scale, str] = {
    "paper": f"Rate, epochs and patience are not in the paper: 1e-3, 300, 100. {OURS}",
    "cpu": f"Not the paper's: depth 3 and width 8, Adam 1e-3 falling to 0 over 30 epochs. {OURS}",
    "smoke": "Proves the path and nothing else: drawn portraits, a small U-Net, one epoch.",
}


FACTORS: tuple[Factor, ...] = ("dataset", "network")


def settings(scale: Scale, places: Places) -> list[Setting]:
    base = {"smoke": smoke, "cpu": cpu, "paper": paper}[scale](places)
    data = "portraits" if scale == "smoke" else "isbi2012"
    return [
        Setting(condition(data, name), varied(base, elastic, weights), seeds=1 if scale == "smoke" else 3)
        for name, (elastic, weights) in VARIANTS.items()
    ]


def condition(data: str, variant: str) -> Condition:
    """A variant stands in the place of a loss: both differ in what the network is trained on, and are compared."""
    return Condition(factors=FACTORS, dataset=data, network="unet2015", loss=variant)


def varied(config: TrainConfig, elastic: float, weights: str) -> TrainConfig:
    """The configuration with elastic deformation and pixel weights as given."""
    loss = LossOptions(loss="ce", loss_reduction="mean", pixel_weights=weights)  # type: ignore[arg-type]
    return dataclasses.replace(config, loss=loss, augment=Augmentation(elastic=elastic))


def smoke(places: Places) -> TrainConfig:
    return TrainConfig(
        data=data_options(synthetic_size=32, synthetic_counts=(12, 4, 4)),
        model=model_options("unet2015", base_width=4, depth=1, image_size=(32, 32)),
        training=TrainingOptions(epochs=1, batch_size=4, optimizer="adam", learning_rate=1e-3),
    )


def paper(places: Places) -> TrainConfig:
    """Optimizer, momentum, batch and epochs are the model's own."""
    return TrainConfig(
        data=data_options("isbi2012", data_dir=places.data_dir("isbi2012")),
        model=model_options("unet2015", image_size=(512, 512)),
    )


def cpu(places: Places) -> TrainConfig:
    whole = paper(places)
    training = TrainingOptions(
        optimizer="adam", learning_rate=1e-3, schedule="poly", batch_size=1, epochs=30, patience=30
    )
    return dataclasses.replace(whole, model=whole.model.having(base_width=8, depth=3), training=training)


EXPECTED = (Expected("smoke", condition("portraits", "plain"), 0.0, 0.7),)

RECIPES.register("unet2015")(
    Recipe(
        "unet2015",
        settings,
        two_losses,
        factors=FACTORS,
        scales=("smoke", "cpu", "paper"),
        figures=("iou", "v_rand", "warping_error", "pixel_error"),
        captions=CAPTIONS,
        expected=EXPECTED,
    )
)
