"""Does one loss beat the other? The paired tests as tables: over settings as in the papers, over images, over seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError
from kseg.lab.recipe import FIGURES, LOWER_IS_BETTER, Recipe
from kseg.lab.rows import Results, Row, by_setting, figure_of
from kseg.lab.statistics import Comparison, compare, holm, mean_error_reduction, total_error_reduction
from kseg.lab.table import DASH, Table

Both = dict[tuple[str, ...], tuple[list[Row], list[Row]]]
"""setting → the rows of the loss in question and of the baseline, of the same seeds in the same order"""

HEADER = ("n", "difference", "95 % interval", "d_z", "p", "p (Holm)", "Wilcoxon p", "ahead in")


@dataclass(frozen=True)
class Pairs:
    """One test to be made."""

    name: str
    first: Sequence[float]
    baseline: Sequence[float]
    epochs: bool = False
    """the figures are numbers of epochs: fewer are better, and two digits say enough"""


def tests_table(title: str, of: str, tests: Sequence[Pairs], caption: str, extra: Mapping[str, Sequence[str]]) -> Table:
    """A row per test; what could not be tested has a dash in every column, and the caption says why.

    Args:
      of: heading of the first column.
      extra: heading → one cell per test, behind the others.
    """
    results = [compared(test) for test in tests]
    adjusted = iter(holm([result.p for result in results if isinstance(result, Comparison)]))
    rows = [
        [*_row(test, result, adjusted), *(cells[i] for cells in extra.values())]
        for i, (test, result) in enumerate(zip(tests, results, strict=True))
    ]
    reasons = [
        f" {test.name}: {result}." for test, result in zip(tests, results, strict=True) if isinstance(result, str)
    ]
    return Table(title, [of, *HEADER, *extra], rows, caption=caption + "".join(reasons))


def compared(test: Pairs) -> Comparison | str:
    """The comparison, or the sentence why there is none."""
    try:
        return compare(test.first, test.baseline)
    except UsageError as error:
        return str(error)


def _row(test: Pairs, result: Comparison | str, adjusted: Iterator[float]) -> list[str]:
    if isinstance(result, str):
        return [test.name, *[DASH] * len(HEADER)]
    ahead = result.n - result.wins - result.ties if test.epochs else result.wins
    return [
        test.name,
        str(result.n),
        *difference(result, digits=2 if test.epochs else 4),
        shown(result.effect, ".2f"),
        *(shown(p, ".2g") for p in (result.p, next(adjusted), result.wilcoxon)),
        f"{ahead} of {result.n}",
    ]


def difference(result: Comparison, digits: int = 4) -> tuple[str, str]:
    """The mean difference and its interval."""
    low, high = result.interval.low, result.interval.high
    return shown(result.mean, f"+.{digits}f"), f"[{shown(low, f'+.{digits}f')}, {shown(high, f'+.{digits}f')}]"


def shown(value: float, form: str) -> str:
    """With a minus sign in differences, and 3e-7 instead of 3e-07; a dash for what is no number."""
    if np.isnan(value):
        return DASH
    return f"{value:{form}}".replace("-", "−") if form.endswith("f") else f"{value:{form}}".replace("e-0", "e-")


def error_reduction(first: Sequence[float], baseline: Sequence[float]) -> str:
    """A sentence on the share of the baseline's error that is gone; nothing where that cannot be said."""
    try:
        total, mean = total_error_reduction(first, baseline), mean_error_reduction(first, baseline)
    except UsageError:
        return ""
    return (
        f"{100 * abs(total):.1f} % {'less' if total >= 0 else 'more'} error in all "
        f"({100 * abs(mean):.1f} % {'less' if mean >= 0 else 'more'} in the mean over the pairs)"
    )


