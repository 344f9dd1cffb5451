"""van Beers et al. 2019, section 5: its claims, tested on our figures as the paper tests them on its own."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from kseg.lab.experiment.condition import Condition
from kseg.lab.recipes.vanbeers2019.printed import CLAIMS, TABLES, pairs
from kseg.lab.results.rows import Results, by_setting, figure_of
from kseg.lab.statistics.claims import Claim, alike, inconclusive, larger
from kseg.lab.statistics.paired_tests import compare, total_error_reduction
from kseg.lab.statistics.words import numbers

Figures = Callable[[str], Mapping[Condition, Mapping[str, float]]]
"""name of a figure → setting → loss → its value"""

LOSSES = ("iou", "bce")
OF_LOSSES = "IoU loss minus BCE"
PATIENCE: dict[str, int] = {"paper": 20, "laptop": 20, "cpu": 4, "smoke": 1}
"""Epochs without a better validation IoU after which a run stops; the best epoch of other runs is not known."""

MARGIN = 0.025
"""Section 5: the accuracies "are within 2.5 % in every comparison"."""


def paper_figures(figure: str) -> dict[Condition, dict[str, float]]:
    """Tables 3–6."""
    name = {"best_epoch": "epochs"}.get(figure, figure)
    return {setting: {loss: getattr(cell, name) for loss, cell in cells.items()} for setting, cells in TABLES.items()}


def claims(results: Results) -> list[Claim]:
    """Every claim of section 5; convergence by the best epoch, as in the paper, and by the learning curve.

    The smoke test is too short to judge a claim.
    """
    if results.scale == "smoke":
        return []
    results = replace(results, rows=[row for row in results.rows if not row.condition.change])

    def figures(figure: str) -> dict[Condition, dict[str, float]]:
        return {
            setting: {loss: figure_of(rows, figure) for loss, rows in by_loss.items()}
            for setting, by_loss in by_setting(results.rows).items()
        }

    learned = convergence("Convergence, epochs to 95 % of the best validation IoU", _both(figures("epochs_95")))
    best = convergence("Convergence, epochs to the best validation IoU", _both(figures("best_epoch")))
    patience = PATIENCE[results.scale]
    cut_short = sum(row.epochs - row.best_epoch < patience for row in results.rows)
    if 2 * cut_short >= len(results.rows):
        evidence = (
            f"{best.evidence}; but {cut_short} of {len(results.rows)} runs were best in their last {patience} epochs"
        )
        best = Claim(best.subject, best.statement, evidence, "cannot be judged")
    return [*of_scores(figures), best, learned, of_networks(figures), *of_size(figures)]


def of_scores(figures: Figures) -> list[Claim]:
    """The paragraphs on IoU and on accuracy."""
    gain = compare(*pairs("iou"))
    statement = (
        f"higher with the IoU loss, p = {CLAIMS['iou p']:.2g}, ahead in {CLAIMS['iou wins']} of {gain.n} settings; "
    )
    statement += f"{100 * CLAIMS['error reduction']:.1f} % less error (mean {gain.mean:+.4f})"
    scores = _both(figures("iou"))
    score = larger("IoU score", statement, OF_LOSSES, *scores, paper=gain.mean)
    if len(scores[0]) > 1:
        less = total_error_reduction(*scores)
        evidence = f"{score.evidence}; {100 * abs(less):.1f} % {'less' if less >= 0 else 'more'} error"
        score = Claim(score.subject, score.statement, evidence, score.verdict)
    statement = f"alike, p = {CLAIMS['accuracy p']:.2g}, within {MARGIN} in every setting"
    return [score, alike("Accuracy", statement, OF_LOSSES, *_both(figures("accuracy")), margin=MARGIN)]


def convergence(subject: str, epochs: tuple[list[float], list[float]]) -> Claim:
    statement = f"no conclusion on which loss needs fewer epochs, p = {CLAIMS['epochs p']:.3g}"
    if epochs[0] and any(value != value for side in epochs for value in side):
        return Claim(subject, statement, "these results hold no learning curves", "cannot be judged")
    return inconclusive(subject, statement, OF_LOSSES, *epochs)


STANDS_FOR = {"bfcn32s": "bfcn32s", "fcmobilenet": "bfcn32s", "fcresnet": "fcresnet", "unet": "bfcn32s"}
"""Network → the paper's network whose row it stands beside."""


