"""Images per second of every model in training and inference, beside the same network in PyTorch; cost by input size.

    python benchmarks/models.py --out results/benchmarks/models.json            # every model at 224×224
    python benchmarks/models.py --sizes --out results/benchmarks/models.json    # 224 to 1024 pixels, batch 1
    python benchmarks/models.py --models fcn8s:vgg16 unet                       # some of them

A network is built with random weights (speed does not depend on them) and one output, in a process of its own for each
variant: kseg in float32 and in bfloat16, and `torch_models.py` in float32, whose number of weights is compared with
kseg's first. A training step is forward, backward and update (plain SGD) with the IoU loss, the layers frozen that
kseg freezes and nothing cached; inference is what `kseg predict` does, from uint8 images to probabilities. The variants
run in turn, so that a machine that slows down slows all of them; with --rounds the median counts. A network whose
training step at a size takes more than --memory gigabytes is left out there and at larger ones.
"""

import json
import os
import platform
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
from train_step import images_and_labels, keras_step, torch_step

from kseg.allocator import keep_freed_memory

MODELS = (
    "bfcn32s", "fcresnet", "fcmobilenet", "fcn32s_alexnet", "fcn8s:vgg16", "fcn8s:resnet50", "fcn8s:resnet101",
    "fcn8s:mobilenetv2", "unet", "unet_mobilenetv2",
)  # fmt: skip
BY_SIZE = ("fcn8s:resnet50", "fcn8s:mobilenetv2", "unet_mobilenetv2")
VARIANTS = ("float32", "bfloat16", "torch")
SIZES = (224, 384, 512, 1024)


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    models: tuple[str, ...] = ()
    """MODEL or MODEL:ENCODER (unset: all; with --sizes three of them)"""
    variants: tuple[str, ...] = VARIANTS
    """float32, bfloat16, torch"""
    sizes: bool = False
    """one image at a time at 224 to 1024 pixels, instead of batches at 224"""
    batch: int = 4
    """images at a time, without --sizes"""
    seconds: float = 2.0
    """time at least so long, and two steps, after one that is not counted; with --sizes half as long"""
    rounds: int = 1
    """times every variant runs, in turn with the others"""
    memory: float = 6.0
    """gigabytes that a training step may take before larger sizes are left out"""
    out: Path | None = None
    """JSON file to put the results into; it keeps those of other models"""
    worker: str = ""
    """run just this one, MODEL VARIANT, in this process"""


def kseg_network(model: str, encoder: str, precision: str, **options):
    import keras

    from kseg.models import build

    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    if encoder:
        options["encoder"] = encoder
    return build(model, input_shape=(None, None, 3), activation=None, **options)


def kseg_variant(model: str, encoder: str, precision: str, **options) -> tuple[int, Callable, Callable]:
    """Weights, and functions (batch, size) → a training step, an inference."""
    import keras

    from kseg.inference.predict import forward
    from kseg.losses import get

    network = kseg_network(model, encoder, precision, **options)
    probabilities = keras.Model(network.inputs, keras.ops.sigmoid(keras.ops.cast(network.outputs[0], "float32")))
    run = forward(probabilities)

    def training(batch: int, size: int) -> Callable[[], object]:
        return keras_step(
            network, get("iou", from_logits=True), *images_and_labels(batch, size), optimizer=keras.optimizers.SGD(1e-4)
        )

    def inference(batch: int, size: int) -> Callable[[], object]:
        images = images_and_labels(batch, size)[0].astype(np.uint8)
        return lambda: run(images)

    return network.count_params(), training, inference


def torch_variant(model: str, encoder: str) -> tuple[int, Callable, Callable]:
    import torch_models

    network = torch_models.build(model, encoder or None)
    return torch_functions(network, network)


def torch_functions(network, call: Callable) -> tuple[int, Callable, Callable]:
    """As `kseg_variant`, for a network in PyTorch; `call` runs it on (N, 3, H, W)."""
    import torch
    import torch_models

    trained = [part for part in network.parameters() if part.requires_grad]

    def training(batch: int, size: int) -> Callable[[], object]:
        torch_models.train_mode(network)
        return torch_step(call, torch.optim.SGD(trained, lr=1e-4), *images_and_labels(batch, size))

    def inference(batch: int, size: int) -> Callable[[], object]:
        network.eval()
        images = torch.from_numpy(images_and_labels(batch, size)[0].transpose(0, 3, 1, 2).copy()).to(torch.uint8)

        def run() -> object:
            with torch.inference_mode():
                return torch.sigmoid(call(images.float()))

        return run

    return torch_models.count(network), training, inference


