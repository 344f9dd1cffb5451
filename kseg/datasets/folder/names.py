"""What the names of people's files and folders say: image or mask, which split, and which name is the same name."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
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

YEAR = re.compile(r"(19|20)\d\d")
WORD = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")


@dataclass(frozen=True)
class Place:
    """A file as its path tells: `folders` are those that name neither role nor split."""

    path: PurePath
    """relative to the data folder"""
    role: Role | None
    group: str
    """the words of the folder that tells the role, without those of its split; "" where none does"""
    split: str | None
    folders: tuple[str, ...]
    inner: bool
    """whether the folder that tells the role is the file's own, inside another: `ID/masks/x.png`"""

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def where(self) -> tuple[str | None, tuple[str, ...]]:
        """Split and folders: image and mask have them in common."""
        return self.split, tuple(map(plain, self.folders))


def place_of(path: PurePath) -> Place:
    """The place of a file by its path, relative to the data folder."""
    role, group, split, folders, inner = None, "", None, [], False
    for name in reversed(path.parts[:-1]):
        own_role, own_split, rest = _told_by(name)
        if own_role is not None and role is None:
            role, group, inner = own_role, rest, not folders
            split = split or own_split
        elif own_split is not None and not rest and split is None:
            split = own_split
        else:
            folders.insert(0, name)
    return Place(path, role, group, split, tuple(folders), inner and bool(folders))


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
    """Names that look the same are the same: composed and decomposed accents, capitals and small letters."""
    return unicodedata.normalize("NFC", name).casefold()


def safe_id(parts: Sequence[str]) -> str:
    """A path as the name of one file; bytes that are not UTF-8 are written as %e9."""
    joined = unicodedata.normalize("NFC", "__".join(parts).lstrip("."))
    return re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02x}", joined)


def shown(path: Path | PurePath | str) -> str:
    """A path that can be printed, whatever bytes are in it."""
    return re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", str(path))


def _told_by(folder: str) -> tuple[Role | None, str | None, str]:
    """(role, split, the other words) of a folder's name."""
    role: Role | None = None
    split, rest, strange = None, [], False
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
            strange |= told is None and not YEAR.fullmatch(word)  # train2017, but not test1 and test2
            rest.append(word)
    if role is None and (strange or split is None):
        return None, None, folder
    return role, split, "" if role is None else " ".join(rest)


def _role_of_word(word: str) -> Role | None:
    if word in MASK_WORDS or word.startswith(MASK_BEGINNINGS):
        return "mask"
    if word in IMAGE_WORDS or word.startswith(IMAGE_BEGINNINGS):
        return "image"
    return None
