"""Rahman & Wang 2016: tables 1 to 4 as the paper lays them out, with our figures beside its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kseg.lab.recipe import Recipe
from kseg.lab.recipes.rahman2016.imbalance import imbalance_tables
from kseg.lab.recipes.rahman2016.printed import (
    CAMVID,
    IMBALANCE,
    MRF_BELOW,
    PRINTED_MEANS,
    VOC_2010,
    VOC_2011,
    VOC_CATEGORIES,
)
from kseg.lab.recipes.rahman2016.recall import recall_table
from kseg.lab.results.rows import Results, Row, by_setting
from kseg.lab.tables.paper_and_ours import paper_table
from kseg.lab.tables.table import Table
from kseg.wording import DASH

Found = Mapping[str, Mapping[str, Sequence[Row]]]
"""category → loss → rows"""

PAPER_LOSSES = ("acc", "iou")
DATASETS = {"camvid": "CamVid", "voc": "VOC 2012", "voc2010": "VOC 2010", "voc2011": "VOC 2011"}
"""Data set → its name in tables."""


def tables(results: Results, recipe: Recipe) -> list[Table]:
    """Tables 1 to 4, and those of gain and imbalance; other data sets as everywhere in the lab."""
    assert recipe.versus is not None
    first, baseline = recipe.versus
    losses = (baseline, first)
    known = {name: found for name in DATASETS if (found := _of(results, name))}
    others = replace(results, rows=[row for row in results.rows if row.condition.dataset not in DATASETS])
    made = [paper_table(others, recipe, recipe.figures[0])] if others.rows else []
    if known:
        of_paper: list[tuple[Table, set[str]]] = [
            (table_1(known, losses), {"voc2010"}),
            (table_2(results), set()),
            (table_3(known, losses), {"voc", "voc2011"}),
            (table_4(known.get("camvid", {}), losses), {"camvid"}),
        ]
        caption = recipe.captions.get(results.scale, "")
        for table, ours in of_paper:
            made.append(replace(table, caption=f"{table.caption} {caption}".strip()) if ours & known.keys() else table)
        made += imbalance_tables(results, recipe.versus)
        made.append(recall_table(results))
    return [*made, *(paper_table(results, recipe, figure) for figure in recipe.figures[1:])]


def table_1(known: Mapping[str, Found], losses: Sequence[str]) -> Table:
    by_category = known.get("voc2010", {})
    rows: list[list[str]] = []
    best: set[tuple[int, int]] = set()
    for i, category in enumerate(_all(VOC_2010["acc"], by_category)):
        limit = f"< {MRF_BELOW[category]}" if category in MRF_BELOW else DASH
        sides = (_published(VOC_2010, category), _ours(by_category.get(category, {}), losses, "iou"))
        rows.append(_row([category, limit], sides, best, i))
    header = ["category", "paper: MRF", *_header(("paper", "ours"), losses)]
    caption = "IoU in %. MRF: Ranjbar et al., read off a bar chart by the authors."
    return Table("Table 1: VOC 2010, validation list", header, rows, frozenset(best), caption)


def table_2(results: Results) -> Table:
    """Categories downwards instead of across, so that it fits on a page."""
    names = [name for name in ("voc2010", "voc2011", "voc") if name in results.ratios]
    rows = []
    for category in VOC_CATEGORIES:
        cells = [f"{IMBALANCE[year][category]}" for year in IMBALANCE]
        ours = [results.ratios[name].get(category) for name in names] or [None]
        rows.append([category, *cells, *(DASH if value is None else f"{value:.0f}" for value in ours)])
    header = ["category", *(f"paper: VOC {year}" for year in IMBALANCE)]
    header += [f"ours: {DATASETS[name]}" for name in names] or ["ours"]
    caption = "Of all images with labels that lie here (ours), void counting for nothing."
    return Table("Table 2: background pixels per object pixel", header, rows, caption=caption)


def table_3(known: Mapping[str, Found], losses: Sequence[str]) -> Table:
    names = [name for name in ("voc2011", "voc") if name in known] or ["voc2011"]
    rows: list[list[str]] = []
    best: set[tuple[int, int]] = set()
    for i, category in enumerate(_all(VOC_CATEGORIES, *(known.get(name, {}) for name in names))):
        ours = [_ours(known.get(name, {}).get(category, {}), losses, "iou") for name in names]
        rows.append(_row([category], (_published(VOC_2011, category), *ours), best, i))
    means = [float(np.mean(list(VOC_2011[loss].values()))) for loss in PAPER_LOSSES]
    measured = [mean for name in names for mean in _means(known.get(name, {}), losses)]
    rows.append(["mean", *(f"{value:.2f}" for value in means), *measured])
    sides = ("paper", *("ours" if name == "voc2011" else f"ours, {DATASETS[name]}" for name in names))
    printed = " and ".join(f"{PRINTED_MEANS[loss]:.2f}" for loss in PAPER_LOSSES)
    caption = f"IoU in %. The paper prints {printed} as means, which are not those of its 20 categories."
    if "voc" in names:
        caption += " Ours on VOC 2012 is of other images than the paper's."
    header = ["category", *_header(sides, losses)]
    return Table("Table 3: VOC 2011, validation list", header, rows, frozenset(best), caption)


def _means(by_category: Found, losses: Sequence[str]) -> list[str]:
    """Means over the paper's 20 categories, for the losses that all of them were run with."""
    cells = []
    for loss in losses:
        values = [_ours(by_category.get(category, {}), [loss], "iou")[0][0] for category in VOC_CATEGORIES]
        known = [value for value in values if value is not None]
        cells.append(f"{np.mean(known):.2f}" if len(known) == len(values) else DASH)
    return cells


