"""Jobs on this machine, in the standard library's process pools: one pool of one process for each job at a time.

A process that dies breaks its pool. Each job has a pool of its own, so that the death of one process does not touch
the others, and each pool's process keeps the GPU that it began with.
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor

from kseg.lab.experiment.jobs import Job
from kseg.lab.running.beginning import begin
from kseg.lab.running.gpus import environment, visible_gpus
from kseg.lab.running.worker import JOBS_PER_PROCESS, Outcome, run_job_here
from kseg.wording import counted


class Machine:
    """This machine as a place for jobs."""

    def __init__(self, processes: int, prepare: Callable[[], None] | None = None, *, gpus: bool = True):
        """Nothing is started before the first job.

        Args:
          processes: jobs at the same time; they share the cores, and each process gets one of the GPUs.
          prepare: called first in each process.
          gpus: share out the GPUs; with False a job sees all of them.
        """
        names = visible_gpus() if gpus else []
        self.where = f" on {counted(len(names), 'GPU')}" if names else ""
        threads = max(1, (os.cpu_count() or 1) // processes) if processes > 1 else None
        gpu_of_slot = [names[i % len(names)] if names else None for i in range(processes)]
        shared = 0 < len(names) < processes
        self.slots = [Slot(threads, prepare, environment(gpu, shared=shared)) for gpu in gpu_of_slot]

    def room(self) -> int:
        """Jobs that there is room for at the same time."""
        return len(self.slots)

    def submit(self, job: Job) -> Future[Outcome]:
        """Begin a job. The caller has checked that there is room."""
        return next(slot for slot in self.slots if slot.is_free).submit(job)

    def stop(self, future: Future[Outcome]) -> None:
        """End the process of a job; the job is left as it is and can be resumed."""
        next(slot for slot in self.slots if slot.future is future).close()

    def close(self) -> None:
        """End all processes."""
        for slot in self.slots:
            slot.close()


class Slot:
    """Room for one job: a pool of one process, started with the first job and replaced where it died."""

    def __init__(self, threads: int | None, prepare: Callable[[], None] | None, variables: dict[str, str]):
        self._start = (threads, prepare, variables)
        self._pool: ProcessPoolExecutor | None = None
        self.future: Future | None = None

    @property
    def is_free(self) -> bool:
        return self.future is None or self.future.done()

    def submit(self, job: Job) -> Future[Outcome]:
        return self.call(run_job_here, job)

    def call(self, function: Callable, *arguments) -> Future:
        """`function(*arguments)` in the slot's process."""
        if self._pool is None or (self.future is not None and self.future.exception() is not None):
            self.close()
            self._open()
        assert self._pool is not None
        with without_interrupts():  # the pool may start its process now
            self.future = self._pool.submit(function, *arguments)
        return self.future

    def _open(self) -> None:
        context = multiprocessing.get_context("spawn")  # a forked TensorFlow hangs
        # The pool has no way to end a working process. The process ends itself when the other end of this pipe is
        # closed, which also happens when the command is killed.
        self._theirs, self._lifeline = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            1,
            mp_context=context,
            initializer=begin,
            initargs=(self._theirs, *self._start),
            max_tasks_per_child=JOBS_PER_PROCESS,
        )

    def close(self) -> None:
        """End the process, also in the middle of a job, and wait until it is gone."""
        if self._pool is None:
            return
        self._lifeline.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._theirs.close()
        self._pool = None


@contextlib.contextmanager
def without_interrupts() -> Iterator[None]:
    """Ctrl-C waits until the block ends. A process or thread that is started inside never receives it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
