"""Pairs of figures of two losses: by setting, by image, by seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError
from kseg.lab.experiment.condition import Condition
from kseg.lab.results.figures import FIGURES, LOWER_IS_BETTER
from kseg.lab.results.rows import Row, by_setting, figure_of

Both = dict[Condition, tuple[list[Row], list[Row]]]
"""setting → the rows of the loss in question and of the baseline, of the same seeds in the same order"""


@dataclass(frozen=True)
class Pairs:
    """The figures of one paired test."""

    name: str
    first: Sequence[float]
    baseline: Sequence[float]
    epochs: bool = False
    """whether the figures are numbers of epochs: fewer are better, and two digits are enough"""


def paired_rows(rows: Sequence[Row], versus: tuple[str, str]) -> tuple[Both, list[str]]:
    """The rows that can be compared, and a sentence for each setting with rows that cannot.

    A pair is the same setting with the same seed, so that no means over different seeds are compared.

    Raises:
      UsageError: rows of a setting have different numbers of test images, so that images have no pairs.
    """
    both: Both = {}
    left_out = []
    for setting, by_loss in by_setting(rows).items():
        sides = tuple(by_loss.get(loss, []) for loss in versus)
        check_same_images([*sides[0], *sides[1]])
        if not all(sides):
            continue
        seeds = set.intersection(*({row.seed for row in side} for side in sides))
        if any(row.seed not in seeds for side in sides for row in side):
            had = " and ".join(
                f"{', '.join(str(row.seed) for row in side)} ({loss})" for loss, side in zip(versus, sides, strict=True)
            )
            done = f"compared are {', '.join(map(str, sorted(seeds)))}" if seeds else "left out, as none is in both"
            left_out.append(f"{setting} has the seeds {had}; {done}.")
        if seeds:
            first, baseline = ([row for row in side if row.seed in seeds] for side in sides)
            both[setting] = (first, baseline)
    return both, left_out


def check_same_images(rows: Sequence[Row]) -> None:
    """Raises: UsageError for different test lists, because images are paired by their place in the list."""
    if len({len(row.images) for row in rows}) > 1:
        counts = ", ".join(f"{row.loss} seed {row.seed}: {len(row.images)}" for row in rows)
        raise UsageError(
            f"the runs of {rows[0].setting} were not measured on the same test images (images of {counts}); "
            "run those with the wrong number again, under another --root"
        )


def over_settings(both: Both, figures: Sequence[str]) -> Iterator[Pairs]:
    for figure in figures:
        pairs = [tuple(figure_of(rows, figure) for rows in sides) for sides in both.values()]
        known = [pair for pair in pairs if not np.isnan(pair).any()]
        if known:
            first, baseline = map(list, zip(*known, strict=True))
            yield Pairs(FIGURES[figure], first, baseline, epochs=figure in LOWER_IS_BETTER)


def image_pairs(first: Sequence[Row], second: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Score of each image, mean over the seeds; images without a score are left out."""
    a, b = (
        np.mean([[np.nan if v is None else v for v in row.images] for row in rows], axis=0) for rows in (first, second)
    )
    known = ~(np.isnan(a) | np.isnan(b))
    return a[known].tolist(), b[known].tolist()


def seed_pairs(first: Sequence[Row], second: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Test scores by seed."""
    return [row.score for row in first], [row.score for row in second]
