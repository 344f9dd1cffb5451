"""Small data sets in the layouts of the real ones, drawn by the tests themselves."""

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "


def noise(seed: int, height: int = 12, width: int = 10) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def lfw_mask(height: int = 12, width: int = 10) -> np.ndarray:
    """Hair in the upper third, face in the middle one, background below."""
    mask = np.empty((height, width, 3), dtype=np.uint8)
    third = height // 3
    mask[:third], mask[third : 2 * third], mask[2 * third :] = RED, GREEN, BLUE
    return mask


def lfw_tree(folder: Path, names: list[str]) -> Path:
    """`lfw_funneled/` and `parts_lfw_funneled_gt_images/` with AppleDouble twins beside the masks."""
    for seed, name in enumerate(names):
        person = name.rsplit("_", 1)[0]
        write(folder / "lfw_funneled" / person / f"{name}.jpg", noise(seed))
        mask = write(folder / "parts_lfw_funneled_gt_images" / f"{name}.ppm", lfw_mask())
        (mask.parent / f"._{name}.ppm").write_bytes(APPLE_DOUBLE)
    return folder


def pack(folder: Path, archive: Path) -> Path:
    """The folder as a tgz that begins with its name, as upstream's archives do."""
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    return archive


def helen_tree(folder: Path, ids: list[str]) -> Path:
    """Three rows of pixels: background, skin, hair; every map but the row's own is faint."""
    for seed, name in enumerate(ids):
        write(folder / "images" / f"{name}.jpg", noise(seed, 3, 4))
        for number in range(11):
            values = np.full((3, 4), 20, dtype=np.uint8)
            for row, strong in enumerate((0, 1, 10)):
                values[row] = 200 if number == strong else 20
            write(folder / "labels" / name / f"{name}_lbl{number:02d}.png", values)
    return folder


def pair_folder(folder: Path, count: int = 10, values: tuple[int, ...] = (0, 1)) -> Path:
    """`images/a0.png` … and `masks/a0.png` … whose rows take `values` in turn."""
    for index in range(count):
        write(folder / "images" / f"a{index}.png", noise(index))
        mask = np.array([values[row % len(values)] for row in range(12)], dtype=np.uint8)
        write(folder / "masks" / f"a{index}.png", np.repeat(mask[:, None], 10, axis=1))
    return folder


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]], path: Path, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path
