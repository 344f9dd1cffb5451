"""Tables of results: paper | ours with the better figure marked, the tests, the losses ranked; Markdown and LaTeX."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError
from kseg.lab.recipe import FIGURES, Recipe
from kseg.lab.rows import Results, Row
from kseg.lab.statistics import Comparison, compare, holm, total_error_reduction
from kseg.metrics.intervals import bootstrap_mean

DASH = "–"
LOWER_IS_BETTER = {"best_epoch"}


@dataclass(frozen=True)
class Table:
    """Words in the first column, figures in the others."""

    title: str
    header: list[str]
    rows: list[list[str]]
    best: frozenset[tuple[int, int]] = frozenset()
    """cells (row, column) to set in bold"""
    caption: str = ""

    def markdown(self) -> str:
        lines = [f"| {' | '.join(self.header)} |", "|---" * len(self.header) + "|"]
        for i, row in enumerate(self.rows):
            cells = [f"**{cell}**" if (i, j) in self.best else cell for j, cell in enumerate(row)]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join([*lines, *(["", f"*{self.caption}*"] if self.caption else [])])

    def latex(self) -> str:
        def row(cells: Iterable[str]) -> str:
            return " & ".join(cells) + r" \\"

        body = [
            row(rf"\textbf{{{_tex(cell)}}}" if (i, j) in self.best else _tex(cell) for j, cell in enumerate(cells))
            for i, cells in enumerate(self.rows)
        ]
        return "\n".join(
            [
                r"\begin{table}",
                rf"\caption{{{_tex(f'{self.title}. {self.caption}'.strip())}}}",
                rf"\begin{{tabular}}{{l{'r' * (len(self.header) - 1)}}}",
                r"\hline",
                row(map(_tex, self.header)),
                r"\hline",
                *body,
                r"\hline",
                r"\end{tabular}",
                r"\end{table}",
            ]
        )


def _tex(text: str) -> str:
    for plain, escaped in (("\\", r"\textbackslash{}"), ("&", r"\&"), ("%", r"\%"), ("_", r"\_"), ("#", r"\#"),
                           ("×", r"$\times$"), ("±", r"$\pm$"), ("−", "$-$"), ("–", "--")):  # fmt: skip
        text = text.replace(plain, escaped)
    return text


def by_setting(rows: Iterable[Row]) -> dict[tuple[str, ...], dict[str, list[Row]]]:
    """setting → loss → rows in the order of their seeds."""
    found: dict[tuple[str, ...], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: row.seed):
        found[row.setting][row.loss].append(row)
    return {setting: dict(losses) for setting, losses in found.items()}


def figure_of(rows: Sequence[Row], figure: str) -> float:
    """Mean over the seeds; nan if a row lacks the figure."""
    return float(np.mean(np.array([getattr(row, figure) for row in rows], dtype=float)))


def paper_table(results: Results, recipe: Recipe, figure: str) -> Table:
    """A row per setting: the paper's figure for each loss, then ours, mean ± standard deviation over seeds."""
    named = [(" ".join(setting), figure, setting) for setting in by_setting(results.rows)]
    return _beside_the_paper(FIGURES[figure][0].upper() + FIGURES[figure][1:], "setting", named, results, recipe)


def figures_table(results: Results, recipe: Recipe, setting: tuple[str, ...]) -> Table:
    """A row per figure of one setting, columns as in `paper_table`."""
    named = [(FIGURES[figure], figure, setting) for figure in recipe.figures]
    return _beside_the_paper(" ".join(setting), "figure", named, results, recipe)


