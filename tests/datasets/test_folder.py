"""A person's own folder: every way to write a mask, every way to divide it, and what is said when it does not fit."""

import numpy as np
import pytest
from layouts import noise, pair_folder, write
from PIL import Image

from kseg.conventions import VOID
from kseg.datasets import DataOptions, open_dataset
from kseg.datasets.check import check
from kseg.datasets.folder.pairs import split_counts
from kseg.errors import Failure, UsageError


def opened(folder, **options):
    return open_dataset(DataOptions("folder", folder, **options))


def first_labels(dataset):
    return dataset.labels(dataset.records("train")[0])


def stems(dataset, split):
    return [record.id for record in dataset.records(split)]


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
    report = check(opened(pair_folder(tmp_path, values=(0, 1, 4))), progress=False)
    assert [problem for problem in report.problems if "no mask holds" in problem] == [
        "no mask holds 2 (class 2), 3 (class 3), and the highest value is 4; if the masks hold stray values, pass them "
        "as --void, or name the classes with --classes"
    ]


def test_names_pair_whatever_the_extension(tmp_path):
    folder = pair_folder(tmp_path)
    for index, suffix in enumerate(("tif", "bmp", "jpg")):
        (folder / "images" / f"a{index}.png").unlink()
        write(folder / "images" / f"a{index}.{suffix}", noise(index))
    (folder / "images" / "notes.txt").write_text("not an image")
    (folder / "images" / "._a1.bmp").write_bytes(b"mac")
    dataset = opened(folder)
    assert sum(len(dataset.records(split)) for split in ("train", "validation", "test")) == 10


def test_missing_and_doubled_partners(tmp_path):
    folder = pair_folder(tmp_path / "a")
    (folder / "masks" / "a3.png").unlink()
    (folder / "masks" / "a4.png").unlink()
    with pytest.raises(Failure, match=r"a3.png has no mask .*masks/a3\.\* \(nor have 1 others\)"):
        opened(folder)
    folder = pair_folder(tmp_path / "b")
    (folder / "images" / "a3.png").unlink()
    with pytest.raises(Failure, match="masks/a3.png has no image"):
        opened(folder)
    folder = pair_folder(tmp_path / "c")
    write(folder / "images" / "a3.jpg", noise(3))
    with pytest.raises(Failure, match="a3.jpg and a3.png share the name 'a3'"):
        opened(folder)


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
    for path in (folder / "images").iterdir():
        write(path, noise(0), exif=exif)
    with pytest.raises(Failure, match="EXIF orientation"):
        first_labels(opened(folder))


def test_missing_folders(tmp_path):
    with pytest.raises(UsageError, match="no folder images/"):
        opened(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(UsageError, match="holds no image"):
        opened(tmp_path)


def test_a_seeded_split_covers_the_folder_once(tmp_path):
    folder = pair_folder(tmp_path, 20)
    one, again, other = opened(folder), opened(folder), opened(folder, data_seed=1)
    splits = [stems(one, split) for split in ("train", "validation", "test")]
    assert [len(split) for split in splits] == [16, 2, 2]
    assert sorted(sum(splits, [])) == sorted(f"a{index}" for index in range(20))
    assert splits == [stems(again, split) for split in ("train", "validation", "test")]
    assert stems(other, "test") != splits[2]


@pytest.mark.parametrize(
    ("total", "sizes", "expected"),
    [
        (10, (0.8, 0.1, 0.1), (8, 1, 1)),
        (3, (0.8, 0.1, 0.1), (1, 1, 1)),
        (100, (0.5, 0.1, 0.1), (50, 10, 10)),
        (10, (1.0, 0.0, 0.0), (10, 0, 0)),
        (30, (20, 5, 5), (20, 5, 5)),
    ],
)
def test_split_counts(total, sizes, expected):
    assert split_counts(total, sizes) == expected


@pytest.mark.parametrize(
    ("total", "sizes", "complaint"),
    [
        (12, (5, 500, 5), "asks for 510 images and the folder has 12"),
        (12, (0.8, 0.3, 0.3), "adds up to more than 1"),
        (12, (0.8, -0.1, 0.3), "must be three"),
        (12, (0.8, 2, 2), "mixes shares and numbers"),
        (2, (0.8, 0.1, 0.1), "2 images are too few"),
    ],
)
def test_split_counts_that_cannot_be(total, sizes, complaint):
    with pytest.raises(UsageError, match=complaint):
        split_counts(total, sizes)


def test_lists(tmp_path):
    folder = pair_folder(tmp_path)
    (folder / "train.txt").write_text("\ufeffa3\n\na1.png\nimages/a2.png masks/a2.png\n", encoding="utf-8")
    (folder / "val.txt").write_text("a5\n")
    dataset = opened(folder)
    assert stems(dataset, "train") == ["a3", "a1", "a2"] and stems(dataset, "validation") == ["a5"]
    with pytest.raises(UsageError, match="test split of folder is empty"):
        dataset.records("test")


def test_lists_that_contradict(tmp_path):
    folder = pair_folder(tmp_path)
    (folder / "train.txt").write_text("a1\na99\n")
    with pytest.raises(Failure, match="train.txt lists 'a99'"):
        opened(folder)
    (folder / "train.txt").write_text("a1\n")
    (folder / "test.txt").write_text("a1\n")
    with pytest.raises(Failure, match="'a1' is listed in train.txt and in test.txt"):
        opened(folder)
    (folder / "val.txt").touch()
    (folder / "validation.txt").touch()
    with pytest.raises(UsageError, match="both validation.txt and val.txt"):
        opened(folder)


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
    with pytest.raises(UsageError, match="--void 70000"):
        _ = opened(folder, void=(70000,)).classes


def test_greys_may_be_named_as_colors(tmp_path):
    dataset = opened(pair_folder(tmp_path, values=(0, 38)), colors=("wall=0,0,0", "cat=38,38,38"))
    assert set(np.unique(first_labels(dataset))) == {0, 1}


def test_one_broken_mask_does_not_hide_the_classes(tmp_path):
    folder = pair_folder(tmp_path)
    (folder / "masks" / "a0.png").write_bytes(b"")
    assert opened(folder).classes == ("background", "class 1")
