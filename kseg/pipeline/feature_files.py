"""Writes the feature cache under a temporary name and renames it when complete; prepares results ahead in threads."""

import json
import os
import shutil
import socket
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Item = TypeVar("Item")
Result = TypeVar("Result")

PARTIAL = ".partial"


class FeatureWriter:
    """Writes `feature_0.npy …` and `meta.json`, and renames the folder when the `with` block ends without an error.

    The data are appended to plain files and not assigned to a memory map, so that a full disk raises `OSError` instead
    of killing the process.
    """

    def __init__(self, path: Path, count: int, specs: Sequence[dict[str, Any]], *, dataset: str):
        self._path, self._count, self._specs, self._dataset = path, count, specs, dataset
        self._partial = path.with_name(partial_name(path.name))
        self._files: list[Any] = []
        self._written = 0

    def __enter__(self) -> "FeatureWriter":
        self._partial.mkdir()
        for i, spec in enumerate(self._specs):
            file = (self._partial / f"feature_{i}.npy").open("wb")
            self._files.append(file)
            dtype = np.dtype("uint16" if spec["dtype"] == "bfloat16" else spec["dtype"])
            header = {"descr": dtype.str, "fortran_order": False, "shape": (self._count, *spec["shape"])}
            np.lib.format.write_array_header_1_0(file, header)
        return self

    def append(self, features: Sequence[np.ndarray]) -> None:
        """The next examples, one array per tensor."""
        for file, spec, array in zip(self._files, self._specs, features, strict=True):
            if array.shape[1:] != tuple(spec["shape"]) or array.dtype.name != spec["dtype"]:
                raise ValueError(f"features are {array.dtype.name} {array.shape[1:]}, but were declared as {spec}")
            bits = array.view(np.uint16) if spec["dtype"] == "bfloat16" else array
            file.write(np.ascontiguousarray(bits).data)
        self._written += len(features[0])

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            for file in self._files:
                file.close()
            if kind is None:
                if self._written != self._count:
                    raise ValueError(f"{self._written} of {self._count} examples were written")
                meta = {"dataset": self._dataset, "count": self._count, "tensors": list(self._specs)}
                (self._partial / "meta.json").write_text(json.dumps(meta, indent=1))
                self._publish()
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _publish(self) -> None:
        try:
            self._partial.rename(self._path)
        except OSError:
            if not self._path.is_dir():  # otherwise another process was faster, with the same content
                raise


def partial_name(name: str) -> str:
    """A hidden name for something incomplete, unique to this process."""
    return f".{name}.{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{PARTIAL}"


def discard_abandoned(folder: Path) -> None:
    """Removes partial caches left by ended processes of this machine."""
    for partial in folder.glob(f".*{PARTIAL}"):
        host, pid, _ = partial.name.rsplit("-", 2)
        if host.endswith(f".{socket.gethostname()}") and not _is_running(int(pid)):
            shutil.rmtree(partial, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def ahead(function: Callable[[Item], Result], items: Iterable[Item], depth: int | None = None) -> Iterator[Result]:
    """`map(function, items)`, with up to `depth` results (default: one per core, at most 8) prepared by threads."""
    depth = depth or min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(depth) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
