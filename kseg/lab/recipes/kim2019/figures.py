"""Kim et al. 2019, figures 3 to 7: the losses by epoch, the Heaviside functions, probabilities and masks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib import colormaps

from kseg.datasets import Dataset, open_dataset
from kseg.datasets.images import overlay, resize_image, resize_labels
from kseg.errors import KsegError
from kseg.inference import load_masks, load_probabilities
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import Job
from kseg.lab.plots import curves_plot
from kseg.lab.results.rows import Results, image_scores
from kseg.report.canvas import Plot
from kseg.report.panels import panels_plot
from kseg.report.pictures import display_size

HEAVISIDES = {"with HF": "a step in MAHF's place", "with AHF": "arctan in MAHF's place"}
"""Word of a change → description of the change."""

TERMS = {
    "a": ("loss_ce", "cross-entropy in training"),
    "b": ("loss_level_set", "level set energy in training"),
    "c": ("val_iou", "validation mIoU"),
}
"""Part of figure 4 → name in the journal and title."""

Complete = Mapping[Condition, Sequence[Job]]
"""condition → complete jobs, a seed each"""


def figures(jobs: Sequence[Job], results: Results, cell: Condition) -> list[Plot]:
    """Figures 3 to 7, as far as the jobs behind them are complete.

    Args:
      cell: the setting, data set and network, that figures 4 and 5 are of.
    """
    # 1. the curves
    complete: dict[Condition, list[Job]] = {}
    for job in jobs:
        if job.state == "complete":
            complete.setdefault(job.condition, []).append(job)
    drawn = [*losses_by_epoch(complete, cell), *heavisides(complete, cell)]
    # 2. pictures of every setting that both losses were run in
    for setting in dict.fromkeys(condition.setting for condition in complete if not condition.change):
        pair = {loss: complete.get(setting.under(loss)) for loss in ("ce", "ls")}
        if not all(pair.values()):
            continue
        first = {loss: of_loss[0] for loss, of_loss in pair.items() if of_loss}
        try:
            dataset = open_dataset(first["ls"].config.data)
            plots = [
                probabilities_plot(dataset, setting, first),
                masks_plot(dataset, setting, first, results, complete),
            ]
        except KsegError:  # a report can be made where the data is not
            continue
        drawn += [plot for plot in plots if plot is not None]
    return drawn


def losses_by_epoch(complete: Complete, cell: Condition) -> list[Plot]:
    """Figure 4: both losses and the mIoU with the level set loss and without; the baseline logs it at weight 0."""
    drawn = []
    for part, (name, words) in TERMS.items():
        curves = {
            loss: series(complete[cell.under(loss)], name) for loss in ("ls", "ce") if cell.under(loss) in complete
        }
        plot = curves_plot(f"Figure 4 ({part}): {words}", curves, words) if curves else None
        drawn += [plot] if plot else []
    return drawn


def heavisides(complete: Complete, cell: Condition) -> list[Plot]:
    """Figure 5: validation mIoU by epoch with each of the three Heaviside functions."""
    by_name = {"MAHF": complete.get(cell.under("ls"))}
    by_name |= {tag.removeprefix("with "): complete.get(cell.changed(tag).under("ls")) for tag in HEAVISIDES}
    curves = {name: series(runs, "val_iou") for name, runs in by_name.items() if runs}
    if len(curves) < 2:
        return []
    plot = curves_plot(f"Figure 5: Heaviside functions, {cell}", curves, "validation mIoU")
    return [plot] if plot else []


def series(jobs: Sequence[Job], name: str) -> list[list[float | None]]:
    """A figure of the journal by epoch, for each job."""
    return [[entry.get(name) for entry in job.files.read_epochs()] for job in jobs]


def probabilities_plot(dataset: Dataset, setting: Condition, pair: Mapping[str, Job]) -> Plot | None:
    """Figure 3: the probability of one class in the first test images, dark blue for 0 and red for 1.

    The class is the one with the largest area in the truth, without background.
    """
    if not all(job.files.probabilities.exists() for job in pair.values()):
        return None
    by_loss = {loss: load_probabilities(job.files.probabilities) for loss, job in pair.items()}
    rows, names = [], []
    for record in dataset.records("test"):
        if not all(record.id in by_image for by_image in by_loss.values()):
            continue
        image, truth = dataset.image(record), dataset.labels(record)
        areas = np.bincount(truth[truth < len(dataset.classes)].ravel(), minlength=len(dataset.classes))
        if dataset.has_background:
            areas[0] = 0
        shown = int(areas.argmax())
        size = display_size(image.shape[:2])
        probabilities = [by_image[record.id] for by_image in by_loss.values()]
        heats = [heat(p[..., min(shown, p.shape[-1] - 1)], size) for p in probabilities]
        rows.append([resize_image(image, size), resize_labels(truth, size) == shown, *heats])
        names.append(dataset.classes[shown])
    if not rows:
        return None
    text = f"The first test images; the largest class of each. Seed {pair['ls'].seed}."
    title = f"Figure 3: probabilities, {setting}"
    return panels_plot(title, same_size(rows), text, columns=["image", "truth", *by_loss], names=names)


def heat(probability: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) in 0 … 1 as colors, uint8 (H, W, 3), from blue to red.

    >>> heat(np.array([[0.0, 1.0]]), (1, 2)).tolist()  # dark blue, dark red
    [[[0, 0, 127], [127, 0, 0]]]
    """
    colors = (255 * colormaps["jet"](probability)[..., :3]).astype(np.uint8)
    return resize_image(colors, size)


