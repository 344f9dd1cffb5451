"""Images in, masks out: which files a person meant, and what is written for each."""

import glob
import os
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from kseg.atomic import replacing
from kseg.conventions import DEFAULT_TASK
from kseg.datasets.images import Picture, Streamed, probability_strips, save_image
from kseg.errors import UsageError
from kseg.inference.model_file import ModelCard
from kseg.inference.streamed_files import write_streamed
from kseg.tasks import TASKS, Outputs
from kseg.wording import counted, listed

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm", ".jp2",
    ".avif", ".heic", ".heif",
)  # fmt: skip
"""Endings of the images in a folder. An image that cannot be read, such as HEIC, is reported."""

WHITE_16_BIT = 65535
NAMED = 8
"""A sentence names so many files and counts the others."""

Probabilities = Literal["npy", "png"] | None


@dataclass(frozen=True)
class ImageFile:
    """An image to predict and the stem of the names of what is written for it."""

    path: Path
    stem: str


def collect_images(inputs: Sequence[Path | str]) -> list[ImageFile]:
    """The image files that `inputs` name, in the order given, a folder's sorted by name.

    Args:
      inputs: files (of any suffix), folders (their image files, not those of folders in them; hidden files are left
        out) and glob patterns (`photos/**/*.jpg`). A file named twice counts once.
    Errors: nothing given, an input that names nothing, a folder or pattern without images, and two files whose outputs
      would have the same name are each one sentence.
    """
    if not inputs:
        raise UsageError("no image given; pass image files, folders or patterns such as 'photos/*.jpg'")
    by_resolved: dict[Path, Path] = {}
    for given in inputs:
        for path in _matches(given):
            by_resolved.setdefault(path.resolve(), path)
    by_stem: dict[str, Path] = {}
    for path in by_resolved.values():
        same = by_stem.setdefault(_folded(path.stem), path)
        if same is not path:
            raise UsageError(
                f"{same} and {path} would both be written as {path.stem}.png; predict them into two folders"
            )
    return [ImageFile(path, path.stem) for path in by_stem.values()]


def left_out(inputs: Sequence[Path | str]) -> list[str]:
    """A sentence for every folder or pattern that holds more than `collect_images` takes; hidden files aside."""
    sentences = []
    for given in inputs:
        others = [path for path in _entries(given) if not _looks_like_image(path) and not path.name.startswith(".")]
        files = [path.name for path in others if not path.is_dir()]
        folders = [path.name for path in others if path.is_dir() and Path(given).is_dir()]
        if files:
            sentences.append(f"{given}: left out {_counted(files, 'file')}, no image by the extension")
        if folders:
            sentences.append(f"{given}: left out {_counted(folders, 'folder')} in it; pass it too, or a pattern '**/*'")
    return sentences


def output_names(stem: str, card: ModelCard, *, overlays: bool, save_probabilities: Probabilities) -> list[str]:
    """The files that `write_prediction` writes for an image, the mask first."""
    task = TASKS[card.task]
    if save_probabilities is not None and card.task != DEFAULT_TASK:
        raise UsageError(
            f"--probabilities saves those of a pixel's classes; the model answers the task {card.task!r}; leave it out"
        )
    names = [f"{stem}{ending}" for ending in task.writes] + [f"{stem}_overlay.png"] * overlays
    if save_probabilities == "npy":
        names.append(f"{stem}_probabilities.npy")
    elif save_probabilities == "png":
        names += [f"{stem}_probability{suffix}.png" for suffix, _ in _channel_names(card)]
    return names


def check_outputs(
    files: Sequence[ImageFile], out_dir: Path, card: ModelCard, *, overlays: bool, save_probabilities: Probabilities
) -> None:
    """`UsageError` if an output would overwrite another output or an image, on file systems without capitals too."""
    inputs = _identities(file.path for file in files)
    written_for: dict[str, Path] = {}
    for file in files:
        for name in output_names(file.stem, card, overlays=overlays, save_probabilities=save_probabilities):
            other = written_for.setdefault(_folded(name), file.path)
            if other is not file.path:
                raise UsageError(
                    f"{name} would be written for both {other} and {file.path}; predict them into two folders"
                )
            _refuse_input(out_dir / name, inputs)


