"""Reads weights by layer name from .weights.h5 (Keras 3), .h5 (Keras 2) and .npz files, each also as .xz."""

import io
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np

from kseg.errors import Failure, KsegError, UsageError
from kseg.npz import read_npz
from kseg.reading import DAMAGE, allowed_growth, open_regular
from kseg.wording import listed

Weights = dict[str, dict[str, np.ndarray]]
"""layer name → weight → array, where a weight is known by its name ("kernel") or its place in the layer ("0")"""

MOST_FOLD = 50
"""The most bytes that a byte of compressed weights may unpack to; real weights compress little."""


class NamelessLayers(Exception):
    """Arrays without layer names; the text lists their paths."""


def read_weights(path: str | Path) -> Weights:
    """The weights in a file, by layer.

    Layouts: `.npz` has keys LAYER/WEIGHT such as `conv1/kernel`. `.h5` is written by `model.save_weights`, with layer
    names beside the arrays (Keras 3.8 and later), or has the layer-by-layer layout of Keras 2 that `keras.applications`
    downloads.
    Errors: UsageError if there is no such file, its suffix is unknown or it names no layer; Failure if it is damaged.
    """
    # 1. open the file
    path = Path(path)
    try:
        file = open_regular(path)
    except PermissionError as error:
        raise Failure(f"weights file {path} may not be read: {error.strerror}; change its permissions") from error
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(
            f"there is no weights file {path}; pass --weights none, imagenet or an existing file"
        ) from error
    except (OSError, ValueError) as error:  # a pipe or folder; a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"weights file {path} cannot be read: {reason}; pass --weights none, imagenet or a file"
        ) from None

    # 2. read it by its suffix
    with file:
        reader = _reader_for(path)
        try:
            return reader(_unpacked(file) if path.suffix == ".xz" else file)
        except NamelessLayers as error:
            raise UsageError(
                f"weights file {path} does not name the layers of its arrays ({error}), like all files of Keras 3 "
                "before 3.8; load it into its own network and save that again with a newer Keras, or as .npz with keys "
                "LAYER/WEIGHT"
            ) from None
        except KsegError:
            raise
        except DAMAGE as error:
            raise Failure(f"weights file {path} is damaged ({error}); get it again or pass --weights none") from error


def _reader_for(path: Path) -> Callable[[Any], Weights]:
    suffix = Path(path.name.removesuffix(".xz")).suffix
    readers = {".h5": _read_h5, ".npz": _read_npz}
    if suffix not in readers:
        raise UsageError(
            f"weights file {path} is of an unknown kind; wanted .weights.h5, .h5 or .npz, each also with .xz at the end"
        )
    return readers[suffix]


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """The decompressed file, read up to a limit: `lzma.decompress` of two megabytes can fill any memory."""
    allowed = allowed_growth(os.fstat(file.fileno()).st_size, ratio=MOST_FOLD)
    with lzma.open(file) as stream:
        content = stream.read(allowed + 1)
    if len(content) > allowed:
        raise ValueError(f"it unpacks to more than {allowed >> 20} MiB, {MOST_FOLD} times its size")
    return io.BytesIO(content)


def _read_npz(file) -> Weights:
    weights: Weights = {}
    for key, array in read_npz(file).items():
        layer, _, weight = key.rpartition("/")
        weights.setdefault(layer, {})[weight] = _of_numbers(array, key)
    return weights


def _of_numbers(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype.kind not in "biufV":  # V: bfloat16
        raise ValueError(f"{name!r} holds {array.dtype}, not numbers")
    return array


def _read_h5(file) -> Weights:
    with h5py.File(file, "r") as archive:
        check_declared(archive, file.seek(0, 2))
        if "layer_names" in archive.attrs:
            return _read_keras2(archive)
        if "model_weights" in archive:
            return _read_keras2(archive["model_weights"])
        return _read_keras3(archive)


def check_declared(archive: h5py.File, size: int) -> None:
    """Raises ValueError where arrays are larger than a file of `size` bytes can hold, or lie in another file.

    HDF5 allocates the memory that a data set declares, and follows links to other files.
    """
    declared = 0

    def visit(path: str, entry: h5py.Group | h5py.Dataset) -> None:
        nonlocal declared
        if isinstance(entry, h5py.Group):
            if any(isinstance(entry.get(name, getlink=True), h5py.ExternalLink) for name in entry):
                raise ValueError(f"{path!r} leads to another file")
        elif entry.external or entry.is_virtual:
            raise ValueError(f"{path!r} lies in another file")
        else:
            declared += entry.nbytes

    visit("/", archive)
    archive.visititems(visit)
    if declared > allowed_growth(size):
        raise ValueError(f"it declares {declared} bytes of arrays and has {size}")


def _read_keras2(group: h5py.Group) -> Weights:
    weights = {}
    for layer in map(_text, group.attrs["layer_names"]):
        names = [_text(name) for name in group[layer].attrs["weight_names"]]
        if names:
            arrays = ((name, np.asarray(group[layer][name][()])) for name in names)
            weights[layer] = {str(place): _of_numbers(array, name) for place, (name, array) in enumerate(arrays)}
    return weights


def _read_keras3(archive: h5py.File) -> Weights:
    weights: Weights = {}
    nameless = []

    def visit(path: str, entry: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(entry, h5py.Dataset):
            return
        if "name" in entry.parent.attrs:
            array = _of_numbers(np.asarray(entry[()]), path)
            weights.setdefault(_text(entry.parent.attrs["name"]), {})[path.rpartition("/")[-1]] = array
        else:
            nameless.append(path)

    archive.visititems(visit)
    # Arrays without a name beside named layers, such as a random state, are not weights of a layer.
    if nameless and not weights:
        raise NamelessLayers(listed(nameless))
    return weights


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
