"""A loss as a page of the documentation: formula, picture, options, evidence and pitfalls.

The page is made from the docstring and the signature of the loss, and from the rows of the study of losses.
"""

from collections.abc import Iterator

from kseg.lab.results.rows import Results
from kseg.lab.tables.losses import BASELINE, baseline_table, loss_table
from kseg.lab.tables.table import Table, markdown_of
from kseg.losses.catalogue import Facts

BESIDE = f"{BASELINE}+"
"""Prefix of the name of a loss that the study added to the baseline."""


def loss_page(entry: Facts, study: Results, *, picture: str, study_page: str) -> str:
    """The page of one loss as Markdown.

    Args:
      entry: the facts of its docstring and signature (`kseg.losses.catalogue`).
      study: the results of the recipe `loss_study`.
      picture, study_page: where the picture and the study's page lie, relative to this page.
    """
    parts = [
        f"# {entry.name}",
        entry.summary,
        fenced(entry.formula),
        f"![{entry.name} over one pixel's logit, over the shift of a disc and over its size]({picture})",
        "## Use",
        f'`kseg train --loss {entry.name}`, `kseg.losses.get("{entry.name}")`',
        options_table(entry),
        fenced(entry.example, "pycon") if entry.example else "",
        "## Evidence",
        evidence(entry.name, study, study_page),
        "## Pitfalls",
        entry.pitfalls,
        f"**Empty truth.** {entry.empty_truth}",
        "## Source",
        entry.source,
        f"*Deviations*: {entry.deviations}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def overview_table(entries: list[Facts]) -> str:
    """One row a loss: what it is and what it takes, with links to the pages in `losses/`."""
    rows = [
        f"| [`{entry.name}`](losses/{entry.name}.md) | {entry.summary} | {' and '.join(entry.problems)} "
        f"| {mark(entry.soft_labels)} | {mark(entry.class_weights)} | {mark(entry.pixel_weights)} |"
        for entry in entries
    ]
    head = [
        "| loss | what it is | classes | soft labels | class weights | pixel weights |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows])


def options_table(entry: Facts) -> str:
    """The truth and weights that the loss takes, and its options with their defaults."""
    takes = f"Truth: {' and '.join(entry.problems)}{', also soft labels' if entry.soft_labels else ''}."
    weights = f"Weights: of images{', of pixels' if entry.pixel_weights else ''}"
    weights += f"{', of classes' if entry.class_weights else ''}."
    rows = [f"| `{name}` | `{default!r}` |" for name, default in entry.options.items()]
    options = "\n".join(["| option | default |", "|---|---|", *rows]) if rows else "It has no options of its own."
    return f"{takes} {weights}\n\n{options}"


def evidence(name: str, study: Results, study_page: str) -> str:
    """The study's measurements of the loss, alone and added to the baseline."""
    names = [name, f"{BESIDE}{name}"]
    tables = [part for table in (loss_table(study), baseline_table(study)) if table for part in of_rows(table, names)]
    if not tables:
        return f"[The study of losses]({study_page}) has no run with `{name}`."
    count = len({row.loss for row in study.rows})
    return f"From [the study of losses]({study_page}), {count} losses and sums:\n\n{markdown_of(tables)}"


def of_rows(table: Table, names: list[str]) -> Iterator[Table]:
    """The table reduced to these losses; no table where it has no row of them."""
    places = [place for place, row in enumerate(table.rows) if row[0] in names]
    if places:
        best = frozenset((places.index(row), column) for row, column in table.best if row in places)
        yield Table(table.title, table.header, [table.rows[place] for place in places], best, table.caption)


def fenced(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```"


def mark(takes: bool) -> str:
    return "yes" if takes else "no"
