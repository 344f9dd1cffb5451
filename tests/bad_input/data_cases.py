"""Bad data and surroundings: archives, images, masks, lists, variables, places to write."""

from pathlib import Path

from making import (
    DEEP,
    Make,
    cut,
    every,
    flip,
    mask,
    member,
    pipe,
    png_of,
    tar,
    write,
)
from rows import CHECK, FAILED, LFW, PREDICT, TRAIN, TRAIN_FOLDER, USAGE, Row, nothing

# --- archives ------------------------------------------------------------------------------------------------------

ARCHIVE = "lfw/parts_lfw_funneled_gt_images.tgz"
LFW_FILES = ("lfw-funneled.tgz", "parts_lfw_funneled_gt_images.tgz")
"""Names that the loader takes for LFW's."""


def archives(make_one) -> Make:
    """The same in place of both of LFW's archives."""

    def make():
        Path("lfw").mkdir()
        for name in LFW_FILES:
            make_one(f"lfw/{name}")()

    return make


def pax(**headers: str):
    return lambda name: tar(name, (member("a", pax_headers=headers), b"x"), format=2)


def of_member(name: str, **changes: object):
    return lambda archive: tar(archive, (member(name, **changes), b""))


ARCHIVES = [
    Row(LFW, FAILED, "neither a tar nor a zip", archives(lambda name: write(name, b""))),
    Row(LFW, FAILED, "neither a tar nor a zip", archives(lambda name: write(name, b"\x1f\x8b\x08 nothing"))),
    Row(LFW, FAILED, "neither a tar nor a zip", archives(lambda name: write(name, b"<html>404</html>"))),
    Row(LFW, FAILED, "lfw", archives(lambda name: every(tar(name, (member("a"), bytes(9000))), cut(name)))),
    Row(LFW, FAILED, "describes a file in more", archives(pax(comment="x" * (3 << 20)))),
    Row(LFW, FAILED, "fold", archives(lambda name: tar(name, (member("unwanted"), bytes(70 << 20))))),
    Row(LFW, FAILED, "outside", archives(of_member("../evil"))),
    Row(LFW, FAILED, "outside", archives(of_member("/etc/evil"))),
    Row(LFW, FAILED, "link", archives(of_member("a", type=b"2", linkname="/etc/passwd"))),
    Row(LFW, FAILED, "device", archives(of_member("a", type=b"6"))),
    Row(LFW, USAGE, "found 0 labeled", archives(lambda name: write(name, b"PK\5\6" + bytes(18)))),
    Row(LFW, USAGE, "holds neither", archives(pipe)),
]

# --- images, masks, lists ------------------------------------------------------------------------------------------

IMAGES = [
    Row("predict model.keras nothing.png --out out", USAGE, "nothing.png"),
    Row("predict model.keras '*.jpeg' --out out", USAGE, "*.jpeg"),
    *[
        Row(PREDICT, FAILED, "photo.png", make)
        for make in (
            write("photo.png", b""),
            write("photo.png", b"<html>"),
            write("photo.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
            cut("photo.png"),
            flip("photo.png"),
            write("photo.png", png_of(60_000, 60_000)),
            write("photo.png", png_of(0, 5)),
            write("photo.png", png_of(5, 5)),
        )
    ],
    Row(f"{TRAIN_FOLDER} --data-dir nowhere", USAGE, "nowhere"),
    Row(f"{TRAIN_FOLDER} --data-dir photo.png", USAGE, "photo.png"),
    Row("data stats folder --data-dir nowhere", USAGE, "nowhere"),
    Row("data preview folder --data-dir nowhere", USAGE, "nowhere"),
    Row("data stats folder --data-dir folder", FAILED, "i3.png", cut("folder/masks/i3.png")),
    Row(
        "data preview folder --data-dir folder",
        FAILED,
        "png",
        every(*[cut(f"folder/images/i{n}.png") for n in range(12)]),
    ),
    Row("data stats folder --data-dir folder", FAILED, "i3", mask("folder/masks/i3.png", size=(5, 5))),
    Row(f"{CHECK} --colors a=1,2", USAGE, "a=1,2"),
    Row(f"{CHECK} --colors a=1,2,999 b=0,0,0", USAGE, "999"),
    Row(f"{CHECK} --colors a=²,2,3 b=0,0,0", USAGE, "²"),
    Row(
        "data stats folder --data-dir folder",
        FAILED,
        "train.txt",
        every(*[write(f"folder/{name}.txt", b"nosuch\n") for name in ("train", "validation", "test")]),
    ),
]

# --- the surroundings ----------------------------------------------------------------------------------------------

AROUND = [
    *[
        Row(f"{TRAIN} --distribute multiworker", USAGE, "TF_CONFIG", nothing, {"TF_CONFIG": text})
        for text in (
            "not JSON",
            "[]",
            "7",
            '{"task": 3}',
            '{"task": {"index": "first"}}',
            DEEP,
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 7}}',
            '{"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}',
        )
    ],
    *[
        Row("data cache", USAGE, "KSEG_CACHE_LIMIT", nothing, {"KSEG_CACHE_LIMIT": text})
        for text in ("much", "-1", "nan", "²")
    ],
    Row("train --workdir photo.png --synthetic-counts 4 2 2", USAGE, "photo.png"),
    Row("train --workdir folder --synthetic-counts 4 2 2", USAGE, "folder"),
    Row("train --workdir photo.png/run --synthetic-counts 4 2 2", FAILED, "photo.png"),
    Row(f"train --workdir {'a' * 300} --synthetic-counts 4 2 2", FAILED, "aaa"),
    Row("losses show iou --out photo.png/x.png", FAILED, "photo.png"),
    Row("losses show iou --out /proc/nosuch/x.png", FAILED, "/proc"),
    Row("data preview folder --data-dir folder --out photo.png/x.png", FAILED, "photo.png"),
    Row("predict model.keras photo.png --out photo.png", FAILED, "photo.png"),
    Row("predict model.keras photo.png --out photo.png/out", FAILED, "photo.png"),
    Row(
        "evaluate model.keras --dataset folder --data-dir folder --match-classes order --out photo.png",
        FAILED,
        "photo.png",
    ),
]