def _beside_the_paper(
    title: str, first: str, named: Sequence[tuple[str, str, tuple[str, ...]]], results: Results, recipe: Recipe
) -> Table:
    """A row for each (name, figure, setting)."""
    losses = list(recipe.versus or dict.fromkeys(row.loss for row in results.rows))
    sides = ("paper", "ours") if recipe.paper else ("ours",)
    settings = by_setting(results.rows)
    rows, best = [], set()
    for i, (name, figure, setting) in enumerate(named):
        cells, found = [name], settings[setting]
        for side in sides:
            values = [_value(recipe, setting, loss, found, figure, side) for loss in losses]
            known = [round(value, 6) for value in values if value is not None and not np.isnan(value)]
            mark = (min if figure in LOWER_IS_BETTER else max)(known) if len(set(known)) > 1 else None
            for loss, value in zip(losses, values, strict=True):
                if value is not None and round(value, 6) == mark:
                    best.add((i, len(cells)))
                cells.append(_shown(value, found.get(loss, []) if side == "ours" else [], figure))
        rows.append(cells)
    header = [first, *(f"{side}: {loss}" for side in sides for loss in losses)]
    caption = recipe.captions.get(results.scale, "")  # type: ignore[call-overload]
    return Table(title, header, rows, frozenset(best), caption)


def _value(recipe: Recipe, setting, loss: str, found, figure: str, side: str) -> float | None:
    if side == "paper":
        assert recipe.paper is not None
        return recipe.paper((*setting, loss)).get(figure)
    return figure_of(found[loss], figure) if loss in found else None


def _shown(value: float | None, rows: Sequence[Row], figure: str) -> str:
    if value is None or np.isnan(value):
        return DASH
    digits = 0 if figure == "best_epoch" and value == int(value) else 1 if figure == "best_epoch" else 3
    spread = ""
    if len(rows) > 1:
        spread = f" ± {np.std([getattr(row, figure) for row in rows], ddof=1):.{max(digits, 1)}f}"
    return f"{value:.{digits}f}{spread}"


def comparison_table(results: Results, recipe: Recipe) -> Table:
    """The paired comparison over settings, as in the paper, of every figure; and over the images of every setting."""
    assert recipe.versus is not None
    first, baseline = recipe.versus
    both = {
        setting: found for setting, found in by_setting(results.rows).items() if first in found and baseline in found
    }
    named: list[tuple[str, Comparison | str]] = []
    for figure in recipe.figures if len(both) > 1 else recipe.figures[:1]:  # of one setting it would refuse them all
        pairs = [[figure_of(found[loss], figure) for found in both.values()] for loss in recipe.versus]
        label = f"{FIGURES[figure]}, over {len(both)} settings"
        named.append((label, _compared(*pairs)))
    for setting, found in both.items():
        named.append((f"image IoU, {' '.join(setting)}", _compared(*_image_pairs(found[first], found[baseline]))))
    tests = [result for _, result in named if isinstance(result, Comparison)]
    adjusted = iter(holm([result.p for result in tests]))
    rows = [_test_row(label, result, adjusted) for label, result in named]
    caption = f"{first} minus {baseline}; p of the paired t-test, Holm's correction over all rows of this table."
    if len(both) > 1:
        reduction = total_error_reduction(
            *([figure_of(found[loss], "iou") for found in both.values()] for loss in recipe.versus)
        )
        caption += (
            f" {first} leaves {abs(reduction):.1%} {'less' if reduction >= 0 else 'more'} of the mean error in IoU."
        )
    header = ["figure", "n", "difference", "95 % interval", "d_z", "p", "p (Holm)", "Wilcoxon p", "ahead in"]
    return Table(f"{first} against {baseline}", header, rows, caption=caption)


def _test_row(label: str, result: Comparison | str, adjusted) -> list[str]:
    if isinstance(result, str):
        return [f"{label}: {result}", *[DASH] * 8]
    low, high = result.interval.low, result.interval.high
    numbers = [f"{result.effect:.2f}", f"{result.p:.2g}", f"{next(adjusted):.2g}", f"{result.wilcoxon:.2g}"]
    return [
        label,
        str(result.n),
        f"{result.mean:+.4f}",
        f"[{low:+.4f}, {high:+.4f}]",
        *(DASH if number == "nan" else number for number in numbers),
        f"{result.wins} of {result.n}",
    ]


