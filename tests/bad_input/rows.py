"""A case of bad input is a row: command, exit code, what the sentence has to name, how to make it.

A command's words are files of the folder it runs in, where the sound ones lie: run, model.keras, photo.png, folder and
results.json. A row damages them. `report` and `read-weights` are no commands of kseg: they call one function.
"""

from typing import NamedTuple

from making import Make


def nothing() -> None:
    """A case whose command line alone is bad."""


class Row(NamedTuple):
    """One case."""

    command: str
    code: int
    says: str
    make: Make = nothing
    environment: dict[str, str] = {}  # noqa: RUF012  (nobody writes into it)


USAGE, FAILED = 2, 1
TRAIN = (
    "train --workdir new --synthetic-size 32 --synthetic-counts 4 2 2 --epochs 1 --base-width 4 --batch-size 2"
    " --no-tensorboard"
)
TRAIN_FOLDER = "train --workdir new --dataset folder --epochs 1 --no-tensorboard"
PREDICT = "predict model.keras photo.png --out out"
WEIGHTS = "train --workdir new --model unet_mobilenetv2 --synthetic-size 32 --synthetic-counts 4 2 2 --weights"
CHECK = "data check folder --data-dir folder"
LFW = "data stats lfw --data-dir lfw"  # not `prepare`, which asks the network
VERIFY = "lab verify amadi --results results.json"
LAB_REPORT = "lab report loss_study --scale smoke --only ce --root lab --markdown"
