"""Which jobs or rows are meant: chosen by tags and shard, the tags to choose from listed, stored rows narrowed."""

import dataclasses
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar, cast

from kseg.errors import UsageError, unknown_name
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Places, Scale
from kseg.lab.recipe import Recipe
from kseg.lab.results.rows import Results
from kseg.lab.results.stored import load_results
from kseg.wording import counted

HASH = re.compile(r"-[0-9a-f]+$")


WIDTH = 110


class Named(Protocol):
    """A job, or the row that it became."""

    @property
    def condition(self) -> Condition: ...


T = TypeVar("T", bound=Named)


def select(jobs: Sequence[T], only: str | None = None, shard: str | None = None) -> list[T]:
    """The jobs whose tags hold every word of `only` ("lfw,iou"), and of those part 1/4, 2/4, … of several machines'."""
    words = [word.strip() for word in (only or "").split(",") if word.strip()]
    known = {tag for job in jobs for tag in job.condition.words}
    for word in words:
        if word not in known:
            raise unknown_name("tag", word, known)
    chosen = [job for job in jobs if set(words) <= set(job.condition.words)]
    if not chosen:
        raise UsageError(f"no setting has all of {', '.join(words)}; `kseg lab list RECIPE` shows the settings")
    if shard is None:
        return chosen
    part = re.fullmatch(r"(\d+)/(\d+)", shard)
    if not part or not 1 <= int(part[1]) <= int(part[2]):
        raise UsageError(f"--shard {shard} is no part of a whole; write 1/4 … 4/4 on four machines")
    return chosen[int(part[1]) - 1 :: int(part[2])]


def stored_results(
    path: Path, recipe: Recipe, *, scale: Scale | None = None, only: str | None = None, seeds: int | None = None
) -> Results:
    """The part of a results.json that was asked for.

    Args:
      scale: the scale that the file has to be of; None takes any.
      only, seeds: as for jobs; rows of other settings, and of seeds above `seeds`, are left out.
    Raises:
      UsageError: it holds another recipe's results or another scale's, or nothing of what was asked for.
    """
    results = load_results(path)
    if results.recipe != recipe.name:
        raise UsageError(
            f"{path} holds results of {results.recipe}, not of {recipe.name}; name its recipe or another file"
        )
    if scale not in (None, results.scale):
        raise UsageError(
            f"{path} holds results at scale {results.scale}, not {scale}; leave out --scale or name another file"
        )
    return results if only is None and seeds is None else _narrowed(results, recipe, path, only, seeds)


def _narrowed(results: Results, recipe: Recipe, path: Path, only: str | None, seeds: int | None) -> Results:
    rows = [row for row in select(results.rows, only) if seeds is None or row.seed <= seeds]
    if not rows:
        raise UsageError(f"{path} has no seed of 1 to {seeds}; leave out --seeds")
    # Failures are kept by the name of their job, which the file leads to by its tags and seed but not by its weights.
    jobs = select(make_jobs(Path(), recipe.at(cast(Scale, results.scale), Places()), seeds), only)
    asked = {HASH.sub("", job.path.name) for job in jobs}
    failures = {name: said for name, said in results.failures.items() if HASH.sub("", name) in asked}
    missing = max(0, len(jobs) - len(rows) - len(failures))
    return dataclasses.replace(results, rows=rows, failures=failures, missing=missing)


def tag_lines(conditions: Sequence[Condition]) -> list[str]:
    """A line for every factor and number of jobs that share a word of it: "  16 jobs each: big, small".

    Args:
      conditions: of every job.
    """
    lines = []
    factors = dict.fromkeys(factor for condition in conditions for factor in condition.factors)
    for factor in (*factors, "change", "loss"):
        by_count: dict[int, list[str]] = {}
        for tag, count in Counter(word for one in conditions if (word := getattr(one, factor))).items():
            by_count.setdefault(count, []).append(tag)
        for count, names in by_count.items():
            start = f"  {counted(count, 'job')}{' each' if len(names) > 1 else ''}: "
            lines += textwrap.wrap(
                ", ".join(names), WIDTH, initial_indent=start, subsequent_indent="    ", break_on_hyphens=False
            )
    return lines
