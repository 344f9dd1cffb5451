"""`.npz` files of unknown origin: the declared sizes are checked before an array is allocated."""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from kseg.reading import allowed_growth, open_regular

SUFFIX = ".npy"
MAGIC = b"\x93NUMPY"


def read_npz(source: Path | str | IO[bytes]) -> dict[str, np.ndarray]:
    """The arrays by name. Arrays of Python objects are refused, because reading them would run code.

    Raises:
      OSError: as `open_regular`.
      ValueError and others of `reading.DAMAGE`: the file is damaged, or declares more than it could hold.
    """
    if isinstance(source, str | Path):
        with open_regular(source) as file:
            return read_npz(file)
    packed = source.seek(0, 2)
    source.seek(0)
    if source.read(len(MAGIC)) == MAGIC:
        raise ValueError("it is one array without a name")
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > allowed_growth(packed):
            raise ValueError(f"it would unpack {packed} bytes to {sum(member.file_size for member in members)}")
        return {member.filename.removesuffix(SUFFIX): _array(archive, member) for member in members}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """The array; NumPy allocates what a header declares before it reads, so the header is compared with the member."""
    if member.flag_bits & 1:
        raise ValueError(f"its member {member.filename!r} is encrypted")
    with archive.open(member) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError(f"its member {member.filename!r} is no array")
        header = np.lib.format.read_array_header_1_0 if file.read(2) == b"\1\0" else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
        if dtype.hasobject:
            raise ValueError(f"its member {member.filename!r} holds Python objects, which would need allow_pickle")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > member.file_size:
            raise ValueError(f"its member {member.filename!r} has {member.file_size} bytes for an array of {shape}")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
