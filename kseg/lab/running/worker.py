"""A process that runs jobs one after another: the framework starts once and images are read once."""

import functools
import gc
import math
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tqdm import tqdm

from kseg.datasets import DataOptions, Dataset, open_dataset
from kseg.errors import KsegError
from kseg.lab.experiment.jobs import Job
from kseg.tasks import TASKS
from kseg.training.workdir import RunInUse

KEPT_DATASETS = 6

JOBS_PER_PROCESS = 25
"""A process is replaced after so many jobs, because TensorFlow keeps about 20 MB of every traced model.

A process for each job would start the framework and read the images every time, which costs some seconds more in a job
of 13 seconds.
"""


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    seconds: float
    error: str | None = None
    score: str = ""
    """for a person: "IoU 0.9134" """
    elsewhere: bool = False
    """whether another process, perhaps on another machine, runs the job"""


class Images:
    """Data sets that stay open, with the images read so far."""

    def __init__(self) -> None:
        self._open: dict[DataOptions, Dataset] = {}

    def of(self, options: DataOptions) -> Dataset:
        dataset = self._open.pop(options, None) or open_dataset(options).remember()
        self._open[options] = dataset  # the latest is the last
        while len(self._open) > KEPT_DATASETS:
            del self._open[next(iter(self._open))]
        return dataset


@functools.cache
def images_here() -> Images:
    """The data sets that this process keeps open."""
    return Images()


def run_job_here(job: Job) -> Outcome:
    """`run_job` with the images that this process has read already."""
    return run_job(job, images_here())


@functools.cache
def start_process(threads: int | None, prepare: Callable[[], None] | None) -> None:
    """Prepare a process for jobs, once. It ignores Ctrl-C, because the command ends its processes itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # tqdm's default lock is a semaphore between processes, which Python reports as leaked when a process is ended.
    tqdm.set_lock(threading.RLock())
    if prepare is not None:
        prepare()
    limit_threads(threads)


def limit_threads(threads: int | None) -> None:
    """Several workers share the cores instead of each taking all of them."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # every job traces its own network, which TensorFlow takes for a mistake
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def run_job(job: Job, images: Images) -> Outcome:
    """Train and measure; an error is recorded in the job's directory and returned as a sentence."""
    import keras

    from kseg.training.run import train

    started = time.perf_counter()
    if job.state == "complete":  # another process completed it since the list was made
        return Outcome(0.0, score=score_of(job))
    job.write_config()
    job.forget_failure()
    try:
        train(job.config, job.path, command=job.command, dataset=images.of(job.config.data), quiet=True)
    except RunInUse:
        return Outcome(time.perf_counter() - started, elsewhere=True)
    except Exception as error:  # whatever it is, the other jobs go on
        sentence = str(error) if isinstance(error, KsegError) else f"{type(error).__name__}: {first_line(error)}"
        job.record_failure(type(error).__name__, sentence)
        return Outcome(time.perf_counter() - started, error=sentence)
    finally:
        keras.config.set_dtype_policy("float32")
        keras.utils.clear_session()
        gc.collect()
    return Outcome(time.perf_counter() - started, score=score_of(job))


def first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")


def score_of(job: Job) -> str:
    """The one number of a complete job, with its name."""
    evaluation = job.files.read_evaluation()
    title, value = TASKS[evaluation.task].score.title, evaluation.headline[1]
    return f"no {title}" if math.isnan(value) else f"{title} {value:.4f}"
