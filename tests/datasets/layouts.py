"""Small data sets in the layouts of the real ones, drawn by the tests themselves."""

import io
import tarfile
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse
from PIL import Image

from kseg.datasets import data_options, open_dataset

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


def striped(values: tuple[int, ...], height: int = 12, width: int = 10) -> np.ndarray:
    """uint8 (H, W) whose rows take `values` in turn."""
    rows = np.array([values[row % len(values)] for row in range(height)], dtype=np.uint8)
    return np.repeat(rows[:, None], width, axis=1)


def palette_mask(path: Path, labels: np.ndarray) -> Path:
    """A palette PNG as VOC's: indices are ids, the colors mean nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels)
    image.putpalette([value * 37 % 256 for value in range(768)])
    image.save(path)
    return path


def devkit(folder: Path, year: str, lists: dict[str, list[str]], values: tuple[int, ...] = (0, 15, 255)) -> Path:
    """`VOCdevkit/VOCYEAR` with lists, images and palette masks; returns that folder."""
    root = folder / "VOCdevkit" / f"VOC{year}"
    for name, ids in lists.items():
        path = root / "ImageSets" / "Segmentation" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{one}\n" for one in ids))
        for one in ids:
            write(
                root / "JPEGImages" / f"{one}.jpg",
                noise(int("".join(filter(str.isdigit, one)) or 0) + 1000 * len(name)),
            )
            palette_mask(root / "SegmentationClass" / f"{one}.png", striped(values))
    return root


def sbd_file(path: Path, labels: np.ndarray) -> Path:
    """`GTcls` with Segmentation, sparse Boundaries of the 20 categories, and CategoriesPresent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    boundaries = np.empty((20, 1), dtype=object)
    for category in range(20):
        edge = np.zeros(labels.shape, dtype=np.uint8)
        edge[1:] = (labels[1:] != labels[:-1]) & (labels[1:] == category + 1)
        boundaries[category, 0] = scipy.sparse.csc_matrix(edge)
    present = np.setdiff1d(np.unique(labels), 0)
    struct = {"Boundaries": boundaries, "Segmentation": labels, "CategoriesPresent": present}
    scipy.io.savemat(path, {"GTcls": struct}, do_compression=True)
    return path


CAMVID_COUNTS = {"train": 5, "val": 2, "test": 2}


def camvid_tree(folder: Path, suffix: str = ".png", values: tuple[int, ...] = (0, 3, 10, 11)) -> Path:
    """`CamVid/` in SegNet's layout: lists with prefix, ids 0..10 and 11 for void; returns that folder."""
    root = folder / "CamVid"
    for seed, (split, count) in enumerate(CAMVID_COUNTS.items()):
        lines = []
        for index in range(count):
            stem = f"Seq{split}_f{index:05d}"
            write(root / split / f"{stem}{suffix}", noise(100 * seed + index))
            write(root / f"{split}annot" / f"{stem}.png", striped(values))
            lines.append(f"/SegNet/CamVid/{split}/{stem}{suffix} /SegNet/CamVid/{split}annot/{stem}.png\n")
        (root / f"{split}.txt").write_text("".join(lines))
    return root


PETS = {
    "trainval": [f"{breed}_{number}" for breed in ("Abyssinian", "american_bulldog") for number in range(1, 4)],
    "test": ["Bengal_1", "beagle_7"],
}


def pets_tree(folder: Path) -> Path:
    """`images/` and `annotations/` as upstream's archives hold them, with the oddities of the real ones.

    Abyssinian_1 is a GIF and Abyssinian_2 an RGBA PNG under the name .jpg; among the images lie a `.mat` file and an
    AppleDouble twin, and one image, without trimap, is in no list.
    """
    images, annotations = folder / "images", folder / "annotations"
    for seed, name in enumerate(one for names in PETS.values() for one in names):
        odd = {"Abyssinian_1": {"format": "GIF"}, "Abyssinian_2": {"format": "PNG"}}.get(name, {})
        pixels = noise(seed) if name != "Abyssinian_2" else np.dstack([noise(seed), np.full((12, 10), 255, np.uint8)])
        write(images / f"{name}.jpg", pixels, **odd)
        write(annotations / "trimaps" / f"{name}.png", striped((1, 2, 3)))
        (annotations / "trimaps" / f"._{name}.png").write_bytes(APPLE_DOUBLE)
    (images / "Abyssinian_100.mat").write_bytes(b"MATLAB 5.0")
    (images / "._Abyssinian_3.jpg").write_bytes(APPLE_DOUBLE)
    write(images / "Abyssinian_9.jpg", noise(99))
    for name, ids in PETS.items():
        (annotations / f"{name}.txt").write_text("".join(f"{one} 1 1 1\n" for one in ids))
    return folder


CONTEXT_VALUES = (2, 18, 397, 1, 459)
"""Labels of the 459: aeroplane, bed, table, and two that are none of the 59."""


def context_tree(folder: Path, counts: tuple[int, int] = (4, 3)) -> Path:
    """`VOCdevkit/VOC2010` with images and lists, and `trainval/ID.mat` beside it."""
    devkit_folder = folder / "VOCdevkit" / "VOC2010"
    for seed, (name, count) in enumerate(zip(("train", "val"), counts, strict=True)):
        ids = [f"2008_{1000 * seed + number:06d}" for number in range(count)]
        for number, one in enumerate(ids):
            write(devkit_folder / "JPEGImages" / f"{one}.jpg", noise(100 * seed + number))
            label_map(folder / "trainval" / f"{one}.mat", np.roll(CONTEXT_VALUES, number))
        path = devkit_folder / "ImageSets" / "Main" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{one}\n" for one in ids))
    return folder


def label_map(path: Path, values) -> Path:
    """A `.mat` file of PASCAL-Context, 12×10, whose rows take the values in turn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.array([values[row % len(values)] for row in range(12)], np.uint16)
    scipy.io.savemat(path, {"LabelMap": np.repeat(rows[:, None], 10, axis=1)}, do_compression=True)
    return path


def opened(folder, **options):
    return open_dataset(data_options("folder", folder, **options))
