"""A small ISBI 2012 in both of its layouts: slices, and stacks."""

from pathlib import Path

import numpy as np
import tifffile
from layouts import noise, write


def isbi_slice(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Gray noise, and a membrane of two columns that wanders to the right from slice to slice."""
    label = np.full((12, 20), 255, np.uint8)
    label[:, number % 18 : number % 18 + 2] = 0
    return noise(number, 12, 20)[..., 0], label


def isbi_slices(folder: Path, count: int = 12) -> Path:
    """`train/image/0.png` … and `train/label/0.png` …"""
    for number in range(count):
        image, label = isbi_slice(number)
        write(folder / "train" / "image" / f"{number}.png", image)
        write(folder / "train" / "label" / f"{number}.png", label)
    return folder


def isbi_stacks(folder: Path, count: int = 12) -> Path:
    """`train-volume.tif` and `train-labels.tif`, as ImageJ writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = zip(*(isbi_slice(number) for number in range(count)), strict=True)
    tifffile.imwrite(folder / "train-volume.tif", np.stack(images), imagej=True)
    tifffile.imwrite(folder / "train-labels.tif", np.stack(labels), imagej=True)
    return folder
