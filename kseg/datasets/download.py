"""Downloads with several sources, checksums, resuming and atomic names, and instructions where every source fails."""

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from kseg.datasets.facts import RemoteFile
from kseg.errors import Failure

CHUNK = 1 << 18
TIMEOUT = 30
"""seconds without an answer before the next source is tried"""
ATTEMPTS = 3
"""per source; each attempt resumes where the last one broke off"""

SIGNATURES = {".tgz": (b"\x1f\x8b",), ".gz": (b"\x1f\x8b",), ".zip": (b"PK",)}
NETWORK_ERRORS = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError)


class SourceFailed(Exception):
    """A source does not deliver the file; the text says why."""


def download(file: RemoteFile, folder: Path, *, progress: bool = True, note: Callable[[str], None] = print) -> Path:
    """`folder / file.name`, downloaded unless it is there.

    Sources are tried in order. Bytes go to a hidden `.part` file of the source, which the next attempt or the next call
    resumes. The part is renamed only when it is complete and its checksum right. Raises `Failure` with instructions for
    a download by hand when no source delivers.
    """
    target = folder / file.name
    if target.exists():
        return target
    reasons = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for url in file.urls:
            part = folder / f".{file.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part"
            try:
                _fetch(url, part, progress)
                _verify(part, file, note)
            except SourceFailed as failed:
                reasons.append(f"{url}: {failed}")
                continue
            os.replace(part, target)
            _tag_of(part).unlink(missing_ok=True)
            return target
    except OSError as error:
        raise Failure(f"cannot save {target}: {error.strerror or error}; make room or choose another folder") from error
    raise Failure(by_hand(file, folder, reasons))


def by_hand(file: RemoteFile, folder: Path, reasons: list[str]) -> str:
    """What to do when no source answers."""
    tried = "; ".join(reasons) or "no source is known"
    checksum = f" (its {file.checksum.replace(':', ' is ', 1)})" if file.checksum else ""
    return f"no source delivered {file.name} ({tried}); get it by hand{checksum} and put it at {folder / file.name}"


def checksum_of(path: Path, algorithm: str) -> str:
    """Hexadecimal checksum of a file, "sha256" or "md5"."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _fetch(url: str, part: Path, progress: bool) -> None:
    """Completes `part`, resuming where earlier attempts stopped."""
    for attempt in range(ATTEMPTS):
        try:
            _fetch_rest(url, part, progress)
            return
        except urllib.error.HTTPError as error:
            raise SourceFailed(f"HTTP {error.code} {error.reason}") from error
        except NETWORK_ERRORS as error:
            if attempt == ATTEMPTS - 1:
                raise SourceFailed(str(getattr(error, "reason", None) or error or type(error).__name__)) from error


def _fetch_rest(url: str, part: Path, progress: bool) -> None:
    # 1. what is there, and what to ask for
    have = part.stat().st_size if part.exists() else 0
    tag_file = _tag_of(part)
    tag = tag_file.read_text() if tag_file.exists() else ""
    headers = {"User-Agent": "kseg", "Accept-Encoding": "identity"}
    if have and tag:  # without a tag, the server could not tell whether the file is still the same
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    # 2. the answer: the rest, the whole file, or that nothing is missing
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.headers.get("Content-Range", "").endswith(f"/{have}"):
            return  # the part was complete already
        part.unlink(missing_ok=True)
        raise ConnectionError("the file changed on the server") from error
    # 3. the bytes, appended to those that are there
    with response:
        goes_on = response.status == http.HTTPStatus.PARTIAL_CONTENT and _starts_at(response) == have
        start = have if goes_on else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        tag_file.write_text(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")
        with (
            open(part, "ab" if goes_on else "wb") as file,
            tqdm(
                total=total, initial=start, unit="B", unit_scale=True, desc=url, disable=None if progress else True
            ) as bar,
        ):
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
            if total is not None and file.tell() < total:
                raise ConnectionError(f"broke off after {file.tell()} of {total} bytes")


def _starts_at(response: http.client.HTTPResponse) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _verify(part: Path, file: RemoteFile, note: Callable[[str], None]) -> None:
    """Removes a file that is not what it should be, so that no later call resumes it."""
    with open(part, "rb") as content:
        start = content.read(64).lstrip()
    expected = SIGNATURES.get(Path(file.name).suffix)
    if (expected and not start.startswith(expected)) or (not expected and start.startswith(b"<")):
        _remove(part)
        raise SourceFailed(f"sent something other than {file.name} (it begins with {start[:20]!r})")
    if file.checksum:
        algorithm, _, wanted = file.checksum.partition(":")
        got = checksum_of(part, algorithm)
        if got != wanted:
            _remove(part)
            raise SourceFailed(f"sent a file with {algorithm} {got}; expected {wanted}")
    if file.seen:
        algorithm, _, known = file.seen.partition(":")
        if (got := checksum_of(part, algorithm)) != known:
            note(f"{file.name}: {algorithm} {got} differs from the one seen before ({known}); run `kseg data check`")


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag_of(part).unlink(missing_ok=True)


def _tag_of(part: Path) -> Path:
    return part.with_suffix(".tag")
