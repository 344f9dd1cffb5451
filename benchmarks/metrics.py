"""Metrics beside others': the confusion matrix against Keras and torchmetrics, boundary scores against MONAI, PQ.

    python benchmarks/metrics.py [--rounds 15] [--only panoptic] [--out results/benchmarks/metrics.json]

One 512×1024 image of 19 classes in cells of 32×32 pixels, a fifth of the predicted pixels drawn at random, uint8:

    numpy        kseg.metrics.ConfusionMatrix.update
    keras        the same matrix as a Keras metric (kseg.metrics.METRICS["miou"]), on class ids
    MeanIoU      keras.metrics.MeanIoU;      bincount  np.bincount alone;      torchmetrics  if installed

and two ragged masks of 512×512 for boundary IoU, boundary F, HD95, ASSD and NSD at 2 pixels (MONAI, if installed, has
the last three), and one pair of 1024×2048 id maps of 60 segments for

    PQ       kseg.metrics.panoptic_match;      PQ sorted  pixels sorted and matched in dictionaries, panopticapi's way

panopticapi is on no package index, so its published algorithm is written here once more.
Variants run in turn for several rounds; medians of times and of ratios round by round.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

CLASSES = 19
RATIOS = [("MeanIoU", "numpy", 20.0), ("MeanIoU", "keras", 20.0), ("torchmetrics", "numpy", 20.0),
          ("MONAI HD95", "HD95", 1.0), ("MONAI ASSD", "ASSD", 1.0), ("MONAI NSD", "NSD", 1.0),
          ("PQ sorted", "PQ", 5.0)]  # fmt: skip
"""(slower, faster, at least so many times)"""


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    rounds: int = 15
    """times every variant runs, in turn with the others"""
    only: Literal["matrices", "boundaries", "panoptic"] | None = None
    """one group alone; the others keep what --out has of them"""
    out: Path | None = None
    """JSON file to write"""


def matrices() -> dict[str, Callable[[], object]]:
    import keras
    import tensorflow as tf

    from kseg.metrics import METRICS, ConfusionMatrix

    # 1. a truth and a prediction of blocks
    rng = np.random.default_rng(0)
    truth = rng.integers(0, CLASSES, (16, 32)).astype("uint8").repeat(32, axis=0).repeat(32, axis=1)[None]
    prediction = np.where(rng.random(truth.shape) < 0.2, rng.integers(0, CLASSES, truth.shape), truth).astype("uint8")
    of_kseg, of_keras, matrix = METRICS["miou"](CLASSES), keras.metrics.MeanIoU(CLASSES), ConfusionMatrix(CLASSES)
    # 2. one update each
    y, p = tf.constant(truth), tf.constant(prediction)
    cells = CLASSES**2
    compiled = tf.function(of_kseg.update_state), tf.function(of_keras.update_state)
    run: dict[str, Callable[[], object]] = {
        "numpy": lambda: matrix.update(truth, prediction),
        "keras": lambda: compiled[0](y, p),
        "MeanIoU": lambda: compiled[1](y, p),
        "bincount": lambda: np.bincount(truth.ravel().astype(np.intp) * CLASSES + prediction.ravel(), minlength=cells),
    }  # fmt: skip
    if find_spec("torchmetrics"):
        import torch
        from torchmetrics.classification import MulticlassConfusionMatrix

        other = MulticlassConfusionMatrix(CLASSES)
        labels, ids = torch.from_numpy(truth).long(), torch.from_numpy(prediction).long()
        run["torchmetrics"] = lambda: other.update(ids, labels)
    return run


def boundaries() -> dict[str, Callable[[], object]]:
    from scipy.ndimage import gaussian_filter

    import kseg.metrics as m

    rng = np.random.default_rng(0)
    field, other = (gaussian_filter(rng.normal(size=(512, 512)), 12) for _ in range(2))
    truth, prediction = ((f > np.quantile(f, 0.7)).astype("uint8") for f in (field, field + 0.3 * other))
    run: dict[str, Callable[[], object]] = {
        "boundary IoU": lambda: m.boundary_iou(truth, prediction),
        "boundary F": lambda: m.boundary_f(truth, prediction),
        "HD95": lambda: m.hausdorff_distance(truth, prediction),
        "ASSD": lambda: m.average_surface_distance(truth, prediction),
        "NSD": lambda: m.normalized_surface_distance(truth, prediction, tolerance=2.0),
    }
    if find_spec("monai"):
        import torch
        from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

        y, p = (torch.from_numpy(mask)[None, None] for mask in (truth, prediction))
        run["MONAI HD95"] = lambda: float(compute_hausdorff_distance(p, y, percentile=95)[0, 0])
        run["MONAI ASSD"] = lambda: float(compute_average_surface_distance(p, y, symmetric=True)[0, 0])
        run["MONAI NSD"] = lambda: float(compute_surface_dice(p, y, [2.0], include_background=True)[0, 0])
    return run


def panoptic() -> dict[str, Callable[[], object]]:
    from scipy.ndimage import zoom
    from scipy.spatial import cKDTree

    import kseg.metrics as m

    rng = np.random.default_rng(0)
    points = rng.random((60, 2)) * (1024, 2048)
    pixels = np.stack(np.mgrid[:1024, :2048], axis=-1).reshape(-1, 2)
    ragged = zoom(rng.normal(size=(2, 33, 65)), (1, 1024 / 33, 2048 / 65), order=1).reshape(2, -1).T * 12
    truth, prediction = (
        cKDTree(points).query(pixels + shift)[1].reshape(1024, 2048).astype(np.int32) * 4099 + 1
        for shift in (ragged, 0.6 * ragged)
    )
    truth[:40] = 0
    classes = {i: row % 19 for row, i in enumerate(np.unique([truth, prediction]).tolist()) if i}
    tables = []
    for ids, of in ((truth, "truth"), (prediction, "prediction")):
        present = [i for i in np.unique(ids).tolist() if i]
        tables.append(m.segment_table(present, [classes[i] for i in present], num_classes=19, of=of))
    pairs = {tuple(pair) for pair in m.panoptic_match(truth, prediction, *tables).pairs.tolist()}
    assert pairs == sorted_matches(truth, prediction, classes) and len(pairs) > 40
    return {
        "PQ": lambda: m.panoptic_match(truth, prediction, *tables),
        "PQ sorted": lambda: sorted_matches(truth, prediction, classes),
    }


def sorted_matches(truth: np.ndarray, prediction: np.ndarray, classes: dict[int, int]) -> set[tuple[int, int]]:
    """Matches by way of all pixels' pairs of ids, sorted; areas by sorting once more."""
    area = dict(zip(*(values.tolist() for values in np.unique(prediction, return_counts=True)), strict=True))
    keys, counts = np.unique(truth.astype(np.uint64) * 256**3 + prediction.astype(np.uint64), return_counts=True)
    shared = {divmod(key, 256**3): count for key, count in zip(keys.tolist(), counts.tolist(), strict=True)}
    true_area: dict[int, int] = {}
    for (t, _), count in shared.items():
        true_area[t] = true_area.get(t, 0) + count
    matches = set()
    for (t, p), count in shared.items():
        if t and p and classes[t] == classes[p]:
            union = true_area[t] + area[p] - count - shared.get((0, p), 0)
            if count / union > 0.5:
                matches.add((t, p))
    return matches


