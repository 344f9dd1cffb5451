"""Does a training step survive at every size of image? TensorFlow's CPU kernels have crashed on some convolutions.

    python benchmarks/sizes.py --out results/benchmarks/sizes.json     # 321², batch 2, then 40 random sizes each
    python benchmarks/sizes.py --models pspnet:mobilenetv2 --count 5
    python benchmarks/sizes.py --models deeplab_largefov@msc deeplab_resnet101:resnet50@msc --count 6 --head-width 64

oneDNN aborts the whole process, so each model trains in a process of its own, which prints every size before its step.
After a crash the next process goes on with the next size. Sizes (height, width, batch) are drawn with a seed, between
65 and 513 pixels and 1 and 4 images. A loss that is not finite is a failure too. With @msc a network sees the image at
0.5, 0.75 and 1 and gives the maximum. The results hold the failures and the peak memory of the process.
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
from models import peak_gb
from train_step import keras_step

FIRST = (321, 321, 2)
"""The size of Kim et al.'s crops."""

LEAST, MOST, BATCH = 65, 513, 4

SCALES = (0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Settings:
    """Settings of the probe."""

    models: tuple[str, ...] = ()
    """MODEL or MODEL:ENCODER, with @msc at three scales (unset: every model, on mobilenetv2 where it takes any)"""
    count: int = 40
    """random sizes of each model"""
    seed: int = 0
    """seed of the sizes"""
    head_width: int | None = None
    """feature maps of the head, where a model has one (unset: the model's own)"""
    out: Path | None = None
    """JSON file to put the results into; it keeps those of other models"""
    worker: str = ""
    """train just this model in this process"""
    skip: int = 0
    """number of sizes at the beginning that the worker leaves out"""


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
    """Print a line before and after the step at every size."""
    import keras

    from kseg.losses import get
    from kseg.models import MODELS, build

    named, _, scaled = settings.worker.partition("@")
    name, _, encoder = named.partition(":")
    options: dict = {"encoder": encoder} if encoder else {}
    if settings.head_width and "head_width" in MODELS[name].declared:
        options["head_width"] = settings.head_width
    network = build(name, activation=None, scales=SCALES if scaled else (), **options)
    for height, width, batch in sizes(settings)[settings.skip :]:
        print(json.dumps({"begun": [height, width, batch]}), flush=True)
        rng = np.random.default_rng(0)
        images = rng.uniform(0, 255, (batch, height, width, 3)).astype("float32")
        labels = rng.integers(0, 2, (batch, height, width)).astype("uint8")
        optimizer = keras.optimizers.SGD(0.0)
        loss = float(
            np.asarray(keras_step(network, get("iou", from_logits=True), images, labels, optimizer=optimizer)())
        )
        print(json.dumps({"loss": loss, "peak_gb": round(peak_gb(), 2)}), flush=True)


def probe(name: str, settings: Settings) -> tuple[list[dict], float]:
    """The sizes at which a model crashed or gave no number, with the last line of the process, and its peak memory."""
    wanted, done, failures, most = sizes(settings), 0, [], 0.0
    while done < len(wanted):
        command = [sys.executable, __file__, f"--worker={name}", f"--skip={done}"]
        command += [f"--count={settings.count}", f"--seed={settings.seed}"]
        command += [f"--head-width={settings.head_width}"] if settings.head_width else []
        worker = subprocess.run(
            command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True, text=True
        )  # fmt: skip
        steps = [json.loads(line) for line in worker.stdout.splitlines() if line.startswith('{"loss"')]
        losses = [step["loss"] for step in steps]
        most = max([most, *(step["peak_gb"] for step in steps)])
        for place, loss in enumerate(losses):
            if not np.isfinite(loss):
                failures.append({"size": wanted[done + place], "loss": str(loss)})
        done += len(losses)
        if worker.returncode:
            if '{"begun"' not in worker.stdout:
                sys.exit(f"{name} could not be built:\n{worker.stderr[-2000:]}")
            last = worker.stderr.strip().splitlines()[-1:] or [""]
            failures.append({"size": wanted[done], "exit": worker.returncode, "said": last[0][:300]})
            done += 1
    return failures, most


def main(settings: Settings) -> None:
    if settings.worker:
        work(settings)
        return
    for name in settings.models or every_model():
        failures, most = probe(name, settings)
        counted = f"{len(sizes(settings))} sizes, {len(failures)} failures, at most {most:.1f} GB"
        print(f"{name:<32} {counted} {failures or ''}", flush=True)
        if settings.out:
            content = json.loads(settings.out.read_text()) if settings.out.exists() else {}
            content |= {"machine": platform.machine(), "python": platform.python_version()}
            content.setdefault("models", {})[name] = {
                "sizes": len(sizes(settings)), "head_width": settings.head_width, "peak_gb": most, "failures": failures,
            }  # fmt: skip
            settings.out.parent.mkdir(parents=True, exist_ok=True)
            settings.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
