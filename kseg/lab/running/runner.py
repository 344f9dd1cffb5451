"""Runs jobs: those that are complete are skipped, failures are recorded, a budget is kept, the time left is told.

Several commands, on one machine or on several that share the directories, may run the same jobs: each is run by one.

Jobs run in worker processes, so that one that takes its process down (out of memory, an abort in a library) does not
stop the rest; a worker is replaced after some jobs, because TensorFlow keeps about 20 MB of every model it ever traced.
"""

import contextlib
import math
import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from kseg.errors import UsageError
from kseg.lab.experiment.jobs import Job
from kseg.lab.running.gpus import environment, inherited, least_used, visible_gpus
from kseg.lab.running.worker import Outcome, work
from kseg.training.callbacks.progress import duration
from kseg.wording import counted

JOBS_PER_WORKER = 25

LOOK_EVERY = 0.5
"""Seconds between looks at the epochs of a job that is to stop."""


@dataclass
class Tally:
    """What became of the jobs of one call."""

    complete: int = 0
    """now and earlier"""
    failed: list[Job] = field(default_factory=list)
    """now and earlier"""
    elsewhere: list[Job] = field(default_factory=list)
    """under way in other processes"""
    left: int = 0
    """not begun or stopped on the way, for the budget"""


def run_jobs(
    jobs: Sequence[Job],
    *,
    processes: int = 1,
    budget: float | None = None,
    retry: bool = False,
    prepare: Callable[[], None] | None = None,
    write: Callable[[str], None] | None = None,
) -> Tally:
    """Run what is not complete; a job that was stopped is resumed after its last epoch.

    Args:
      processes: jobs at the same time; the processor's cores are shared out among them, and the GPUs where there are
        any: each worker gets one.
      budget: seconds; no job is begun that would not end within them, going by those of its kind that are known, and
        one that is under way when they are over is stopped after its epoch.
      retry: run failed jobs again (default: they stay failed).
      prepare: called first in each worker process.
      write: takes the lines of progress (default: stderr).
    """
    if processes < 1:
        raise UsageError(f"--processes is {processes}; it must be at least 1")
    return Runner(jobs, processes, budget, retry, prepare, write or _to_stderr).run()


