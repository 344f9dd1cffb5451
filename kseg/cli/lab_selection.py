"""Which jobs of a recipe a command of `kseg lab` is about: the flags that all of them share."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from kseg.errors import UsageError
from kseg.wording import counted

USUAL: Literal["cpu"] = "cpu"
"""The default of `--scale`."""


@dataclass(frozen=True)
class Selection:
    """Which jobs of a recipe."""

    recipe: Positional[str]
    """a name that `kseg lab list` shows"""
    scale: Literal["smoke", "cpu", "laptop", "paper"] | None = None
    """smoke: the path alone, in a minute; cpu (unset): quick stand-ins for two cores; laptop: the paper's own networks,
    in nights on two cores; paper: to the letter"""
    only: str | None = None
    """tags a setting must have, all of them: "lfw,iou" """
    seeds: int | None = None
    """seeds 1 … N of every setting (unset: as the recipe says)"""
    shard: str | None = None
    """this machine's part of the jobs: 1/4 … 4/4"""
    data_dir: Path | None = None
    """folder that holds the data sets' folders, lfw/, camvid/ … (unset: $KSEG_DATA or data/)"""
    weights: tuple[str, ...] = ()
    """encoder weights: a file, or mobilenetv2=FILE resnet50=FILE … (unset: imagenet, which downloads)"""
    root: Path = Path("runs/lab")
    """where the jobs' directories lie, in a folder per recipe"""
    known: Path | None = None
    """results.json of the recipe whose rows count as complete jobs, results/RECIPE/results.json or another machine's:
    such a job is not run again, and its row stands in tables beside new ones"""

    def jobs(self):
        from kseg.lab.experiment.jobs import make_jobs
        from kseg.lab.experiment.setting import read_places
        from kseg.lab.recipe import RECIPES
        from kseg.lab.selection import select

        recipe = RECIPES[self.recipe]
        settings = recipe.at(self.scale or USUAL, read_places(self.data_dir, self.weights))
        return select(make_jobs(self.root / recipe.name, settings, self.seeds), self.only, self.shard)

    def remaining(self):
        """The jobs without those that `--known` has a row of."""
        jobs = self.jobs()
        known = self.rows_known(jobs)
        if known is None:
            return jobs
        measured = {row.job for row in known.rows}
        remaining = [job for job in jobs if job.path.name not in measured]
        number = f"{len(jobs) - len(remaining)} of {counted(len(jobs), 'job')}"
        print(f"kseg: {number} stand in {self.known} and are not run again", file=sys.stderr)
        return remaining

    def rows_known(self, jobs):
        """The results of `--known`; None without the flag. Rows of no job of the recipe are counted on stderr."""
        if self.known is None:
            return None
        from kseg.lab.recipe import RECIPES
        from kseg.lab.selection import stored_results

        results = stored_results(self.known, RECIPES[self.recipe], scale=self.scale or USUAL)
        names = {job.path.name for job in jobs}
        strange = sum(row.job not in names for row in results.rows)
        if strange:
            print(
                f"kseg: {counted(strange, 'row')} of {self.known} left out: they belong to none of the "
                f"{counted(len(jobs), 'job')} chosen (other --only, --seeds, weights file or settings)",
                file=sys.stderr,
            )
        return results

    def stored(self, path: Path):
        """The part of a results.json that the flags ask for."""
        from kseg.lab.recipe import RECIPES
        from kseg.lab.selection import stored_results

        if self.known is not None:
            raise UsageError(f"--known {self.known} adds rows to jobs, and {path} stands for all jobs; leave one out")
        if self.shard is not None:
            raise UsageError(f"--shard {self.shard} is a part of jobs, and {path} has none; leave it out")
        return stored_results(path, RECIPES[self.recipe], scale=self.scale, only=self.only, seeds=self.seeds)
