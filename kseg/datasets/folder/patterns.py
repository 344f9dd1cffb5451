"""`--images` and `--masks`: patterns with `*`, `?`, `**` and the shared fields {stem}, {dir} and {split}."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from kseg.datasets.folder.names import SPLIT_WORDS, plain
from kseg.datasets.folder.scan import picture_files
from kseg.errors import UsageError

FIELDS = ("stem", "dir", "split")
PIECE = re.compile(r"\*\*/|\*\*|\*|\?|\{\w*\}")
REGEX = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class Matched:
    """A file that matches a pattern, and the values of the pattern's fields."""

    path: Path
    stem: str
    folder: str
    split: str | None

    @property
    def key(self) -> tuple[str, str, str | None]:
        return plain(self.stem), plain(self.folder), self.split


def files_of_pattern(folder: Path, pattern: str, flag: str) -> list[Matched]:
    """The files under `folder` (or under an absolute pattern's start) that match, sorted; case does not matter.

    Without {stem} in the pattern, the stem is that of the file.
    Raises: UsageError for an unknown or doubled field, and for a pattern that names no file.
    """
    unknown = [field for field in re.findall(r"\{(\w*)\}", pattern) if field not in FIELDS]
    if unknown:
        raise UsageError(f"--{flag} {pattern!r} has {{{unknown[0]}}}; it may hold {{stem}}, {{dir}} and {{split}}")
    base, rest = _fixed_part(folder, pattern.replace("\\", "/"))
    if not base.is_dir():
        raise UsageError(f"--{flag} {pattern!r} names no file: there is no folder {base}; correct the path")
    regex = _compiled(rest)
    matched = []
    for path in picture_files(base):
        if match := regex.fullmatch(plain(path.relative_to(base).as_posix())):
            fields = match.groupdict()
            split = fields.get("split")
            if split is not None and split not in SPLIT_WORDS:
                raise UsageError(f"--{flag} {pattern!r}: {{split}} stands for {split!r} in {path}; it must be a split")
            stem = fields.get("stem") or path.stem
            matched.append(Matched(path, stem, fields.get("dir") or "", None if split is None else SPLIT_WORDS[split]))
    if not matched:
        raise UsageError(f"--{flag} {pattern!r} names no file under {base}; patterns are relative to --data-dir")
    return matched


def _fixed_part(folder: Path, pattern: str) -> tuple[Path, str]:
    """The folder before the first part with something to match, and the rest of the pattern."""
    parts = PurePath(pattern).parts
    fixed = 0
    while fixed < len(parts) - 1 and not PIECE.search(parts[fixed]) and "[" not in parts[fixed]:
        fixed += 1
    base = folder.joinpath(*parts[:fixed])  # an absolute pattern leaves `folder` behind
    return base, "/".join(parts[fixed:])


def _compiled(pattern: str) -> re.Pattern[str]:
    text, last, seen = "", 0, set()
    for piece in PIECE.finditer(pattern):
        text += re.escape(plain(pattern[last : piece.start()]))
        last = piece.end()
        field = piece[0].strip("{}")
        if field not in FIELDS:
            text += REGEX[piece[0]]
        elif field in seen:
            text += f"(?P={field})"
        else:
            seen.add(field)
            text += f"(?P<{field}>{'.+?' if field == 'dir' else '[^/]+?'})"
    return re.compile(text + re.escape(plain(pattern[last:])), re.DOTALL)


def option_line(images: str, masks: str) -> str:
    """The two options, ready to paste."""
    return f"--images '{images}' --masks '{masks}'"


EXAMPLE = option_line("imgs/*.jpg", "labels/{stem}_mask.png")


def common_folder(paths: Sequence[PurePath]) -> str:
    """`labels/` where all lie in one folder, `labels/**/` where they lie below it; "" and `**/` without a folder."""
    parents = {path.parent for path in paths}
    first = min(parents, key=lambda parent: len(parent.parts))
    shared = first
    while not all(shared == parent or shared in parent.parents for parent in parents):
        shared = shared.parent
    prefix = "" if shared == PurePath(".") else f"{shared.as_posix()}/"
    return prefix if parents == {shared} else f"{prefix}**/"
