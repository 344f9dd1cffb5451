"""Seconds per epoch of a training with what `--jit auto` compiles and with nothing compiled, in turn.

    python benchmarks/jit.py -- --dataset camvid --category building --model fcn8s --encoder mobilenetv2 \
        --weights FILE --loss ce --outputs 2 --batch-size 16 --precision mixed_bfloat16 --epochs 4

Everything behind `--` goes to `kseg train`. Each training is a process of its own in a temporary folder; its first
epoch, which traces and compiles, is printed by itself. A run shorter than `WORTHWHILE_PIXELS` of
`kseg/training/compilation.py` compiles nothing on a CPU either way: 2e8 pixels are 4 epochs of 367 images of 360×480.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Options:
    """Compare --jit auto with --jit off."""

    train: tyro.conf.Positional[tuple[str, ...]]
    """flags of kseg train, behind --"""
    rounds: int = 2
    """how often each is trained"""


def epochs(flags: tuple[str, ...], jit: str) -> list[float]:
    """Seconds of every epoch, validation included."""
    with tempfile.TemporaryDirectory() as folder:
        workdir = Path(folder) / "run"
        command = [sys.executable, "train.py", *flags, "--jit", jit, "--keep", "measurements", "--workdir", workdir]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return [json.loads(line)["seconds"] for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def main(options: Options) -> None:
    medians: dict[str, list[float]] = {"off": [], "auto": []}
    for _ in range(options.rounds):
        for jit, of_rounds in medians.items():
            first, *rest = epochs(options.train, jit)
            of_rounds.append(statistics.median(rest))
            print(f"--jit {jit:4}  first epoch {first:6.1f} s  later ones {of_rounds[-1]:6.1f} s", flush=True)
    ratios = [a / b for a, b in zip(medians["auto"], medians["off"], strict=True)]
    print(f"auto / off: {statistics.median(ratios):.2f}  ({min(ratios):.2f} … {max(ratios):.2f})")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
