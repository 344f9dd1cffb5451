"""van Beers et al. 2019 at scale laptop: one cell with single things changed, and the paper's figures drawn anew."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from kseg.datasets import open_dataset
from kseg.errors import KsegError
from kseg.inference import load_masks
from kseg.lab.experiment.jobs import Job
from kseg.lab.experiment.setting import Places, Setting
from kseg.lab.one_changed import changed_curves, changed_table
from kseg.lab.recipes.vanbeers2019.printed import face
from kseg.lab.results.rows import Results
from kseg.lab.tables.table import Table
from kseg.report.canvas import Plot
from kseg.report.panels import panels_plot
from kseg.training.config import KERAS_EPSILON

CELL = face("bfcn32s", "lfw", "small", "hair", "iou")
"""The cell that is run again with one thing changed: the first whose figure was reached on two cores."""

FIRST_BLOCKS = "vgg16_blocks1-3"
"""Name in `--weights vgg16_blocks1-3=FILE` for a file without the last six convolutions."""

FULL_PRECISION, KERAS_3, BILINEAR = "with float32", "with Keras 3's RMSprop", "with a bilinear start"
THREE_BLOCKS, NO_WEIGHTS = "with VGG16 blocks 1-3", "with a random VGG16"

CHANGES = {
    BILINEAR: "upscore32 starts bilinear, score_fr at zero",
    KERAS_3: f"RMSprop divides by √(v + {KERAS_EPSILON:g})",
    FULL_PRECISION: "float32 in all layers",
    THREE_BLOCKS: "blocks 4 and 5 start at random and are trained",
    NO_WEIGHTS: "all of VGG16 starts at random and is trained",
}
"""Word of the change → description of the change."""


def changed(cell: Setting, places: Places) -> list[Setting]:
    """The cell again, each time with one thing changed; blocks 1–3 only where their file was named."""
    model, training = cell.config.model, cell.config.training
    configs: dict[str, dict[str, Any]] = {
        BILINEAR: {"model": model.having(upscore_start="bilinear")},
        KERAS_3: {"training": dataclasses.replace(training, epsilon=KERAS_EPSILON)},
        FULL_PRECISION: {"training": dataclasses.replace(training, precision="float32")},
        NO_WEIGHTS: {"model": model.having(weights="none", trainable_from="all")},
    }
    if FIRST_BLOCKS in places.weights:
        file = places.weights[FIRST_BLOCKS]
        configs[THREE_BLOCKS] = {"model": model.having(weights=file, trainable_from="block4")}
    return [
        Setting(cell.condition.changed(name), dataclasses.replace(cell.config, **groups))
        for name, groups in configs.items()
    ]


ARTIFACTS = (
    "Artifacts: share of the change between neighboring pixels of the masks that keeps to the 32-pixel grid of "
    "upscore32 (`kseg.metrics.grid_artifacts`)"
)


def beside(results: Results) -> list[Table]:
    """The cell, and each change of it against the cell's runs of the same seeds."""
    truth = results.artifacts_of_truth.get(str(CELL.setting))
    caption = f"{ARTIFACTS}." if truth is None else f"{ARTIFACTS}; the true masks have {truth:.3f}."
    return changed_table(results, CELL, CHANGES, caption)


FIGURES = {
    3: ("hair", None, "Example label with hair"),
    4: ("no hair", None, "Example label without hair"),
    5: ("no hair", "iou", "Example output: IoU loss, without hair"),
    6: ("no hair", "bce", "Example output: BCE loss, without hair"),
}
"""Figure → labels, loss of the output or None for the label itself, caption."""


def figures_of_paper(jobs: Sequence[Job], results: Results) -> list[Plot]:
    """Figures 3 to 6 on one of our test images, as far as the jobs behind them are complete.

    It is the image of median IoU under the IoU loss; the paper does not name its own.
    """
    complete = {job.condition: job for job in jobs if job.seed == 1 and job.files.masks.exists()}
    drawn = changed_curves(results, CELL, CHANGES)
    for size in ("big", "small"):
        outputs = {loss: complete.get(face("bfcn32s", "lfw", size, "no hair", loss)) for loss in ("iou", "bce")}
        if all(outputs.values()):
            return [*drawn, *_figures({loss: job for loss, job in outputs.items() if job}, results)]
    return drawn


def _figures(outputs: dict[str, Job], results: Results) -> list[Plot]:
    reference = next(row for row in results.rows if row.job == outputs["iou"].path.name)
    scores = np.array([np.nan if value is None else value for value in reference.images])
    middle = int(np.argsort(scores, kind="stable")[np.count_nonzero(~np.isnan(scores)) // 2])
    without: Any = outputs["iou"].config.data  # of faces
    try:
        datasets = {
            name: open_dataset(dataclasses.replace(without, hair=name == "hair")) for name in ("hair", "no hair")
        }
        record = datasets["hair"].records("test")[middle]
        image = datasets["hair"].image(record)
        labels = {name: dataset.labels(record) for name, dataset in datasets.items()}
    except KsegError:  # a report can be made where the data is not
        return []
    drawn = []
    for number, (hair, loss, caption) in FIGURES.items():
        mask = labels[hair] if loss is None else load_masks(outputs[loss].files.masks)[record.id]
        text = f"{record.id}, of median IoU under the IoU loss. As figure {number} of the paper."
        if loss is not None:
            text += f" {outputs[loss].condition}, seed {outputs[loss].seed}."
        drawn.append(panels_plot(f"Figure {number}: {caption}", [[image, mask > 0]], text, columns=["image", "mask"]))
    return drawn