def seconds_of(step: Callable[[], object], least: float) -> float:
    """Median of the steps that fit into so many seconds, at least two."""
    step()
    taken: list[float] = []
    while len(taken) < 2 or sum(taken) < least:
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def work(settings: Settings) -> None:
    """Print the figures of one variant of one model as a JSON line."""
    name, variant = settings.worker.split()
    model, _, encoder = name.partition(":")
    if variant != "torch":  # as the kseg command does
        keep_freed_memory()
    weights, training, inference = (
        torch_variant(model, encoder) if variant == "torch" else kseg_variant(model, encoder, variant)
    )
    result: dict = {"weights": weights}
    if not settings.sizes:
        result["inference"] = settings.batch / seconds_of(inference(settings.batch, SIZES[0]), settings.seconds)
        result["training"] = settings.batch / seconds_of(training(settings.batch, SIZES[0]), settings.seconds)
        result["peak_gb"] = peak_gb()
    else:
        least = settings.seconds / 2
        result["inference_seconds"] = {size: seconds_of(inference(1, size), least) for size in SIZES}
        result["training_seconds"], result["training_peak_gb"] = {}, {}
        for size in SIZES:
            result["training_seconds"][size] = seconds_of(training(1, size), least)
            result["training_peak_gb"][size] = peak_gb()
            if peak_gb() > settings.memory:
                break
    print(json.dumps(result))


def run_worker(name: str, variant: str, settings: Settings) -> dict:
    of_parent = ("models", "variants", "sizes", "out", "worker", "rounds")
    flags = [f"--{key}={value}" for key, value in vars(settings).items() if key not in of_parent]
    command = [sys.executable, __file__, f"--worker={name} {variant}", *flags, *(["--sizes"] * settings.sizes)]
    return json_of(command, f"{name} {variant}")


def json_of(command: list[str], name: str) -> dict:
    """The JSON that the command prints in its last line."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    output = subprocess.run(command, env=environment, capture_output=True, text=True)
    if output.returncode:
        sys.exit(f"{name} failed:\n{output.stderr[-2000:]}")
    return json.loads(output.stdout.splitlines()[-1])


def median(rounds: list[dict]) -> dict:
    """Number by number, over rounds of the same shape."""
    return {
        key: median([one[key] for one in rounds])
        if isinstance(value, dict)
        else statistics.median(one[key] for one in rounds if key in one)
        for key, value in rounds[0].items()
    }


def measured(name: str, settings: Settings) -> dict[str, dict]:
    variants = [one for one in settings.variants if one != "torch" or find_spec("torch")]
    rounds: dict[str, list[dict]] = {variant: [] for variant in variants}
    for _ in range(settings.rounds):
        for variant, runs in rounds.items():
            runs.append(run_worker(name, variant, settings))
    weights = {variant: runs[0]["weights"] for variant, runs in rounds.items()}
    if len(set(weights.values())) > 1:
        sys.exit(f"{name} is not the same network everywhere: {weights}")
    return {variant: median(runs) for variant, runs in rounds.items()}


def line(name: str, results: dict[str, dict], settings: Settings) -> str:
    def shown(figures: dict) -> str:
        if not settings.sizes:
            return f"{figures['training']:.2f} trained, {figures['inference']:.2f} inferred"
        both = [" ".join(f"{s:.2f}" for s in figures[f"{kind}_seconds"].values()) for kind in ("inference", "training")]
        return f"{both[0]} s; training {both[1]} s"

    return "  ".join([f"{name:<18}", *(f"{variant}: {shown(figures)}" for variant, figures in results.items())])


def save(name: str, results: dict[str, dict], settings: Settings) -> None:
    assert settings.out is not None
    content = json.loads(settings.out.read_text()) if settings.out.exists() else {}
    part = "seconds_of_one_image" if settings.sizes else "images_per_second_at_224"
    content |= {"cores": os.cpu_count(), "python": platform.python_version()}
    content.setdefault(part, {}).setdefault(name, {}).update(results)
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    settings.out.write_text(json.dumps(content, indent=1) + "\n")


def main(settings: Settings) -> None:
    if settings.worker:
        work(settings)
        return
    for name in settings.models or (BY_SIZE if settings.sizes else MODELS):
        results = measured(name, settings)
        print(line(name, results, settings), flush=True)
        if settings.out:
            save(name, results, settings)


if __name__ == "__main__":
    main(tyro.cli(Settings))
