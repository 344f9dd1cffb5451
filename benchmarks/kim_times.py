"""Kim et al. 2019, table 4 and section 4.3, as ratios: a network, a CRF behind it, and the loss within a training step.

    KSEG_DATA=DIR python benchmarks/kim_times.py --out results/benchmarks/kim_times.json

The paper: LargeFOV .025 s an image, with 5 iterations of a CRF .272 and with 10 .387 (10.8 and 15.4 times); ResNet101
.054, .315, .452 (5.8, 8.4); a training step of LargeFOV .133 s an image, with the level set loss .157 (18 % more).
There the network runs on a GPU and the CRF on a processor; here everything runs on the processor, where the network
takes the larger part.

Random weights of 21 classes. The network sees photographs of `DIR/voc` padded to 513×513, the CRF its probabilities at
the photograph's size, with the network's own parameters; "with n iterations" is network and CRF together. A training
step is forward, backward and SGD at 321×321, with cross-entropy alone and with 4e-4 times the level set loss added, on
the network's grid of 1/8 and at full resolution. What is compared runs in turn, a round each, and the ratios are those
of the rounds.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tyro
from deeplab_voc import on_square
from train_step import keras_step

from kseg.allocator import keep_freed_memory
from kseg.atomic import write_text
from kseg.datasets import data_options, open_dataset
from kseg.lab.recipes.kim2019.printed import STEP, TIMES
from kseg.lab.recipes.kim2019.recipe import CRF, LOSSES, NETWORKS, OTHERS_CRF
from kseg.postprocess import CRF_PARAMETERS, dense_crf

CLASSES = 21
GRID = 8


@dataclass(frozen=True)
class Settings:
    """Settings of the measurement."""

    data: Path = Path(os.environ.get("KSEG_DATA", "data"))
    """folder with voc/"""
    networks: tuple[str, ...] = tuple(TIMES)
    """largefov, deeplab"""
    images: int = 5
    """photographs, one a round"""
    steps: int = 5
    """rounds of training steps"""
    batch: int = 2
    """images of a step"""
    size: int = 321
    """rows and columns of a step's images"""
    out: Path | None = None
    """JSON file"""


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def inference(name: str, settings: Settings) -> list[dict[str, float]]:
    """A photograph a round: the network, and the network with 5 and 10 iterations of the CRF."""
    from kseg.models import build

    dataset = open_dataset(data_options("voc", data_dir=settings.data / "voc", limit=settings.images))
    pictures = [dataset.image(record) for record in dataset.records("validation")[: settings.images]]
    architecture, options = NETWORKS[name]
    network = build(architecture, num_classes=CLASSES, input_shape=(513, 513, 3), **options)
    parameters = CRF_PARAMETERS[CRF.get(name, OTHERS_CRF)]
    probabilities = on_square(network, pictures[0])  # compiles
    dense_crf(pictures[0][:8, :8], np.ascontiguousarray(probabilities[:8, :8]), parameters)
    rounds = []
    for picture in pictures:
        taken = {"network": seconds(lambda picture=picture: on_square(network, picture))}
        probabilities = on_square(network, picture)
        for iterations in (5, 10):
            refined = replace(parameters, iterations=iterations)
            of_crf = seconds(lambda p=probabilities, i=picture, r=refined: dense_crf(i, p, r))
            taken[f"crf{iterations}"] = taken["network"] + of_crf
        rounds.append(taken)
    return rounds


def training(name: str, settings: Settings) -> list[dict[str, float]]:
    """A step a round, on both grids without the level set loss and with it."""
    import keras

    from kseg.losses import get
    from kseg.models import build
    from kseg.training.graded import with_graded_scores

    # 1. images, and truth of areas, as a photograph has them
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (settings.batch, settings.size, settings.size, 3)).astype("float32")
    coarse = rng.integers(0, CLASSES, (settings.batch, 4, 4)).astype("uint8")
    labels = np.repeat(np.repeat(coarse, 90, 1), 90, 2)[:, : settings.size, : settings.size]
    # 2. a step for each loss on each grid
    architecture, options = NETWORKS[name]
    steps = {}
    for loss, spec in {"ce": "ce", "ls": LOSSES["ls"]}.items():
        network = build(
            architecture, num_classes=CLASSES, input_shape=(*images.shape[1:3], 3), activation=None, **options
        )
        graded, (place,) = with_graded_scores(network, loss_stride=GRID)
        # A network that pads its image scores the margin too: the labels and scores of the image alone are paired.
        targets, scores = place.pair({"label": labels}, graded.outputs[1])
        small = keras.Model(network.inputs, keras.ops.cast(scores, "float32"))
        for grid, model, truth in (("grid", small, np.asarray(targets["label"])), ("full", network, labels)):
            trained = keras.Model(model.inputs, model.outputs)
            steps[f"{loss} {grid}"] = keras_step(
                trained, get(spec, from_logits=True), images, truth, optimizer=keras.optimizers.SGD(1e-6)
            )
    # 3. in turn; the first call compiles
    for step in steps.values():
        step()
    return [{name: seconds(step) for name, step in steps.items()} for _ in range(settings.steps)]


def ratios(rounds: list[dict[str, float]], name: str, base: str) -> dict[str, float]:
    of_rounds = [one[name] / one[base] for one in rounds]
    rounded = {"median": statistics.median(of_rounds), "low": min(of_rounds), "high": max(of_rounds)}
    return {key: round(value, 3) for key, value in rounded.items()}


def median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(one[name] for one in rounds), 4) for name in rounds[0]}


def main(settings: Settings) -> None:
    keep_freed_memory()
    content: dict = {
        "machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version(),
        **{package: version(package) for package in ("keras", "tensorflow", "numba")}, "networks": {},
    }  # fmt: skip
    for name in settings.networks:
        printed = TIMES[name]
        shown = inference(name, settings)
        steps = training(name, settings)
        content["networks"][name] = {
            "seconds": median(shown),
            "crf5": ratios(shown, "crf5", "network"), "crf10": ratios(shown, "crf10", "network"),
            "paper": {"crf5": printed.crf5 / printed.network, "crf10": printed.crf10 / printed.network},
            "step_seconds": median(steps),
            "step_grid": ratios(steps, "ls grid", "ce grid"), "step_full": ratios(steps, "ls full", "ce full"),
            "paper_step": STEP[1] / STEP[0],
        }  # fmt: skip
        print(json.dumps({name: content["networks"][name]}, indent=1), flush=True)
        if settings.out:
            settings.out.parent.mkdir(parents=True, exist_ok=True)
            write_text(settings.out, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
