"""Runs jobs: skips complete ones, records failures, keeps to a budget, and reports the time left.

Several commands, on one machine or on several that share the directories, may run the same jobs; each job runs once.

Jobs run in processes of their own, so that a job that takes its process down (out of memory, an abort in a library)
does not stop the others. A `Place` holds these processes: this machine, or a cluster under Ray.
"""

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field
from typing import Protocol

from kseg.errors import UsageError
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import Job
from kseg.lab.running.pool import Machine
from kseg.lab.running.worker import Outcome, first_line
from kseg.training.callbacks.progress import duration
from kseg.wording import counted

LOOK_EVERY = 0.5
"""Seconds between looks at the epochs of a job that is to stop."""

ROOM_EVERY = 10.0
"""Seconds between looks for room: nodes of a cluster come and go."""


class Place(Protocol):
    """A place where jobs run: this machine, or a cluster."""

    where: str
    """the end of the first line of progress: " on 2 GPUs" """

    def room(self) -> int:
        """Jobs that there is room for at the same time."""

    def submit(self, job: Job) -> "Future[Outcome]":
        """Begin a job."""

    def stop(self, future: "Future[Outcome]") -> None:
        """End the process of a job; the job is left as it is and can be resumed."""

    def close(self) -> None:
        """End all processes."""


@dataclass
class Tally:
    """The jobs of one call by their outcome."""

    complete: int = 0
    """jobs completed now or earlier"""
    failed: list[Job] = field(default_factory=list)
    """jobs that failed now or earlier"""
    elsewhere: list[Job] = field(default_factory=list)
    """jobs under way in other processes"""
    left: int = 0
    """jobs that the budget had no time for: not begun, or stopped after an epoch"""


def run_jobs(
    jobs: Sequence[Job],
    *,
    processes: int = 1,
    budget: float | None = None,
    retry: bool = False,
    prepare: Callable[[], None] | None = None,
    write: Callable[[str], None] | None = None,
    place: Place | None = None,
) -> Tally:
    """Run the jobs that are not complete; a job that was stopped is resumed after its last epoch.

    Args:
      processes: jobs at the same time on this machine; they share its cores, and each process gets one of its GPUs.
      budget: seconds. A job is begun only if it would end in time, judged by complete jobs of its kind; a job under
        way at the end of the budget is stopped after its epoch.
      retry: run failed jobs again (default: they stay failed).
      prepare: called first in each process.
      write: takes the lines of progress (default: stderr).
      place: where the jobs run (default: this machine); closed at the end.
    """
    if processes < 1:
        raise UsageError(f"--processes is {processes}; it must be at least 1")
    if place is None:
        alone = all(job.config.training.distribute == "none" for job in jobs)
        place = Machine(processes, prepare, gpus=alone)
    return Runner(jobs, place, budget, retry, write or _to_stderr).run()