def comparison_tables(results: Results, recipe: Recipe) -> list[Table]:
    """The two losses of a recipe: every figure over settings; over the images and over the seeds of every setting."""
    assert recipe.versus is not None
    first, baseline = recipe.versus
    both, left_out = paired_rows(results.rows, recipe.versus)
    against = f"{first} against {baseline}"
    how = f"{first} minus {baseline}; p of the paired t-test, Holm's correction over the rows of this table."
    how += "".join(f" {sentence}" for sentence in left_out)
    tables = []
    if left_out and not both:
        tables.append(tests_table(against, "setting", [], how, {}))  # for its caption, which says why
    if len(both) > 1:  # of one setting every test would be refused
        settings = list(_over_settings(both, recipe.figures))
        of_iou = [[figure_of(rows, "iou") for rows in side] for side in zip(*both.values(), strict=True)]
        said = error_reduction(*of_iou)
        caption = f"{how}{f' In IoU {first} makes {said}.' if said else ''}"
        tables.append(tests_table(f"{against}, over settings", "figure", settings, caption, {}))
    images = [Pairs(" ".join(setting), *_image_pairs(*rows)) for setting, rows in both.items()]
    if images:
        caption = f"IoU of each test image, mean over the seeds; {how}"
        tables.append(tests_table(f"{against}, over images", "setting", images, caption, {}))
    by_seed = {setting: _seed_pairs(*rows) for setting, rows in both.items()}
    seeds = [Pairs(" ".join(setting), *pairs) for setting, pairs in by_seed.items() if len(pairs[0]) > 1]
    if seeds:
        caption = f"Test IoU of the runs that share a seed; {how}"
        tables.append(tests_table(f"{against}, over seeds", "setting", seeds, caption, {}))
    return tables


def paired_rows(rows: Sequence[Row], versus: tuple[str, str]) -> tuple[Both, list[str]]:
    """The rows that can be compared, and a sentence for each setting in which some or all could not.

    A pair is the same setting with the same seed: the mean of one loss over its seeds is not set beside that of the
    other over different ones.

    Raises:
      UsageError: rows of a setting are not of the same number of test images, so that these have no pairs.
    """
    both: Both = {}
    left_out = []
    for setting, found in by_setting(rows).items():
        sides = tuple(found.get(loss, []) for loss in versus)
        check_same_images([*sides[0], *sides[1]])
        if not all(sides):
            continue
        seeds = set.intersection(*({row.seed for row in side} for side in sides))
        if any(row.seed not in seeds for side in sides for row in side):
            had = " and ".join(
                f"{', '.join(str(row.seed) for row in side)} ({loss})" for loss, side in zip(versus, sides, strict=True)
            )
            done = f"compared are {', '.join(map(str, sorted(seeds)))}" if seeds else "left out, as none is in both"
            left_out.append(f"{' '.join(setting)} has the seeds {had}; {done}.")
        if seeds:
            ours, theirs = ([row for row in side if row.seed in seeds] for side in sides)
            both[setting] = (ours, theirs)
    return both, left_out


def check_same_images(rows: Sequence[Row]) -> None:
    """Images are paired by their place in the test list, which has to be the same."""
    if len({len(row.images) for row in rows}) > 1:
        counts = ", ".join(f"{row.loss} seed {row.seed}: {len(row.images)}" for row in rows)
        raise UsageError(
            f"the runs of {' '.join(rows[0].setting)} were not measured on the same test images (images of {counts}); "
            "run those with the wrong number again, under another --root"
        )


def _over_settings(both: Both, figures: Sequence[str]) -> Iterator[Pairs]:
    for figure in figures:
        pairs = [(figure_of(first, figure), figure_of(baseline, figure)) for first, baseline in both.values()]
        known = [pair for pair in pairs if not np.isnan(pair).any()]
        if known:
            ours, theirs = map(list, zip(*known, strict=True))
            yield Pairs(FIGURES[figure], ours, theirs, epochs=figure in LOWER_IS_BETTER)


def _image_pairs(first: Sequence[Row], second: Sequence[Row]) -> tuple[list[float], list[float]]:
    """IoU of each image, mean over the seeds; images without a score are left out."""
    a, b = (
        np.mean([[np.nan if v is None else v for v in row.images] for row in rows], axis=0) for rows in (first, second)
    )
    known = ~(np.isnan(a) | np.isnan(b))
    return a[known].tolist(), b[known].tolist()


def _seed_pairs(first: Sequence[Row], second: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Test IoU by seed."""
    return [row.iou for row in first], [row.iou for row in second]
