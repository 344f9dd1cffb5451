"""Rahman & Wang's claim that the gain of FCN_IoU grows with the imbalance: gain against ratio, theirs and ours."""

from collections.abc import Mapping

import numpy as np

from kseg.errors import UsageError
from kseg.lab.recipes.rahman2016.printed import CAMVID, IMBALANCE, VOC_2010, VOC_2011
from kseg.lab.results.rows import Results, by_setting
from kseg.lab.statistics.correlation import rank_correlation
from kseg.lab.tables.table import Table
from kseg.wording import DASH

Gains = Mapping[str, float]
"""category → FCN_IoU minus FCN_acc, in points of IoU"""

Ratios = Mapping[str, float]
"""category → background pixels per object pixel"""

PUBLISHED = {"camvid": "CamVid test", "voc2010": "VOC 2010", "voc2011": "VOC 2011"}
"""Data set → the paper's gains on the same images."""

TEST = 1
"""Place of the test split in `CAMVID`."""


def imbalance_tables(results: Results, versus: tuple[str, str]) -> list[Table]:
    """Gain by category for every data set with runs, and the rank correlation of ratio and gain."""
    measured = our_gains(results, versus)
    shown = [_gains_table(dataset, results.ratios.get(dataset, {}), seeds) for dataset, seeds in measured.items()]
    return [*shown, _correlations(results, measured)]


def paper_gains() -> dict[str, Gains]:
    camvid = {name: row["iou"][TEST] - row["acc"][TEST] for name, row in CAMVID.items()}
    return {
        "VOC 2010": {name: VOC_2010["iou"][name] - VOC_2010["acc"][name] for name in VOC_2010["acc"]},
        "VOC 2011": {name: VOC_2011["iou"][name] - VOC_2011["acc"][name] for name in VOC_2011["acc"]},
        "CamVid test": camvid,
    }


def our_gains(results: Results, versus: tuple[str, str]) -> dict[str, dict[str, list[float]]]:
    """data set → category → gain in points for every seed that both losses have."""
    first, baseline = versus
    gains: dict[str, dict[str, list[float]]] = {}
    for setting, by_loss in by_setting(results.rows).items():
        a, b = ({row.seed: row.score for row in by_loss.get(loss, ())} for loss in (first, baseline))
        both = [100 * (a[seed] - b[seed]) for seed in sorted(a.keys() & b.keys())]
        if both and not setting.change:
            gains.setdefault(setting.dataset, {})[setting.category] = both
    return gains


def _gains_table(dataset: str, ratios: Ratios, seeds: Mapping[str, list[float]]) -> Table:
    paper = paper_gains().get(PUBLISHED.get(dataset, ""), {})
    rows = []
    for category in sorted({*seeds, *paper}, key=lambda name: ratios.get(name, 0)):
        gains = seeds.get(category, [])
        ratio = f"{ratios[category]:.1f}" if category in ratios else DASH
        published = f"{paper[category]:+.2f}" if category in paper else DASH
        measured = f"{np.mean(gains):+.2f} ({', '.join(f'{value:+.2f}' for value in gains)})" if gains else DASH
        rows.append([category, ratio, published, measured])
    header = ["category", "background : object", "paper: gain", "ours: gain (by seed)"]
    caption = "Points of test IoU that the IoU loss is ahead of the softmax loss; most balanced category first."
    return Table(f"Gain by imbalance: {dataset}", header, rows, caption=caption)


def _correlations(results: Results, measured: Mapping[str, Mapping[str, list[float]]]) -> Table:
    published = paper_gains()
    camvid = results.ratios.get("camvid", {})
    points: list[tuple[str, Ratios, Gains]] = [
        ("paper: VOC 2010", IMBALANCE["2010"], published["VOC 2010"]),
        ("paper: VOC 2011", IMBALANCE["2011"], published["VOC 2011"]),
        ("paper: CamVid test", camvid, published["CamVid test"]),
        *((f"ours: {dataset}", results.ratios.get(dataset, {}), _means(seeds)) for dataset, seeds in measured.items()),
    ]
    rows = [_correlation_row(name, ratios, gains) for name, ratios, gains in points]
    header = ["figures", "categories", "mean gain", "ahead in", "Spearman's ρ", "95 % interval", "p"]
    caption = (
        "Ratio of background to object against gain in points of IoU, a point per category. ρ > 0: the gain grows with "
        "the imbalance. Ratios: table 2; of CamVid, for which the paper gives none, and of our runs: measured."
    )
    return Table("Does the gain grow with the imbalance?", header, rows, caption=caption)


def _means(seeds: Mapping[str, list[float]]) -> Gains:
    return {category: float(np.mean(values)) for category, values in seeds.items()}


def _correlation_row(name: str, ratios: Ratios, gains: Gains) -> list[str]:
    mean, ahead = float(np.mean(list(gains.values()))), sum(value > 0 for value in gains.values())
    start = [name, str(len(gains)), f"{mean:+.2f}", f"{ahead} of {len(gains)}"]
    both = [category for category in gains if category in ratios]
    try:
        correlation = rank_correlation([ratios[one] for one in both], [gains[one] for one in both])
    except UsageError:  # fewer than four categories
        return [*start, *[DASH] * 3]
    interval = DASH if np.isnan(correlation.low) else f"[{correlation.low:+.2f}, {correlation.high:+.2f}]"
    return [*start, f"{correlation.value:+.2f}", interval, f"{correlation.p:.2g}"]
