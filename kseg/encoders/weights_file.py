"""Reads weights by layer name from .weights.h5 (Keras 3), .h5 (Keras 2) and .npz files, each also as .xz."""

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kseg.errors import Failure, UsageError

Weights = dict[str, dict[str, np.ndarray]]
"""layer name → weight → array, where a weight is known by its name ("kernel") or its place in the layer ("0")"""

DAMAGE = (OSError, EOFError, ValueError, KeyError, lzma.LZMAError, zipfile.BadZipFile, zlib.error)
"""What the readers raise at a file that is not what its name says."""


def read_weights(path: str | Path) -> Weights:
    """The weights in a file, by layer.

    Layouts: `.npz` has keys LAYER/WEIGHT such as `conv1/kernel`; `.h5` is what `model.save_weights` writes, with the
    layer names that Keras stores beside the arrays (3.8 does), or the layer-by-layer layout of Keras 2 that
    `keras.applications` downloads.
    Errors: UsageError if there is no such file or its name ends in none of these; Failure if it is damaged.
    """
    path = Path(path)
    try:
        file = path.open("rb")
    except PermissionError as error:
        raise Failure(f"weights file {path} may not be read: {error.strerror}; change its permissions") from error
    except OSError as error:
        raise UsageError(
            f"there is no weights file {path}; pass --weights none, imagenet or an existing file"
        ) from error
    with file:
        reader = _reader_for(path)
        try:
            return reader(io.BytesIO(lzma.decompress(file.read())) if path.suffix == ".xz" else file)
        except DAMAGE as error:
            raise Failure(f"weights file {path} is damaged ({error}); get it again or pass --weights none") from error


def _reader_for(path: Path) -> Callable[[Any], Weights]:
    suffix = Path(path.name.removesuffix(".xz")).suffix
    readers = {".h5": _read_h5, ".npz": _read_npz}
    if suffix not in readers:
        raise UsageError(
            f"weights file {path} is of no known kind; wanted .weights.h5, .h5 or .npz, each also with .xz at the end"
        )
    return readers[suffix]


def _read_npz(file) -> Weights:
    weights: Weights = {}
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("it is one array without a name")
    with archive:
        for key in archive.files:
            if not isinstance(archive[key], np.ndarray):
                raise ValueError(f"its member {key!r} is no array")
            layer, _, weight = key.rpartition("/")
            weights.setdefault(layer, {})[weight] = archive[key]
    return weights


def _read_h5(file) -> Weights:
    with h5py.File(file, "r") as archive:
        if "layer_names" in archive.attrs:
            return _read_keras2(archive)
        if "model_weights" in archive:
            return _read_keras2(archive["model_weights"])
        return _read_keras3(archive)


def _read_keras2(group: h5py.Group) -> Weights:
    weights = {}
    for layer in map(_text, group.attrs["layer_names"]):
        names = group[layer].attrs["weight_names"]
        if len(names):
            weights[layer] = {str(place): group[layer][_text(name)][()] for place, name in enumerate(names)}
    return weights


def _read_keras3(archive: h5py.File) -> Weights:
    weights: Weights = {}

    def visit(path: str, entry: h5py.Group | h5py.Dataset) -> None:
        if isinstance(entry, h5py.Dataset):
            stored_as = entry.parent.name.removesuffix("/vars").rpartition("/")[-1]
            layer = _text(entry.parent.attrs.get("name", stored_as))
            weights.setdefault(layer, {})[path.rpartition("/")[-1]] = entry[()]

    archive.visititems(visit)
    return weights


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def parameters(weights: Mapping[str, Mapping[str, np.ndarray]]) -> int:
    """How many numbers there are in all."""
    return sum(array.size for layer in weights.values() for array in layer.values())
