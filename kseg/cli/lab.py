"""`kseg lab`: run a recipe's settings, and what is to be made of their results."""

import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, subcommand

from kseg.cli.exit_codes import INTERRUPTED
from kseg.errors import UsageError
from kseg.wording import counted

HERE = "machine"
"""`--on` where none is named."""

MOST_LISTED = 5
"""Failures in one sentence."""

USUAL: Literal["cpu"] = "cpu"
"""The scale where none is named."""


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

    def jobs(self):
        from kseg.lab.experiment.jobs import make_jobs
        from kseg.lab.experiment.setting import read_places
        from kseg.lab.recipe import RECIPES
        from kseg.lab.selection import select

        recipe = RECIPES[self.recipe]
        settings = recipe.at(self.scale or USUAL, read_places(self.data_dir, self.weights))
        return select(make_jobs(self.root / recipe.name, settings, self.seeds), self.only, self.shard)

    def stored(self, path: Path):
        """The part of a results.json that the flags ask for."""
        from kseg.lab.recipe import RECIPES
        from kseg.lab.selection import stored_results

        if self.shard is not None:
            raise UsageError(f"--shard {self.shard} is a part of jobs, and {path} has none; leave it out")
        return stored_results(path, RECIPES[self.recipe], scale=self.scale, only=self.only, seeds=self.seeds)


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
                for counted, _ in self._scales(recipe):
                    print(f"{'':<16}{counted}")
            return 0
        print(RECIPES[self.recipe].text)
        for counted, jobs in self._scales(RECIPES[self.recipe]):
            print("", f"{counted}; for --only:", *tag_lines([job.condition for job in jobs]), sep="\n")
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
class Run(Selection):
    """Run a recipe's jobs; the same command goes on where it was stopped, and does nothing twice.

    Example: kseg lab run loss_study --only lfw --budget 2h --processes 2 --weights mobilenetv2=FILE
    """

    processes: int | None = None
    """jobs at a time (unset: 1, on Ray as many as its nodes take); small networks on a processor: as many as it has
    cores; with GPUs: as many as there are, each gets one, or several a GPU"""
    on: str = HERE
    """machine: this one; ray: the Ray cluster of $RAY_ADDRESS or of this machine; ray://HOST:PORT: the one there"""
    cores: int | None = None
    """of a node of Ray for each job (unset: 2)"""
    memory: float | None = None
    """GiB of a node of Ray for each job (unset: 4)"""
    gpus: float | None = None
    """of a node of Ray for each job; 0.5: two jobs share one (unset: 1 if the cluster has any)"""
    budget: str | None = None
    """begin no job that would not end within 90s, 45m, 2h or 1h30m, and stop those under way then after their epoch"""
    retry: bool = False
    """run jobs again that failed"""

    def run(self) -> int:
        from kseg.cli.quiet import import_keras_quietly
        from kseg.lab.running.runner import run_jobs

        budget = None if self.budget is None else seconds(self.budget)
        needs = self._needs()
        jobs = self.jobs()
        try:
            # 1. where: None is this machine
            place = None if needs is None else self._cluster(jobs, needs)
            # 2. all jobs
            processes = 1 if self.processes is None else self.processes
            tally = run_jobs(
                jobs, processes=processes, budget=budget, retry=self.retry, prepare=import_keras_quietly, place=place
            )
        except KeyboardInterrupt:
            print("\nkseg: stopped; the same command goes on from here", file=sys.stderr)
            return INTERRUPTED
        # 3. what became of them
        left = f", {tally.left} left for the next call (--budget {self.budget})" if tally.left else ""
        if tally.elsewhere:
            left = f", {len(tally.elsewhere)} under way in other processes{left}"
        print(f"{tally.complete} of {counted(len(jobs), 'job')} complete, {len(tally.failed)} failed{left}")
        for job in tally.failed:
            print(f"  {job.title}: {job.failure()}")
        if tally.failed:
            print("failed jobs are left as they are; the same command with --retry runs them again")
        return 1 if tally.failed else 0

    def _needs(self):
        """What a job asks of a node of Ray; None on this machine."""
        from kseg.lab.running.on_ray import Needs

        asked = {
            name: value
            for name in ("cores", "memory", "gpus")
            if (value := getattr(self, name)) is not None
        }  # fmt: skip
        if self.on == "ray" or self.on.startswith("ray://"):
            return Needs(**asked)
        if self.on != HERE:
            raise UsageError(f"--on {self.on} is no place for jobs; write machine, ray or ray://HOST:PORT")
        if asked:
            raise UsageError(f"--{next(iter(asked))} asks something of a node of Ray; add --on ray, or leave it out")
        return None

    def _cluster(self, jobs, needs):
        from kseg.cli.quiet import import_keras_quietly
        from kseg.lab.running.on_ray import Cluster, check_needs

        check_needs(jobs, needs)
        return Cluster(self.on, needs, processes=self.processes, prepare=import_keras_quietly)


@dataclass(frozen=True)
class Commands(Selection):
    """Print one plain command per job that is not complete, for SLURM or xargs.

    Example: kseg lab commands loss_study --only lfw | xargs -P 4 -I {} sh -c {}
    """

    def run(self) -> int:
        for job in self.jobs():
            if job.state != "complete":
                job.write_config()
                print(shlex.join(job.command))
        return 0


