"""What `kseg data info` prints of a data set: origin, terms, citation, expected tree, files and their checksums."""

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
    """checksum of a file that worked but may not be the original; a difference is only reported"""
    size: int | None = None
    """bytes, where known"""
    unpacked: tuple[str, ...] = ()
    """folders that make this archive unnecessary"""
    optional: bool = False
    """only some options need it"""
    use: str = ""
    """which options need it, where not all do"""


@dataclass(frozen=True)
class Facts:
    """A data set's particulars, shown by `kseg data info`."""

    homepage: str
    license: str
    citation: str
    tree: str
    """what the data folder has to hold"""
    counts: str
    files: tuple[RemoteFile, ...] = ()
    notes: tuple[str, ...] = ()

    def as_text(self) -> str:
        lines = [
            f"homepage       {self.homepage}",
            f"terms          {self.license}",
            f"cite           {self.citation}",
            f"size           {self.counts}",
            *(f"note           {note}" for note in self.notes),
            "expected tree",
            *(f"    {line}" for line in self.tree.splitlines()),
        ]
        for file in self.files:
            size = f", {file.size:,} bytes" if file.size else ""
            lines.append(f"{file.name}{size}{f', only for {file.use}' if file.use else ''}")
            lines += [f"    {url}" for url in file.urls]
            if file.checksum:
                lines.append(f"    {file.checksum.replace(':', ' ', 1)}")
            if file.seen:
                lines.append(
                    f"    {file.seen.replace(':', ' ', 1)} (of a repacked copy that works; not published upstream)"
                )
        return "\n".join(lines)
