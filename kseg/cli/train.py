"""`kseg train`: the main job."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from kseg.cli.exit_codes import INTERRUPTED
from kseg.training.config import TrainConfig


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

    def run(self) -> int:
        from kseg.lab.report import write_report
        from kseg.training.distribution import is_chief
        from kseg.training.run import summary, train

        try:
            workdir = train(self.options, self.workdir)
        except KeyboardInterrupt:
            print("\nkseg: stopped; the same command goes on after the last finished epoch", file=sys.stderr)
            return INTERRUPTED
        if not is_chief():
            return 0
        if self.options.training.keep == "everything" and not workdir.report.exists():
            write_report(workdir.path)
        print(summary(workdir))
        return 0
