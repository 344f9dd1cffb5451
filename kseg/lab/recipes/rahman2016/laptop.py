"""Rahman & Wang 2016 at scale laptop: the paper's network with two optimizers, and figures 2 and 3 drawn anew."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from kseg.datasets import DataOptions, data_options, open_dataset
from kseg.errors import KsegError
from kseg.inference import load_masks
from kseg.lab.experiment.jobs import Job
from kseg.lab.experiment.setting import Places
from kseg.lab.recipe import RECIPES
from kseg.lab.recipes.rahman2016.claims import by_optimizer
from kseg.lab.recipes.rahman2016.printed import CAMVID, category_of
from kseg.lab.results.rows import Results, Row
from kseg.lab.tables.table import Table
from kseg.models import ModelOptions, model_options
from kseg.models.fcn import RAHMAN_WANG
from kseg.report.canvas import Plot
from kseg.report.panels import panels_plot
from kseg.training.config import TrainingOptions

Options = tuple[DataOptions, ModelOptions, TrainingOptions]

VOC_SHOWN = ("aeroplane", "bird", "bus", "car", "chair", "dog", "horse", "person", "sofa", "tvmonitor")
"""Categories in at least 15 of the 200 images of VOC 2012 that were at hand (`kseg data stats voc`)."""

WITH_ADAM = "with Adam"

OPTIMIZERS: dict[str, TrainingOptions] = {
    "": TrainingOptions(
        optimizer="sgd", learning_rate=RAHMAN_WANG["learning_rate"], momentum=RAHMAN_WANG["momentum"],
        l2_decay=RAHMAN_WANG["l2_decay"],
    ),
    WITH_ADAM: TrainingOptions(optimizer="adam", learning_rate=1e-4),
}  # fmt: skip
"""Change → optimizer: the paper's, and one that needs fewer steps."""

DATA = {
    # An epoch of CamVid's 367 images has 19 steps, one of VOC's 80 has 4: about as many steps on either.
    "camvid": (data_options("camvid"), (360, 480), tuple(CAMVID), 40),
    "voc": (data_options("voc"), (375, 500), VOC_SHOWN, 120),
}
"""Name here → data set, size in training, categories, most epochs."""


def laptop(places: Places) -> list[tuple[str, str, str, Options]]:
    """Data set, category, change and options, for every category with each optimizer; the paper's optimizer first."""
    return [
        (dataset, category, change, _options(dataset, category, training, places))
        for change, training in OPTIMIZERS.items()
        for dataset, (_, _, categories, _) in DATA.items()
        for category in categories
    ]


def _options(dataset: str, category: str, training: TrainingOptions, places: Places) -> Options:
    data, size, _, epochs = DATA[dataset]
    model = model_options(
        "fcn32s_alexnet", weights=places.weights_of("alexnet"), trainable_from="none", image_size=size
    )
    training = dataclasses.replace(
        training, schedule="constant", batch_size=20, positives_per_batch=1, epochs=epochs, patience=20,
        precision="mixed_bfloat16",
        # CamVid's images are of the training size, so that features of the test images can be cached as well.
        test_input="trained" if dataset == "camvid" else "original",
    )  # fmt: skip
    return dataclasses.replace(data, data_dir=places.data_dir(dataset), category=category), model, training


OURS = {"Table 3": "voc", "Table 4": "camvid"}
"""Table of the paper → data set of our runs in it."""


def beside(results: Results) -> list[Table]:
    """The tables that hold our figures, again for the runs with Adam."""
    part = by_optimizer(results).get(WITH_ADAM)
    if part is None:
        return []
    recipe = RECIPES["rahman2016"]
    assert recipe.tables is not None
    made = recipe.tables(part, recipe)
    datasets = {row.condition.dataset for row in part.rows}
    without_ours = {"Table 1", "Table 2"} | {name for name, data in OURS.items() if data not in datasets}
    return [
        dataclasses.replace(table, title=f"{table.title}, {WITH_ADAM}")
        for table in made
        if table.title.split(":")[0] not in without_ours
    ]


FIGURES = {"voc": (2, "VOC 2012, validation list"), "camvid": (3, "CamVid, test split")}
COLUMNS = ("image", "truth", "FCN_IoU", "FCN_acc")


def figures_of_paper(jobs: Sequence[Job], results: Results) -> list[Plot]:
    """Figures 2 and 3: for every category the test image of median IoU under FCN_acc among those that show it."""
    complete = {job.condition: job for job in jobs if job.seed == 1 and job.files.masks.exists()}
    by_job = {row.job: row for row in results.rows}
    drawn = []
    for dataset, (number, where) in FIGURES.items():
        names, rows = [], []
        categories = dict.fromkeys(one.category for one in complete if one.dataset == dataset and not one.change)
        for category in categories:
            pair = {loss: complete.get(category_of(dataset, category, loss)) for loss in ("iou", "acc")}
            if all(pair.values()) and (row := _panels({loss: job for loss, job in pair.items() if job}, by_job)):
                names.append(category)
                rows.append(row)
        if rows:
            text = "For each category the image of median IoU under FCN_acc among the test images that show it; seed 1."
            drawn.append(panels_plot(f"Figure {number}: {where}", rows, text, columns=COLUMNS, names=names))
    return drawn


def _panels(pair: Mapping[str, Job], by_job: Mapping[str, Row]) -> list[np.ndarray]:
    """Image, truth and both masks; [] where the data are not at hand."""
    try:
        dataset = open_dataset(pair["acc"].config.data)
        records = dataset.records("test")
        shows = dataset.label_counts(records)[:, 1] > 0
    except KsegError:
        return []
    measured = by_job[pair["acc"].path.name].images
    scores = np.array([np.nan if value is None else value for value in measured])
    scores[~shows] = np.nan
    record = records[int(np.argsort(scores, kind="stable")[np.count_nonzero(~np.isnan(scores)) // 2])]
    masks = [load_masks(pair[loss].files.masks)[record.id] == 1 for loss in ("iou", "acc")]
    return [dataset.image(record), dataset.labels(record) == 1, *masks]
