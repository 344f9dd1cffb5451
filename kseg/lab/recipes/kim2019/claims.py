"""Kim et al. 2019, section 4: its claims judged by our figures."""

from collections.abc import Mapping
from dataclasses import replace

from kseg.lab.experiment.condition import Condition
from kseg.lab.recipes.kim2019.printed import TABLES
from kseg.lab.results.rows import Results, by_setting, figure_of
from kseg.lab.statistics.claims import Claim, alike, larger
from kseg.lab.statistics.paired_tests import compare

MARGIN = 0.015
"""Largest difference between the level set loss and a CRF that counts as similar; it is 0.009 in tables 1 to 3."""

Figures = Mapping[Condition, Mapping[str, float]]
"""setting → "ls", "ce", "crf" → mIoU"""


def claims(results: Results) -> list[Claim]:
    """Gain, FCN-32s against FCN-8s, and CRF; no claim for the smoke test."""
    if results.scale == "smoke":
        return []
    figures = figures_of(results)
    return [gain(figures), coarse_against_fine(figures), against_crf(figures)]


def figures_of(results: Results) -> Figures:
    """Means over the seeds; "crf" is the baseline behind a CRF."""
    figures: dict[Condition, dict[str, float]] = {}
    for setting, losses in by_setting([row for row in results.rows if not row.condition.change]).items():
        figures[setting] = {loss: figure_of(rows, "iou") for loss, rows in losses.items()}
        if "ce" in losses and (behind := figure_of(losses["ce"], "iou_crf")) == behind:
            figures[setting]["crf"] = behind
    return figures


def gain(figures: Figures) -> Claim:
    """Tables 1 to 3: every network gains."""
    paper = compare([cell.ls for cell in TABLES.values()], [cell.ce for cell in TABLES.values()])
    statement = (
        f"higher with the level set loss in every network (mean {paper.mean:+.4f}, in {paper.wins} of {paper.n})"
    )
    return larger(
        "mIoU", statement, "level set loss minus cross-entropy", *_pairs(figures, "ls", "ce"), paper=paper.mean
    )


def coarse_against_fine(figures: Figures) -> Claim:
    """Section 4.4.1, "FCN-32s-ResNet101 with LS loss exceeds that of FCN-8s-ResNet101 baseline by 0.4 %"."""
    with_ls, without = [], []
    for setting, by_loss in figures.items():
        fine = figures.get(replace(setting, network="fcn8s"), {})
        if setting.network == "fcn32s" and "ls" in by_loss and "ce" in fine:
            with_ls.append(by_loss["ls"])
            without.append(fine["ce"])
    paper = TABLES["voc", "fcn32s"].ls - TABLES["voc", "fcn8s"].ce
    statement = f"FCN-32s with the level set loss is above FCN-8s without ({paper:+.4f} on VOC)"
    return larger("Coarse with, fine without", statement, "FCN-32s + LS minus FCN-8s", with_ls, without, paper=paper)


def against_crf(figures: Figures) -> Claim:
    """Section 4.5, "using CRFs gives similar performance to ours"."""
    both = [cell for cell in TABLES.values() if cell.crf is not None]
    paper = compare([cell.ls for cell in both], [float(cell.crf or 0) for cell in both])
    statement = f"similar to a dense CRF behind the baseline (mean {paper.mean:+.4f} over {paper.n} networks)"
    return alike("CRF", statement, "level set loss minus CRF", *_pairs(figures, "ls", "crf"), margin=MARGIN)


def _pairs(figures: Figures, first: str, second: str) -> tuple[list[float], list[float]]:
    both = [found for found in figures.values() if first in found and second in found]
    return [found[first] for found in both], [found[second] for found in both]
