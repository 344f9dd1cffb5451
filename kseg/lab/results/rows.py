"""Rows: the measurements of jobs, the only source of tables, plots and checks, kept under `results/`."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kseg.atomic import write_text
from kseg.conventions import DEFAULT_TASK
from kseg.lab.experiment.condition import Condition
from kseg.tasks import TASKS

NEARLY = 0.95
"""Share of its best validation IoU at which a run counts as having learned, for `Row.epochs_95`."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One complete job. Fields of label maps are unset for another task, whose scores are in `figures`.

    Rows from before a field was kept have None or an empty list there.
    """

    condition: Condition
    seed: int
    job: str
    """name of its directory, which ends in the hash of its configuration"""
    iou: float | None = None
    """the foreground's over all test pixels; the mean over the classes where there are more than two"""
    iou_image: float | None = None
    accuracy: float | None = None
    matrix: list[list[int]] = field(default_factory=list)
    """confusion matrix of the test split, rows = truth"""
    best_epoch: int
    epochs: int
    seconds: float
    foreground: float | None = None
    """share of the test pixels that is foreground"""
    images: list[float | None]
    """the score of each test image, which is IoU for label maps; None for an image that cannot be scored"""
    train_accuracy: float | None = None
    """of the kept epoch, measured while it trains"""
    lowest_image: str | None = None
    """id of the test image with the lowest score"""
    validation_iou: float | None = None
    """of the kept epoch, at the size and precision of training"""
    curve: list[float | None] = field(default_factory=list)
    """score of the validation images after each epoch, which is IoU for label maps"""

    artifacts: float | None = None
    """`kseg.metrics.grid_artifacts` of the predicted masks; None unless the network's last layer enlarges 32 times by a
    trained kernel"""
    v_rand: float | None = None
    """`kseg.metrics.membrane_rand`, mean over the test images; None for data that are not membranes"""
    warping_error: float | None = None
    """`kseg.metrics.warping_error`, mean over the test images; None for data that are not membranes"""

    iou_crf: float | None = None
    """IoU behind the dense CRF of `--test-crf`; None without a CRF"""

    task: str = DEFAULT_TASK
    """what the network answers"""
    figures: dict[str, float | None] = field(default_factory=dict)
    """scores of a task that is not the default one, under their names; "score" is the main one, and None a score that
    has no meaning"""

    @property
    def score(self) -> float:
        """The main score, which is IoU for label maps; nan where nothing could be scored."""
        value = self.iou if self.task == DEFAULT_TASK else self.figures["score"]
        return math.nan if value is None else value

    @property
    def epochs_95(self) -> float:
        """The first epoch whose validation IoU is 95 % of the run's best, nan without a curve.

        Unlike `best_epoch` it also tells how fast a run learned that was still improving when its epochs were used up.
        """
        known = [-math.inf if value is None else value for value in self.curve]
        goal = NEARLY * max(known, default=math.nan)
        return float(next((epoch for epoch, value in enumerate(known, 1) if value >= goal), math.nan))

    @property
    def pixel_error(self) -> float:
        """The share of the test pixels that is wrong; nan for another task than the default one."""
        return math.nan if self.accuracy is None else 1 - self.accuracy

    @property
    def lowest(self) -> float:
        """The lowest score of any test image."""
        return min((value for value in self.images if value is not None), default=math.nan)

    @property
    def setting(self) -> Condition:
        """The condition without its loss: losses are compared within a setting."""
        return self.condition.setting

    @property
    def loss(self) -> str:
        return self.condition.loss


@dataclass(frozen=True)
class Results:
    """The rows of a recipe at a scale, and what they ran on."""

    recipe: str
    scale: str
    command: str
    environment: dict[str, Any]
    """packages, device and weights files as the jobs recorded them; lists where they differ"""
    rows: list[Row]
    failures: dict[str, str]
    """job → the sentence that was recorded"""
    missing: int
    """jobs of the recipe that were not run"""
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    """data set → category → background pixels per object pixel over its labeled images, where one category is told
    from all others; data sets that were missing when the rows were collected are left out"""
    artifacts_of_truth: dict[str, float] = field(default_factory=dict)
    """setting → what `Row.artifacts` is for the true masks of its test split"""
    settings: dict[str, Any] = field(default_factory=dict)
    """what the jobs' configurations change of the defaults, "training.epochs": 12; lists where they differ"""

    def save(self, path: Path) -> None:
        content = {**asdict(self), "rows": [_written(row) for row in self.rows]}
        head = json.dumps({**content, "rows": []}, indent=1, allow_nan=False)
        lines = ",\n  ".join(json.dumps(row, allow_nan=False) for row in content["rows"])
        write_text(path, head.replace('"rows": []', f'"rows": [\n  {lines}\n ]') + "\n")

    def check(self) -> None:
        """Raises: ValueError where rows lack what tables and plots rely on."""
        images: dict[Condition, int] = {}
        for row in self.rows:
            if row.task != DEFAULT_TASK:
                if "score" not in row.figures:
                    raise ValueError(f"the figures of {row.job!r} have no score")
            elif None in (row.iou, row.iou_image, row.accuracy, row.foreground):
                raise ValueError(f"{row.job!r} lacks the IoU, the accuracy or the share of foreground")
            elif not row.matrix or any(len(line) != len(row.matrix) for line in row.matrix):
                raise ValueError(f"the confusion matrix of {row.job!r} is not square")
            if images.setdefault(row.setting, len(row.images)) != len(row.images):
                raise ValueError(f"{row.job!r} has {len(row.images)} images, others of its setting have other numbers")


def _written(row: Row) -> dict[str, Any]:
    """A row as JSON: the words of the condition as "tags", and without the fields of other tasks for label maps."""
    fields = asdict(row)
    del fields["condition"]
    fields = {"tags": row.condition.words, **fields}
    if row.task == DEFAULT_TASK:
        del fields["task"], fields["figures"]
    return fields


def by_setting(rows: Iterable[Row]) -> dict[Condition, dict[str, list[Row]]]:
    """setting → loss → rows in the order of their seeds."""
    grouped: dict[Condition, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: row.seed):
        grouped[row.setting][row.loss].append(row)
    return {setting: dict(losses) for setting, losses in grouped.items()}


def figure_of(rows: Sequence[Row], figure: str) -> float:
    """Mean over the seeds; nan if a row lacks the figure."""
    return float(np.mean(np.array([value_of(row, figure) for row in rows], dtype=float)))


def value_of(row: Row, figure: str) -> float | None:
    """A field of the row, or one of its figures."""
    return row.figures[figure] if figure in row.figures else getattr(row, figure, None)


def title_of_score(rows: Iterable[Row]) -> str:
    """The name of the main score of these rows, as it stands within a sentence."""
    titles = dict.fromkeys(TASKS[row.task].score.title for row in rows)
    return " or ".join(titles) or TASKS[DEFAULT_TASK].score.title


def range_of(rows: Sequence[Row]) -> tuple[float, float, float]:
    """Mean, lowest and highest score over the seeds.

    A bootstrap interval of two to five seeds is about that range, and it covers the mean far less often than it claims.
    """
    values = [row.score for row in rows]
    return float(np.mean(values)), min(values), max(values)


def image_scores(rows: Sequence[Row]) -> np.ndarray:
    """Score of every test image, mean over the seeds; nan where an image has none."""
    return np.mean([[np.nan if value is None else value for value in row.images] for row in rows], axis=0)
