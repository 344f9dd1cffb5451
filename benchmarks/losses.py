"""Forward and backward of every loss: as a multiple of cross-entropy, with and without XLA, beside PyTorch's formula.

    python benchmarks/losses.py [--size binary voc street] [--losses lovasz dice] [--out results/benchmarks/losses.json]

    binary  (8, 224, 224, 1)      voc  (4, 321, 321, 21)      street  (2, 512, 1024, 19)

Labels are cells of 32×32 pixels with every class in every image, logits half trained: the truth, and twice the noise.
For each size three processes wait: `function` (kseg in a `tf.function`), `xla` (the same under `jit_compile=True`) and
`torch` (benchmarks/torch_losses.py; `monai` where installed and of the same kind). For each loss they run in turn, each
its own cross-entropy right before, for several rounds; medians count, ratios are made round by round, because machines
are shared and noisy. `--peak` measures memory instead: a process for each loss and variant, and how far its peak rises
above what it held before the first call (the logits included, the code compiled on the way too).

With `--out` the results are merged into a JSON file, size by size and loss by loss.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tyro

SIZES = {"binary": (8, 224, 224, 1), "voc": (4, 321, 321, 21), "street": (2, 512, 1024, 19)}
OVERLAP = ("iou", "dice", "jaccard_distance", "jml", "gdice", "tversky", "focal_tversky", "log_cosh_dice",
           "sensitivity_specificity")  # fmt: skip
PACKAGES = ("keras", "tensorflow", "torch", "monai", "numpy")


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    size: tuple[str, ...] = tuple(SIZES)
    """binary, voc, street"""
    losses: tuple[str, ...] = ()
    """names of losses; all by default"""
    seconds: float = 3.0
    """time for the rounds of one loss, after the first three"""
    rounds: int = 9
    """at most so many rounds"""
    peak: bool = False
    """measure memory, not time"""
    train_step: float = 0.0
    """seconds of a BFCN-32s training step on 8 images (8 / images/s of benchmarks/train_step.py), to compare with"""
    out: Path | None = None
    """JSON file to merge the results into"""
    worker: str = ""
    """run as one of the processes: function, xla or torch"""


def inputs(size: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N, H, W) uint8 and logits (N, H, W, C) float32."""
    n, height, width, channels = SIZES[size]
    rng = np.random.default_rng(0)
    classes = max(2, channels)
    cells = rng.permuted(np.arange(n * -(-height // 32) * -(-width // 32)).reshape(n, -1) % classes, axis=1)
    cells = cells.reshape(n, -(-height // 32), -(-width // 32)).astype("uint8")
    labels = cells.repeat(32, axis=1).repeat(32, axis=2)[:, :height, :width]
    truth = labels[..., None] == np.arange(channels) if channels > 1 else 2.0 * labels[..., None] - 1.0
    return labels, (truth + 2.0 * rng.normal(size=(n, height, width, channels))).astype("float32")


def distance_maps(labels: np.ndarray, channels: int) -> np.ndarray:
    """The boundary loss's maps (N, H, W, C), as the pipeline makes them."""
    from scipy.ndimage import distance_transform_edt

    maps = np.zeros((*labels.shape, channels), "float32")
    for n, k in np.ndindex(len(labels), channels):
        mask = labels[n] == (k if channels > 1 else 1)
        if mask.any() and not mask.all():
            maps[n, ..., k] = np.where(mask, 1 - distance_transform_edt(mask), distance_transform_edt(~mask))
    return maps


def kseg_step(name: str, size: str, *, xla: bool) -> Callable[[], float]:
    import tensorflow as tf

    from kseg.losses import get

    labels, logits = inputs(size)
    if name == "boundary":
        labels = np.concatenate([labels[..., None], distance_maps(labels, logits.shape[-1])], axis=-1)
    loss, y, z = get(name, from_logits=True), tf.constant(labels), tf.constant(logits)

    @tf.function(jit_compile=xla)
    def step(y, z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = loss(y, z)
        return value, tape.gradient(value, z)

    return lambda: float(step(y, z)[0])


def torch_step(name: str, size: str) -> Callable[[], float]:
    import torch
    from torch_losses import PEERS, monai_losses

    labels, logits = inputs(size)
    z = torch.from_numpy(logits.transpose(0, 3, 1, 2).copy()).requires_grad_()
    y = torch.from_numpy(labels).long()
    loss = monai_losses(logits.shape[-1])[name[6:]] if name.startswith("monai ") else PEERS[name]
    more = []
    if name == "boundary":
        more = [torch.from_numpy(distance_maps(labels, logits.shape[-1]).transpose(0, 3, 1, 2).copy())]

    def step() -> float:
        z.grad = None
        value = loss(z, y, *more)
        value.backward()
        return value.item()

    return step


def make(variant: str, name: str, size: str) -> Callable[[], float]:
    if variant == "torch":
        return torch_step(name, size)
    return kseg_step(name, size, xla=variant == "xla")


def serve(settings: Settings) -> None:
    """A process that reads orders line by line, and prepares and times losses."""
    variant, size = settings.worker, settings.size[0]
    baseline = None if settings.peak else make(variant, "ce", size)
    step: Callable[[], float] | None = None
    for line in sys.stdin:
        order, _, name = line.strip().partition(" ")
        answer: dict = {}
        if order == "prepare":
            step = make(variant, name, size)
            Path("/proc/self/clear_refs").write_text("5")  # the peak so far is that of imports and inputs
            before = memory("VmRSS")
            answer["value"] = step()
            answer["peak_mb"] = memory("VmHWM") - before
        elif order == "time" and step and baseline:
            answer = {"ce": seconds(baseline), "loss": seconds(step)}
        print(json.dumps(answer), flush=True)


def memory(field: str) -> float:
    """MB that this process holds (VmRSS), or its peak since the last reset (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def seconds(step: Callable[[], float], at_least: float = 0.03) -> float:
    """Seconds of one call, the mean over as many as fill `at_least`."""
    started, calls = time.perf_counter(), 0
    while True:
        step()
        calls += 1
        if (passed := time.perf_counter() - started) >= at_least:
            return passed / calls


@dataclass
class Worker:
    """A waiting process."""

    variant: str
    size: str
    peak: bool
    process: subprocess.Popen = field(init=False)

    def __post_init__(self) -> None:
        command = [sys.executable, __file__, f"--worker={self.variant}", "--size", self.size]
        command += ["--peak"] if self.peak else []
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipe, errors = subprocess.PIPE, None if "DEBUG" in os.environ else subprocess.DEVNULL
        self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=errors, text=True)

    def send(self, order: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()

    def read(self) -> dict:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the {self.variant} process at size {self.size} ended; run it with DEBUG=1 to see why")
        return json.loads(line)

    def ask(self, order: str) -> dict:
        self.send(order)
        return self.read()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def names_at(size: str, settings: Settings) -> list[str]:
    from kseg.losses import LOSSES

    problem = "binary" if SIZES[size][-1] == 1 else "multi-class"
    return [name for name in settings.losses or LOSSES if problem in LOSSES[name].problems]


def variants() -> list[str]:
    return ["function", "xla", *(["torch"] if find_spec("torch") else [])]


def runs_of(name: str) -> list[tuple[str, str]]:
    """(column, variant's name of the loss) beside the three plain ones."""
    from torch_losses import monai_losses

    return [("monai", f"monai {name}")] if find_spec("torch") and name in monai_losses(1) else []


def times_at(size: str, settings: Settings) -> dict[str, dict]:
    workers = {variant: Worker(variant, size, peak=False) for variant in variants()}
    results = {}
    for name in names_at(size, settings):
        columns = {variant: (worker, name) for variant, worker in workers.items()}
        row = timed(columns, settings)
        for column, other in runs_of(name):
            row |= timed({column: (workers["torch"], other)}, settings)
        results[name] = row
        print(shown(name, row), flush=True)
    for worker in workers.values():
        worker.close()
    return results


def timed(columns: dict[str, tuple[Worker, str]], settings: Settings) -> dict[str, dict]:
    """Rounds of one loss in all variants, each with cross-entropy before it."""
    for worker, name in columns.values():
        worker.send(f"prepare {name}")
    values = {column: worker.read()["value"] for column, (worker, _) in columns.items()}
    rounds: dict[str, list[dict]] = {column: [] for column in columns}
    started = time.perf_counter()
    for done in range(settings.rounds):
        if done >= 3 and time.perf_counter() - started > settings.seconds:
            break
        for column, (worker, _) in columns.items():
            rounds[column].append(worker.ask("time"))
    results = {}
    for column, done_rounds in rounds.items():
        results[column] = {
            "ms": 1e3 * statistics.median(r["loss"] for r in done_rounds),
            "times_ce": statistics.median(r["loss"] / r["ce"] for r in done_rounds),
            "value": values[column],
        }
        if "torch" in rounds and column != "torch":
            pairs = zip(rounds["torch"], done_rounds, strict=True)
            results[column]["torch_over_this"] = statistics.median(t["loss"] / r["loss"] for t, r in pairs)
    return results


def peaks_at(size: str, settings: Settings) -> dict[str, dict]:
    results: dict[str, dict] = {}
    for name in names_at(size, settings):
        results[name] = {}
        for variant in variants():
            worker = Worker(variant, size, peak=True)
            results[name][variant] = {"peak_mb": round(worker.ask(f"prepare {name}")["peak_mb"])}
            worker.close()
        print(f"{name:<24}" + "".join(f"{v} {r['peak_mb']:>6} MB   " for v, r in results[name].items()), flush=True)
    return results


def shown(name: str, row: dict[str, dict]) -> str:
    cells = [f"{column} {r['ms']:9.1f} ms {r['times_ce']:6.2f}×CE" for column, r in row.items()]
    if "torch" in row:
        cells.append(f"torch/xla {row['xla']['torch_over_this']:.2f}")
        if abs(row["xla"]["value"] - row["torch"]["value"]) > 1e-3 * abs(row["torch"]["value"]):
            cells.append(f"values differ: {row['xla']['value']:.6g} and {row['torch']['value']:.6g}")
    return f"{name:<24}" + "   ".join(cells)


def verdicts(results: dict[str, dict[str, dict]], train_step: float) -> list[str]:
    """The targets under XLA, and whether they are reached."""
    lines = []

    def verdict(what: str, measured: float, limit: float, unit: str = "×CE") -> None:
        word = "reached" if measured <= limit else "not reached"
        lines.append(f"{what}: {measured:.2f} {unit}, at most {limit:g}: {word}")

    for size, rows in results.items():
        # 1. as multiples of cross-entropy, and of a training step
        rows = {name: row for name, row in rows.items() if "ms" in row.get("xla", {})}
        if "level_set" in rows:
            verdict(f"{size}: level_set", rows["level_set"]["xla"]["times_ce"], 2.0)
            if size == "binary" and train_step:
                share = 100 * rows["level_set"]["xla"]["ms"] / 1e3 / train_step
                verdict("binary: level_set of a BFCN-32s training step", share, 2.0, "%")
        overlap = {name: rows[name]["xla"]["times_ce"] for name in OVERLAP if name in rows}
        if overlap:
            worst = max(overlap, key=lambda name: overlap[name])
            verdict(f"{size}: overlap losses, the slowest is {worst}", overlap[worst], 1.5)
        # 2. beside PyTorch
        ratios = {name: row["xla"]["torch_over_this"] for name, row in rows.items() if "torch" in row}
        slower = {name: f"{1 / ratio:.2f}" for name, ratio in ratios.items() if ratio < 1.0}
        if "lovasz" in ratios:
            verdict(f"{size}: lovasz over torch's", 1 / ratios["lovasz"], 1.0, "× torch")
        if ratios:
            names = ", ".join(f"{name} {times}×" for name, times in slower.items()) or "none"
            lines.append(f"{size}: slower than the peer in PyTorch: {names}: {'not ' * bool(slower)}reached")
    return lines


def installed() -> dict[str, str]:
    versions = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def merged(path: Path, results: dict[str, dict[str, dict]], settings: Settings) -> dict:
    """The file's content with these results put over it; the new verdicts are about all of it."""
    known = json.loads(path.read_text()) if path.exists() else {}
    sizes = known.get("sizes", {})
    for size, rows in results.items():
        for name, row in rows.items():
            for column, values in row.items():
                sizes.setdefault(size, {}).setdefault(name, {}).setdefault(column, {}).update(values)
    step = settings.train_step or known.get("train_step_seconds", 0.0)
    return {
        "command": "python benchmarks/losses.py --out results/benchmarks/losses.json; then with --peak",
        "shapes": SIZES, "versions": installed(), "train_step_seconds": step,
        "verdicts": verdicts(sizes, step), "sizes": sizes,
    }  # fmt: skip


def main(settings: Settings) -> None:
    if settings.worker:
        serve(settings)
        return
    results = {}
    for size in settings.size:
        print(f"{size} {SIZES[size]}", flush=True)
        results[size] = (peaks_at if settings.peak else times_at)(size, settings)
    print(*verdicts(results, settings.train_step), sep="\n")
    if settings.out:
        content = merged(settings.out, results, settings)
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        settings.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
