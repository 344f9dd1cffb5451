"""The label maps predicted for a split in one small file, for comparing networks long after they are gone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kseg.atomic import replacing
from kseg.errors import Failure
from kseg.npz import read_npz
from kseg.reading import DAMAGE, cannot_read


def save_masks(path: Path, ids: Sequence[str], masks: Sequence[np.ndarray], *, num_classes: int) -> None:
    """Label maps, uint8 (H, W) each of its own size; two classes take a bit a pixel before compression."""
    flat = np.concatenate([mask.ravel() for mask in masks])
    stored = np.packbits(flat) if num_classes == 2 else flat
    shapes = np.array([mask.shape for mask in masks], np.int32)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, ids=np.array(ids), shapes=shapes, labels=stored, bits=np.array(num_classes == 2))


def load_masks(path: Path) -> dict[str, np.ndarray]:
    """Label maps by image, as `save_masks` wrote them.

    Raises:
      Failure: the file is missing or broken.
    """
    try:
        stored = read_npz(path)
        ids, shapes, labels, bits = (stored[name] for name in ("ids", "shapes", "labels", "bits"))
        if shapes.min(initial=0) < 0 or shapes.shape != (len(ids), 2) or labels.dtype != np.uint8:
            raise ValueError("its arrays do not fit together")
        sizes = shapes.astype(int).prod(axis=1)
        flat = np.unpackbits(labels)[: int(sizes.sum())] if bits else labels
        pieces = np.split(flat, np.cumsum(sizes)[:-1])
        return {str(name): piece.reshape(shape) for name, piece, shape in zip(ids, pieces, shapes, strict=True)}
    except PermissionError as error:
        raise cannot_read(path, error) from None
    except DAMAGE as error:
        raise Failure(f"{path} holds no predicted masks ({error}); remove its run and measure again") from None


def save_probabilities(path: Path, probabilities: Mapping[str, np.ndarray]) -> None:
    """Probabilities (h, w, C) by image, each of its own size, as bytes: p ≈ byte/255, to 0.002."""
    arrays = {f"p{place}": np.rint(255 * p).astype(np.uint8) for place, p in enumerate(probabilities.values())}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, ids=np.array(list(probabilities)), **arrays)


def load_probabilities(path: Path) -> dict[str, np.ndarray]:
    """float32 (h, w, C) by image, as `save_probabilities` wrote them.

    Raises:
      Failure: the file is missing or broken.
    """
    try:
        stored = read_npz(path)
        by_image = {str(name): stored[f"p{place}"].astype(np.float32) / 255 for place, name in enumerate(stored["ids"])}
        if any(p.ndim != 3 for p in by_image.values()):
            raise ValueError("its arrays are no maps")
        return by_image
    except PermissionError as error:
        raise cannot_read(path, error) from None
    except DAMAGE as error:
        raise Failure(f"{path} holds no probabilities ({error}); remove its run and measure again") from None
