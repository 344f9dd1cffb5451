"""Does one loss beat the other? The paired tests as tables: over settings as in the papers, over images, over seeds."""

from collections.abc import Iterator, Mapping, Sequence

from kseg.errors import UsageError
from kseg.lab.recipe import Recipe
from kseg.lab.results.rows import Results, figure_of, title_of_score
from kseg.lab.statistics.claims import RULES, TITLE, Claim
from kseg.lab.statistics.paired_tests import Comparison, compare, holm
from kseg.lab.statistics.pairs import Pairs, image_pairs, over_settings, paired_rows, seed_pairs
from kseg.lab.statistics.words import difference, error_reduction, shown
from kseg.lab.tables.table import Table
from kseg.wording import DASH

HEADER = ("n", "difference", "95 % interval", "d_z", "p", "p (Holm)", "Wilcoxon p", "ahead in")


def tests_table(title: str, of: str, tests: Sequence[Pairs], caption: str, extra: Mapping[str, Sequence[str]]) -> Table:
    """A row per test. A test that could not be made has a dash in every column, and the caption says why.

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
    """The comparison, or a sentence on why it cannot be made."""
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


def comparison_tables(results: Results, recipe: Recipe) -> list[Table]:
    """The two losses of a recipe: every figure over settings; over the images and over the seeds of every setting."""
    assert recipe.versus is not None
    first, baseline = recipe.versus
    both, left_out = paired_rows(results.rows, recipe.versus)
    against = f"{first} against {baseline}"
    how = f"{first} minus {baseline}; p of the paired t-test, Holm's correction over the rows of this table."
    how += "".join(f" {sentence}" for sentence in left_out)
    tables, score = [], title_of_score(results.rows)
    if left_out and not both:
        tables.append(tests_table(against, "setting", [], how, {}))  # its caption says why the rows are missing
    if len(both) > 1:  # tests need at least two settings
        settings = list(over_settings(both, recipe.figures))
        of_iou = [[figure_of(rows, "score") for rows in side] for side in zip(*both.values(), strict=True)]
        less = error_reduction(*of_iou)
        caption = f"{how}{f' In {score} {first} makes {less}.' if less else ''}"
        tables.append(tests_table(f"{against}, over settings", "figure", settings, caption, {}))
    images = [Pairs(str(setting), *image_pairs(*rows)) for setting, rows in both.items()]
    if images:
        caption = f"{score} of each test image, mean over the seeds; {how}"
        tables.append(tests_table(f"{against}, over images", "setting", images, caption, {}))
    by_seed = {setting: seed_pairs(*rows) for setting, rows in both.items()}
    seeds = [Pairs(str(setting), *pairs) for setting, pairs in by_seed.items() if len(pairs[0]) > 1]
    if seeds:
        caption = f"Test {score} of the runs that share a seed; {how}"
        tables.append(tests_table(f"{against}, over seeds", "setting", seeds, caption, {}))
    return tables


def claims_table(claims: Sequence[Claim]) -> Table:
    """A row per claim, the verdicts marked."""
    rows = [[claim.subject, claim.verdict, claim.evidence, claim.statement] for claim in claims]
    return Table(
        TITLE, ["claim", "verdict", "here", "the paper"], rows, frozenset((i, 1) for i in range(len(rows))), RULES
    )
