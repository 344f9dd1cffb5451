"""What jobs measured, as rows: the only thing that tables, plots and checks are made of, and what `results/` keeps."""

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
"""Share of a run's best validation IoU at which `Row.epochs_95` takes it for learned."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One complete job. What is of label maps alone is unset for another task, whose scores are `figures`."""

    condition: Condition
    seed: int
    job: str
    """name of its directory, which ends in the hash of its configuration"""
    iou: float | None = None
    """of the foreground over all test pixels; with more classes the mean IoU of the classes"""
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
    """the score of each test image, IoU of label maps; None where it has none"""
    train_accuracy: float | None = None
    """of the kept epoch, taken while it trains; None in results from before it was kept"""
    lowest_image: str | None = None
    """id of the test image with the lowest score; None as above"""
    validation_iou: float | None = None
    """of the kept epoch, at the size and precision of training; None as above"""
    curve: list[float | None] = field(default_factory=list)
    """score of the validation images, IoU of label maps, after each epoch; empty as above"""

    artifacts: float | None = None
    """of the predicted masks (`kseg.metrics.grid_artifacts`), where the network's last step enlarges 32 times by a
    kernel that is trained; None elsewhere, and as above"""
    v_rand: float | None = None
    """of membranes (`kseg.metrics.membrane_rand`), mean over the test images; None of other data"""
    warping_error: float | None = None
    """likewise (`kseg.metrics.warping_error`)"""

    iou_crf: float | None = None
    """IoU behind the dense CRF of `--test-crf`; None without one"""

    task: str = DEFAULT_TASK
    """what the network answers"""
    figures: dict[str, float | None] = field(default_factory=dict)
    """of a task that is not the default one: "score", its one number, and all others that are one number; None where
    there is nothing to score"""

    @property
    def score(self) -> float:
        """The one number: IoU of label maps; nan where there is none."""
        value = self.iou if self.task == DEFAULT_TASK else self.figures["score"]
        return math.nan if value is None else value

    @property
    def epochs_95(self) -> float:
        """The first epoch whose validation IoU is 95 % of the run's best, nan without a curve.

        Unlike `best_epoch` it says something of runs that were still improving when their epochs were used up.
        """
        known = [-math.inf if value is None else value for value in self.curve]
        goal = NEARLY * max(known, default=math.nan)
        return float(next((epoch for epoch, value in enumerate(known, 1) if value >= goal), math.nan))

    @property
    def pixel_error(self) -> float:
        """The share of the test pixels that is wrong; nan of another task than the default one."""
        return math.nan if self.accuracy is None else 1 - self.accuracy

    @property
    def lowest(self) -> float:
        """The lowest score of any test image."""
        return min((value for value in self.images if value is not None), default=math.nan)

    @property
    def setting(self) -> Condition:
        """What losses are compared in."""
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
    """where one category is told from all others: data set → category → background pixels per object
    pixel over its labeled images; without data sets that were not at hand when the rows were collected"""
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
        """Raises: ValueError where rows do not go together, as tables and plots take for granted."""
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
    """As JSON has it: the words of the condition as "tags"; of label maps without what other tasks have."""
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
    """What the one number of these rows is called, within a sentence."""
    titles = dict.fromkeys(TASKS[row.task].score.title for row in rows)
    return " or ".join(titles) or TASKS[DEFAULT_TASK].score.title


def range_of(rows: Sequence[Row]) -> tuple[float, float, float]:
    """Mean, lowest and highest score over the seeds.

    Of two to five seeds a bootstrap interval is just that range, or nearly, and covers far less than it says.
    """
    values = [row.score for row in rows]
    return float(np.mean(values)), min(values), max(values)


def image_scores(rows: Sequence[Row]) -> np.ndarray:
    """Score of every test image, mean over the seeds; nan where an image has none."""
    return np.mean([[np.nan if value is None else value for value in row.images] for row in rows], axis=0)
