"""Archives from strangers: what is extracted, what is refused, and that a refusal leaves nothing behind."""

import stat
import tarfile
import zipfile

import pytest
from layouts import tar_of

from kseg.datasets.archives import Limits, extract_once
from kseg.errors import Failure


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mtime = kind, link, 1_000_000
    return member


def quiet(archive, target, **options):
    return extract_once(archive, target, progress=False, **options)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tars_of_every_compression(tmp_path, mode):
    archive = tar_of([(info("a/b.txt"), b"hello"), (info("a/._b.txt"), b"mac")], tmp_path / "x.tar", mode)
    target = quiet(archive, tmp_path / "out")
    files = [path for path in target.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["b.txt"]
    assert files[0].read_bytes() == b"hello"
    assert files[0].stat().st_mtime == 1_000_000


def test_zips_and_selection(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as bundle:
        bundle.writestr("a/yes.txt", "1")
        bundle.writestr("a/no.txt", "2")
        bundle.writestr("__MACOSX/a/._yes.txt", "3")
    target = quiet(tmp_path / "x.zip", tmp_path / "out", wanted=lambda name: "no" not in name)
    assert [path.name for path in target.rglob("*") if path.is_file()] == ["yes.txt"]


def test_once_means_once(tmp_path):
    archive = tar_of([(info("a.txt"), b"1")], tmp_path / "x.tgz")
    quiet(archive, tmp_path / "out")
    archive.write_bytes(b"no longer an archive")
    assert (quiet(archive, tmp_path / "out") / "a.txt").read_bytes() == b"1"


EVIL_TARS = {
    "parent": ([(info("../evil.txt"), b"x")], "outside its folder"),
    "deep parent": ([(info("a/../../evil.txt"), b"x")], "outside its folder"),
    "absolute": ([(info("/tmp/evil.txt"), b"x")], "outside its folder"),
    "drive": ([(info("C:\\evil.txt"), b"x")], "outside its folder"),
    "backslashes": ([(info("a\\..\\..\\evil.txt"), b"x")], "outside its folder"),
    "evil folder": ([(info("../evil", tarfile.DIRTYPE), b"")], "outside its folder"),
    "symbolic link": ([(info("a", tarfile.SYMTYPE, "/etc"), b""), (info("a/evil.txt"), b"x")], "holds a link"),
    "hard link": ([(info("a", tarfile.LNKTYPE, "/etc/passwd"), b"")], "holds a link"),
    "device": ([(info("a", tarfile.CHRTYPE), b"")], "holds a device"),
    "fifo": ([(info("a", tarfile.FIFOTYPE), b"")], "holds a device"),
    "file as folder": ([(info("a"), b"x"), (info("a/b"), b"x")], "cannot extract"),
}


@pytest.mark.parametrize("name", EVIL_TARS)
def test_evil_tars_leave_nothing_behind(tmp_path, name):
    members, complaint = EVIL_TARS[name]
    (tmp_path / "in").mkdir()
    archive = tar_of([(info("good.txt"), b"fine"), *members], tmp_path / "in" / "x.tgz")
    with pytest.raises(Failure, match=complaint):
        quiet(archive, tmp_path / "cache" / "out")
    assert list((tmp_path / "cache").iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"in", "cache"}


def test_evil_zips(tmp_path):
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as bundle:
        bundle.writestr("../evil.txt", "x")
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as bundle:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        bundle.writestr(entry, "/etc")
    with pytest.raises(Failure, match="outside its folder"):
        quiet(tmp_path / "up.zip", tmp_path / "out")
    with pytest.raises(Failure, match="link or device"):
        quiet(tmp_path / "link.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "evil.txt").exists()


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (Limits(files=2), "more than 2 files"),
        (Limits(total_bytes=2_500_000), "beyond 2500000 bytes"),
        (Limits(ratio=10, ratio_applies_from=100_000), "more than 10 fold"),
    ],
)
def test_bombs(tmp_path, limits, complaint):
    archive = tar_of([(info(f"{index}"), bytes(1_000_000)) for index in range(3)], tmp_path / "x.tgz")
    with pytest.raises(Failure, match=complaint):
        quiet(archive, tmp_path / "out", limits=limits)
    assert {path.name for path in tmp_path.iterdir()} == {"x.tgz"}


@pytest.mark.parametrize("kind", ["tgz", "zip"])
@pytest.mark.parametrize("damage", ["half", "garbled"])
def test_broken_archives(tmp_path, kind, damage):
    import random

    content = random.Random(0).randbytes(50_000)
    path = tmp_path / f"x.{kind}"
    if kind == "tgz":
        tar_of([(info("a"), content)], path)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("a", content)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] if damage == "half" else whole[:middle] + b"\0" * 500 + whole[middle + 500 :])
    with pytest.raises(Failure, match="x.*(is broken|neither a tar nor a zip).*download it again"):
        quiet(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
