"""Jobs on many machines: Ray gives each its cores, memory and GPUs on some node, and another node if that one dies.

Jobs' directories, data and weights have to be at the same paths on every node, on a shared file system, and kseg has to
be installed there. A node that dies costs the epoch under way: Ray begins the job again on another node, where it goes
on from its checkpoint.
"""

import dataclasses
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from kseg.errors import UsageError
from kseg.lab.experiment.jobs import Job
from kseg.lab.running.gpus import environment
from kseg.lab.running.worker import JOBS_PER_PROCESS, Outcome, first_line, run_job_here, start_process
from kseg.wording import counted

GIB = 2**30

RETRIES = 3
"""How often Ray begins a job again whose process or node died; a job that always takes its process down has failed."""

HANDOVER = 120.0
"""Seconds that a job waits for its directory. A process of a node that Ray has given up may still hold it."""

ENVIRONMENT = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # otherwise Ray announces how it treats jobs without a GPU
    "RAY_USAGE_STATS_ENABLED": "0",  # a cluster that starts here sends no statistics
}
"""Variables that Ray finds in the environment unless a person has set them."""


@dataclass(frozen=True)
class Needs:
    """The cores, memory and GPUs that a job asks of a node."""

    cores: int = 2
    memory: float = 4.0
    """GiB"""
    gpus: float | None = None
    """0.5: two jobs share a GPU; None: 1 where the cluster has GPUs, else 0"""

    def __post_init__(self) -> None:
        if self.cores < 1 or self.memory <= 0 or (self.gpus is not None and self.gpus < 0):
            raise UsageError(
                f"a job on Ray asks for --cores {self.cores}, --memory {self.memory:g} and --gpus {self.gpus or 0:g}; "
                "it needs at least 1 core, some memory, and 0 GPUs or more"
            )

    def of_ray(self) -> dict[str, float]:
        """The needs under Ray's names of resources."""
        return {"CPU": self.cores, "memory": int(self.memory * GIB), "GPU": self.gpus or 0}

    def fit_into(self, resources: dict[str, float]) -> int:
        """How many of these jobs a node with such resources takes at the same time."""
        asked = {name: amount for name, amount in self.of_ray().items() if amount}
        return min(math.floor(resources.get(name, 0) / amount + 1e-9) for name, amount in asked.items())


class Cluster:
    """A Ray cluster as a place for jobs."""

    def __init__(
        self,
        on: str,
        needs: Needs,
        *,
        processes: int | None = None,
        prepare: Callable[[], None] | None = None,
    ):
        """Join the cluster.

        Args:
          on: "ray" for the cluster of `RAY_ADDRESS` or of this machine, started if necessary; or ray://HOST:PORT.
          processes: most jobs at the same time (default: as many as the nodes take).
          prepare: called first in each process.
        Raises:
          UsageError: Ray is not installed, no cluster answers, or no node is large enough for a job.
        """
        # 1. the cluster
        self._ray = _import_ray()
        self._processes, self._prepare = processes, prepare
        try:
            self._ray.init(address=None if on == "ray" else on, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"--on {on}: no Ray cluster answers ({first_line(error)}); start one with `ray start`"
            ) from None
        # 2. what a job asks for; some node has to have it
        if needs.gpus is None:
            needs = dataclasses.replace(needs, gpus=1 if self._ray.cluster_resources().get("GPU") else 0)
        self.needs = needs
        if not self.room():
            self.close()
            raise UsageError(
                f"no node of the Ray cluster has {counted(needs.cores, 'core')}, {needs.memory:g} GiB and "
                f"{needs.gpus:g} GPUs for a job; ask for less with --cores, --memory and --gpus"
            )
        # 3. Ray's task, one for each job
        self._task = self._ray.remote(
            num_cpus=needs.cores,
            num_gpus=needs.gpus,
            memory=int(needs.memory * GIB),
            max_retries=RETRIES,
            # A process keeps the GPU and the memory that its framework took first; Ray may give the next job another.
            max_calls=1 if needs.gpus else JOBS_PER_PROCESS,
        )(run_on_node)
        self._refs: dict[Future[Outcome], Any] = {}

    @property
    def where(self) -> str:
        return f" on {counted(len(self._nodes()), 'node')} of a Ray cluster"

    def room(self) -> int:
        """How many jobs the living nodes take at the same time."""
        room = sum(self.needs.fit_into(node["Resources"]) for node in self._nodes())
        return room if self._processes is None else min(room, self._processes)

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]

    def submit(self, job: Job) -> Future[Outcome]:
        ref = self._task.remote(job, self.needs, self._prepare)
        future: Future[Outcome] = ref.future()
        self._refs = {other: known for other, known in self._refs.items() if not other.done()}
        self._refs[future] = ref
        return future

    def stop(self, future: Future[Outcome]) -> None:
        """End the process of a job; the job is left as it is and can be resumed."""
        self._ray.cancel(self._refs[future], force=True)
        self._ray.wait([self._refs[future]], timeout=HANDOVER)

    def close(self) -> None:
        """Leave the cluster, upon which Ray ends the processes of this command's jobs."""
        self._ray.shutdown()


def run_on_node(job: Job, needs: Needs, prepare: Callable[[], None] | None) -> Outcome:
    """`run_job` in a process of Ray's, which is prepared for jobs first."""
    os.environ.update(environment(None, shared=0 < (needs.gpus or 0) < 1))  # before a framework takes its GPU
    start_process(needs.cores, prepare)
    until = time.monotonic() + HANDOVER
    while (outcome := run_job_here(job)).elsewhere and time.monotonic() < until:
        time.sleep(1)
    return outcome


def check_needs(jobs: list[Job], needs: Needs) -> None:
    """Raises: UsageError where a job trains on several GPUs and --gpus does not say how many."""
    several = next((job for job in jobs if job.config.training.distribute != "none"), None)
    if several is not None and needs.gpus is None:
        raise UsageError(
            f"{several.title} trains with --distribute {several.config.training.distribute}; "
            "say with --gpus how many GPUs a job is to get"
        )


def _import_ray() -> Any:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise UsageError("--on ray needs Ray, which is not installed; pip install 'kseg[ray]'") from None
    return ray