def write_prediction(
    out_dir: Path | str,
    stem: str,
    outputs: Outputs,
    card: ModelCard,
    *,
    size: tuple[int, int] | None = None,
    image: Picture | None = None,
    threshold: float | None = None,
    save_probabilities: Probabilities = None,
    inputs: Iterable[Path] = (),
) -> list[Path]:
    """Write the mask of one image and the other files asked for, each whole or not at all.

    Args:
      outputs: what the model's task decodes, as `Predictor.outputs` gives it: probabilities float32 (h, w, C).
      size: (height, width) to resize the outputs to, a strip at a time (unset: they have the image's size already).
      image: uint8 (H, W, 3), to write `STEM_overlay.png` too.
      threshold: foreground of two classes where p ≥ threshold; the least score of an object (unset: the model's, or ½).
      save_probabilities: "npy": `STEM_probabilities.npy`, float32 (H, W, C); "png": 16-bit gray, 65535 = 1, of the
        foreground (`STEM_probability.png`) or of each class (`STEM_probability_CLASS.png`).
      inputs: files that must not be overwritten, usually the images.
    Returns:
      the files written; first `STEM.png`, a palette PNG of class ids, or as the task writes it (`Task.writes`).
    """
    # 1. the files to write, which must not overwrite an input
    if save_probabilities not in (None, "npy", "png"):
        raise UsageError(f"probabilities are saved as 'npy' or 'png', received {save_probabilities!r}")
    names = output_names(stem, card, overlays=image is not None, save_probabilities=save_probabilities)
    paths = [Path(out_dir) / name for name in names]
    taken = _identities(inputs)
    for path in paths:
        _refuse_input(path, taken)
    # 2. outputs that come piece by piece
    if isinstance(outputs, Streamed) and save_probabilities is not None:
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out_dir) as file:  # read several times, but computed once
            spooled = outputs.spooled(file)
            return write_prediction(
                out_dir, stem, spooled, card, size=size, image=image, threshold=threshold,
                save_probabilities=save_probabilities, inputs=inputs,
            )  # fmt: skip
    if isinstance(outputs, Streamed):
        overlay = paths[1] if image is not None else None
        write_streamed(paths[0], overlay, outputs, card, image=image, threshold=threshold)
        return paths
    # 3. outputs as a whole
    task = TASKS[card.task]
    answer = task.decode(outputs, size, threshold=threshold)
    task.write(paths[0], answer, card.palette, classes=card.classes)
    remaining = iter(paths[len(task.writes) :])
    if image is not None:
        painted = task.draw(np.asarray(image), answer, card.palette, background=card.background, classes=card.classes)
        save_image(next(remaining), painted)
    if save_probabilities == "npy":
        _save_array(next(remaining), outputs, answer.size)
    elif save_probabilities == "png":
        for path, (_, channel) in zip(remaining, _channel_names(card), strict=True):
            _save_gray(path, outputs[..., [channel]], answer.size)
    return paths


def _save_array(path: Path, probabilities: np.ndarray, size: tuple[int, int]) -> None:
    """Write the resized probabilities as `np.save` does, without holding them in memory."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (*size, probabilities.shape[-1])}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        first, row_bytes = file.tell(), size[1] * 4 * probabilities.shape[-1]
        for (rows, columns), strip in probability_strips(probabilities, size):
            if strip.shape[1] == size[1]:
                file.seek(first + rows.start * row_bytes)
                file.write(np.ascontiguousarray(strip, "<f4").tobytes())
                continue
            for row, values in enumerate(strip, rows.start):
                file.seek(first + row * row_bytes + columns.start * 4 * probabilities.shape[-1])
                file.write(np.ascontiguousarray(values, "<f4").tobytes())


def _save_gray(path: Path, probability: np.ndarray, size: tuple[int, int]) -> None:
    gray = np.empty(size, np.uint16)
    for where, strip in probability_strips(probability, size):
        gray[where] = np.rint(strip[..., 0] * WHITE_16_BIT)
    with replacing(path) as temporary:
        Image.fromarray(gray).save(temporary)


def _entries(given: Path | str) -> list[Path]:
    """What a folder or pattern holds, sorted; [] for a file."""
    path = Path(given)
    if path.is_file():
        return []
    if path.is_dir():
        return sorted(path.iterdir())
    return sorted(map(Path, glob.glob(str(given), recursive=True))) if glob.has_magic(str(given)) else []


def _matches(given: Path | str) -> list[Path]:
    path = Path(given)
    if path.is_file():
        return [path]
    if not path.is_dir() and not glob.has_magic(str(given)):
        raise UsageError(f"{path} does not exist; pass image files, folders or patterns such as 'photos/*.jpg'")
    entries = _entries(given)
    images = [entry for entry in entries if _looks_like_image(entry)]
    if not images:
        others = [entry.name for entry in entries if not entry.name.startswith(".")]
        instead = f"; it holds {_counted(others, 'other')}" if others else ""
        if path.is_dir():
            raise UsageError(f"the folder {path} holds no image ({', '.join(IMAGE_SUFFIXES)}){instead}; check the path")
        raise UsageError(f"no image matches {str(given)!r}{instead.replace('holds', 'matches')}; check the pattern")
    return images


def _looks_like_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _counted(names: Sequence[str], kind: str) -> str:
    return f"{counted(len(names), kind)} ({listed(names, NAMED)})"


def _folded(name: str) -> str:
    """Equal for names that mean one file where capitals or composed accents make no difference (Windows, macOS)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _identities(paths: Iterable[Path]) -> set[tuple[int, int]]:
    """Device and inode of the files that exist: two names of one file may differ by a link or by capitals."""
    return {(found.st_dev, found.st_ino) for path in paths if (found := _status(path))}


def _refuse_input(path: Path, inputs: set[tuple[int, int]]) -> None:
    if (found := _status(path)) and (found.st_dev, found.st_ino) in inputs:
        raise UsageError(f"{path} is one of the images and would be overwritten; choose another --out")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _channel_names(card: ModelCard) -> list[tuple[str, int]]:
    """The suffix of the file name and the index of each channel to write; of two classes the foreground alone."""
    if len(card.classes) == 2:
        return [("", -1)]
    plain = ["".join(c if c.isalnum() or c in "-_" else "_" for c in name) for name in card.classes]
    if len({_folded(name) for name in plain}) < len(plain):  # `b/c` and `b c`
        plain = [f"{index}_{name}" for index, name in enumerate(plain)]
    return [(f"_{name}", index) for index, name in enumerate(plain)]
