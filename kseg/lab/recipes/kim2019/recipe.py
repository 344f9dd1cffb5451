"""Kim et al. 2019, tables 1 to 3: the level set loss beside cross-entropy in FCN and DeepLab, with and without a CRF.

    kseg lab run kim2019 --scale cpu --only voc --weights mobilenetv2=FILE vgg16=FILE
    kseg lab report kim2019 --scale cpu --only voc

Scale paper is section 4.2: FCN-32s, 16s and 8s on ResNet101, DeepLab-LargeFOV on VGG16 and DeepLab-ResNet101, both also
with three scales; SGD, momentum 0.9, batch 10; FCN and LargeFOV 4e-3, decay 1e-4, crops of 513; DeepLab-ResNet101
2.5e-4, decay 5e-4, crops of 321, poly 0.9; half of the images mirrored; λ = 4e-4, ε = 1/20; VOC 2012 with SBD,
PASCAL-Context and Cityscapes; ImageNet weights. DeepLab's loss is computed on its own grid of 1/8, as its authors do,
FCN's at full resolution: λ means something else on each, and the paper does not say which it means. Where the paper is
silent: 20,000 steps (19 passes over VOC), DeepLab's rates of single layers, FCN's scores straight on the stages of its
ResNet, LargeFOV's fc6 and fc7 decimated from VGG16's classifier where the file of weights has one. Not the
paper's: no pre-training on COCO, which `--init` would take. This scale needs a GPU; it was not run.

The baseline is measured a second time behind a dense CRF with DeepLab's parameters and 10 iterations. Further settings
are LargeFOV on VOC with the other two Heaviside functions (figure 5), and with its loss at full resolution, where
λ = 4e-4 weighs 64 times as many pixels.

Deviations at scale cpu: MobileNetV2 in ResNet101's place, VGG16 in LargeFOV, both frozen, so that their features are
cached; 256 feature maps in LargeFOV's fc6 and fc7; whole images at 321×321 in place of crops; Adam 1e-3, batch 10, 40
epochs of VOC's 200 pairs at hand, 80 of them to train on, and 10 of CamVid at 353×481; 3 seeds.

Scale smoke: the parts of 32×32 portraits, a U-Net of width 4, one epoch.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from kseg.datasets import DataOptions, data_options
from kseg.lab.experiment.condition import Condition, Factor
from kseg.lab.experiment.jobs import Job
from kseg.lab.experiment.setting import Places, Scale, Setting
from kseg.lab.one_changed import changed_table
from kseg.lab.pages.two_losses import two_losses
from kseg.lab.recipe import RECIPES, Expected, Recipe
from kseg.lab.recipes.kim2019.claims import claims
from kseg.lab.recipes.kim2019.figures import HEAVISIDES, figures
from kseg.lab.recipes.kim2019.printed import TABLES
from kseg.lab.results.rows import Results
from kseg.lab.tables.table import Table
from kseg.models import ModelOptions, model_options
from kseg.pipeline import Augmentation
from kseg.report.canvas import Plot
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

FACTORS: tuple[Factor, ...] = ("dataset", "network")

LOSSES = {"ls": "ce + 0.0004*level_set", "ce": "ce + 0*level_set"}
"""Tag → loss; the baseline has the level set energy in its journal, as figure 4 shows it."""

FULL = "with full resolution"

CHANGES = {**HEAVISIDES, FULL: "the loss at full resolution in place of 1/8, where λ weighs 64 times as many pixels"}
"""Change → its description: figure 5, and the loss on another grid."""

CELLS: dict[Scale, tuple[str, str]] = {
    "paper": ("voc", "largefov"), "cpu": ("voc", "largefov"), "smoke": ("portraits", "unet"),
}  # fmt: skip
"""Scale → the cell that is changed: figure 5 is of LargeFOV on VOC."""

SHOWN = 3
"""Test images whose probabilities are kept for figure 3: the first of the split."""

CRF = {"largefov": "deeplab_v1_largefov"}
"""Network → name of its CRF's parameters; other networks take DeepLab-ResNet101's."""

OTHERS_CRF = "deeplab_v2_resnet101"

SCALES = (0.5, 0.75, 1.0)

CAPTIONS: dict[Scale, str] = {
    "paper": "λ = 4e-4, ε = 1/20; DeepLab's loss on its own grid, FCN's at full resolution. Not the paper's: no "
    "pre-training on COCO.",
    "cpu": "Not the paper's: MobileNetV2 in ResNet101's place; frozen encoders; LargeFOV 256 wide; whole images at "
    "321×321 (CamVid 353×481) in place of crops; Adam 1e-3, batch 10, 40 epochs (CamVid 10); VOC's 200 pairs at hand.",
    "smoke": "Proves the path and nothing else: drawn portraits, a small U-Net, one epoch.",
}

NETWORKS = {
    "fcn32s": ("fcn32s", {}), "fcn16s": ("fcn16s", {}), "fcn8s": ("fcn8s", {}),
    "largefov": ("deeplab_largefov", {}), "largefov msc": ("deeplab_largefov", {"scales": SCALES}),
    "deeplab": ("deeplab_resnet101", {}), "deeplab msc": ("deeplab_resnet101", {"scales": SCALES}),
}  # fmt: skip
"""Tag → architecture and options."""

ON_CPU = ("fcn32s", "fcn8s", "largefov", "deeplab")


def settings(scale: Scale, places: Places) -> list[Setting]:
    if scale == "smoke":
        cells = [_setting("portraits", "unet", loss, smoke()) for loss in LOSSES]
    elif scale == "paper":
        cells = [_setting(*cell, loss, paper_run(*cell, places)) for cell in TABLES for loss in LOSSES]
    else:
        cells = [
            _setting(dataset, network, loss, on_cpu(dataset, network, places), seeds=3)
            for dataset in ("voc", "camvid")
            for network in ON_CPU
            for loss in LOSSES
        ]
    compared = [cell for cell in cells if (cell.condition.dataset, cell.condition.network) == CELLS[scale]]
    return [*cells, *(setting for cell in compared for setting in changed(cell))]


def changed(cell: Setting) -> list[Setting]:
    """The cell with the other two Heaviside functions, and, where its loss is on a grid of 1/8, at full resolution."""
    loss = cell.config.loss
    losses: dict[str, LossOptions] = {}
    if cell.condition.loss == "ls":
        losses["with HF"] = dataclasses.replace(loss, loss="ce + 0.0004*level_set(heaviside='hf')")
        losses["with AHF"] = dataclasses.replace(loss, loss="ce + 0.0004*level_set(heaviside='ahf')")
    if loss.loss_stride > 1:
        losses[FULL] = dataclasses.replace(loss, loss_stride=1)
    training = dataclasses.replace(cell.config.training, test_crf=(), test_probabilities=0)
    return [
        Setting(
            cell.condition.changed(change),
            dataclasses.replace(cell.config, loss=changed_loss, training=training),
            cell.seeds,
        )
        for change, changed_loss in losses.items()
    ]


def _setting(dataset: str, network: str, loss: str, config: TrainConfig, seeds: int = 1) -> Setting:
    behind = ("w1=3", "iterations=10") if network == "unet" else (CRF.get(network.split()[0], OTHERS_CRF),)
    training = dataclasses.replace(config.training, test_crf=behind if loss == "ce" else (), test_probabilities=SHOWN)
    stride = 8 if network.startswith(("largefov", "deeplab")) else 1
    losses = LossOptions(loss=LOSSES[loss], loss_reduction="mean", loss_stride=stride)
    return Setting(
        condition(dataset, network, loss), dataclasses.replace(config, loss=losses, training=training), seeds
    )


def condition(dataset: str, network: str, loss: str) -> Condition:
    return Condition(factors=FACTORS, dataset=dataset, network=network, loss=loss)


def smoke() -> TrainConfig:
    return TrainConfig(
        data=data_options(synthetic_size=32, synthetic_counts=(24, 8, 8), parts=True),
        model=model_options("unet", base_width=4, image_size=(32, 32)),
        training=TrainingOptions(epochs=1, batch_size=4),
    )


def data(dataset: str, places: Places) -> DataOptions:
    options: dict[str, Any] = {"voc": {"year": "2012+sbd", "split_scheme": "official"}}.get(dataset, {})
    return data_options(dataset, data_dir=places.data_dir(dataset), **options)


def paper_run(dataset: str, network: str, places: Places) -> TrainConfig:
    """Section 4.2; all other options come from the models' presets."""
    architecture, options = NETWORKS[network]
    deeplab = architecture == "deeplab_resnet101"
    literal: dict[str, Any] = {"encoder": "resnet101", "fully_connected": False}
    encoder = {} if architecture.startswith("deeplab") else literal
    weights = places.weights_of("vgg16" if architecture == "deeplab_largefov" else "resnet101")
    return TrainConfig(
        data=data(dataset, places),
        model=model_options(architecture, weights=weights, **encoder, **options),
        augment=Augmentation(flip=True, crop=(321, 321) if deeplab else (513, 513)),
        training=TrainingOptions(
            optimizer="sgd", momentum=0.9, learning_rate=2.5e-4 if deeplab else 4e-3,
            l2_decay=5e-4 if deeplab else 1e-4, schedule="poly" if architecture.startswith("deeplab") else "constant",
            batch_size=10, epochs=19, patience=19, test_input="original",
        ),
    )  # fmt: skip


