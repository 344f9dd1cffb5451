"""The worst images, grouped by what makes an image hard: the object's share, its edge, its species."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from kseg.conventions import VOID
from kseg.datasets import Dataset, Record
from kseg.datasets.images import overlay, resize_labels
from kseg.metrics.whole import whole
from kseg.report.canvas import Plot
from kseg.report.panels import panels_plot

WORST = 0.1
"""Share of the images that counts as the worst."""

QUARTER = 0.25
"""Share of all images in each group that a threshold makes."""

CONFUSED = 0.1
"""Share of the object taken for another kind of object, from which on an image counts as confused."""

BAND = 4
"""Pixels on each side of the outline that are compared."""

DOMINATES, SMALL, FAINT, MIXED_UP = "object dominates", "object is small", "faint edge", "taken for another kind"


@dataclass(frozen=True)
class ImageFacts:
    """Facts that may make an image hard."""

    id: str
    iou: float
    share: float
    """share of the valid pixels that is not background"""
    contrast: float
    """`edge_contrast`"""
    confused: float
    """share of the object's pixels that is taken for another kind of object"""


def edge_contrast(image: np.ndarray, inside: np.ndarray, band: int = BAND) -> float:
    """The difference in color between the object and its surroundings, along its outline.

        ‖mean color of the band inside − mean color of the band outside‖ / ‖(255, 255, 255)‖

    Args:
      image: uint8 (H, W, 3).
      inside: bool (H, W), the object.
      band: width of each band in pixels.
    Returns:
      0 (no edge) … 1 (black on white); nan where there is no outline.
    """
    band = whole(band, "the width of the band")
    square = np.ones((3, 3), bool)
    outer = binary_dilation(inside, square, iterations=band) & ~inside
    inner = binary_dilation(~inside, square, iterations=band) & inside
    if not outer.any() or not inner.any():
        return float("nan")
    pixels = image.astype(np.float64)
    return float(np.linalg.norm(pixels[inner].mean(axis=0) - pixels[outer].mean(axis=0)) / np.linalg.norm([255] * 3))


def confusion_of_kinds(truth: np.ndarray, mask: np.ndarray, kinds: Sequence[int]) -> float:
    """Share of the pixels of these classes that the mask takes for another of them; 0 for an image without them."""
    of_kinds = np.isin(truth, kinds)
    wrong = of_kinds & np.isin(mask, kinds) & (truth != mask)
    return float(np.count_nonzero(wrong)) / max(1, int(np.count_nonzero(of_kinds)))


def image_facts(
    dataset: Dataset,
    records: Sequence[Record],
    masks: Mapping[str, np.ndarray],
    scores: Sequence[float | None],
    kinds: Sequence[int] = (),
) -> list[ImageFacts]:
    """Facts of every image that has a score.

    Args:
      masks: id → the predicted label map.
      kinds: classes that are kinds of one thing, such as cat and dog.
    """
    facts = []
    for record, score in zip(records, scores, strict=True):
        if score is None or np.isnan(score):
            continue
        truth = dataset.labels(record)
        inside = (truth != 0) & (truth != VOID)
        facts.append(
            ImageFacts(
                record.id,
                float(score),
                float(np.count_nonzero(inside)) / max(1, int(np.count_nonzero(truth != VOID))),
                edge_contrast(dataset.image(record), inside),
                confusion_of_kinds(truth, resize_labels(masks[record.id], truth.shape), kinds),
            )
        )
    return facts


def worst_groups(facts: Sequence[ImageFacts], worst: float = WORST) -> dict[str, list[ImageFacts]]:
    """The worst images by group, the lowest IoU first; an image may be in several groups, or in none ("other").

    Three groups hold the quarter of all images with the largest share of object, with the smallest share, and with the
    least contrast at the outline: chance alone would put a quarter of the worst images into each.
    """
    ordered = sorted(facts, key=lambda one: one.iou)[: max(1, round(worst * len(facts)))]
    shares = [one.share for one in facts]
    contrasts = [one.contrast for one in facts if not np.isnan(one.contrast)]
    small, large = np.quantile(shares, [QUARTER, 1 - QUARTER])
    faint = np.quantile(contrasts, QUARTER) if contrasts else -np.inf
    belongs = {
        DOMINATES: lambda one: one.share >= large,
        SMALL: lambda one: one.share <= small,
        FAINT: lambda one: one.contrast <= faint,
        MIXED_UP: lambda one: one.confused >= CONFUSED,
    }
    groups = {name: [one for one in ordered if test(one)] for name, test in belongs.items()}
    in_any = {one.id for group in groups.values() for one in group}
    groups["other"] = [one for one in ordered if one.id not in in_any]
    return groups


def worst_plot(
    dataset: Dataset, masks: Mapping[str, np.ndarray], facts: Sequence[ImageFacts], title: str
) -> Plot | None:
    """The lowest image of each group, and how many of the worst images each group holds; None without images."""
    if not facts:
        return None
    groups = worst_groups(facts)
    count = max(1, round(WORST * len(facts)))
    records = {record.id: record for record in dataset.records("test")}
    rows, names, shown = [], [], set()
    for name, group in groups.items():
        one = next((one for one in group if one.id not in shown), None)
        if one is None:
            continue
        shown.add(one.id)
        image, truth = dataset.image(records[one.id]), dataset.labels(records[one.id])
        mask = resize_labels(masks[one.id], truth.shape)
        rows.append([image, *(overlay(image, labels, dataset.palette) for labels in (truth, mask))])
        names.append(f"{name}\n{one.id}: {one.iou:.2f}")
    counts = ", ".join(f"{name} {len(group)}" for name, group in groups.items())
    text = f"The worst {count} of {len(facts)} images by group (one may be in several; by chance a quarter in each of "
    text += f"the first three): {counts}. Shown is the lowest of each."
    return panels_plot(title, rows, text, columns=("image", "truth", "prediction"), names=names)