def masks_plot(
    dataset: Dataset, setting: Condition, pair: Mapping[str, Job], results: Results, complete: Complete
) -> Plot | None:
    """Figures 6 and 7: image, truth, baseline, its CRF or for FCN-32s the finer FCN-8s, and the level set loss.

    The images are those in which the level set loss is most ahead, in the middle, and most behind.
    """
    # 1. the masks that stand side by side
    columns = {"CE": pair["ce"].files.masks}
    figure = 7
    if setting.network == "fcn32s":
        figure = 6
        finer = complete.get(replace(setting, network="fcn8s", loss="ce"))
        columns |= {"FCN-8s, CE": finer[0].files.masks} if finer else {}
    elif pair["ce"].files.refined_masks.exists():
        columns["CE + CRF"] = pair["ce"].files.refined_masks
    columns["LS"] = pair["ls"].files.masks
    if not all(path.exists() for path in columns.values()):
        return None
    # 2. the images, by how far the level set loss is ahead
    masks = {name: load_masks(path) for name, path in columns.items()}
    by_job = {row.job: row for row in results.rows}
    scores = [image_scores([by_job[pair[loss].path.name]]) for loss in ("ls", "ce")]
    ranked = [
        int(i) for i in np.argsort(scores[0] - scores[1], kind="stable") if not np.isnan((scores[0] - scores[1])[i])
    ]
    if not ranked:
        return None
    chosen = dict.fromkeys((ranked[-1], ranked[len(ranked) // 2], ranked[0]))
    # 3. the pictures
    records, rows, names = dataset.records("test"), [], []
    for place in chosen:
        record = records[place]
        image, truth = dataset.image(record), dataset.labels(record)
        size = display_size(image.shape[:2])
        shown = resize_image(image, size)
        maps = [truth, *(by_image[record.id] for by_image in masks.values())]
        rows.append([shown, *(overlay(shown, resize_labels(labels, size), dataset.palette) for labels in maps)])
        names.append(f"{scores[0][place] - scores[1][place]:+.2f}")
    text = (
        "Where the level set loss is most ahead, in the middle and most behind; at the left its IoU minus the "
        f"baseline's. Seed {pair['ls'].seed}."
    )
    title = f"Figure {figure}: {setting}"
    return panels_plot(title, same_size(rows), text, columns=["image", "truth", *masks], names=names)


def same_size(rows: Sequence[Sequence[np.ndarray]]) -> list[list[np.ndarray]]:
    """Pictures on a white ground of the size of the largest, so that panels line up."""
    height = max(picture.shape[0] for row in rows for picture in row)
    width = max(picture.shape[1] for row in rows for picture in row)

    def placed(picture: np.ndarray) -> np.ndarray:
        ground = np.full((height, width, *picture.shape[2:]), True if picture.dtype == bool else 255, picture.dtype)
        ground[: picture.shape[0], : picture.shape[1]] = picture
        return ground

    return [[placed(picture) for picture in row] for row in rows]
