"""`kseg lab run`: the jobs of a recipe on this machine or on a Ray cluster."""

import re
import sys
from dataclasses import dataclass

from kseg.cli.exit_codes import INTERRUPTED
from kseg.cli.lab_selection import Selection
from kseg.errors import UsageError
from kseg.wording import counted

HERE = "machine"
"""The default of `--on`."""


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
    """cores of a node of Ray for each job (unset: 2)"""
    memory: float | None = None
    """GiB of a node of Ray for each job (unset: 4)"""
    gpus: float | None = None
    """GPUs of a node of Ray for each job; 0.5: two jobs share one (unset: 1 if the cluster has any)"""
    budget: str | None = None
    """begin no job that would not end within 90s, 45m, 2h or 1h30m, and stop those under way then after their epoch"""
    retry: bool = False
    """run jobs again that failed"""

    def run(self) -> int:
        from kseg.cli.quiet import import_keras_quietly
        from kseg.lab.running.runner import run_jobs

        budget = None if self.budget is None else seconds(self.budget)
        needs = self._needs()
        jobs = self.remaining()
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
        # 3. summary
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
        """The cores, memory and GPUs that a job asks of a node of Ray; None on this machine."""
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


def seconds(text: str) -> float:
    """`90s`, `45m`, `2h`, `1h30m` in seconds."""
    parts = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip())
    if not text.strip() or not parts:
        raise UsageError(f"--budget {text} is no length of time; write 90s, 45m, 2h or 1h30m")
    return sum(float(part or 0) * unit for part, unit in zip(parts.groups(), (3600, 60, 1), strict=True))