@dataclass(frozen=True)
class Report(Selection):
    """Write a recipe's tables, plots and HTML report from the jobs that are complete.

    Example: kseg lab report vanbeers2019 --only lfw --out results/vanbeers2019
    """

    out: Path | None = None
    """folder for report.html, results.json, tables and plots (unset: ROOT/RECIPE/report)"""
    results: Path | None = None
    """make them from this results.json of the recipe instead of jobs (without pictures)"""
    markdown: bool = False
    """print the tables as Markdown and write nothing; without jobs under ROOT, those of results/RECIPE/results.json"""
    processes: int | None = None
    """of `kseg lab run`, for the command in the report: more of them leave each job fewer threads (unset: not told)"""
    paper: bool = False
    """the paper's own figures through the same statistics: paper.json and paper.md in OUT (unset: results/RECIPE)"""

    def run(self) -> int:
        from kseg.lab.pages.study import markdown, write_report
        from kseg.lab.recipe import RECIPES
        from kseg.lab.tables.paper_tests import paper_tests_table, write_paper_tests
        from kseg.lab.tables.table import markdown_of

        recipe = RECIPES[self.recipe]
        if self.paper:
            if self.markdown:
                print(markdown_of([paper_tests_table(recipe)]), end="")
            else:
                self._print(write_paper_tests(recipe, self.out or Path("results") / recipe.name))
            return 0
        report = self._report()
        if self.markdown:
            print(markdown(report), end="")
        else:
            self._print(write_report(report, self.out or self.root / recipe.name / "report"))
        return 0

    def _report(self):
        from kseg.lab.pages.study import make_report
        from kseg.lab.recipe import RECIPES
        from kseg.lab.results.collect import collect

        recipe, path = RECIPES[self.recipe], self.results
        committed = Path("results") / recipe.name / "results.json"
        if path is None and self.markdown and not (self.root / recipe.name).exists() and committed.exists():
            print(f"kseg: no jobs in {self.root / recipe.name}; the tables are of {committed}", file=sys.stderr)
            path = committed
        if path is not None:
            return make_report(self.stored(path), recipe)
        jobs = self.jobs()
        results = collect(jobs, recipe=recipe.name, scale=self.scale or USUAL, command=self.command)
        if results.failures and not results.rows:
            raise UsageError(
                f"no job of {recipe.name} at scale {results.scale} is complete and {len(results.failures)} failed, "
                f"{_listed(results.failures)}; mend that and `kseg lab run` them again with --retry"
            )
        return make_report(results, recipe, jobs)

    @staticmethod
    def _print(paths: Iterable[Path]) -> None:
        for path in paths:
            print(path)

    @property
    def command(self) -> str:
        """What made the results, without this machine's folders."""
        words = ["kseg", "lab", "run", self.recipe, "--scale", self.scale or USUAL]
        words += ["--only", self.only] if self.only else []
        words += ["--seeds", str(self.seeds)] if self.seeds else []
        words += ["--processes", str(self.processes)] if self.processes else []
        words += ["--weights", *map(_without_folder, self.weights)] if self.weights else []
        return shlex.join(words)


@dataclass(frozen=True)
class Verify(Selection):
    """Check results against the ranges that the recipe expects; exit code 1 if one is outside or was not run.

    Example: kseg lab verify vanbeers2019 --only lfw
    """

    results: Path | None = None
    """a results.json of the recipe instead of jobs"""

    def run(self) -> int:
        from kseg.lab.recipe import RECIPES
        from kseg.lab.results.collect import collect
        from kseg.lab.verify import verify

        recipe = RECIPES[self.recipe]
        if self.results is not None:
            results = self.stored(self.results)
        else:
            results = collect(self.jobs(), recipe=recipe.name, scale=self.scale or USUAL, command="")
        verdicts = verify(results, recipe, only=self.only)
        for verdict in verdicts:
            print(verdict)
        return 0 if all(verdict.good for verdict in verdicts) else 1


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


def _listed(failures: Mapping[str, str]) -> str:
    """The first failures with their sentences."""
    said = [f"{name}: {sentence}" for name, sentence in failures.items()]
    return "; ".join([*said[:MOST_LISTED], *([f"and {len(said) - MOST_LISTED} more"] if said[MOST_LISTED:] else [])])


def _without_folder(weights: str) -> str:
    """`mobilenetv2=/home/me/w.h5` as `mobilenetv2=w.h5`: the name leads to the file, the folder is this machine's."""
    encoder, equals, file = weights.rpartition("=")
    return f"{encoder}{equals}{Path(file).name}"


def seconds(text: str) -> float:
    """`90s`, `45m`, `2h`, `1h30m` in seconds."""
    parts = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip())
    if not text.strip() or not parts:
        raise UsageError(f"--budget {text} is no length of time; write 90s, 45m, 2h or 1h30m")
    return sum(float(part or 0) * unit for part, unit in zip(parts.groups(), (3600, 60, 1), strict=True))
