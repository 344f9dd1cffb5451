"""Does a training step survive at every size of image? TensorFlow's CPU kernels have died of some convolutions.

    python benchmarks/sizes.py --out results/benchmarks/sizes.json     # 321², batch 2, then 40 random sizes each
    python benchmarks/sizes.py --models pspnet:mobilenetv2 --count 5

oneDNN aborts the whole process where it dies, so each model is stepped in a process of its own, which says the size
before it begins. After a death the next process goes on behind that size. Sizes (height, width, batch) are drawn with a
seed between 65 and 513, 1 and 4. A loss that is not finite counts as a failure too.
"""

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from train_step import keras_step

FIRST = (321, 321, 2)
"""The size of Kim et al.'s crops."""

LEAST, MOST, BATCH = 65, 513, 4


@dataclass(frozen=True)
class Settings:
    """Settings of the probe."""

    models: tuple[str, ...] = ()
    """MODEL or MODEL:ENCODER (unset: every model, on mobilenetv2 where it takes any encoder)"""
    count: int = 40
    """random sizes of each model"""
    seed: int = 0
    """of the sizes"""
    out: Path | None = None
    """JSON file to put the results into, beside what it has of other models"""
    worker: str = ""
    """step just this model in this process"""
    skip: int = 0
    """sizes that the worker leaves out at the beginning"""


def sizes(settings: Settings) -> list[tuple[int, int, int]]:
    rng = np.random.default_rng(settings.seed)
    drawn = rng.integers((LEAST, LEAST, 1), (MOST + 1, MOST + 1, BATCH + 1), (settings.count, 3))
    return [FIRST, *(tuple(map(int, size)) for size in drawn)]


def every_model() -> list[str]:
    from kseg.conventions import DEFAULT_TASK
    from kseg.models import MODELS

    entries = {name: entry for name, entry in MODELS.items() if entry.task == DEFAULT_TASK}
    return [f"{name}:mobilenetv2" if "encoder" in entry.declared else name for name, entry in entries.items()]


def work(settings: Settings) -> None:
    """A line before and behind every size."""
    import keras

    from kseg.losses import get
    from kseg.models import build

    name, _, encoder = settings.worker.partition(":")
    network = build(name, activation=None, **({"encoder": encoder} if encoder else {}))
    for height, width, batch in sizes(settings)[settings.skip :]:
        print(json.dumps({"begun": [height, width, batch]}), flush=True)
        rng = np.random.default_rng(0)
        images = rng.uniform(0, 255, (batch, height, width, 3)).astype("float32")
        labels = rng.integers(0, 2, (batch, height, width)).astype("uint8")
        optimizer = keras.optimizers.SGD(0.0)
        loss = float(
            np.asarray(keras_step(network, get("iou", from_logits=True), images, labels, optimizer=optimizer)())
        )
        print(json.dumps({"loss": loss}), flush=True)


def probe(name: str, settings: Settings) -> list[dict]:
    """The sizes at which a model died or gave no number, with what the process said last."""
    wanted, done, failures = sizes(settings), 0, []
    while done < len(wanted):
        command = [sys.executable, __file__, f"--worker={name}", f"--skip={done}"]
        command += [f"--count={settings.count}", f"--seed={settings.seed}"]
        found = subprocess.run(
            command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True, text=True
        )  # fmt: skip
        losses = [json.loads(line)["loss"] for line in found.stdout.splitlines() if line.startswith('{"loss"')]
        for place, loss in enumerate(losses):
            if not np.isfinite(loss):
                failures.append({"size": wanted[done + place], "loss": str(loss)})
        done += len(losses)
        if found.returncode:
            if '{"begun"' not in found.stdout:
                sys.exit(f"{name} could not be built:\n{found.stderr[-2000:]}")
            last = found.stderr.strip().splitlines()[-1:] or [""]
            failures.append({"size": wanted[done], "exit": found.returncode, "said": last[0][:300]})
            done += 1
    return failures


def main(settings: Settings) -> None:
    if settings.worker:
        work(settings)
        return
    for name in settings.models or every_model():
        failures = probe(name, settings)
        print(f"{name:<28} {len(sizes(settings))} sizes, {len(failures)} failures {failures or ''}", flush=True)
        if settings.out:
            content = json.loads(settings.out.read_text()) if settings.out.exists() else {}
            content |= {"machine": platform.machine(), "python": platform.python_version()}
            content.setdefault("models", {})[name] = {"sizes": len(sizes(settings)), "failures": failures}
            settings.out.parent.mkdir(parents=True, exist_ok=True)
            settings.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
