"""The first thing that a process of a pool does; this file imports no framework, which would read the environment."""

import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection


def begin(
    lifeline: Connection, threads: int | None, prepare: Callable[[], None] | None, variables: dict[str, str]
) -> None:
    """Set the environment, and then import what runs jobs, Keras among it."""
    os.environ.update(variables)
    end_with(lifeline)
    from kseg.lab.running.worker import start_process

    start_process(threads, prepare)


def end_with(lifeline: Connection) -> None:
    """End this process, at once, when the other end of the pipe is closed."""
    threading.Thread(target=_wait_for_the_end, args=(lifeline,), daemon=True).start()


def _wait_for_the_end(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    finally:
        os._exit(1)  # a job under way can be resumed
