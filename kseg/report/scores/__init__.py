"""Plots of single tasks, a file each. Every task has the plots of `kseg.report.plots` as well."""

from collections.abc import Callable
from typing import Any

from kseg.registry import Registry
from kseg.report.canvas import Plot
from kseg.tasks import Evaluation

PLOTS: Registry[Callable[[Any], list[Plot]]] = Registry("plots of a task", "kseg.report.scores")
"""Name of the task → the function that draws its evaluation."""


def plots_of_task(evaluation: Evaluation) -> list[Plot]:
    """The plots that only this evaluation's task has."""
    return PLOTS[evaluation.task](evaluation) if evaluation.task in PLOTS else []
