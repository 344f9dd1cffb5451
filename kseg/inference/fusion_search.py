"""The thresholds of a fusion, searched on images whose truth is known: those with the best PQ."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError
from kseg.inference.axes import Axes, finer
from kseg.inference.fusing import Halves
from kseg.metrics.intervals import Interval, bootstrap_score
from kseg.metrics.panoptic import panoptic_match, panoptic_sums
from kseg.metrics.panoptic_table import mean_panoptic_quality
from kseg.metrics.segments import segments_of
from kseg.structures import FusionOptions, Panoptic


@dataclass(frozen=True)
class Found:
    """The result of a search."""

    best: FusionOptions
    before: Interval
    """PQ with the thresholds that the search began with"""
    after: Interval
    """with the best ones"""
    change: Interval
    """of PQ, over the same draws of images; optimistic, because these images chose the thresholds"""
    tried: Mapping[FusionOptions, float]
    """the PQ of every setting that was tried"""


def search(
    examples: Sequence[tuple[Halves, Panoptic]],
    axes: Axes,
    *,
    num_classes: int,
    things: Sequence[int],
    start: FusionOptions,
    rounds: int = 2,
) -> Found:
    """The thresholds with the largest PQ: every combination of `axes`, then finer ones around the best so far.

    Each further round tries, for every threshold with several values, the best value and the midpoints between it and
    its neighbors. Among equals the first wins, `start` before all others.

    Args:
      examples: the networks' outputs for every image, and its truth.
      axes: "confidence", "overlap", "stuff_area" → values.
      things: class ids of which there are objects.
      rounds: 1 or more.
    Raises: UsageError for values out of range, and where no image has a segment.
    Source: Kirillov et al. 2019, "Panoptic Segmentation", section 6, who choose the thresholds by a grid search on
    validation images. Deviations: finer rounds.
    """
    if not any(truth.segments for _, truth in examples):
        raise UsageError("no image has a segment, so thresholds cannot be compared; use images with segments")
    sums = {start: _sums(examples, start, num_classes, things)}
    current = {name: _sorted(name, values) for name, values in axes.items()}
    for _ in range(rounds):
        for values in itertools.product(*current.values()):
            options = FusionOptions(**dict(zip(current, values, strict=True)))  # type: ignore[arg-type]
            if options not in sums:
                sums[options] = _sums(examples, options, num_classes, things)
        # The next round is finer around the best point on the axes; `start` may lie off the axes.
        on_axes = [one for one in sums if all(getattr(one, name) in values for name, values in current.items())]
        around = finer(current, max(on_axes, key=lambda one: _pq(sums[one])))
        current = {name: _sorted(name, values) for name, values in around.items()}
    best = max(sums, key=lambda one: _pq(sums[one]))
    pairs = np.concatenate([sums[start], sums[best]], axis=1)
    return Found(
        best,
        bootstrap_score(sums[start], mean_panoptic_quality),
        bootstrap_score(sums[best], mean_panoptic_quality),
        bootstrap_score(pairs, lambda both: _change(both, num_classes)),
        {one: _pq(counts) for one, counts in sums.items()},
    )


def _sums(
    examples: Sequence[tuple[Halves, Panoptic]], options: FusionOptions, num_classes: int, things: Sequence[int]
) -> np.ndarray:
    """float64 (N, C, 4): sums of each image."""
    sums = []
    for halves, truth in examples:
        answer = halves.fused(things, options)
        match = panoptic_match(truth.ids, answer.ids, segments_of(truth), segments_of(answer))
        sums.append(panoptic_sums([match], num_classes))
    return np.stack(sums)


def _change(both: np.ndarray, num_classes: int) -> np.ndarray:
    return mean_panoptic_quality(both[..., num_classes:, :]) - mean_panoptic_quality(both[..., :num_classes, :])


def _pq(sums: np.ndarray) -> float:
    return float(mean_panoptic_quality(sums.sum(axis=0)))


def _sorted(name: str, values: Sequence[float]) -> list[float]:
    """Ascending, each once; areas are whole numbers of pixels."""
    return sorted({round(value) if name == "stuff_area" else float(value) for value in values})
