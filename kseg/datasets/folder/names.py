"""What file and folder names say: image or mask, which split, and which names count as equal."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Literal

Role = Literal["image", "mask"]

MASK_WORDS = {
    "gt", "gts", "seg", "segs", "truth", "target", "targets", "trimap", "trimaps", "matte", "mattes", "manual",
    "lbl", "lbls", "anno", "annos", "groundtruth", "groundtruths",
}  # fmt: skip
MASK_BEGINNINGS = ("mask", "label", "annot", "segment")
IMAGE_WORDS = {
    "img", "imgs", "pic", "pics", "rgb", "input", "inputs", "original", "originals", "orig", "scan", "scans", "slices",
    "jpegs",
}  # fmt: skip
IMAGE_BEGINNINGS = ("image", "photo", "frame", "picture")

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "vl"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "ts"), "test"),
}

FILLERS = {"set", "sets", "data", "dataset", "class", "ground", "file", "files", "png", "jpg", "jpeg", "tif"}
"""Words that add nothing beside a role or a split."""

YEAR = re.compile(r"(19|20)\d\d")
WORD = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")


@dataclass(frozen=True)
class Place:
    """A file as described by its path; `folders` are those that name neither role nor split."""

    path: PurePath
    """relative to the data folder"""
    role: Role | None
    group: str
    """the words of the folder that names the role, without the split's; "" where no folder names it"""
    split: str | None
    folders: tuple[str, ...]
    inner: bool
    """whether the folder that names the role is the file's direct parent, inside another: `ID/masks/x.png`"""

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def where(self) -> tuple[str | None, tuple[str, ...]]:
        """Split and folders, which an image and its mask have in common."""
        return self.split, tuple(map(plain, self.folders))


def place_of(path: PurePath, role: Role | None = None) -> Place:
    """The place of a file by its path, relative to the data folder; `role` where the first folder already decides it.

    Where several folders name a role, the last one whose name says nothing else counts: `masks/frames_1` are masks, and
    `segmentation_data/images` are images.
    """
    names = path.parts[:-1]
    told = [_told_by(name) for name in names]
    of_role = [i for i, one in enumerate(told) if one.role is not None]
    clear = [i for i in of_role if told[i].clear]
    at = 0 if role is not None else next(reversed(clear or of_role), None)
    split: str | None = None
    folders: list[str] = []
    for i in reversed(range(len(names))):
        if told[i].split is not None and split is None and (i == at or told[i].clear):
            split = told[i].split
        elif i != at:
            folders.insert(0, names[i])
    if at is None:
        return Place(path, None, "", split, tuple(folders), inner=False)
    inner = at == len(names) - 1 and bool(folders)
    return Place(path, role or told[at].role, told[at].group, split, tuple(folders), inner)


def role_of_stem(stem: str) -> Role | None:
    """What a file's own name says at its beginning or end: `p1_mask`, `mask_1`, `p1_mask_2`, `image_001`."""
    words = [word for word in words_of(stem) if not word.isdigit()]
    for word in words[-1:] + words[:1]:
        if (role := _role_of_word(word)) is not None:
            return role
    return None


def words_of(name: str) -> list[str]:
    """`JPEGImages` to jpeg, images; `p001-gt` to p, 001, gt."""
    return [word.lower() for word in WORD.findall(name)]


def plain(name: str) -> str:
    """A name as it is compared: accents composed, lower case."""
    return unicodedata.normalize("NFC", name).casefold()


def safe_id(parts: Sequence[str]) -> str:
    """A path as the name of one file; bytes that are not UTF-8 are written as %e9."""
    joined = unicodedata.normalize("NFC", "__".join(parts).lstrip("."))
    return re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02x}", joined)


def shown(path: Path | PurePath | str) -> str:
    """A path that can be printed, with bytes that are not UTF-8 as \\xe9."""
    return re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", str(path))


@dataclass(frozen=True)
class _Told:
    """What the name of one folder says."""

    role: Role | None
    split: str | None
    group: str
    """its words without the split's"""
    clear: bool
    """whether it says nothing else"""


@lru_cache(maxsize=100_000)
def _told_by(folder: str) -> _Told:
    role: Role | None = None
    split, rest, clear = None, [], True
    for word in words_of(folder):
        beginning = next((known for known in SPLIT_WORDS if len(known) > 2 and word.startswith(known)), "")
        if word in SPLIT_WORDS:
            split = SPLIT_WORDS[word]
        elif beginning and (told := _role_of_word(word[len(beginning) :])):  # SegNet's `trainannot`
            split, role = SPLIT_WORDS[beginning], "mask" if "mask" in (role, told) else told
            rest.append(word[len(beginning) :])
        else:
            told = _role_of_word(word)
            role = "mask" if "mask" in (role, told) else role or told  # `mask_images` are masks
            clear &= told is not None or word in FILLERS or bool(YEAR.fullmatch(word))  # train2017, but not test1
            rest.append(word)
    return _Told(role, split, " ".join(rest), clear and (role is not None or split is not None))


def _role_of_word(word: str) -> Role | None:
    if word in MASK_WORDS or word.startswith(MASK_BEGINNINGS):
        return "mask"
    if word in IMAGE_WORDS or word.startswith(IMAGE_BEGINNINGS):
        return "image"
    return None
