"""Rahman & Wang 2016, table 4: IoU loss over the batch against softmax loss, one category of CamVid at a time.

    kseg lab run rahman2016 --scale cpu --processes 2 --weights mobilenetv2=FILE

Deviations at scale cpu: FCN-8s on a frozen MobileNetV2 with cached features in place of FCN-32s on AlexNet; Adam 2e-3
falling linearly to 0 over 12 epochs, batch 16, mixed_bfloat16, instead of SGD 1e-4 with momentum 0.99 until
convergence; 2 seeds. As in the paper the images have 360×480 pixels, FCN_acc has two outputs and a softmax and FCN_IoU
one and a sigmoid, every other category is background, every batch holds an image with the category, the best
validation IoU is kept, and the scores are those of the test split.

Scale smoke: hair and face of 32×32 portraits as categories, a small U-Net, one epoch.
The paper's experiments on PASCAL VOC (tables 1 and 3) are not run here; their figures are in `rahman2016_paper`.
"""

import dataclasses

from kseg.datasets import DataOptions
from kseg.lab.recipe import RECIPES, Places, Recipe, Scale, Setting
from kseg.lab.recipes.rahman2016_paper import CAMVID
from kseg.training.config import LossOptions, ModelOptions, TrainConfig, TrainingOptions

LOSSES = {"iou": "iou(pooling='batch')", "acc": "ce"}
"""The paper's names: FCN_IoU, eqs. 3–5 on one sigmoid, and FCN_acc, the softmax loss of two outputs."""

OUTPUTS = {"iou": 1, "acc": 2}

CAPTIONS: dict[Scale, str] = {
    "cpu": "Not the paper's: FCN-8s on a frozen MobileNetV2 instead of FCN-32s on AlexNet; Adam 2e-3 over 12 epochs of "
    "batch 16 instead of SGD 1e-4 until convergence; mixed_bfloat16; two seeds.",
    "smoke": "Proves the path and nothing else: drawn portraits, a small U-Net, one epoch.",
}


def settings(scale: Scale, places: Places) -> list[Setting]:
    if scale == "smoke":
        return [
            _setting("synthetic", category, loss, _smoke(category)) for category in ("hair", "face") for loss in LOSSES
        ]
    return [_setting("camvid", category, loss, _camvid(category, places)) for category in CAMVID for loss in LOSSES]


def _smoke(category: str) -> tuple[DataOptions, ModelOptions, TrainingOptions]:
    data = DataOptions(synthetic_size=32, synthetic_counts=(24, 8, 8), parts=True, category=category)
    training = TrainingOptions(epochs=1, batch_size=4, positives_per_batch=1)
    return data, ModelOptions("unet", base_width=4, image_size=(32, 32)), training


def _camvid(category: str, places: Places) -> tuple[DataOptions, ModelOptions, TrainingOptions]:
    data = DataOptions("camvid", data_dir=places.data_dir("camvid"), category=category)
    model = ModelOptions(
        "fcn8s", encoder="mobilenetv2", weights=places.weights_of("mobilenetv2"), image_size=(360, 480)
    )
    training = TrainingOptions(
        epochs=12, patience=12, batch_size=16, optimizer="adam", learning_rate=2e-3, schedule="poly", poly_power=1.0,
        positives_per_batch=1, precision="mixed_bfloat16",
    )  # fmt: skip
    return data, model, training


def _setting(
    dataset: str, category: str, loss: str, options: tuple[DataOptions, ModelOptions, TrainingOptions]
) -> Setting:
    data, model, training = options
    config = TrainConfig(
        data=data,
        model=dataclasses.replace(model, outputs=OUTPUTS[loss]),
        training=training,
        loss=LossOptions(loss=LOSSES[loss], loss_reduction="mean"),
    )
    return Setting((dataset, category, loss), config, seeds=1 if dataset == "synthetic" else 2)


def paper(tags: tuple[str, ...]) -> dict[str, float]:
    """The test column of table 4."""
    _, category, loss = tags
    return {"iou": CAMVID[category][loss][1] / 100} if category in CAMVID else {}


RECIPES.register("rahman2016")(
    Recipe(
        "rahman2016",
        settings,
        figures=("iou", "accuracy"),
        versus=("iou", "acc"),
        paper=paper,
        captions=CAPTIONS,
    )
)