def _compared(first, second) -> Comparison | str:
    try:
        return compare(first, second)
    except UsageError as error:
        return str(error)


def _image_pairs(first: Sequence[Row], second: Sequence[Row]) -> tuple[list[float], list[float]]:
    """IoU of each image, mean over the seeds that both have; images without a score are left out."""
    seeds = {row.seed for row in first} & {row.seed for row in second}
    a, b = (
        np.mean([[np.nan if v is None else v for v in row.images] for row in rows if row.seed in seeds], axis=0)
        if seeds
        else np.array([])
        for rows in (first, second)
    )
    known = ~(np.isnan(a) | np.isnan(b))
    return a[known].tolist(), b[known].tolist()


def lowest_table(results: Results) -> Table:
    """Which test image scored lowest in every run."""
    rows = [
        [" ".join(setting), loss, str(row.seed), row.lowest_image or DASH, f"{row.lowest:.3f}"]
        for setting, found in by_setting(results.rows).items()
        for loss, seeds in found.items()
        for row in seeds
    ]
    return Table("Lowest image", ["setting", "loss", "seed", "image", "IoU"], rows)


def loss_table(results: Results) -> Table:
    """Losses by data set: mean IoU and its bootstrap interval over the seeds; best mean rank first."""
    settings = by_setting(results.rows)
    losses = sorted({row.loss for row in results.rows}, key=lambda loss: (mean_rank(settings, loss), loss))
    rows, best = [], set()
    tops = {setting: max(figure_of(rows, "iou") for rows in found.values()) for setting, found in settings.items()}
    for i, loss in enumerate(losses):
        cells = [loss, f"{mean_rank(settings, loss):.1f}"]
        for setting, found in settings.items():
            if loss in found and figure_of(found[loss], "iou") == tops[setting]:
                best.add((i, len(cells)))
            cells.append(_with_interval(found.get(loss, [])))
        rows.append(cells)
    counts = ", ".join(
        f"{' '.join(setting)}: {max(map(len, found.values()))} seed{'s'[: max(map(len, found.values())) != 1]}"
        for setting, found in settings.items()
    )
    caption = f"Test IoU, mean over seeds with a 95 % bootstrap interval over them ({counts}); sorted by mean rank."
    header = ["loss", "mean rank", *(" ".join(setting) for setting in settings)]
    return Table("Losses", header, rows, frozenset(best), caption)


def mean_rank(settings, loss: str) -> float:
    """1 is best; over the data sets that have the loss."""
    ranks = []
    for found in settings.values():
        if loss in found:
            own = figure_of(found[loss], "iou")
            ranks.append(1 + sum(figure_of(rows, "iou") > own for rows in found.values()))
    return float(np.mean(ranks))


def _with_interval(rows: Sequence[Row]) -> str:
    if not rows:
        return DASH
    values = [row.iou for row in rows]
    if len(values) == 1:
        return f"{values[0]:.3f}"
    interval = bootstrap_mean(values)
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def tables_of(results: Results, recipe: Recipe) -> list[Table]:
    """The tables of a recipe: one per figure, or of a single setting one with all figures."""
    if not results.rows:
        raise UsageError(f"no job of {recipe.name} at scale {results.scale} is complete; run `kseg lab run` first")
    if recipe.versus is None and recipe.paper is None:
        return [loss_table(results)]
    settings = by_setting(results.rows)
    if recipe.tables is not None:
        tables = recipe.tables(results, recipe)
    elif len(settings) == 1:
        tables = [figures_table(results, recipe, next(iter(settings)))]
    else:
        tables = [paper_table(results, recipe, figure) for figure in recipe.figures]
    if recipe.versus:
        tables.append(comparison_table(results, recipe))
    return [*tables, lowest_table(results)] if "lowest" in recipe.figures else tables
