"""Reads weights by layer name from .weights.h5 (Keras 3), .h5 (Keras 2) and .npz files, each also as .xz."""

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kseg.errors import Failure, UsageError

Weights = dict[str, dict[str, np.ndarray]]
"""layer name → weight → array, where a weight is known by its name ("kernel") or its place in the layer ("0")"""

DAMAGE = (OSError, EOFError, ValueError, KeyError, lzma.LZMAError, zipfile.BadZipFile, zlib.error)
"""What the readers raise at a file that is not what its name says."""


class NamelessLayers(Exception):
    """Arrays without layer names; its text shows where they lie."""


def read_weights(path: str | Path) -> Weights:
    """The weights in a file, by layer.

    Layouts: `.npz` has keys LAYER/WEIGHT such as `conv1/kernel`; `.h5` is what `model.save_weights` writes, with the
    layer names that Keras stores beside the arrays (3.8 does), or the layer-by-layer layout of Keras 2 that
    `keras.applications` downloads.
    Errors: UsageError if there is no such file, its name ends in none of these or it names no layer; Failure if it is
    damaged.
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
        except NamelessLayers as error:
            raise UsageError(
                f"weights file {path} does not say which layers its arrays belong to ({error}), as files of Keras 3 "
                "before 3.8 do not; load it into its own network and save that again with a newer Keras, or as .npz "
                "with keys LAYER/WEIGHT"
            ) from None
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
    nameless = []

    def visit(path: str, entry: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(entry, h5py.Dataset):
            return
        if "name" in entry.parent.attrs:
            weights.setdefault(_text(entry.parent.attrs["name"]), {})[path.rpartition("/")[-1]] = entry[()]
        else:
            nameless.append(path)

    archive.visititems(visit)
    # What carries no name beside layers that do, such as a random stream, is no weight of a layer.
    if nameless and not weights:
        raise NamelessLayers(", ".join(nameless[:3]) + (" …" if len(nameless) > 3 else ""))
    return weights


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