class Runner:
    """The state of one call of `run_jobs`."""

    def __init__(
        self,
        jobs: Sequence[Job],
        processes: int,
        budget: float | None,
        retry: bool,
        prepare: Callable[[], None] | None,
        write: Callable[[str], None],
    ):
        self.jobs, self.processes, self.budget, self.prepare, self.write = jobs, processes, budget, prepare, write
        states = {job.path: job.state for job in jobs}
        self.pending = deque(
            job for job in jobs if states[job.path] in ("new", "started") or (retry and states[job.path] == "failed")
        )
        complete = [job for job in jobs if states[job.path] == "complete"]
        skipped = [job for job in jobs if states[job.path] == "failed" and not retry]
        self.tally = Tally(len(complete), skipped)
        self.seconds = Seconds(complete)
        self.started = time.perf_counter()
        self.workers: list[Worker] = []
        alone = all(job.config.training.distribute == "none" for job in jobs)
        self.gpus = visible_gpus() if self.pending and alone else []

    def run(self) -> Tally:
        if self.pending:
            found = f"{self.tally.complete} complete, {len(self.tally.failed)} failed, {len(self.pending)} to run"
            where = f" on {counted(len(self.gpus), 'GPU')}" if self.gpus else ""
            self.write(f"{counted(len(self.jobs), 'job')}: {found}, {self.processes} at a time{where}")
        try:
            while self._hand_out():
                self._collect()
        finally:
            for worker in self.workers:
                worker.dismiss()
        self.tally.left += len(self.pending)
        return self.tally

    def _hand_out(self) -> bool:
        """Give every idle worker a job; False when nothing runs any more."""
        while self.pending and sum(worker.job is not None for worker in self.workers) < self.processes:
            if not self._fits(self.pending[0]):
                break
            idle = next((worker for worker in self.workers if worker.job is None), None)
            if idle is None:
                threads = max(1, (os.cpu_count() or 1) // self.processes) if self.processes > 1 else None
                gpu = least_used(self.gpus, [worker.gpu for worker in self.workers])
                idle = Worker(threads, self.prepare, gpu, shared=self.processes > len(self.gpus))
                self.workers.append(idle)
            idle.give(self.pending.popleft())
        return any(worker.job is not None for worker in self.workers)

    def _fits(self, job: Job) -> bool:
        return self.seconds.expected(job) <= self._seconds_of_budget()

    def _seconds_of_budget(self) -> float:
        """What is left of it; below 0 when it is used up."""
        return math.inf if self.budget is None else self.started + self.budget - time.perf_counter()

    def _collect(self) -> None:
        """Wait until a job has ended, or its process has; once the budget is used up, also for the end of an epoch."""
        busy = [worker for worker in self.workers if worker.job is not None]
        handles = [handle for worker in busy for handle in (worker.connection, worker.process.sentinel)]
        wait(handles, None if self.budget is None else max(LOOK_EVERY, self._seconds_of_budget()))
        for worker in busy:
            if (outcome := worker.outcome()) is not None:
                job, worker.job = worker.job, None
                assert job is not None
                self._ended(job, outcome)
                if not worker.process.is_alive() or worker.given >= JOBS_PER_WORKER:
                    worker.dismiss()
                    self.workers.remove(worker)
            elif self._seconds_of_budget() < 0 and worker.has_ended_an_epoch():
                self._stop(worker)

    def _stop(self, worker: "Worker") -> None:
        """End a job that the budget has no time for; its checkpoint is of the epoch that has just ended."""
        job = worker.job
        assert job is not None
        worker.dismiss()
        self.workers.remove(worker)
        if job.state == "complete":  # it was faster
            self.tally.complete += 1
            return
        self.tally.left += 1
        self.write(
            f"{job.title}  stopped after epoch {job.files.epochs_done}, the budget is used up; it goes on from there"
        )

    def _ended(self, job: Job, outcome: Outcome) -> None:
        if outcome.elsewhere:
            self.tally.elsewhere.append(job)
            said = "is under way in another process"
        elif outcome.error is not None:
            self.tally.failed.append(job)
            said = f"FAILED: {outcome.error}"
        else:
            self.tally.complete += 1
            self.seconds.note(job)
            said = "no IoU" if outcome.iou is None else f"IoU {outcome.iou:.4f}"
        done = self.tally.complete + len(self.tally.failed) + len(self.tally.elsewhere)
        self.write(
            f"[{done:>{len(str(len(self.jobs)))}}/{len(self.jobs)}] {job.title}  {said}  {outcome.seconds:.1f} s"
            f"  |  about {duration(self._seconds_left())} left"
        )

    def _seconds_left(self) -> float:
        under_way = [worker.job for worker in self.workers if worker.job is not None]
        return sum(map(self.seconds.expected, [*self.pending, *under_way])) / self.processes


class Seconds:
    """How long jobs of a kind take, learnt from those that are done."""

    def __init__(self, complete: Iterable[Job]):
        self._known: dict[tuple[str, ...], list[float]] = {}
        for job in complete:
            self.note(job)

    def note(self, job: Job) -> None:
        seconds = job.files.read_results().get("wall_seconds")
        if seconds is not None:
            self._known.setdefault(job.kind, []).append(seconds)

    def expected(self, job: Job) -> float:
        """The mean of its kind, else of all kinds, else 0: the first job is always begun."""
        known = self._known.get(job.kind) or [value for values in self._known.values() for value in values]
        return sum(known) / len(known) if known else 0.0


class Worker:
    """A worker process, seen from outside."""

    def __init__(
        self,
        threads: int | None,
        prepare: Callable[[], None] | None,
        gpu: str | None = None,
        *,
        shared: bool = False,
    ):
        self.gpu = gpu
        context = multiprocessing.get_context("spawn")  # a forked TensorFlow hangs
        self.connection: Connection
        self.connection, theirs = context.Pipe()
        self.process: Any = context.Process(target=work, args=(theirs, threads, prepare), daemon=True)
        with inherited(environment(gpu, shared=shared)):
            self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.given = 0
        self._since = 0.0
        self._epochs: int | None = None

    def give(self, job: Job) -> None:
        self.job, self.given, self._since, self._epochs = job, self.given + 1, time.perf_counter(), None
        with contextlib.suppress(BrokenPipeError):  # it died in the meantime: `outcome` will say so
            self.connection.send(job)

    def outcome(self) -> Outcome | None:
        """What came of the job; None while it runs."""
        assert self.job is not None
        if self.connection.poll():
            try:
                return self.connection.recv()
            except (EOFError, ConnectionResetError):
                self.process.join()
        if self.process.is_alive():
            return None
        error = f"its process ended with exit code {self.process.exitcode}, as after a crash or out of memory"
        self.job.record_failure("ProcessDied", error)
        return Outcome(time.perf_counter() - self._since, error=error)

    def has_ended_an_epoch(self) -> bool:
        """Since this was first asked; never of the last epoch, after which the job is as good as done."""
        assert self.job is not None and self.job.config.training.epochs is not None
        epochs = self.job.files.epochs_done
        if self._epochs is None:
            self._epochs = epochs
        return self._epochs < epochs < self.job.config.training.epochs

    def dismiss(self) -> None:
        """Let it go; a job under way is left as it is and can be resumed."""
        if self.job is None and self.process.is_alive():
            with contextlib.suppress(OSError):
                self.connection.send(None)
                self.process.join(timeout=10)
        if self.process.is_alive():
            self.process.terminate()
            self.process.join()
        self.connection.close()


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