def in_turn(variants: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in variants}
    for done in range(rounds + 1):
        for name, run in variants.items():
            started = time.perf_counter()
            run()
            if done:  # the first round compiles
                times[name].append(1e3 * (time.perf_counter() - started))
    return times


def installed() -> dict[str, str]:
    versions = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    for package in ("keras", "tensorflow", "torch", "torchmetrics", "monai", "numpy", "scipy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def main(settings: Settings) -> None:
    # 1. time every group
    groups = {"matrices": matrices, "boundaries": boundaries, "panoptic": panoptic}
    times: dict[str, list[float]] = {}
    for name, variants in groups.items():
        if settings.only in (None, name):
            times |= in_turn(variants(), settings.rounds)
    median = {name: statistics.median(rounds) for name, rounds in times.items()}
    for name, ms in median.items():
        print(f"{name:<14}{ms:9.2f} ms")
    # 2. the targets
    verdicts = []
    for slow, fast, wanted in RATIOS:
        if slow in times:
            ratio = statistics.median(a / b for a, b in zip(times[slow], times[fast], strict=True))
            word = "reached" if ratio >= wanted else "not reached"
            verdicts.append(f"{slow} / {fast}: {ratio:.1f}, at least {wanted:g}: {word}")
    print(*verdicts, sep="\n")
    # 3. beside the file's other groups
    if settings.out:
        earlier: dict[str, Any] = {"ms": {}, "verdicts": []}
        if settings.only is not None and settings.out.is_file():
            earlier = json.loads(settings.out.read_text())
        judged = {line.partition(":")[0] for line in verdicts}
        content = {
            "command": "python benchmarks/metrics.py",
            "versions": earlier.get("versions", {}) | installed(),
            "ms": earlier["ms"] | median,
            "verdicts": [line for line in earlier["verdicts"] if line.partition(":")[0] not in judged] + verdicts,
        }
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        settings.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
