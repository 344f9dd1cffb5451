"""Values to try of several parameters, and finer ones around the best."""

from collections.abc import Mapping, Sequence
from typing import Any

Axes = Mapping[str, Sequence[float]]
"""Values to try of each parameter, ascending."""


def finer(axes: Axes, best: Any) -> dict[str, list[float]]:
    """For every axis the best value and the midpoints between it and its neighbors.

    `best` has an attribute per axis, with one of its values.

    >>> from kseg.postprocess import CrfParameters
    >>> finer({"w2": [3, 4, 5], "sigma_beta": [3.0]}, CrfParameters(w2=3, sigma_beta=3))
    {'w2': [3, 3.5], 'sigma_beta': [3]}
    """
    around: dict[str, list[float]] = {}
    for name, values in axes.items():
        value = getattr(best, name)
        place = list(values).index(value)
        neighbors = [values[other] for other in (place - 1, place + 1) if 0 <= other < len(values)]
        around[name] = sorted([value, *((value + neighbor) / 2 for neighbor in neighbors)])
    return around
