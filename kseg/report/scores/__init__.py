"""Plots of single tasks: a file each. A task without one has the plots that every task has (`kseg.report.plots`)."""

from collections.abc import Callable
from typing import Any

from kseg.registry import Registry
from kseg.report.canvas import Plot
from kseg.tasks import Evaluation

PLOTS: Registry[Callable[[Any], list[Plot]]] = Registry("plots of a task", "kseg.report.scores")
"""Name of the task → what draws its evaluation."""


def plots_of_task(evaluation: Evaluation) -> list[Plot]:
    """What is drawn of the scores of this task alone."""
    return PLOTS[evaluation.task](evaluation) if evaluation.task in PLOTS else []