def of_networks(figures: Figures) -> Claim:
    """The paragraph on models, "the BFCN-32s model performs better": pairs are the same data, split and loss."""
    measured, paper = _networks(figures("iou")), _networks(paper_figures("iou"))
    effect = compare(*paper)
    statement = (
        f"higher than FCResNet's with either loss (mean IoU {effect.mean:+.4f}, in {effect.wins} of {effect.n} cells)"
    )
    used = {setting.network for setting in figures("iou")}
    stand_in = " (here fcmobilenet stands in for it)" if "fcmobilenet" in used and "bfcn32s" not in used else ""
    return larger(f"IoU of BFCN-32s{stand_in}", statement, "BFCN-32s minus FCResNet", *measured, paper=effect.mean)


def _networks(iou: Mapping[Condition, Mapping[str, float]]) -> tuple[list[float], list[float]]:
    """IoU of BFCN-32s and of FCResNet in every cell, data set, split and loss, that both have."""
    by_network: dict[str, dict[Condition, float]] = {"bfcn32s": {}, "fcresnet": {}}
    for setting, by_loss in iou.items():
        data_alone = replace(setting, network="")
        by_network[STANDS_FOR[setting.network]] |= {data_alone.under(loss): value for loss, value in by_loss.items()}
    shared = [cell for cell in by_network["bfcn32s"] if cell in by_network["fcresnet"]]
    first, second = ([cells[cell] for cell in shared] for cells in by_network.values())
    return first, second


def of_size(figures: Figures) -> list[Claim]:
    """The paragraph on the size of the data set."""
    measured, paper = _sizes(figures("iou")), _sizes(paper_figures("iou"))
    big, small = ([cells[loss] for cells in side for loss in LOSSES] for side in measured)
    effect = compare(*([cells[loss] for cells in side for loss in LOSSES] for side in paper)).mean
    statement = f"the smaller set is slightly worse under either loss (mean IoU of big minus small {effect:+.4f})"
    return [
        larger("Data set size, IoU", statement, "big minus small", big, small, paper=effect),
        _same_winner(measured, paper),
    ]


def _sizes(iou: Mapping[Condition, Mapping[str, float]]) -> tuple[list[Mapping[str, float]], ...]:
    """Loss → IoU on the big and on the small set, of the settings that have both sizes and both losses."""
    small = {setting: replace(setting, size="small") for setting in iou if setting.size == "big"}
    complete = [(a, b) for a, b in small.items() if b in iou and set(LOSSES) <= set(iou[a]) & set(iou[b])]
    return [iou[a] for a, _ in complete], [iou[b] for _, b in complete]


def _same_winner(
    measured: tuple[list[Mapping[str, float]], ...], paper: tuple[list[Mapping[str, float]], ...]
) -> Claim:
    """Held: the loss with the higher IoU on the big set has it on the small one, in every pair of settings."""
    gains, of_paper = (
        [[cells["iou"] - cells["bce"] for cells in side] for side in figures] for figures in (measured, paper)
    )
    statement = (
        f"the same loss is better in both sizes (by its tables in {_same(of_paper)} of {len(of_paper[0])} pairs)"
    )
    subject, pairs = "Data set size, better loss", len(gains[0])
    if pairs < 2:
        return Claim(subject, statement, f"settings that were run in both sizes: {pairs}", "cannot be judged")
    of = "gain on the big minus gain on the small set"
    evidence = f"the same in {_same(gains)} of {pairs} pairs; {numbers(of, compare(*gains))}"
    return Claim(subject, statement, evidence, "held" if _same(gains) == pairs else "did not hold")


def _same(gains: list[list[float]]) -> int:
    return sum((big > 0) == (small > 0) for big, small in zip(*gains, strict=True))


def _both(figures: Mapping[Condition, Mapping[str, float]]) -> tuple[list[float], list[float]]:
    """A figure under both losses, for the settings that were run with both."""
    complete = [found for found in figures.values() if set(LOSSES) <= set(found)]
    first, baseline = ([found[loss] for found in complete] for loss in LOSSES)
    return first, baseline
