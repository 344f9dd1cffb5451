"""The mIoU of the published DeepLab v3 on MobileNetV2 on PASCAL VOC, in kseg's own network.

    KSEG_DATA=DIR python benchmarks/deeplab_voc.py --out results/deeplab_voc

`DIR/voc` holds the devkit and `DIR/weights` the two files. Each image of the devkit's val list is seen at its own size,
and on the square that the file's network was made for: padded with gray to 513×513, or shrunk to 257 first.
"""

import json
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tyro
from tqdm import tqdm

from kseg.datasets import data_options, open_dataset
from kseg.datasets.images import resize_image, resize_probabilities
from kseg.metrics.confusion import confusion_matrix
from kseg.metrics.scores import miou
from kseg.models.slim_deeplab import slim_deeplab

SIDE = 513
"""Side of the images of the larger network."""

GRAY = 127.5
"""The value that preprocessing turns into 0."""

NETWORKS = {
    "deeplabv3_mnv2_voc_8bit.npz.xz": (16, SIDE),
    "deeplabv3_mnv2_dm05_voc_float.npz.xz": (8, 257),
}
"""file → output stride, side of its square"""


@dataclass(frozen=True)
class Settings:
    """Settings of the measurement."""

    data: Path = Path(os.environ.get("KSEG_DATA", "data"))
    """folder with voc/ and weights/"""
    limit: int | None = None
    """only so many images"""
    out: Path | None = None
    """folder for results.json"""


def load_deeplab(path: Path, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) in 0..255 to probabilities (N, H, W, 21)."""
    return slim_deeplab(path, output_stride=output_stride)


def on_square(network: keras.Model, image: np.ndarray, side: int = SIDE) -> np.ndarray:
    """float32 (H, W, 21): the image at the upper left of a gray square, shrunk where it is larger."""
    size = image.shape[:2]
    share = min(1, side / max(size))
    shrunk = resize_image(image, (round(size[0] * share), round(size[1] * share)))
    height, width = shrunk.shape[:2]
    square = np.full((1, side, side, 3), GRAY, np.float32)
    square[0, :height, :width] = shrunk
    probabilities = np.asarray(network.predict_on_batch(square))[0, :height, :width]
    return probabilities if share == 1 else np.asarray(resize_probabilities(probabilities, size))


def main(settings: Settings) -> None:
    dataset = open_dataset(
        data_options("voc", data_dir=settings.data / "voc", split_scheme="official", limit=settings.limit)
    )
    records, classes = dataset.records("validation"), len(dataset.classes)
    rows = []
    for file, (stride, side) in NETWORKS.items():
        network = load_deeplab(settings.data / "weights" / file, stride)
        counted = {"own size": np.zeros((classes, classes), np.int64), f"{side}×{side}": 0}
        for record in tqdm(records, unit="image", disable=None):
            image, labels = dataset.image(record), dataset.truth(record).ids
            answers = (np.asarray(network(image[None].astype(np.float32)))[0], on_square(network, image, side))
            for fed, answer in zip(counted, answers, strict=True):
                counted[fed] = counted[fed] + confusion_matrix(labels, answer.argmax(-1).astype(np.uint8), classes)
        for fed, matrix in counted.items():
            rows.append({"weights": file, "output_stride": stride, "fed": fed, "miou": float(miou(matrix))})
            print(f"{file} at output stride {stride}, {fed}: mIoU {rows[-1]['miou']:.4f}")
    if settings.out:
        settings.out.mkdir(parents=True, exist_ok=True)
        content = {
            "command": "KSEG_DATA=DIR python benchmarks/deeplab_voc.py --out results/deeplab_voc",
            "images": len(records),
            "versions": {package: version(package) for package in ("keras", "tensorflow", "numpy")},
            "rows": rows,
        }
        (settings.out / "results.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
