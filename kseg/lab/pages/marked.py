"""The marked tables of the README and of every page under `results/`, made from the JSON beside them.

    python -m kseg.lab.pages.marked

writes anew what stands between the marks `<!-- begin SOURCE -->` and `<!-- end SOURCE -->`. SOURCE is, from the root of
the checkout,

* `results/RECIPE/results.json`, which `kseg lab report RECIPE --out results/RECIPE` writes: the recipe's tables;
* `results/RECIPE/paper.json`, which `kseg lab report RECIPE --paper` writes: the paper's own figures in the statistics;
* a folder of single runs, which `python -m kseg.lab.results.single_runs RUN --folder FOLDER` fills: one row per run.

`<!-- begin results/vanbeers2019/results.json: IoU | Accuracy -->` shows these tables of the recipe and no others.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from kseg.atomic import write_text
from kseg.errors import Failure, UsageError
from kseg.lab.pages import single_runs
from kseg.lab.recipe import RECIPES
from kseg.lab.results.stored import load_results
from kseg.lab.tables.paper_tests import paper_tests_table
from kseg.lab.tables.table import Table, markdown_of
from kseg.reading import read_json

MARKED = re.compile(
    r"(?P<begin><!-- begin (?P<source>[^\s:]+)(?:: (?P<titles>[^\n]+))? -->\n)(?P<body>.*?)"
    r"(?P<end><!-- end (?P=source) -->)",
    re.DOTALL,
)


class PaperFile(TypedDict):
    """`paper.json`, as far as it is read."""

    recipe: str


def refreshed(text: str, root: Path) -> str:
    """The text with every marked part made anew from its source, a path below `root`."""

    def anew(part: re.Match[str]) -> str:
        titles = [title.strip() for title in (part["titles"] or "").split("|") if title.strip()]
        return f"{part['begin']}\n{tables(root / part['source'], titles).strip()}\n\n{part['end']}"

    return MARKED.sub(anew, text)


def sources(text: str) -> list[str]:
    """The sources of all marked parts, in order."""
    names = [match["source"] for match in MARKED.finditer(text)]
    if len(names) != text.count("<!-- begin "):
        raise Failure(
            f"of {text.count('<!-- begin ')} marks that begin a table only {len(names)} have their end; "
            "close each with <!-- end SOURCE -->"
        )
    return names


def tables(source: Path, titles: Sequence[str] = ()) -> str:
    """The Markdown that a source stands for."""
    if source.is_dir():
        return single_runs.markdown(source)
    if source.name == "paper.json":
        paper: PaperFile = read_json(source, PaperFile, remedy="write it with `kseg lab report RECIPE --paper`")
        return markdown_of([paper_tests_table(RECIPES[paper["recipe"]])])
    results = load_results(source)
    return markdown_of(_chosen(RECIPES[results.recipe].show(results).tables, titles, source))


def _chosen(made: Sequence[Table], titles: Sequence[str], source: Path) -> list[Table]:
    by_title = {table.title: table for table in made}
    for title in titles:
        if title not in by_title:
            raise UsageError(f"{source} makes no table {title!r}; name one of {', '.join(by_title)}")
    return [by_title[title] for title in titles] or list(made)


def pages(root: Path) -> list[Path]:
    """The files whose marked tables are kept up to date: the README and every study's page."""
    return [root / "README.md", *sorted((root / "results").rglob("README.md"))]


def main(root: Path = Path()) -> None:
    for page in pages(root.absolute()):
        text = page.read_text(encoding="utf-8")
        sources(text)
        if (new := refreshed(text, root.absolute())) != text:
            write_text(page, new)
            print(f"{page.relative_to(root.absolute())}: tables made anew")


if __name__ == "__main__":
    main()
