"""Dense CRF beside pydensecrf2: the same kernels, weights and iterations, one thread each.

    pip install numba pydensecrf2
    OMP_NUM_THREADS=1 python benchmarks/crf.py [--rounds 9] [--out results/benchmarks/crf.json]

A drawn photograph of 375×500 pixels with noise and shading, probabilities of 21 classes that are unsure at the
outlines, DeepLab's parameters, 10 iterations; lattice and normalization are made anew in each run, as for each image of
a data set. Variants run in turn for several rounds; medians of times and of ratios round by round. `agreement` is the
share of pixels of the same class.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tyro
from scipy.ndimage import gaussian_filter

from kseg.postprocess import CRF_PARAMETERS, dense_crf


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    rounds: int = 9
    """times every variant runs, in turn with the others"""
    height: int = 375
    width: int = 500
    classes: int = 21
    noise: float = 3.0
    """standard deviation of the image's noise in levels of color; more noise makes a larger lattice"""
    parameters: str = "deeplab_v2_resnet101"
    out: Path | None = None
    """JSON file to write"""


def scene(settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Regions of smooth outline, shaded and noisy, and the probabilities that a coarse network would give for them."""
    rng = np.random.default_rng(0)
    size = (settings.height, settings.width)
    regions = np.stack([gaussian_filter(rng.normal(size=size), 25) for _ in range(settings.classes)], -1).argmax(-1)
    shade = 2000 * gaussian_filter(rng.normal(size=size), 30)[..., None]
    colors = rng.integers(20, 235, (settings.classes, 3))[regions] + shade
    image = np.clip(colors + rng.normal(0, settings.noise, (*size, 3)), 0, 255).astype(np.uint8)
    logits = 6 * np.stack([gaussian_filter((regions == c).astype(float), 8) for c in range(settings.classes)], -1)
    p = np.exp(logits + rng.normal(0, 0.3, logits.shape))
    return image, (p / p.sum(-1, keepdims=True)).astype(np.float32)


def variants(settings: Settings) -> dict[str, Callable[[], np.ndarray]]:
    import pydensecrf.densecrf as densecrf

    image, p = scene(settings)
    parameters = CRF_PARAMETERS[settings.parameters]
    height, width, classes = p.shape

    def with_pydensecrf() -> np.ndarray:
        crf = densecrf.DenseCRF2D(width, height, classes)
        crf.setUnaryEnergy(np.ascontiguousarray(-np.log(p.reshape(-1, classes)).T))
        crf.addPairwiseGaussian(sxy=parameters.sigma1, compat=parameters.w1)
        crf.addPairwiseBilateral(
            sxy=parameters.sigma_alpha, srgb=parameters.sigma_beta, rgbim=image, compat=parameters.w2
        )
        return np.array(crf.inference(parameters.iterations)).T.reshape(p.shape)

    return {
        "pydensecrf": with_pydensecrf,
        "kseg, numba": lambda: dense_crf(image, p, parameters, engine="numba"),
        "kseg, scipy": lambda: dense_crf(image, p, parameters, engine="scipy"),
    }


def main(settings: Settings) -> None:
    # 1. the seconds of every variant, round by round
    run = variants(settings)
    times: dict[str, list[float]] = {name: [] for name in run}
    results: dict[str, np.ndarray] = {}
    for done in range(settings.rounds + 1):
        for name, function in run.items():
            started = time.perf_counter()
            results[name] = function()
            if done:  # the first round compiles
                times[name].append(time.perf_counter() - started)
    # 2. medians, ratios to the peer and the agreement of the classes
    seconds = {name: statistics.median(rounds) for name, rounds in times.items()}
    peer = "pydensecrf"
    ratios = {
        name: statistics.median(a / b for a, b in zip(times[peer], times[name], strict=True))
        for name in run
        if name != peer
    }
    agreement = {name: float(np.mean(results[name].argmax(-1) == results[peer].argmax(-1))) for name in ratios}
    for name, value in seconds.items():
        more = f", {ratios[name]:.2f} × as fast, agreement {agreement[name]:.5f}" if name in ratios else ""
        print(f"{name:<14}{value:8.3f} s{more}")
    # 3. the figures as a file
    if settings.out:
        content = {
            "command": "OMP_NUM_THREADS=1 python benchmarks/crf.py",
            "settings": {k: v for k, v in vars(settings).items() if k != "out"},
            "versions": {
                "python": platform.python_version(),
                "cores": str(os.cpu_count()),
                **{package: version(package) for package in ("numpy", "scipy", "numba", "pydensecrf2")},
            },
            "seconds": seconds,
            "times_as_fast_as_pydensecrf": ratios,
            "agreement_with_pydensecrf": agreement,
        }
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        settings.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