def on_cpu(dataset: str, network: str, places: Places) -> TrainConfig:
    """The network behind cached features of a frozen encoder."""
    size, epochs = {"voc": ((321, 321), 40), "camvid": ((353, 481), 10)}[dataset]
    return TrainConfig(
        data=data_options(dataset, data_dir=places.data_dir(dataset)),
        model=_frozen(network, size, places),
        training=TrainingOptions(
            optimizer="adam", learning_rate=1e-3, schedule="poly", batch_size=10, epochs=epochs, patience=epochs,
            layer_rates=(),
        ),
    )  # fmt: skip


def _frozen(network: str, size: tuple[int, int], places: Places) -> ModelOptions:
    architecture, options = NETWORKS[network]
    encoder = "vgg16" if architecture == "deeplab_largefov" else "mobilenetv2"
    named: dict[str, Any] = {"head_width": 256} if encoder == "vgg16" else {"encoder": encoder}
    weights = places.weights_of(encoder)
    return model_options(
        architecture, weights=weights, trainable_from="none", image_size=size, **named, **options
    )  # fmt: skip


def paper(condition: Condition) -> dict[str, float]:
    """The paper's cell for our setting; CamVid is not among its data sets."""
    if condition.change:
        return {}
    cell, loss = TABLES.get((condition.dataset, condition.network)), condition.loss
    if cell is None:
        return {}
    return {"iou": getattr(cell, loss), **({"iou_crf": cell.crf} if loss == "ce" and cell.crf is not None else {})}


def beside(results: Results) -> list[Table]:
    """The cell under each loss, beside its changes."""
    return [
        table for loss in LOSSES for table in changed_table(results, cell_of(results).under(loss), CHANGES)
    ]  # fmt: skip


def figures_of_paper(jobs: Sequence[Job], results: Results) -> list[Plot]:
    """Figures 3 to 7, as far as the jobs behind them are complete."""
    return figures(jobs, results, cell_of(results))


def cell_of(results: Results) -> Condition:
    """The setting in which the scale of the results makes its changes."""
    return condition(*next(cell for scale, cell in CELLS.items() if scale == results.scale), loss="")


RECIPES.register("kim2019")(
    Recipe(
        "kim2019",
        settings,
        two_losses,
        factors=FACTORS,
        scales=("smoke", "cpu", "paper"),
        figures=("iou", "iou_crf", "accuracy"),
        versus=("ls", "ce"),
        paper=paper,
        captions=CAPTIONS,
        expected=(Expected("smoke", condition("portraits", "unet", "ce"), 0.05, 0.6),),
        claims=claims,
        beside=beside,
        figures_of_paper=figures_of_paper,
    )
)
