"""Rahman & Wang 2016, sections 4.2 and 4.3: its claims judged by our figures, for one optimizer after the other."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kseg.lab.experiment.condition import Condition
from kseg.lab.recipes.rahman2016.imbalance import our_gains, paper_gains
from kseg.lab.recipes.rahman2016.printed import IMBALANCE
from kseg.lab.recipes.rahman2016.recall import recalls
from kseg.lab.recipes.rahman2016.tables import DATASETS
from kseg.lab.results.rows import Results, Row, by_setting, figure_of
from kseg.lab.statistics.claims import Claim, growing, larger
from kseg.lab.statistics.correlation import rank_correlation

LOSSES = ("iou", "acc")
OF_LOSSES = "FCN_IoU minus FCN_acc"


def claims(results: Results) -> list[Claim]:
    """IoU, recall and imbalance on the paper's data sets; no claim for the smoke test."""
    results = replace(results, rows=[row for row in results.rows if row.condition.dataset in DATASETS])
    if results.scale == "smoke" or not results.rows:
        return []
    return [
        claim for name, part in by_optimizer(results).items() for claim in _claims(part, f" ({name})" if name else "")
    ]


def by_optimizer(results: Results) -> dict[str, Results]:
    """ "" → the paper's settings, "with Adam" → the settings with this change, under conditions without the change."""
    by_change: dict[str, list[Row]] = {change: [] for change in sorted({row.condition.change for row in results.rows})}
    for row in results.rows:
        by_change[row.condition.change].append(replace(row, condition=row.condition.changed("")))
    return {change: replace(results, rows=rows) for change, rows in by_change.items()}


def _claims(results: Results, which: str) -> list[Claim]:
    paper = paper_gains()
    gains = [*paper["VOC 2011"].values(), *paper["CamVid test"].values()]
    iou = {
        setting: {loss: figure_of(rows, "iou") for loss, rows in by_loss.items()}
        for setting, by_loss in by_setting(results.rows).items()
    }
    mean = float(np.mean(gains)) / 100
    statement = f"higher with FCN_IoU in most categories (VOC 2011 and CamVid: mean {mean:+.4f}, in "
    statement += f"{sum(gain > 0 for gain in gains)} of {len(gains)})"
    first = larger(f"IoU of the categories{which}", statement, OF_LOSSES, *_both(iou), paper=mean)
    statement = "FCN_IoU recovers some of the false negatives of FCN_acc (shown in pictures, no figure)"
    recall = larger(f"Recall{which}", statement, OF_LOSSES, *_both(recalls(results)), paper=0.0)
    return [first, recall, *_imbalance(results, which)]


def _imbalance(results: Results, which: str) -> list[Claim]:
    """A claim for every data set with enough categories."""
    judged = []
    for dataset, seeds in our_gains(results, LOSSES).items():
        ratios = results.ratios.get(dataset, {})
        shared = [category for category in seeds if category in ratios]
        if len(shared) > 1:
            statement = "the gain grows with the ratio of background to object (by its table 3 and table 2, VOC 2011: "
            statement += f"ρ = {_paper_rho():+.2f})"
            gains = [float(np.mean(seeds[category])) for category in shared]
            judged.append(
                growing(f"Gain and imbalance, {dataset}{which}", statement, [ratios[one] for one in shared], gains)
            )
    return judged


def _paper_rho() -> float:
    gains = paper_gains()["VOC 2011"]
    return rank_correlation([IMBALANCE["2011"][name] for name in gains], list(gains.values())).value


def _both(figures: Mapping[Condition, Mapping[str, float]]) -> tuple[list[float], list[float]]:
    complete = [found for found in figures.values() if set(LOSSES) <= set(found)]
    first, second = ([found[loss] for found in complete] for loss in LOSSES)
    return first, second
