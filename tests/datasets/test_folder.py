"""A person's own folder: every way to write a mask, every way to divide it, and what is said when it does not fit."""

import numpy as np
import pytest
from layouts import noise, pair_folder, write
from PIL import Image

from kseg.conventions import VOID
from kseg.datasets import data_options, open_dataset
from kseg.datasets.check import check
from kseg.errors import Failure, UsageError


def opened(folder, **options):
    return open_dataset(data_options("folder", folder, **options))


def first_labels(dataset):
    return dataset.labels(dataset.records("train")[0])


def test_ids_are_classes(tmp_path):
    dataset = opened(pair_folder(tmp_path, values=(0, 1, 2)))
    assert dataset.classes == ("background", "class 1", "class 2") and len(dataset.palette) == 3
    assert first_labels(dataset)[:4, 0].tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("values", [(0, 255), (255, 0), (255,)])
def test_black_and_white_are_two_classes(tmp_path, values):
    dataset = opened(pair_folder(tmp_path, values=values))
    assert dataset.classes == ("background", "foreground")
    assert first_labels(dataset)[0, 0] == values[0] // 255


def test_black_and_white_may_be_named(tmp_path):
    dataset = opened(pair_folder(tmp_path, values=(0, 255)), classes=("wall", "cat"))
    assert dataset.classes == ("wall", "cat") and set(np.unique(first_labels(dataset))) == {0, 1}


def test_255_beside_ids_is_void(tmp_path):
    dataset = opened(pair_folder(tmp_path, values=(0, 1, 255)))
    assert dataset.classes == ("background", "class 1")
    assert set(np.unique(first_labels(dataset))) == {0, 1, VOID}


def test_void_values(tmp_path):
    dataset = opened(pair_folder(tmp_path, values=(0, 1, 7)), void=(7,))
    assert dataset.classes == ("background", "class 1")
    assert first_labels(dataset)[:3, 0].tolist() == [0, 1, VOID]


def test_values_outside_the_classes_are_named(tmp_path):
    dataset = opened(pair_folder(tmp_path, values=(0, 1, 7, 9)), classes=("wall", "cat"))
    with pytest.raises(Failure, match=r"values \{7, 9\} outside 0\.\.1; pass --classes .* or --void 7 9"):
        first_labels(dataset)


def test_color_masks(tmp_path):
    folder = pair_folder(tmp_path)
    table = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255), (9, 9, 9)], dtype=np.uint8)
    ids = np.arange(12) % 4
    for path in (folder / "masks").iterdir():
        write(path, np.repeat(table[ids][:, None], 10, axis=1))
    with pytest.raises(UsageError, match=r"are in color; of 4 colors .*--colors background=0,0,0"):
        _ = opened(folder).classes
    colors = ("wall=0,0,0", "cat=255,0,0", "cat=0,0,255")
    with pytest.raises(Failure, match=r"the color \(9, 9, 9\) .*add NAME=9,9,9, or void=9,9,9"):
        first_labels(opened(folder, colors=colors))
    dataset = opened(folder, colors=(*colors, "void=9,9,9"))
    assert dataset.classes == ("wall", "cat") and dataset.palette == ((0, 0, 0), (255, 0, 0))
    assert first_labels(dataset)[:4, 0].tolist() == [0, 1, 1, VOID]


def test_stray_values_are_classes_that_no_mask_holds(tmp_path):
    folder = pair_folder(tmp_path, values=(0, 1, 4))
    report = check(opened(folder), progress=False)
    assert [problem for problem in report.problems if "no mask holds" in problem] == [
        "no mask holds 2 (class 2), 3 (class 3), and the highest value is 4; if the numbers count objects, pass "
        "--binary; if the masks hold stray values, pass them as --void; if there are only 3 classes, name them: "
        "--colors background=0,0,0 NAME1=1,1,1 NAME4=4,4,4"
    ]
    for options in ({"void": (4,)}, {"colors": ("background=0,0,0", "NAME1=1,1,1", "NAME4=4,4,4")}):
        assert not [one for one in check(opened(folder, **options), progress=False).problems if "no mask" in one]


def test_names_pair_whatever_the_extension(tmp_path):
    folder = pair_folder(tmp_path)
    for index, suffix in enumerate(("tif", "bmp", "jpg")):
        (folder / "images" / f"a{index}.png").unlink()
        write(folder / "images" / f"a{index}.{suffix}", noise(index))
    (folder / "images" / "notes.txt").write_text("not an image")
    (folder / "images" / "._a1.bmp").write_bytes(b"mac")
    dataset = opened(folder)
    assert sum(len(dataset.records(split)) for split in ("train", "validation", "test")) == 10


def test_sizes_that_differ(tmp_path):
    folder = pair_folder(tmp_path)
    for path in (folder / "masks").iterdir():
        write(path, np.zeros((12, 11), dtype=np.uint8))
    with pytest.raises(Failure, match="mask .* is 12×11 but image .* is 12×10 .*make the two the same size"):
        first_labels(opened(folder))


def test_a_turned_photo_with_an_unturned_mask_is_explained(tmp_path):
    folder = pair_folder(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    for index, path in enumerate((folder / "images").iterdir()):
        write(path, noise(index), exif=exif)
    with pytest.raises(Failure, match="EXIF orientation"):
        first_labels(opened(folder))


@pytest.mark.parametrize(
    ("colors", "complaint"),
    [
        (("cat",), "'cat' is not NAME=R,G,B"),
        (("cat=1,2",), "'cat=1,2' is not NAME=R,G,B"),
        (("cat=1,2,300",), "is not NAME=R,G,B"),
        (("cat=1,2,3",), "names 1 classes"),
        (("cat=1,2,3", "dog=1,2,3"), "one color to two classes"),
    ],
)
def test_bad_colors(tmp_path, colors, complaint):
    with pytest.raises(UsageError, match=complaint):
        opened(pair_folder(tmp_path), colors=colors)


def test_bad_classes_and_void(tmp_path):
    folder = pair_folder(tmp_path)
    with pytest.raises(UsageError, match="--classes names 1 classes"):
        opened(folder, classes=("cat",))
    with pytest.raises(UsageError, match="leave --classes out"):
        opened(folder, classes=("a", "b"), colors=("a=0,0,0", "b=1,1,1"))
    with pytest.raises(UsageError, match="--void is 70000; it must be .* at most 65535, or left out"):
        _ = opened(folder, void=(70000,)).classes


def test_grays_may_be_named_as_colors(tmp_path):
    dataset = opened(pair_folder(tmp_path, values=(0, 38)), colors=("wall=0,0,0", "cat=38,38,38"))
    assert set(np.unique(first_labels(dataset))) == {0, 1}


def test_one_broken_mask_does_not_hide_the_classes(tmp_path):
    folder = pair_folder(tmp_path)
    (folder / "masks" / "a0.png").write_bytes(b"")
    assert opened(folder).classes == ("background", "class 1")
