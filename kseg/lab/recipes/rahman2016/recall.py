"""Rahman & Wang 2016: objects that FCN_acc misses and FCN_IoU recovers, beside predictors that look at no image."""

from collections.abc import Mapping, Sequence

import numpy as np

from kseg.lab.experiment.condition import Condition
from kseg.lab.results.rows import Results, Row, by_setting
from kseg.lab.tables.table import Table

TITLE = "What is missed: recall and false negatives"
CALLED = {"iou": "FCN_IoU", "acc": "FCN_acc"}
Matrix = Sequence[Sequence[int]]


def recall_table(results: Results) -> Table:
    """Both networks for every category, and the two predictors that give all pixels the same answer."""
    rows: list[list[str]] = []
    best = set()
    for setting, by_loss in by_setting(results.rows).items():
        figures = {
            CALLED.get(loss, loss): np.mean([_figures(row.matrix) for row in by_loss[loss]], axis=0)
            for loss in sorted(by_loss)
        }
        truth = next(iter(by_loss.values()))[0].matrix
        trained = len(figures)
        figures["all foreground"] = _figures(all_as(truth, foreground=True))
        figures["all background"] = _figures(all_as(truth, foreground=False))
        for i, (predictor, values) in enumerate(figures.items()):
            # A network that does not beat "all foreground" has learned nothing, so it is not marked.
            if i < trained and values[0] == max(value[0] for value in figures.values()):
                best.add((len(rows), 2))
            rows.append([str(setting), predictor, *(f"{100 * value:.2f}" for value in values)])
    header = ["category", "predictor", "IoU", "accuracy", "recall", "missed", "too much"]
    caption = (
        "In %, of the test pixels, mean over the seeds. Recall: share of the object's pixels that are found. Missed: "
        "false negatives, too much: false positives, both in % of the object's pixels. All foreground and all "
        "background look at no image."
    )
    return Table(TITLE, header, rows, frozenset(best), caption)


def _figures(matrix: Matrix) -> np.ndarray:
    """IoU, accuracy, recall, false negatives and false positives per object pixel."""
    (tn, fp), (fn, tp) = np.asarray(matrix, np.float64)
    objects = max(tp + fn, 1.0)
    return np.array(
        [tp / max(tp + fp + fn, 1.0), (tp + tn) / (tp + fp + fn + tn), tp / objects, fn / objects, fp / objects]
    )


def all_as(matrix: Matrix, *, foreground: bool) -> list[list[int]]:
    """The confusion matrix of a predictor that calls every pixel foreground, or every pixel background."""
    negative, positive = (sum(row) for row in matrix)
    return [[0, negative], [0, positive]] if foreground else [[negative, 0], [positive, 0]]


def recall_of(rows: Sequence[Row]) -> float:
    """Mean over the seeds."""
    return float(np.mean([_figures(row.matrix)[2] for row in rows]))


def recalls(results: Results) -> Mapping[Condition, Mapping[str, float]]:
    """setting → loss → recall."""
    return {
        setting: {loss: recall_of(rows) for loss, rows in by_loss.items()}
        for setting, by_loss in by_setting(results.rows).items()
    }
