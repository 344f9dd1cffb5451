"""Images in, masks out: which files a person meant, and what is written for each."""

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from kseg.atomic import replacing
from kseg.datasets.images import overlay, save_image, save_labels
from kseg.errors import UsageError
from kseg.inference.evaluate import foreground_probability, predicted_classes
from kseg.inference.model_file import ModelCard

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm", ".jp2")
WHITE_16_BIT = 65535


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
    found: dict[Path, Path] = {}
    for given in inputs:
        for path in _matches(given):
            found.setdefault(path.resolve(), path)
    by_stem: dict[str, Path] = {}
    for path in found.values():
        if path.stem in by_stem:
            raise UsageError(
                f"{by_stem[path.stem]} and {path} would both be written as {path.stem}.png; "
                "predict them into two folders"
            )
        by_stem[path.stem] = path
    return [ImageFile(path, stem) for stem, path in by_stem.items()]


def write_prediction(
    out_dir: Path | str,
    stem: str,
    probabilities: np.ndarray,
    card: ModelCard,
    *,
    image: np.ndarray | None = None,
    threshold: float = 0.5,
    save_probabilities: Literal["npy", "png"] | None = None,
    inputs: Iterable[Path] = (),
) -> list[Path]:
    """Write the mask of one image and what else is asked for; every file whole or not at all.

    Args:
      probabilities: float32 (H, W, C), as `predict_probabilities` gives them.
      image: uint8 (H, W, 3), to write `STEM_overlay.png` too.
      threshold: binary only, foreground where p ≥ threshold.
      save_probabilities: "npy": `STEM_probabilities.npy`, float32 (H, W, C); "png": 16-bit grey, 65535 = 1, of the
        foreground (`STEM_probability.png`) or of each class (`STEM_probability_CLASS.png`).
      inputs: files that must not be overwritten, usually the images.
    Returns:
      the files written; first the mask `STEM.png`, a palette PNG of class ids.
    """
    if save_probabilities not in (None, "npy", "png"):
        raise UsageError(f"probabilities are saved as 'npy' or 'png', received {save_probabilities!r}")
    out_dir = Path(out_dir)
    taken = {Path(path).resolve() for path in inputs}
    written: list[Path] = []

    def target(name: str) -> Path:
        path = out_dir / name
        if path.resolve() in taken:
            raise UsageError(f"{path} is one of the images and would be overwritten; choose another --out")
        written.append(path)
        return path

    labels = predicted_classes(probabilities, threshold=threshold)
    save_labels(target(f"{stem}.png"), labels, card.palette)
    if image is not None:
        save_image(target(f"{stem}_overlay.png"), overlay(image, labels, card.palette, background=card.background))
    if save_probabilities == "npy":
        with replacing(target(f"{stem}_probabilities.npy")) as temporary:
            np.save(temporary, np.asarray(probabilities, np.float32))
    elif save_probabilities == "png":
        for name, channel in _named_channels(probabilities, card):
            with replacing(target(f"{stem}_probability{name}.png")) as temporary:
                Image.fromarray(np.rint(channel * WHITE_16_BIT).astype(np.uint16)).save(temporary)
    return written


def _matches(given: Path | str) -> list[Path]:
    path = Path(given)
    if path.is_file():
        return [path]
    if path.is_dir():
        images = sorted(entry for entry in path.iterdir() if _looks_like_image(entry))
        if not images:
            raise UsageError(f"the folder {path} holds no image ({', '.join(IMAGE_SUFFIXES)}); check the path")
        return images
    if glob.has_magic(str(given)):
        images = sorted(entry for entry in map(Path, glob.glob(str(given), recursive=True)) if _looks_like_image(entry))
        if not images:
            raise UsageError(f"no image matches {str(given)!r}; check the pattern")
        return images
    raise UsageError(f"{path} does not exist; pass image files, folders or patterns such as 'photos/*.jpg'")


def _looks_like_image(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _named_channels(probabilities: np.ndarray, card: ModelCard) -> list[tuple[str, np.ndarray]]:
    if probabilities.shape[-1] <= 2:
        return [("", foreground_probability(probabilities))]
    names = ("".join(c if c.isalnum() or c in "-_" else "_" for c in name) for name in card.classes)
    return [(f"_{name}", probabilities[..., i]) for i, name in enumerate(names)]
