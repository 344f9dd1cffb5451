"""Images per second of one BFCN-32s training step: plain Keras, kseg in three ways, PyTorch.

    python benchmarks/train_step.py [--batch 8] [--rounds 3] [--steps 3] [--head-width 4096]

The variants run in turn, each in a process of its own (one needs oneDNN off), for several rounds; the median round
counts, because machines are shared and noisy. Random weights: speed does not depend on them.

    plain     keras.applications.VGG16 + Conv2DTranspose(kernel 64, stride 32); TF_ENABLE_ONEDNN_OPTS=0, because with
              oneDNN TensorFlow's CPU build aborts in the gradient of that layer at batch ≥ 2
    float32   kseg's bfcn32s: SubpixelUpsample in its place, oneDNN on
    bfloat16  the same under mixed_bfloat16
    cached    float32, on cached features of the frozen blocks 1–4
    cached16  bfloat16 and cached
    torch     the same network in PyTorch, if installed
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import tyro

from kseg.allocator import keep_freed_memory

SIZE = 224
RATIOS = [
    ("float32", "plain"),
    ("bfloat16", "float32"),
    ("cached", "float32"),
    ("cached16", "bfloat16"),
    ("float32", "torch"),
]


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    batch: int = 8
    """images a step"""
    rounds: int = 3
    """times every variant runs, in turn with the others"""
    steps: int = 3
    """timed steps a round, after one that is not counted"""
    head_width: int = 4096
    """feature maps of fc6 and fc7; the paper's 4096"""
    variant: str = ""
    """run just this one, in this process"""


def images_and_labels(batch: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return (
        rng.integers(0, 256, (batch, size, size, 3)).astype("float32"),
        rng.integers(0, 2, (batch, size, size)).astype("uint8"),
    )


def plain_keras(settings: Settings) -> Callable[[], None]:
    import keras

    from kseg.losses import get

    encoder = keras.applications.VGG16(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    for layer in encoder.layers:
        layer.trainable = layer.name.startswith("block5")
    x = encoder.output
    for kernel in (7, 1):
        x = keras.layers.Conv2D(settings.head_width, kernel, padding="same", activation="relu")(x)
    x = keras.layers.Conv2D(1, 1)(x)
    x = keras.layers.Conv2DTranspose(1, 64, strides=32, padding="same")(x)
    return keras_step(keras.Model(encoder.input, x), get("iou", from_logits=True), *images_and_labels(settings.batch))


def kseg_step(settings: Settings, *, precision: str, cached: bool) -> Callable[[], None]:
    import keras

    from kseg.losses import get
    from kseg.models import build
    from kseg.pipeline.frozen import split_frozen

    keras.config.set_dtype_policy(precision)
    model = build("bfcn32s", input_shape=(SIZE, SIZE, 3), activation=None, head_width=settings.head_width)
    images, labels = images_and_labels(settings.batch)
    if not cached:
        return keras_step(model, get("iou", from_logits=True), images, labels)
    split = split_frozen(model)
    assert split is not None
    return keras_step(split.head, get("iou", from_logits=True), split.extractor(images), labels)


def keras_step(model, loss, inputs, labels, optimizer="rmsprop") -> Callable[[], None]:
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    return lambda: model.train_on_batch(inputs, labels)


def pytorch(settings: Settings) -> Callable[[], None]:
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    channels = 3
    for block, (convolutions, width) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), start=1):
        for _ in range(convolutions):
            convolution = nn.Conv2d(channels, width, 3, padding=1).requires_grad_(block == 5)
            layers += [convolution, nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    for kernel in (7, 1):
        layers += [nn.Conv2d(channels, settings.head_width, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
        channels = settings.head_width
    layers += [nn.Conv2d(channels, 1, 1), nn.ConvTranspose2d(1, 1, 64, stride=32, padding=16)]
    model = nn.Sequential(*layers)
    optimizer = torch.optim.RMSprop([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    return torch_step(model, optimizer, *images_and_labels(settings.batch))


def torch_step(model, optimizer, images, labels) -> Callable[[], None]:
    """One step of the IoU loss."""
    import torch

    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    y = torch.from_numpy(labels.astype("float32"))

    def step() -> None:
        optimizer.zero_grad()
        p = torch.sigmoid(model(x)[:, 0])
        intersection, union = (p * y).sum((1, 2)), (p + y - p * y).sum((1, 2))
        (1 - intersection / union).mean().backward()
        optimizer.step()

    return step


VARIANTS: dict[str, Callable[[Settings], Callable[[], None]]] = {
    "plain": plain_keras,
    "float32": lambda settings: kseg_step(settings, precision="float32", cached=False),
    "bfloat16": lambda settings: kseg_step(settings, precision="mixed_bfloat16", cached=False),
    "cached": lambda settings: kseg_step(settings, precision="float32", cached=True),
    "cached16": lambda settings: kseg_step(settings, precision="mixed_bfloat16", cached=True),
    "torch": pytorch,
}


def measure(settings: Settings) -> None:
    """Print images per second and the process's peak memory as one JSON line."""
    if settings.variant not in ("plain", "torch"):  # what the kseg command does for its own processes
        keep_freed_memory()
    step = VARIANTS[settings.variant](settings)
    step()
    started = time.perf_counter()
    for _ in range(settings.steps):
        step()
    seconds = (time.perf_counter() - started) / settings.steps
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(json.dumps({"images_per_second": settings.batch / seconds, "peak_gb": peak}))


def in_turn(settings: Settings) -> dict[str, list[dict]]:
    results: dict[str, list[dict]] = {name: [] for name in VARIANTS if name != "torch" or find_spec("torch")}
    for _ in range(settings.rounds):
        for name, rounds in results.items():
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            if name == "plain":
                environment["TF_ENABLE_ONEDNN_OPTS"] = "0"
            arguments = [
                f"--{key.replace('_', '-')}={value}" for key, value in vars(settings).items() if key != "variant"
            ]
            command = [sys.executable, __file__, *arguments, f"--variant={name}"]
            output = subprocess.run(command, env=environment, capture_output=True, text=True)
            if output.returncode:
                sys.exit(f"{name} failed:\n{output.stderr[-2000:]}")
            rounds.append(json.loads(output.stdout.splitlines()[-1]))
            print(f"{name:<10}{rounds[-1]['images_per_second']:7.2f} images/s", file=sys.stderr)
    return results


def main(settings: Settings) -> None:
    if settings.variant:
        measure(settings)
        return
    results = in_turn(settings)
    speed = {name: statistics.median(r["images_per_second"] for r in rounds) for name, rounds in results.items()}
    print(f"BFCN-32s, {SIZE}×{SIZE}, batch {settings.batch}, head {settings.head_width}, {os.cpu_count()} cores, "
          f"median of {settings.rounds}")  # fmt: skip
    for name, rounds in results.items():
        print(f"{name:<10}{speed[name]:7.2f} images/s   peak {max(r['peak_gb'] for r in rounds):5.2f} GB")
    for one, other in RATIOS:
        if one in speed and other in speed:
            # Round by round, so that a machine that slows down slows both sides of a ratio.
            pairs = zip(results[one], results[other], strict=True)
            ratios = [a["images_per_second"] / b["images_per_second"] for a, b in pairs]
            print(f"{one} / {other}: {statistics.median(ratios):.2f}  ({min(ratios):.2f} … {max(ratios):.2f})")


if __name__ == "__main__":
    main(tyro.cli(Settings))
