"""The gain and the cost of a dense CRF behind a real DeepLab on PASCAL VOC.

    KSEG_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/crf_voc.py --out results/crf_voc

`DIR/voc` holds the devkit and `DIR/weights/deeplabv3_mnv2_voc_8bit.npz.xz` the network. Each image of the devkit's val
list is padded to 513×513, its logits are enlarged to its own size, and the CRF sees that. The intervals are of the
mIoU over 2,000 draws of the images, those of the change with the same draws before and behind the CRF; seconds are of
processor time, whatever else the machine does, medians over the images.
"""

import json
import os
import statistics
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tyro
from deeplab_voc import load_deeplab, on_square
from tqdm import tqdm

from kseg.datasets import data_options, open_dataset
from kseg.metrics.confusion import confusion_matrix
from kseg.metrics.intervals import Interval, bootstrap_score
from kseg.metrics.scores import miou
from kseg.postprocess import CRF_PARAMETERS, CrfParameters, dense_crf

WEIGHTS = "weights/deeplabv3_mnv2_voc_8bit.npz.xz"


@dataclass(frozen=True)
class Settings:
    """Settings of the measurement."""

    data: Path = Path(os.environ.get("KSEG_DATA", "data"))
    """folder with voc/ and weights/"""
    limit: int | None = None
    """only so many images"""
    iterations: tuple[int, ...] = (5, 10)
    parameters: tuple[str, ...] = tuple(CRF_PARAMETERS)
    out: Path | None = None
    """folder for results.json and README.md"""


def main(settings: Settings) -> None:
    dataset = open_dataset(
        data_options("voc", data_dir=settings.data / "voc", split_scheme="official", limit=settings.limit)
    )
    records, classes = dataset.records("validation"), len(dataset.classes)
    network = load_deeplab(settings.data / WEIGHTS)
    variants: dict[str, CrfParameters | None] = {"network": None} | {
        f"{name}, {iterations} iterations": replace(CRF_PARAMETERS[name], iterations=iterations)
        for name in settings.parameters
        for iterations in settings.iterations
    }
    matrices = {name: np.zeros((len(records), classes, classes), np.int64) for name in variants}
    seconds: dict[str, list[float]] = {name: [] for name in variants}

    # 1. every image through the network once, and through each CRF; the first calls compile
    on_square(network, dataset.image(records[0]))
    dense_crf(np.zeros((8, 8, 3), np.uint8), np.full((8, 8, classes), 1 / classes, np.float32))
    for i, record in enumerate(tqdm(records, unit="image", disable=None)):
        image, labels = dataset.image(record), dataset.labels(record)
        started = time.process_time()
        p = on_square(network, image)
        seconds["network"].append(time.process_time() - started)
        for name, parameters in variants.items():
            started = time.process_time()
            refined = p if parameters is None else dense_crf(image, p, parameters)
            if parameters is not None:
                seconds[name].append(time.process_time() - started)
            matrices[name][i] = confusion_matrix(labels, refined.argmax(-1).astype(np.uint8), classes)

    # 2. scores, and changes over the same draws of images
    rows = {}
    for name, counts in matrices.items():
        pairs = np.concatenate([matrices["network"], counts], axis=1)
        change = bootstrap_score(pairs, lambda m: miou(m[..., classes:, :]) - miou(m[..., :classes, :]))
        rows[name] = {
            "parameters": None if variants[name] is None else str(variants[name]),
            "miou": interval(bootstrap_score(counts, miou)),
            "change": interval(change),
            "seconds": statistics.median(seconds[name]),
            "confusion_matrix": counts.sum(axis=0).tolist(),
        }
        print(f"{name:<40}{table_cells(rows[name])}")
    if settings.out:
        write(settings, rows, len(records), dataset.classes)


def interval(score: Interval) -> list[float]:
    return [score.value, score.low, score.high]


def table_cells(row: dict) -> str:
    value, low, high = row["miou"]
    by, least, most = row["change"]
    change = "" if row["parameters"] is None else f"{by:+.4f} [{least:+.4f}, {most:+.4f}]"
    return f"{value:.4f} [{low:.4f}, {high:.4f}] | {change} | {row['seconds']:.3f}"


def write(settings: Settings, rows: dict, images: int, classes: tuple[str, ...]) -> None:
    # 1. the figures
    settings.out.mkdir(parents=True, exist_ok=True)
    command = "KSEG_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/crf_voc.py --out results/crf_voc"
    packages = ("keras", "tensorflow", "numpy", "scipy", "numba")
    content = {
        "command": command,
        "weights": WEIGHTS,
        "images": images,
        "classes": list(classes),
        "versions": {package: version(package) for package in packages},
        "rows": rows,
    }
    (settings.out / "results.json").write_text(json.dumps(content, indent=1) + "\n")
    # 2. the page
    lines = [
        "# A dense CRF behind a real DeepLab",
        "",
        f"DeepLab v3 on MobileNetV2 (`{WEIGHTS}`, dequantized from 8 bit, not the official weights), {images} images "
        "of PASCAL VOC's val list, none of them in SBD and so no random sample, at their own size.",
        "",
        f"    {command}",
        "",
        "The intervals are 95 % over 2,000 draws of the images; the change's draws are the same before and behind the "
        "CRF. Seconds are of processor time an image, medians.",
        "",
        "| | mIoU | change | s |",
        "|---|---|---|---|",
        *(f"| {name} | {table_cells(row)} |" for name, row in rows.items()),
        "",
        *(f"* {name}: {row['parameters']}" for name, row in rows.items() if row["parameters"]),
    ]
    (settings.out / "README.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
