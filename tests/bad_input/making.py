"""Small sound files, and functions that damage them or make hostile ones."""

import io
import json
import lzma
import os
import shutil
import socket
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

Make = Callable[[], object]
"""Works in the current folder, where the command is run."""

DEEP = "[" * 100_000
BAD_JSON = {
    "empty": b"",
    "cut short": b'{"model": ',
    "null": b"null",
    "a list": b"[]",
    "a figure": b"7",
    "a text": b'"run"',
    "deep": DEEP.encode(),
    "deep inside": b'{"a": ' + b'{"a":' * 50_000,
    "many digits": b'{"epoch": ' + b"1" * 6000 + b"}",
    "UTF-16": '{"model": {}}'.encode("utf-16"),
    "no text": bytes(range(256)),
    "groups are figures": b'{"model": 1, "classes": 2, "rows": 3, "error": 4, "count": 5, "evaluation": 6, "git": 7}',
}


def write(name: str, content: bytes | str) -> Make:
    return lambda: Path(name).write_bytes(content.encode() if isinstance(content, str) else content)


def every(*makes: Make) -> Make:
    return lambda: [make() for make in makes]


def pipe(name: str) -> Make:
    """A pipe that nobody writes into: a reader waits for ever."""

    def make():
        path = Path(name)
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        os.mkfifo(path)

    return make


def a_socket(name: str) -> Make:
    return lambda: socket.socket(socket.AF_UNIX).bind(name)


def cut(name: str, share: float = 0.5) -> Make:
    def make():
        content = Path(name).read_bytes()
        Path(name).write_bytes(content[: int(len(content) * share)])

    return make


def flip(name: str, at: float = 0.5) -> Make:
    def make():
        content = bytearray(Path(name).read_bytes())
        place = int(len(content) * at)
        content[place : place + 40] = bytes(byte ^ 0xFF for byte in content[place : place + 40])
        Path(name).write_bytes(content)

    return make


def edit_json(name: str, *keys: str | int, to: object) -> Make:
    """Replaces one value of a JSON file, found by its keys; `to` may be a text that is no JSON, such as NaN."""

    def make():
        content = json.loads(Path(name).read_text())
        inside = content
        for key in keys[:-1]:
            inside = inside[key]
        inside[keys[-1]] = "@@" if to in ("NaN", "1e999", "Infinity") else to
        Path(name).write_text(json.dumps(content).replace('"@@"', str(to)))

    return make


def edit_member(model: str, member: str, change: Callable[[bytes], bytes]) -> Make:
    """A member of a .keras file."""

    def make():
        with zipfile.ZipFile(model) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members[member] = change(members[member])
        with zipfile.ZipFile(model, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return make


def card_with(**changes: object) -> Make:
    return edit_member("model.keras", "kseg.json", lambda text: json.dumps({**json.loads(text), **changes}).encode())


def not_finite(model: str) -> Make:
    """Every weight of a .keras file becomes nan."""

    def change(content: bytes) -> bytes:
        stream = io.BytesIO(content)
        with h5py.File(stream, "r+") as file:
            file.visititems(lambda _, found: found.write_direct(np.full(found.shape, np.nan, found.dtype))
                            if isinstance(found, h5py.Dataset) and found.shape else None)  # fmt: skip
        return stream.getvalue()

    return edit_member(model, "model.weights.h5", change)


def zip_bomb(name: str, *members: str) -> Make:
    """Seventy kilobytes that unpack to seventy megabytes."""

    def make():
        with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in members:
                archive.writestr(member, bytes(70 << 20))

    return make


def declaring(shape: tuple[int, ...]) -> bytes:
    """A NumPy file that promises more than it holds."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return header.getvalue() + bytes(64)


def npz(name: str, **members: bytes) -> Make:
    def make():
        with zipfile.ZipFile(name, "w") as archive:
            for member, content in members.items():
                archive.writestr(f"{member.replace('__', '/')}.npy", content)

    return make


def arrays(name: str, **content: np.ndarray) -> Make:
    return lambda: np.savez(name, **{key.replace("__", "/"): array for key, array in content.items()})


def xz_bomb(name: str) -> Make:
    """Ten kilobytes that unpack to 70 MiB."""

    def make():
        packer = lzma.LZMACompressor(preset=0)
        with open(name, "wb") as file:
            for _ in range(70):
                file.write(packer.compress(bytes(1 << 20)))
            file.write(packer.flush())

    return make


def h5(name: str, fill: Callable[[h5py.File], object]) -> Make:
    def make():
        with h5py.File(name, "w") as file:
            fill(file)

    return make


def huge_h5(file: h5py.File) -> None:
    """Declares a terabyte and holds nothing of it."""
    layer = file.create_group("dense")
    layer.attrs["weight_names"] = ["kernel"]
    layer.create_dataset("kernel", (1 << 20, 1 << 18), "f4", chunks=(1024, 1024))
    file.attrs["layer_names"] = ["dense"]


def linked_h5(file: h5py.File) -> None:
    file["dense"] = h5py.ExternalLink("/etc/hostname.h5", "/")
    file.attrs["layer_names"] = ["dense"]


def texts_h5(file: h5py.File) -> None:
    layer = file.create_group("dense")
    layer.attrs["weight_names"] = ["kernel"]
    layer["kernel"] = ["not", "numbers"]
    file.attrs["layer_names"] = ["dense"]


def tar(name: str, *members: tuple[tarfile.TarInfo, bytes], **options) -> Make:
    def make():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(name, "w:gz", **options) as archive:
            for info, content in members:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))

    return make


def member(name: str, **changes: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(info, key, value)
    return info


def image(name: str, size: tuple[int, int] = (12, 16)) -> Make:
    pixels = np.random.default_rng(len(name)).integers(0, 256, (*size, 3), dtype=np.uint8)
    return lambda: Image.fromarray(pixels).save(name)


def mask(name: str, value: int = 1, size: tuple[int, int] = (12, 16)) -> Make:
    labels = np.zeros(size, np.uint8)
    labels[3:9, 4:12] = value
    return lambda: Image.fromarray(labels).save(name)


def pair_folder() -> None:
    """Twelve pairs in folder/images and folder/masks."""
    for name in ("folder/images", "folder/masks"):
        Path(name).mkdir(parents=True)
    for number in range(12):
        image(f"folder/images/i{number}.png")()
        mask(f"folder/masks/i{number}.png")()


def png_of(width: int, height: int) -> bytes:
    """A picture that declares any size and holds nothing."""
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