class Runner:
    """The state of one call of `run_jobs`."""

    def __init__(
        self,
        jobs: Sequence[Job],
        place: Place,
        budget: float | None,
        retry: bool,
        write: Callable[[str], None],
    ):
        self.jobs, self.place, self.budget, self.write = jobs, place, budget, write
        states = {job.path: job.state for job in jobs}
        self.pending = deque(
            job for job in jobs if states[job.path] in ("new", "started") or (retry and states[job.path] == "failed")
        )
        complete = [job for job in jobs if states[job.path] == "complete"]
        skipped = [job for job in jobs if states[job.path] == "failed" and not retry]
        self.tally = Tally(len(complete), skipped)
        self.seconds = Seconds(complete)
        self.started = time.perf_counter()
        self.under_way: dict[Future[Outcome], UnderWay] = {}

    def run(self) -> Tally:
        try:
            if self.pending:
                counts = f"{self.tally.complete} complete, {len(self.tally.failed)} failed, {len(self.pending)} to run"
                at_a_time = f"{self.place.room()} at a time{self.place.where}"
                self.write(f"{counted(len(self.jobs), 'job')}: {counts}, {at_a_time}")
            while self._begin():
                self._collect()
        finally:
            self.place.close()
        self.tally.left += len(self.pending)
        return self.tally

    def _begin(self) -> bool:
        """Begin the jobs that room and time allow; False when no job runs any more."""
        room = self.place.room() if self.pending else 0
        # A cluster that has lost all its nodes has no room; the first job then waits for a node.
        while self.pending and len(self.under_way) < max(1, room) and self._fits(self.pending[0]):
            job = self.pending.popleft()
            self.under_way[self.place.submit(job)] = UnderWay(job)
        return bool(self.under_way)

    def _fits(self, job: Job) -> bool:
        return self.seconds.expected(job) <= self._seconds_of_budget()

    def _seconds_of_budget(self) -> float:
        """Seconds left of the budget; below 0 when it is used up."""
        return math.inf if self.budget is None else self.started + self.budget - time.perf_counter()

    def _collect(self) -> None:
        """Wait until a job or its process has ended. After the budget, also stop jobs at the end of an epoch."""
        patience = min(ROOM_EVERY, max(LOOK_EVERY, self._seconds_of_budget()))
        ended = wait(self.under_way, patience, FIRST_COMPLETED).done
        for future in ended:
            begun = self.under_way.pop(future)
            self._ended(begun.job, begun.outcome(future))
        if self._seconds_of_budget() < 0:
            for future, begun in list(self.under_way.items()):
                if begun.has_ended_an_epoch():
                    self._stop(future, begun.job)

    def _stop(self, future: Future[Outcome], job: Job) -> None:
        """End a job that the budget has no time for; its checkpoint holds the epoch that has just ended."""
        self.place.stop(future)
        del self.under_way[future]
        if job.state == "complete":  # it ended before it was stopped
            self.tally.complete += 1
            return
        self.tally.left += 1
        self.write(
            f"{job.title}  stopped after epoch {job.files.epochs_done}, the budget is used up; it goes on from there"
        )

    def _ended(self, job: Job, outcome: Outcome) -> None:
        if outcome.elsewhere:
            self.tally.elsewhere.append(job)
            result = "is under way in another process"
        elif outcome.error is not None:
            self.tally.failed.append(job)
            result = f"FAILED: {outcome.error}"
        else:
            self.tally.complete += 1
            self.seconds.note(job)
            result = outcome.score
        done = self.tally.complete + len(self.tally.failed) + len(self.tally.elsewhere)
        self.write(
            f"[{done:>{len(str(len(self.jobs)))}}/{len(self.jobs)}] {job.title}  {result}  {outcome.seconds:.1f} s"
            f"  |  about {duration(self._seconds_left())} left"
        )

    def _seconds_left(self) -> float:
        under_way = [begun.job for begun in self.under_way.values()]
        return sum(map(self.seconds.expected, [*self.pending, *under_way])) / max(1, self.place.room())


class UnderWay:
    """A job that was begun."""

    def __init__(self, job: Job):
        self.job = job
        self._since = time.perf_counter()
        self._epochs: int | None = None

    def outcome(self, future: Future[Outcome]) -> Outcome:
        """The outcome of a job. The death of its process is recorded as its failure."""
        try:
            return future.result()
        except (Exception, CancelledError) as ended:
            error = (
                f"its process ended, as after a crash or out of memory ({type(ended).__name__}: {first_line(ended)})"
            )
            self.job.record_failure("ProcessDied", error)
            return Outcome(time.perf_counter() - self._since, error=error)

    def has_ended_an_epoch(self) -> bool:
        """Whether an epoch has ended since the first call. The last epoch does not count, because it ends the job."""
        assert self.job.config.training.epochs is not None
        epochs = self.job.files.epochs_done
        if self._epochs is None:
            self._epochs = epochs
        return self._epochs < epochs < self.job.config.training.epochs


class Seconds:
    """How long jobs of a kind take, measured on complete jobs."""

    def __init__(self, complete: Iterable[Job]):
        self._known: dict[Condition, list[float]] = {}
        for job in complete:
            self.note(job)

    def note(self, job: Job) -> None:
        seconds = job.files.read_results().get("wall_seconds")
        if seconds is not None:
            self._known.setdefault(job.kind, []).append(seconds)

    def expected(self, job: Job) -> float:
        """The mean seconds of the job's kind, else of all kinds, else 0, so that the first job is always begun."""
        known = self._known.get(job.kind) or [value for values in self._known.values() for value in values]
        return sum(known) / len(known) if known else 0.0


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
