"""The beginning of a run: its directory, and what is recorded there before the first epoch."""

import contextlib
import sys
from collections.abc import Iterator

from kseg.atomic import write_json
from kseg.training.environment import describe_environment
from kseg.training.plan import Plan
from kseg.training.workdir import WorkDir


@contextlib.contextmanager
def run_directory(plan: Plan) -> Iterator[WorkDir]:
    """The directory of a run, new or of the same run; no other process takes it until the end of the block.

    Raises: UsageError, Failure as `WorkDir.open` and `WorkDir.adopt`; RunInUse.
    """
    workdir = WorkDir.open(plan.path, plan.config, anew=True, command=plan.command)
    with workdir.claimed():
        changed = workdir.adopt(plan.config, command=plan.command)
        if changed:
            print(f"kseg: {changed}", file=sys.stderr)
        yield workdir


@contextlib.contextmanager
def followed_directory(plan: Plan) -> Iterator[WorkDir]:
    """The directory for a machine beside the one that writes: both must find the run complete or neither."""
    workdir = WorkDir(plan.path)
    if workdir.has_begun:
        workdir.adopt(plan.config, command=plan.command)
    yield workdir


def record_beginning(workdir: WorkDir, plan: Plan) -> None:
    """Write env.json: what the run is made on and with."""
    model = plan.config.model
    environment = describe_environment(command=plan.command, weights=str(model.weights), init=model.init)
    if plan.choice is not None:
        environment["auto"] = plan.choice.to_json()
    if plan.class_weights is not None:
        environment["class_weights"] = dict(zip(plan.dataset.classes, plan.class_weights, strict=True))
    write_json(workdir.environment, environment)
