"""What `kseg data info` tells about a data set: origin, terms, citation, expected tree, files and their checksums."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """A file that is downloaded, with every known place to get it."""

    name: str
    """the file name under the data folder"""
    urls: tuple[str, ...]
    checksum: str | None = None
    """"sha256:…" or "md5:…" as published; a download that differs is refused"""
    seen: str | None = None
    """a checksum met once, of a file that worked but may not be the original; a difference is only reported"""
    size: int | None = None
    """bytes, where known"""


@dataclass(frozen=True)
class Facts:
    """A data set's particulars, shown by `kseg data info`."""

    homepage: str
    licence: str
    citation: str
    tree: str
    """what the data folder has to hold"""
    counts: str
    files: tuple[RemoteFile, ...] = ()
    notes: tuple[str, ...] = ()