def table_4(by_category: Found, losses: Sequence[str]) -> Table:
    rows: list[list[str]] = []
    best: set[tuple[int, int]] = set()
    for i, category in enumerate(_all(CAMVID, by_category)):
        published = CAMVID.get(category)
        paper = [tuple(published[loss][split] if published else None for loss in PAPER_LOSSES) for split in (0, 1)]
        ours = [_ours(by_category.get(category, {}), losses, figure) for figure in ("validation_iou", "iou")]
        rows.append(_row([category], ([(value, None) for value in pair] for pair in paper), best, i))
        rows[-1] = _row(rows[-1], ours, best, i)
    sides = [f"{side} {split}" for side in ("paper", "ours") for split in ("val", "test")]
    caption = "IoU in %; the network that is kept is the best on val."
    return Table("Table 4: CamVid", ["category", *_header(sides, losses)], rows, frozenset(best), caption)


def _of(results: Results, dataset: str) -> Found:
    return {one.category: losses for one, losses in by_setting(results.rows).items() if one.dataset == dataset}


def _all(categories, *found: Found) -> list[str]:
    """The paper's categories, then those that only we have."""
    return list(dict.fromkeys([*categories, *(category for one in found for category in one)]))


def _header(sides: Sequence[str], losses: Sequence[str]) -> list[str]:
    """A pair of columns for each side, the baseline first as in the paper."""
    return [f"{side}: {loss}" for side in sides for loss in (PAPER_LOSSES if side.startswith("paper") else losses)]


Cell = tuple[float | None, float | None]
"""value and standard deviation over seeds, in %"""


def _published(figures: Mapping[str, Mapping[str, float]], category: str) -> list[Cell]:
    return [(figures[loss].get(category), None) for loss in PAPER_LOSSES]


def _ours(by_loss: Mapping[str, Sequence[Row]], losses: Sequence[str], figure: str) -> list[Cell]:
    cells: list[Cell] = []
    for loss in losses:
        values = [100 * value for row in by_loss.get(loss, ()) if (value := getattr(row, figure)) is not None]
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
        cells.append((float(np.mean(values)) if values else None, spread))
    return cells


def _row(start: list[str], sides, best: set[tuple[int, int]], i: int) -> list[str]:
    """The cells of a row; the better figure of every pair, by the digits shown, goes into `best`."""
    cells = list(start)
    for pair in sides:
        known = [round(value, 2) for value, _ in pair if value is not None]
        for value, spread in pair:
            if value is not None and len(set(known)) > 1 and round(value, 2) == max(known):
                best.add((i, len(cells)))
            shown = DASH if value is None else f"{value:.2f}"
            cells.append(shown if spread is None else f"{shown} ± {spread:.2f}")
    return cells
