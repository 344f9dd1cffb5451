"""PASCAL VOC from small devkits and archives in upstream's layout, and SBD's MATLAB files."""

import tarfile

import numpy as np
import pytest
import scipy.io
from layouts import devkit, noise, pack, palette_mask, sbd_file, striped, write
from PIL import Image

from kseg.cli.main import main
from kseg.datasets import data_options, lists, open_dataset
from kseg.datasets.check import check
from kseg.datasets.lists import committed_list, read_list
from kseg.datasets.voc.classes import NAMES, PALETTE, color
from kseg.datasets.voc.sbd import read_boundaries, read_classes
from kseg.errors import Failure, UsageError

TRAIN = [f"2007_{number:06d}" for number in range(10)]
VAL = [f"2008_{number:06d}" for number in range(4)]


@pytest.fixture
def root(tmp_path):
    return devkit(tmp_path, "2012", {"train": TRAIN, "val": VAL})


def opened(folder, **options):
    return open_dataset(data_options("voc", folder, **options))


def ids(dataset, split):
    return [record.id for record in dataset.records(split)]


def test_the_colors_are_vocs_own():
    # From VOC's documentation: aeroplane, bicycle, person, train, tvmonitor, and the border.
    assert [PALETTE[number] for number in (0, 1, 2, 15, 19, 20)] == [
        (0, 0, 0), (128, 0, 0), (0, 128, 0), (192, 128, 128), (128, 192, 0), (0, 64, 128)
    ]  # fmt: skip
    assert color(255) == (224, 224, 192)
    assert len(NAMES) == 21 and len(set(PALETTE)) == 21


def test_the_paper_divides_train_and_tests_on_val(tmp_path, root):
    dataset = opened(tmp_path)
    train, validation = ids(dataset, "train"), ids(dataset, "validation")
    assert len(train) > len(validation) > 0  # 80 % and 20 % in the long run
    assert sorted(train + validation) == TRAIN and ids(dataset, "test") == VAL
    assert ids(opened(tmp_path), "train") == train  # drawn, but always the same
    assert any(ids(opened(tmp_path, data_seed=seed), "train") != train for seed in (1, 2, 3))
    assert dataset.training_size == (375, 500) and not dataset.test_is_validation


def test_the_official_splits_measure_on_val(tmp_path, root):
    dataset = opened(tmp_path, split_scheme="official")
    assert ids(dataset, "train") == TRAIN and ids(dataset, "validation") == ids(dataset, "test") == VAL
    report = check(dataset, progress=False)
    assert report.problems == [] and report.counts == {"train": 10, "validation": 4}


def test_seg11valid_is_a_part_of_val(tmp_path, root, monkeypatch):
    own = tmp_path / "splits" / "voc2012"
    own.mkdir(parents=True)
    (own / "seg11valid.txt").write_text(f"{VAL[2]}\n{VAL[0]}\n2009_000001\n")
    monkeypatch.setattr(lists, "SOURCE_TREE", tmp_path / "splits")
    assert ids(opened(tmp_path, val_list="seg11valid"), "test") == [VAL[0], VAL[2]]
    official = opened(tmp_path, val_list="seg11valid", split_scheme="official")
    assert ids(official, "validation") == [VAL[0], VAL[2]] and ids(official, "train") == TRAIN
    assert official.options.variant_names == ("2012", "official", "seg11valid")


def test_palette_masks_are_read_as_indices(tmp_path, root):
    dataset = opened(tmp_path)
    record = dataset.records("test")[0]
    labels = dataset.labels(record)
    assert labels[:3, 0].tolist() == [0, 15, 255] and labels.dtype == np.uint8
    write(record.annotation, striped((0, 15, 255)))  # the same ids as gray, as DeepLab's conversion saves them
    assert np.array_equal(dataset.labels(record), labels)


