"""A large photograph as a whole and tile by tile: time, and how far memory rises above its start.

    python benchmarks/tiles.py [--out results/benchmarks/tiles.json]

Each way runs in a process of its own, which loads the network, predicts a small image first, and then reads the
photograph, predicts it and writes mask and overlay. Memory is the peak of what the process holds (`VmHWM`) above what
it held before the photograph. The network has random weights: 21 classes on MobileNetV2, as a run would have. The TIFF
has 100 megapixels; it is predicted in tiles alone.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

WAYS = ("whole", "tiles", "tiff in tiles")


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    height: int = 3000
    width: int = 4000
    tiff_side: int = 10_000
    """side of the TIFF in pixels; 0 leaves the TIFF out"""
    tiles: int = 512
    model: str = "unet_mobilenetv2"
    classes: int = 21
    rounds: int = 1
    """times every way runs, in turn with the others; medians are printed"""
    out: Path | None = None
    """JSON file to write"""


def scene(height: int, width: int) -> np.ndarray:
    """uint8 (H, W, 3): smooth shades with noise, so that its files are as large as a photograph's."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    rng, image = np.random.default_rng(0), np.empty((height, width, 3), np.uint8)
    for channel in range(3):
        shade = 127 + 80 * np.sin(rows / (90 + 30 * channel)) * np.cos(columns / (70 + 40 * channel))
        image[..., channel] = np.clip(shade + rng.integers(-9, 9, shade.shape, dtype=np.int8), 0, 255)
    return image


def held(field: str) -> float:
    """MB from /proc/self/status: VmRSS now, VmHWM at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(way: str, picture: Path, folder: Path, settings: Settings) -> dict[str, float]:
    """Seconds of this process, and MB above its start."""
    from kseg.datasets.images import contrasting_palette, read_by_rows, read_image
    from kseg.inference import ModelCard, Predictor, write_prediction
    from kseg.inference.tiled import tiling_for
    from kseg.models import build

    model = build(settings.model, num_classes=settings.classes)
    names = ("background", *(f"class {number}" for number in range(1, settings.classes)))
    card = ModelCard(names, contrasting_palette(settings.classes), None)
    tiling = None if way == "whole" else tiling_for(model, settings.tiles)
    predictor = Predictor(model, "original", tiling=tiling)
    for outputs in predictor.outputs([np.zeros((settings.tiles, settings.tiles, 3), np.uint8)]):
        np.asarray(outputs)
    before, start = held("VmRSS"), time.perf_counter()
    image = read_image(picture) if way == "whole" else read_by_rows(picture)
    for outputs in predictor.outputs([image]):
        write_prediction(folder, "photo", outputs, card, image=image, size=image.shape[:2])
    return {"seconds": time.perf_counter() - start, "MB": held("VmHWM") - before}


def in_a_process(way: str, picture: Path, folder: Path, settings: Settings) -> dict[str, float]:
    given = json.dumps({**asdict(settings), "out": None})
    command = [sys.executable, __file__, "--measure", way, str(picture), str(folder), given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.returncode}
    return json.loads(done.stdout.splitlines()[-1])


def given_flags(words: list[str]) -> list[str]:
    """The words without --out."""
    place = words.index("--out") if "--out" in words else len(words)
    return words[:place] + words[place + 2 :]


def main(settings: Settings) -> None:
    import tifffile

    # 1. every way in turn
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = {"whole": folder / "photo.jpg", "tiles": folder / "photo.jpg"}
        Image.fromarray(scene(settings.height, settings.width)).save(pictures["whole"], quality=92)
        if settings.tiff_side:
            pictures["tiff in tiles"] = folder / "scan.tif"
            side = settings.tiff_side
            tifffile.imwrite(
                folder / "scan.tif", scene(side, side), photometric="rgb", tile=(256, 256), compression="zlib"
            )
        runs_of: dict[str, list[dict[str, float]]] = {way: [] for way in pictures}
        for _ in range(settings.rounds):
            for way, picture in pictures.items():
                runs_of[way].append(in_a_process(way, picture, folder, settings))
                print(way, runs_of[way][-1], flush=True)
    # 2. medians
    medians = {
        way: {key: round(float(np.median([run[key] for run in runs])), 1) for key in runs[0]}
        for way, runs in runs_of.items()
    }
    report = {
        "command": " ".join(["python", "benchmarks/tiles.py", *given_flags(sys.argv[1:])]),
        "settings": {**asdict(settings), "out": None},
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy")},
        "cores": os.cpu_count(),
        "load of 15 minutes": round(os.getloadavg()[2], 1),
        "ways": medians,
    }
    print(json.dumps(report, indent=1))
    if settings.out is not None:
        settings.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        way, picture, folder, given = sys.argv[2:]
        print(json.dumps(measured(way, Path(picture), Path(folder), Settings(**json.loads(given)))))
    else:
        main(tyro.cli(Settings, description=__doc__))
