"""`kseg score` of two panoptic folders: tables of PQ, SQ and RQ, the interval over images, the worst images."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from kseg.datasets.panoptic_files import Category, PanopticFolder, PanopticImage, read_panoptic
from kseg.errors import Failure, UsageError
from kseg.metrics import (
    PanopticMatch,
    PanopticTable,
    Segments,
    panoptic_match,
    segment_table,
    worst_images,
)
from kseg.tasks.figures import plain
from kseg.wording import counted, listed

WORST = 5


def score_panoptic(
    truth: Path, prediction: Path, *, boundary: bool, resamples: int, write: Callable[[str], None] = print
) -> dict[str, Any]:
    """Prints the tables, returns them as plain figures.

    Raises: KsegError that names the file and the image which does not fit.
    """
    # 1. the two folders, and which category of one is which of the other
    true, predicted = read_panoptic(truth), read_panoptic(prediction)
    categories = _categories(true)
    images = _images_of(true, predicted)
    things = np.array([bool(category.get("isthing")) for category in categories.values()])
    write(
        f"truth       {true.json}: {counted(len(true.images), 'image')}, "
        f"{counted(len(categories), 'category')} ({counted(int(things.sum()), 'thing')})"
    )
    rows = {category: row for row, category in enumerate(categories)}
    predicted_rows, matched = _rows_by_name(predicted, categories)
    write(f"prediction  {predicted.json}{matched}")

    # 2. every image
    kinds = ("PQ", "boundary PQ") if boundary else ("PQ",)
    matches: dict[str, list[PanopticMatch]] = {kind: [] for kind in kinds}
    for name, image in tqdm(true.images.items(), unit="image", disable=None, leave=False):
        found = _matches(image, images[name], rows, predicted_rows, boundary)
        for kind, match in zip(kinds, found, strict=True):
            matches[kind].append(match)

    # 3. tables
    names = [category["name"] for category in categories.values()]
    result: dict[str, Any] = {"truth": str(true.json), "prediction": str(predicted.json), "images": len(true.images)}
    for kind in kinds:
        write("")
        result[kind] = _table(matches[kind], names, things, list(true.images), kind, resamples, write)
    return plain(result)


def _categories(folder: PanopticFolder) -> dict[int, Category]:
    """By id."""
    if not folder.categories:
        raise Failure(f"{folder.json} names no categories; add COCO's list of id, name and isthing to the truth's JSON")
    for category in folder.categories:
        if "isthing" not in category:
            raise Failure(
                f"category {category['name']!r} of {folder.json} does not say whether it is a thing; "
                "add isthing, 1 for things and 0 for stuff"
            )
    return {category["id"]: category for category in folder.categories}


def _images_of(true: PanopticFolder, predicted: PanopticFolder) -> Mapping[int | str, PanopticImage]:
    """The prediction of each true image: of the same image_id or, where no id fits, of a PNG of the same name."""
    images = predicted.images
    if not true.images.keys() & images.keys():
        of_stems = {image.png.stem: image for image in images.values()}
        if len(of_stems) == len(images) and {image.png.stem for image in true.images.values()} == of_stems.keys():
            return {name: of_stems[image.png.stem] for name, image in true.images.items()}
    for one, other, remedy in (
        (true, predicted, "predict them too, with empty segments_info where nothing is found"),
        (predicted, true, "leave them out, or take the truth that they are of"),
    ):
        alone = [name for name in one.images if name not in other.images]
        if alone:
            raise Failure(
                f"{counted(len(alone), 'image')} of {one.json} ({listed(alone)}) {'is' if len(alone) == 1 else 'are'} "
                f"not in {other.json}; {remedy}"
            )
    return images


def _rows_by_name(predicted: PanopticFolder, categories: Mapping[int, Category]) -> tuple[dict[int, int], str]:
    """The class of each category id of the prediction, and a note where names decide.

    Ids mean the truth's categories, unless the prediction names its own and each name is one of the truth's.
    """
    predicted_names = {category["id"]: category["name"] for category in predicted.categories}
    row_of = {category["name"]: row for row, category in enumerate(categories.values())}
    by_id = {category: row for row, category in enumerate(categories)}
    names = {row: name for name, row in row_of.items()}
    agree = all(category in by_id and names.get(by_id[category]) == name for category, name in predicted_names.items())
    if agree or len(row_of) < len(categories) or not set(predicted_names.values()) <= set(row_of):
        return by_id, ""
    rows = {category: row_of[name] for category, name in predicted_names.items()}
    return rows, " (categories by name: its ids are others)"


def _matches(
    image: PanopticImage,
    predicted: PanopticImage,
    rows: Mapping[int, int],
    predicted_rows: Mapping[int, int],
    boundary: bool,
):
    """The matches of one image, and where wanted of its outlines."""
    try:
        tables = (
            _segments(image, rows, len(rows), "truth"),
            _segments(predicted, predicted_rows, len(rows), "prediction"),
        )
        maps = image.ids(), predicted.ids()
        return [
            panoptic_match(*maps, *tables, boundary=outlines) for outlines in ((False, True) if boundary else (False,))
        ]
    except UsageError as error:
        raise Failure(f"{predicted.png} does not fit {image.png}: {error}") from None


def _segments(image: PanopticImage, rows: Mapping[int, int], num_classes: int, of: str) -> Segments:
    unknown = [segment for segment in image.segments if segment["category_id"] not in rows]
    if unknown:
        raise UsageError(
            f"segment {unknown[0]['id']} of the {of} has the category {unknown[0]['category_id']}, which the truth's "
            "JSON does not name; add it there, or give the segment a category that is named"
        )
    return segment_table(
        [segment["id"] for segment in image.segments],
        [rows[segment["category_id"]] for segment in image.segments],
        [bool(segment.get("iscrowd")) for segment in image.segments],
        num_classes=num_classes,
        of=of,
    )


def _table(matches, names, things, images, kind: str, resamples: int, write) -> dict[str, Any]:
    """Prints groups, interval, classes and worst images of one kind of matches."""
    table = PanopticTable.of(matches, things)
    for line in table.lines(kind, names, resamples=resamples):
        write(line)
    worst = worst_images(table.per_image, WORST)
    write("worst images  " + ", ".join(f"{images[index]} {table.per_image[index]:.3f}" for index in worst))
    interval = table.interval(resamples)
    columns = zip(names, *table.of_classes().values(), table.sums.tolist(), table.counted, strict=True)
    return {
        "sums": table.sums.tolist(),
        **{
            group: {"pq": score.pq, "sq": score.sq, "rq": score.rq, "classes": score.classes}
            for group, score in table.groups.items()
        },
        "interval": [interval.low, interval.high],
        "classes": {
            name: {"pq": pq, "sq": sq, "rq": rq, "tp": int(tp), "fp": int(fp), "fn": int(fn)}
            for name, pq, sq, rq, (_, tp, fp, fn), counts in columns
            if counts
        },
        "per_image": {str(name): pq for name, pq in zip(images, table.per_image.tolist(), strict=True)},
    }
