"""A command of two checkouts in turn: whether it has become slower.

    python benchmarks/command.py --before CHECKOUT [--pairs 5] [--out results/benchmarks/lab_run.json]
    python benchmarks/command.py --before CHECKOUT --command "train --workdir {folder}/run" --pairs 3

Each command begins with an empty directory, for which `{folder}` stands, and an empty cache. `ratio` is the time of
this checkout divided by that of the other, pair by pair; which of the two runs first changes from pair to pair.
"""

import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

HERE = Path(__file__).parents[1]
COMMAND = "from kseg.cli.main import main; raise SystemExit(main())"


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    before: Path
    """the other checkout"""
    command: str = "lab run loss_study --scale smoke --root {folder} --processes 1"
    """words behind `kseg`, the same for both"""
    pairs: int = 5
    out: Path | None = None
    """JSON file to write"""


def seconds(checkout: Path, command: str) -> float:
    """Wall time of the command, from the start of its process to its end."""
    with tempfile.TemporaryDirectory() as folder:
        words = [word.replace("{folder}", folder) for word in shlex.split(command)]
        environment = {**os.environ, "PYTHONPATH": str(checkout), "KSEG_CACHE": str(Path(folder, "cache"))}
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", COMMAND, *words], cwd=folder, env=environment, check=True)
        return time.perf_counter() - started


def commit(checkout: Path) -> str:
    words = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def main(settings: Settings) -> None:
    before, now = settings.before.absolute(), HERE
    times: dict[Path, list[float]] = {before: [], now: []}
    for pair in range(settings.pairs):
        for checkout in (before, now) if pair % 2 == 0 else (now, before):
            times[checkout].append(seconds(checkout, settings.command))
    ratios = [after / other for other, after in zip(times[before], times[now], strict=True)]
    result = {
        "command": f"kseg {settings.command}",
        "before": {"commit": commit(before), "seconds": [round(value, 2) for value in times[before]]},
        "now": {"commit": commit(now), "seconds": [round(value, 2) for value in times[now]]},
        "ratio": {
            "median": round(statistics.median(ratios), 3),
            "low": round(min(ratios), 3),
            "high": round(max(ratios), 3),
        },
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=2))
    if settings.out is not None:
        settings.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
