"""One training step of Mask R-CNN beside torchvision's same network, and peak memory.

    python benchmarks/instances.py --out results/benchmarks/instances.json                  # on ResNet-50
    python benchmarks/instances.py --encoder mobilenetv2 --out results/benchmarks/instances.json

The network is that of He et al. 2017 on a feature pyramid with 91 classes, with random weights (speed does not depend
on them) and frozen batch normalization, all else trained: 2000 candidates a level, 1000 proposals and 512 boxes an
image, as torchvision has it. Each image of noise shows `--objects` squares. A step is forward, backward and the update
of SGD with momentum. The variants run in turn, each in a process of its own; the median of the rounds counts.

    float32    kseg, TensorFlow
    bfloat16   kseg under mixed_bfloat16
    torch      torchvision's, float32, channels_last
    torch16    torchvision's, autocast to bfloat16, channels_last

The time of a mask head follows the boxes that lie on an object, which are fewest before anything is learned. Each
variant reports how many there are ("positives"), and `--objects` changes them.
"""

import importlib
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
from pathlib import Path

import numpy as np
import tyro

from kseg.allocator import keep_freed_memory

VARIANTS = ("float32", "bfloat16", "torch", "torch16")
CLASSES = 91
CHANNELS = {"resnet50": (256, 512, 1024, 2048), "mobilenetv2": (24, 32, 96, 1280)}
"""Channels of the maps at 1/4 to 1/32 under the pyramid."""
OF_MOBILENET = {"3": "0", "6": "1", "13": "2", "18": "3"}
"""Places of the last map of each stride in torchvision's MobileNetV2."""


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    encoder: str = "resnet50"
    """resnet50 or mobilenetv2"""
    size: int = 512
    """side of the images"""
    batch: int = 2
    """images a step"""
    objects: int = 10
    """squares of each image"""
    rounds: int = 3
    """times every variant runs, in turn with the others"""
    steps: int = 3
    """timed steps a round, after one that is not counted"""
    variants: tuple[str, ...] = VARIANTS
    """float32, bfloat16, torch, torch16"""
    out: Path | None = None
    """JSON file to put the results into"""
    worker: str = ""
    """run just this variant in this process"""


def scenes(settings: Settings) -> tuple[np.ndarray, list[np.ndarray]]:
    """uint8 images of noise, and the boxes of the squares in each, y1, x1, y2, x2."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (settings.batch, settings.size, settings.size, 3)).astype(np.uint8)
    boxes = []
    for _ in range(settings.batch):
        sides = rng.integers(settings.size // 16, settings.size // 3, settings.objects)
        corners = (rng.random((settings.objects, 2)) * (settings.size - sides[:, None])).astype(int)
        boxes.append(np.concatenate([corners, corners + sides[:, None]], axis=1))
    return images, boxes


def masks_of(boxes: np.ndarray, size: int) -> np.ndarray:
    """bool (M, size, size)."""
    masks = np.zeros((len(boxes), size, size), bool)
    for mask, (top, left, bottom, right) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = True
    return masks


def kseg_step(settings: Settings, precision: str) -> tuple[int, Callable[[], object], Callable[[], float]]:
    """Number of weights, a step, and a function that counts the boxes of an image on objects."""
    import keras

    from kseg.models import build
    from kseg.structures import Instances
    from kseg.tasks import TASKS
    from kseg.training.trained import Objective, Trained

    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    side = (settings.size, settings.size, 3)
    encoder = "resnet50_torch" if settings.encoder == "resnet50" else settings.encoder
    network = build("mask_rcnn", num_classes=CLASSES, input_shape=side, activation=None, encoder=encoder)
    task, trained = TASKS["instance"], Trained(network)
    loss = task.loss("mask=bce", reduction="mean").bound(trained)
    optimizer = keras.optimizers.SGD(1e-4, momentum=0.9)
    trained.prepare(Objective(loss, []), optimizer=optimizer, jit_compile=False)
    images, boxes = scenes(settings)
    make = task.targets(CLASSES)
    made = [make(Instances.of(masks_of(one, settings.size), np.ones(len(one), int)), None) for one in boxes]
    targets = {name: np.stack([one[name] for one in made]) for name in made[0]}

    def positives() -> float:
        outputs = network(images, training=True)
        return float(np.sum(loss._drawn(targets, outputs)[2].positive)) / settings.batch

    return network.count_params(), lambda: trained.train_on_batch(images, targets), positives


def torch_network(encoder: str, **options):
    """torchvision's network, with the sizes of the paper."""
    detection = importlib.import_module("torchvision.models.detection")
    models = importlib.import_module("torchvision.models")
    frozen = importlib.import_module("torchvision.ops.misc").FrozenBatchNorm2d
    if encoder == "resnet50":
        utilities = importlib.import_module("torchvision.models.detection.backbone_utils")
        backbone = utilities._resnet_fpn_extractor(models.resnet50(weights=None, norm_layer=frozen), 5)
    else:
        utilities = importlib.import_module("torchvision.models.detection.backbone_utils")
        features = models.mobilenet_v2(weights=None, norm_layer=frozen).features
        backbone = utilities.BackboneWithFPN(features, OF_MOBILENET, list(CHANNELS[encoder]), 256)
    return detection.MaskRCNN(backbone, CLASSES, **options)


