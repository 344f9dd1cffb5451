"""Results from a file in place of jobs: of the recipe, scale, settings and seeds that were asked for."""

import dataclasses
import re
from pathlib import Path
from typing import cast

from kseg.errors import UsageError
from kseg.lab.jobs import make_jobs, select
from kseg.lab.recipe import Places, Recipe, Scale
from kseg.lab.rows import Results

HASH = re.compile(r"-[0-9a-f]+$")


def stored_results(
    path: Path, recipe: Recipe, *, scale: Scale | None = None, only: str | None = None, seeds: int | None = None
) -> Results:
    """What lies in a results.json, as far as it was asked for.

    Args:
      scale: which it has to be of; None takes any.
      only, seeds: as for jobs; rows of other settings, and of seeds above `seeds`, are left out.
    Raises:
      UsageError: it holds another recipe's results or another scale's, or nothing of what was asked for.
    """
    results = Results.load(path)
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