@pytest.mark.parametrize("place", ["", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_the_devkit_may_lie_at_any_depth(tmp_path, root, place):
    assert ids(opened(tmp_path / place), "test") == VAL


@pytest.mark.parametrize(
    ("year", "archive", "wrapped"),
    [
        ("2010", "VOCtrainval_03-May-2010.tar", False),
        ("2011", "VOCtrainval_25-May-2011.tar", True),
        ("2012", "VOCtrainval_11-May-2012.tar", False),
    ],
)
def test_archives_are_extracted_and_only_what_is_needed(tmp_path, monkeypatch, year, archive, wrapped):
    tree = tmp_path / "tree" / "TrainVal" if wrapped else tmp_path / "tree"
    root = devkit(tree, year, {"train": TRAIN[:5], "val": VAL[:1]})
    write(root / "JPEGImages" / "2009_000001.jpg", noise(1))  # of the detection task, without mask
    write(root / "SegmentationObject" / f"{TRAIN[0]}.png", striped((0, 1)))
    (tmp_path / "data").mkdir()
    top = tree if wrapped else tree / "VOCdevkit"
    with tarfile.open(tmp_path / "data" / archive, "w") as tar:
        tar.add(top, arcname=top.name)
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    packed, plain = opened(tmp_path / "data", year=year), opened(tmp_path / "tree", year=year)
    for split in ("train", "validation", "test"):
        for record, other in zip(packed.records(split), plain.records(split), strict=True):
            assert np.array_equal(packed.image(record), plain.image(other))
            assert np.array_equal(packed.labels(record), plain.labels(other))
    extracted = {path.name for path in (tmp_path / "cache").rglob("*.*") if path.is_file()}
    stems = TRAIN[:5] + VAL[:1]
    assert extracted == {f"{one}{end}" for one in stems for end in (".jpg", ".png")} | {"train.txt", "val.txt"}


def test_lists_of_windows_with_paths_and_extensions(tmp_path, root):
    path = root / "ImageSets" / "Segmentation" / "val.txt"
    path.write_bytes(
        b"\xef\xbb\xbf2008_000000.jpg\r\n\r\n/JPEGImages/2008_000001.jpg /SegmentationClass/2008_000001.png\r\n"
        b"JPEGImages\\2008_000002.jpg\r\n2008_000003   \r\n"
    )
    assert ids(opened(tmp_path), "test") == VAL


def test_a_listed_image_without_mask_or_picture_is_named(tmp_path, root):
    (root / "SegmentationClass" / "2008_000002.png").unlink()
    (root / "SegmentationClass" / "2008_000003.png").unlink()
    with pytest.raises(Failure, match=r"val.txt lists 2008_000002, which has no mask in .* \(and 1 other\)"):
        opened(tmp_path).records("test")
    (root / "JPEGImages" / "2008_000001.jpg").unlink()
    with pytest.raises(Failure, match="lists 2008_000001, which has no image in .*JPEGImages"):
        opened(tmp_path).records("test")


def test_a_mask_saved_as_rgb_is_named(tmp_path, root):
    dataset = opened(tmp_path)
    record = dataset.records("test")[0]
    Image.open(record.annotation).convert("RGB").save(record.annotation)
    with pytest.raises(
        Failure, match=r"2008_000000.png is saved as RGB, which loses the ids; VOC's masks hold class ids 0..20"
    ):
        dataset.labels(record)


def test_ids_beyond_the_classes_are_named(tmp_path, root):
    dataset = opened(tmp_path)
    record = dataset.records("test")[0]
    palette_mask(record.annotation, striped((0, 21, 34, 255)))
    with pytest.raises(Failure, match=r"has the values \{21, 34\}; VOC's masks hold class ids 0..20 and 255 for void"):
        dataset.labels(record)


def test_an_empty_or_missing_list(tmp_path, root):
    (root / "ImageSets" / "Segmentation" / "val.txt").write_text("\r\n")
    with pytest.raises(Failure, match="val.txt names no image"):
        opened(tmp_path).records("test")
    devkit(tmp_path, "2010", {"train": TRAIN})
    with pytest.raises(UsageError, match=r"val.txt is missing, and kseg has no copy of VOC 2010's lists"):
        opened(tmp_path, year="2010").records("test")


def test_the_devkit_of_another_year_is_refused(tmp_path, root):
    with pytest.raises(UsageError, match=r"VOC2012 is not of 2010; pass --year 2012 or the folder of VOC2010"):
        opened(root, year="2010")


def test_a_list_that_leaves_nothing_names_its_flag(tmp_path, root):
    with pytest.raises(UsageError, match="none of the 4 images of val is in --val-list seg11valid"):
        ids(opened(tmp_path, val_list="seg11valid"), "test")


def test_a_stretched_mask_is_refused_where_pixels_are_counted(tmp_path, root):
    mask = root / "SegmentationClass" / f"{VAL[0]}.png"
    with Image.open(mask) as image:
        image.resize((7, 5)).save(mask)
    dataset = opened(tmp_path)
    with pytest.raises(Failure, match=rf"{VAL[0]}: image and label map have \(\d+, \d+\) and \(5, 7\) pixels"):
        dataset.label_counts(dataset.records("test"))


def test_nothing_there_and_unknown_year(tmp_path):
    with pytest.raises(UsageError, match=r"holds neither VOCdevkit/VOC2011/ nor VOCtrainval_25-May-2011.tar"):
        opened(tmp_path, year="2011")
    with pytest.raises(UsageError, match="unknown year of voc '2013'; did you mean '2012'"):
        opened(tmp_path, year="2013")
    with tarfile.open(tmp_path / "VOCtrainval_11-May-2012.tar", "w"):
        pass
    with pytest.raises(Failure, match="does not hold VOCdevkit/VOC2012/SegmentationClass/"):
        opened(tmp_path)


def test_the_committed_lists():
    counts = {"train": 1464, "val": 1449, "trainval": 2913, "test": 1456, "trainaug": 10582, "seg11valid": 736}
    found = {name: read_list(committed_list("voc2012", name)) for name in counts}
    assert {name: len(set(listed)) for name, listed in found.items()} == counts
    assert not set(found["trainaug"]) & set(found["val"]) and set(found["train"]) <= set(found["trainaug"])
    assert set(found["seg11valid"]) <= set(found["val"])
    with pytest.raises(UsageError, match="own list voc2012/never.txt"):
        committed_list("voc2012", "never")


class TestSbd:
    @pytest.fixture
    def tree(self, tmp_path, root, monkeypatch):
        """VOC's ten training images, and two more that only SBD has labeled, one of them without VOC's picture."""
        own = tmp_path / "splits" / "voc2012"
        own.mkdir(parents=True)
        (own / "trainaug.txt").write_text("\n".join([*TRAIN, "2009_000001", "2009_000002"]))
        monkeypatch.setattr(lists, "SOURCE_TREE", tmp_path / "splits")
        sbd = tmp_path / "benchmark_RELEASE" / "dataset"
        for one in (TRAIN[0], "2009_000001", "2009_000002"):
            sbd_file(sbd / "cls" / f"{one}.mat", striped((0, 7)))
        write(root / "JPEGImages" / "2009_000001.jpg", noise(1))
        write(sbd / "img" / "2009_000002.jpg", noise(2))
        return sbd

    def test_it_adds_what_voc_lacks(self, tmp_path, tree):
        dataset = opened(tmp_path, year="2012+sbd", split_scheme="official")
        records = {record.id: record for record in dataset.records("train")}
        assert len(records) == 12 and ids(dataset, "test") == VAL
        assert records[TRAIN[0]].annotation.suffix == ".png"  # VOC's own mask comes first
        for one in ("2009_000001", "2009_000002"):
            assert dataset.labels(records[one])[:2, 0].tolist() == [0, 7]
            assert dataset.image(records[one]).shape == (12, 10, 3)
        paper = opened(tmp_path, year="2012+sbd")
        assert sorted(ids(paper, "train") + ids(paper, "validation")) == sorted(records)

    def test_from_its_archive(self, tmp_path, tree):
        pack(tree.parent, tmp_path / "benchmark.tgz")
        tree.parent.rename(tmp_path / "elsewhere")
        dataset = opened(tmp_path, year="2012+sbd", split_scheme="official")
        last = dataset.records("train")[-1]
        assert last.id == "2009_000002" and dataset.labels(last)[1, 0] == 7 and dataset.image(last).shape == (12, 10, 3)

    def test_without_it_the_sentence_says_what_is_needed(self, tmp_path, root):
        with pytest.raises(UsageError, match=r"2012\+sbd needs benchmark_RELEASE/dataset/ or benchmark.tgz"):
            opened(tmp_path, year="2012+sbd")

    def test_boundaries(self, tmp_path):
        path = sbd_file(tmp_path / "a.mat", striped((0, 7)))
        boundaries = read_boundaries(path)
        assert boundaries.shape == (20, 12, 10) and boundaries[6].sum() == 6 * 10 == boundaries.sum()

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "is no class file of SBD"),
            (b"<html>moved</html>" * 20, "is no class file of SBD"),
            ("half", "is no class file of SBD"),
            ({"other": 1}, "it has no GTcls.Segmentation"),
            ({"GTcls": {"Segmentation": np.full((3, 4), 21, np.uint8)}}, "has the value 21; class ids are 0..20"),
            ({"GTcls": {"Segmentation": "text"}}, "not a map of class ids"),
        ],
    )
    def test_broken_files_are_one_sentence(self, tmp_path, content, reason):
        path = tmp_path / "a.mat"
        if content == "half":
            whole = sbd_file(path, np.random.default_rng(0).integers(0, 20, (60, 60), dtype=np.uint8)).read_bytes()
            path.write_bytes(whole[: len(whole) // 2])
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            scipy.io.savemat(path, content)
        with pytest.raises(Failure, match=reason) as caught:
            read_classes(path)
        assert "a.mat" in str(caught.value) and "\n" not in str(caught.value)
        with pytest.raises(Failure, match="does not exist"):
            read_classes(tmp_path / "b.mat")


def test_only_the_files_of_the_year_are_downloaded(tmp_path, monkeypatch, capsys):
    from kseg.datasets import prepare

    asked: list[str] = []
    monkeypatch.setattr(prepare, "download", lambda file, folder, **_: asked.append(file.name))
    for year in ("2010", "2012+sbd"):
        assert main(["data", "prepare", "voc", "--data-dir", str(tmp_path), "--year", year]) == 2
    assert asked == ["VOCtrainval_03-May-2010.tar", "VOCtrainval_11-May-2012.tar", "benchmark.tgz"]


class TestRealData:
    """The shared subset of VOC 2012: 100 + 100 images, named by its own lists."""

    def test_counts_and_pixels(self, real_data):
        dataset = opened(None)
        assert [len(dataset.records(split)) for split in ("train", "validation", "test")] == [83, 17, 100]
        for record in dataset.records("test")[::25]:
            labels = dataset.labels(record)
            assert dataset.image(record).shape == (*labels.shape, 3) and 255 in labels
