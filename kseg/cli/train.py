"""`kseg train`: the main job."""

import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from kseg.cli.exit_codes import INTERRUPTED
from kseg.training.config import TrainConfig
from kseg.wording import counted


@dataclass(frozen=True)
class Train:
    """Train a network, measure it on the test split, and write model, results and report into a run directory.

    The same command again resumes a run that was stopped. Without any flag: a small U-Net on synthetic portraits.

    Example: python train.py --model bfcn32s --loss iou --dataset lfw --hair
    """

    options: Annotated[TrainConfig, arg(name="")] = field(default_factory=TrainConfig)
    workdir: Path | None = None
    """directory of the run (unset: runs/ and a name made of the flags)"""
    config: Path | None = None
    """a TOML file with groups [data] [model] [loss] [augment] [training]; flags win over it"""
    categories: str | None = None
    """all, or "road,fence": each category against all others, with --loss and with the softmax loss, one after another;
    measurements and the tables of Rahman & Wang, no models; an image with the category in every batch"""

    def run(self) -> int:
        try:
            return self.train_one() if self.categories is None else self.train_categories(self.categories)
        except KeyboardInterrupt:
            print("\nkseg: stopped; the same command goes on after the last finished epoch", file=sys.stderr)
            return INTERRUPTED

    def train_one(self) -> int:
        from kseg.datasets.opening import check_data_dir
        from kseg.report import write_report
        from kseg.report.advice import advice_to_go_on
        from kseg.training.distribution import is_chief
        from kseg.training.record import read_run
        from kseg.training.run import train
        from kseg.training.summary import summary

        check_data_dir(self.options.data)
        workdir = train(self.options, self.workdir)
        if not is_chief(self.options.training.distribute):
            return 0
        if self.options.training.keep == "everything" and not workdir.report.exists():
            write_report(workdir.path)
        print(summary(workdir))
        if longer := advice_to_go_on(read_run(workdir.path)):
            print(longer)
        return 0

    def train_categories(self, categories: str) -> int:
        from kseg.cli.quiet import import_keras_quietly
        from kseg.lab.pages.study import make_report, markdown, write_report
        from kseg.lab.recipes.rahman2016.every_category import SCALE, category_study
        from kseg.lab.results.collect import collect
        from kseg.lab.running.runner import run_jobs

        study = category_study(self.options, categories, self.workdir)
        tally = run_jobs(study.jobs, retry=True, prepare=import_keras_quietly)
        if tally.complete:
            results = collect(study.jobs, recipe=study.recipe.name, scale=SCALE, command=shlex.join(sys.argv))
            report = make_report(results, study.recipe, study.jobs)
            print(markdown(report))
            for path in write_report(report, study.folder / "report")[:4]:
                print(path)
        print(f"{tally.complete} of {counted(len(study.jobs), 'job')} complete, {len(tally.failed)} failed")
        for job in tally.failed:
            print(f"  {job.title}: {job.failure()}")
        return 1 if tally.failed else 0