def pytorch_step(settings: Settings, precision: str) -> tuple[int, Callable[[], object], Callable[[], float]]:
    import torch

    # 1. network and optimizer
    size = settings.size
    network = torch_network(settings.encoder, min_size=size, max_size=size, rpn_post_nms_top_n_train=1000)
    network = network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)
    # 2. images and targets as torchvision takes them
    images, boxes = scenes(settings)
    pictures = [torch.from_numpy(one.transpose(2, 0, 1).astype(np.float32) / 255) for one in images]
    targets = [
        {
            "boxes": torch.from_numpy(one[:, [1, 0, 3, 2]].astype(np.float32)),
            "labels": torch.ones(len(one), dtype=torch.int64),
            "masks": torch.from_numpy(masks_of(one, size).astype(np.uint8)),
        }
        for one in boxes
    ]
    # 3. a count of the positives it samples
    drawn: list[float] = []
    select = network.roi_heads.select_training_samples

    def counted(*arguments):
        samples = select(*arguments)
        drawn.append(float(sum((labels > 0).sum() for labels in samples[2])) / settings.batch)
        return samples

    network.roi_heads.select_training_samples = counted

    # 4. one training step
    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "torch16"):
            losses = network(pictures, [dict(one) for one in targets])
            total = sum(losses.values())
        total.backward()
        optimizer.step()

    return sum(one.numel() for one in network.state_dict().values()), step, lambda: statistics.median(drawn)


def work(settings: Settings) -> None:
    """Print the figures of one variant as a JSON line."""
    variant = settings.worker
    if not variant.startswith("torch"):  # as the kseg command does
        keep_freed_memory()
    made = pytorch_step(settings, variant) if variant.startswith("torch") else kseg_step(settings, variant)
    weights, step, positives = made
    step()
    taken = []
    for _ in range(settings.steps):
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    result = {"weights": weights, "seconds": statistics.median(taken), "peak_gb": peak, "positives": positives()}
    print(json.dumps(result))


def run_worker(variant: str, settings: Settings) -> dict:
    of_parent = ("rounds", "variants", "out", "worker")
    flags = [f"--{key}={value}" for key, value in vars(settings).items() if key not in of_parent]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, f"--worker={variant}", *flags]
    output = subprocess.run(command, env=environment, capture_output=True, text=True)
    if output.returncode:
        sys.exit(f"{variant} failed:\n{output.stderr[-2000:]}")
    return json.loads(output.stdout.splitlines()[-1])


def measured(settings: Settings) -> dict:
    """The median step of every variant, and kseg's speed beside PyTorch's best of the same round."""
    # 1. every variant in turn
    variants = [one for one in settings.variants if not one.startswith("torch") or find_spec("torchvision")]
    rounds: dict[str, list[dict]] = {variant: [] for variant in variants}
    for _ in range(settings.rounds):
        for variant, runs in rounds.items():
            runs.append(run_worker(variant, settings))
    results: dict = {
        variant: {key: round(statistics.median(one[key] for one in runs), 3) for key in runs[0]}
        for variant, runs in rounds.items()
    }
    # 2. ratios of the same round
    of_torch = [variant for variant in variants if variant.startswith("torch")]
    for variant in variants:
        if variant in of_torch or not of_torch:
            continue
        best = [min(rounds[other][number]["seconds"] for other in of_torch) for number in range(settings.rounds)]
        speeds = [other / mine["seconds"] for other, mine in zip(best, rounds[variant], strict=True)]
        results[variant]["speed_of_torch"] = {
            "median": round(statistics.median(speeds), 2), "low": round(min(speeds), 2), "high": round(max(speeds), 2),
        }  # fmt: skip
    return results


def main(settings: Settings) -> None:
    if settings.worker:
        work(settings)
        return
    part, results = f"{settings.encoder}, {settings.size}², batch {settings.batch}", measured(settings)
    results["load"] = round(os.getloadavg()[0], 1)
    print(json.dumps({part: results}, indent=2))
    if settings.out:
        content = json.loads(settings.out.read_text()) if settings.out.exists() else {}
        content |= {"cores": os.cpu_count(), part: results}
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        settings.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
