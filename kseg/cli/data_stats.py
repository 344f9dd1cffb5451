"""`kseg data stats NAME`: class frequencies, the ratio of background to object, class weights, objects."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from kseg.datasets import DataOptions
from kseg.wording import counted

if TYPE_CHECKING:
    from kseg.datasets import Dataset
    from kseg.datasets.class_statistics import ClassStatistics
    from kseg.datasets.object_statistics import ObjectStatistics

ALL = "all"


def stats(options: DataOptions, split: str, as_json: bool, write: Callable[[str], None] = print) -> int:
    from kseg.datasets import open_dataset
    from kseg.datasets.class_statistics import class_statistics, labeled_records

    # 1. count
    dataset = open_dataset(options)
    statistics = class_statistics(dataset, labeled_records(dataset) if split == ALL else dataset.records(split))
    objects = _objects(dataset, split)
    # 2. as JSON for programs
    if as_json:
        content = {
            "dataset": dataset.name,
            "split": split,
            "images": statistics.total_images,
            "void_pixels": statistics.void_pixels,
            "classes": statistics.rows(),
        }
        if objects is not None:
            counts = objects.per_image.tolist()
            content["objects"] = {"classes": objects.rows(), "per_image": counts, "crowds": objects.crowds}
        write(json.dumps(content, indent=2, allow_nan=False))
        return 0
    # 3. as tables for a person
    label = f"{dataset.name} {' '.join(options.variant_names)}".strip()
    void = statistics.void_pixels / max(1, statistics.void_pixels + int(statistics.pixels.sum()))
    write(
        f"{label}, {split}: {counted(statistics.total_images, 'image')}, {void:.1%} of the pixels void and in none of "
        "the figures\n"
    )
    write(table(statistics))
    whole = "" if split == ALL else ", there over all images with labels: --split all"
    write(f"\nbackground : object, one category against all others (Rahman & Wang, table 2{whole})\n")
    write(table_2(label, statistics))
    if objects is not None:
        write(f"\n{objects.sentence()}\n")
        write(objects.table())
    write("\nweights: median(f)/f (Eigen & Fergus), 1/ln(1.02 + share) (ENet); kseg train --class-weights median")
    return 0


def _objects(dataset: "Dataset", split: str) -> "ObjectStatistics | None":
    from kseg.datasets.class_statistics import labeled_records
    from kseg.datasets.object_statistics import object_statistics

    if "instance" not in dataset.tasks:
        return None
    return object_statistics(dataset, labeled_records(dataset) if split == ALL else dataset.records(split))


def table(statistics: "ClassStatistics") -> str:
    """A line per class."""
    width = max(len("class"), *map(len, statistics.classes))
    head = f"{'id':>3}  {'class':<{width}}  {'pixels':>8}  {'images':>7}  {'median':>9}  {'inverse_log':>11}"
    lines = [
        f"{row['id']:>3}  {row['class']:<{width}}  {row['share']:>8.3%}  {row['images']:>7}  "
        f"{row['median_frequency_weight']:>9.4f}  {row['inverse_log_weight']:>11.4f}"
        for row in statistics.rows()
    ]
    return "\n".join([head, *lines])


def table_2(label: str, statistics: "ClassStatistics") -> str:
    """The paper's layout: categories across, one line for the data set; background is no category."""
    rows = [row for row in statistics.rows() if row["class"] != "background"]
    cells = [("Dataset", label)] + [(row["class"], _ratio(row["background_to_object"])) for row in rows]
    widths = [max(map(len, cell)) for cell in cells]
    return "\n".join(
        "  ".join(f"{cell[line]:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
        for line in range(2)
    )


def _ratio(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}"
