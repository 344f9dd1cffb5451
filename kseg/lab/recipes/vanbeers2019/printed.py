"""van Beers et al. 2019: the numbers of tables 3–6, and their statistics in the text."""

from typing import NamedTuple

from kseg.lab.experiment.condition import Condition, Factor

FACTORS: tuple[Factor, ...] = ("network", "dataset", "size", "hair")


class Cell(NamedTuple):
    """One setting under one loss."""

    accuracy: float
    iou: float
    epochs: int
    """until convergence"""


def face(network: str, dataset: str, size: str, hair: str, loss: str = "") -> Condition:
    """A cell of tables 3 to 6, or without a loss the setting that two cells share."""
    return Condition(factors=FACTORS, network=network, dataset=dataset, size=size, hair=hair, loss=loss)


def _table(model: str, dataset: str, rows: dict[tuple[str, str], tuple[float, ...]]) -> dict:
    """Rows as the paper prints them: accuracy, IoU and epochs, each for the IoU loss and then for BCE."""
    return {
        face(model, dataset, *name): {
            "iou": Cell(row[0], row[2], int(row[4])),
            "bce": Cell(row[1], row[3], int(row[5])),
        }
        for name, row in rows.items()
    }


TABLES: dict[Condition, dict[str, Cell]] = {
    **_table("bfcn32s", "lfw", {
        ("big", "hair"): (0.974, 0.978, 0.921, 0.906, 91, 146),
        ("small", "hair"): (0.962, 0.963, 0.887, 0.857, 116, 98),
        ("big", "no hair"): (0.977, 0.976, 0.896, 0.852, 89, 83),
        ("small", "no hair"): (0.970, 0.967, 0.872, 0.837, 155, 117),
    }),
    **_table("bfcn32s", "helen", {
        ("big", "hair"): (0.961, 0.961, 0.877, 0.838, 125, 130),
        ("small", "hair"): (0.943, 0.940, 0.820, 0.779, 118, 131),
        ("big", "no hair"): (0.983, 0.984, 0.905, 0.877, 83, 125),
        ("small", "no hair"): (0.978, 0.977, 0.871, 0.837, 93, 129),
    }),
    **_table("fcresnet", "lfw", {
        ("big", "hair"): (0.942, 0.947, 0.829, 0.826, 75, 64),
        ("small", "hair"): (0.922, 0.942, 0.777, 0.818, 44, 113),
        ("big", "no hair"): (0.959, 0.943, 0.821, 0.730, 78, 59),
        ("small", "no hair"): (0.951, 0.949, 0.798, 0.757, 72, 67),
    }),
    **_table("fcresnet", "helen", {
        ("big", "hair"): (0.926, 0.905, 0.768, 0.673, 62, 50),
        ("small", "hair"): (0.916, 0.917, 0.747, 0.723, 62, 97),
        ("big", "no hair"): (0.967, 0.962, 0.816, 0.775, 68, 72),
        ("small", "no hair"): (0.963, 0.960, 0.796, 0.766, 88, 80),
    }),
}  # fmt: skip
"""setting → loss → figures; tables 3, 4, 5 and 6."""

CLAIMS = {"iou p": 4.7e-4, "accuracy p": 0.52, "epochs p": 0.256, "error reduction": 0.175, "iou wins": 15}
"""Section 5: paired t-tests over the 16 settings, mean error reduction, settings in which the IoU loss is ahead."""


def pairs(figure: str) -> tuple[list[float], list[float]]:
    """A figure under the IoU loss and under BCE, for all 16 settings."""
    cells = TABLES.values()
    return [getattr(cell["iou"], figure) for cell in cells], [getattr(cell["bce"], figure) for cell in cells]
