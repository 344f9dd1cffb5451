"""`kseg lab`: run the settings of a recipe, and report and verify their results."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, subcommand

from kseg.cli.lab_report import Report, Verify
from kseg.cli.lab_run import Run
from kseg.cli.lab_selection import Selection
from kseg.wording import counted


@dataclass(frozen=True)
class List:
    """The recipes, and how many settings and jobs each has.

    Example: kseg lab list loss_study
    """

    recipe: Positional[str | None] = None
    """show what one recipe says of itself, and the tags of its settings for --only"""

    def run(self) -> int:
        from kseg.lab.recipe import RECIPES
        from kseg.lab.selection import tag_lines

        if self.recipe is None:
            for name, recipe in RECIPES.items():
                print(f"{name:<16}{recipe.title}")
                for counts, _ in self._scales(recipe):
                    print(f"{'':<16}{counts}")
            return 0
        print(RECIPES[self.recipe].text)
        for counts, jobs in self._scales(RECIPES[self.recipe]):
            print("", f"{counts}; for --only:", *tag_lines([job.condition for job in jobs]), sep="\n")
        return 0

    @staticmethod
    def _scales(recipe):
        from kseg.lab.experiment.jobs import make_jobs
        from kseg.lab.experiment.setting import Places

        for scale in recipe.scales:
            settings = recipe.at(scale, Places())
            jobs = make_jobs(Path(), settings)
            yield f"--scale {scale:<6} {counted(len(settings), 'setting')}, {counted(len(jobs), 'job')}", jobs


@dataclass(frozen=True)
class Commands(Selection):
    """Print one plain command per job that is not complete, for SLURM or xargs.

    Example: kseg lab commands loss_study --only lfw | xargs -P 4 -I {} sh -c {}
    """

    def run(self) -> int:
        for job in self.remaining():
            if job.state != "complete":
                job.write_config()
                print(shlex.join(job.command))
        return 0


Action = (
    Annotated[List, subcommand("list")]
    | Annotated[Run, subcommand("run")]
    | Annotated[Report, subcommand("report")]
    | Annotated[Verify, subcommand("verify")]
    | Annotated[Commands, subcommand("commands")]
)


@dataclass(frozen=True)
class Lab:
    """The papers' experiments and our own, each from one command."""

    action: Action

    def run(self) -> int:
        return self.action.run()
