"""LFW Part Labels from small archives and trees in upstream's layout, quirks included."""

import numpy as np
import pytest
from layouts import GREEN, lfw_mask, lfw_tree, pack, write

from kseg.datasets import data_options, open_dataset
from kseg.datasets.lfw import records as lfw
from kseg.datasets.splits import PaperSplit
from kseg.errors import Failure, UsageError

NAMES = [f"{person}_{number:04d}" for person in ("Ann_Lee", "Bo_Li", "Cy_O'Hara", "Di_Po") for number in (1, 2)]


@pytest.fixture
def tree(tmp_path):
    return lfw_tree(tmp_path / "tree", NAMES)


@pytest.fixture(autouse=True)
def eight_images_are_the_whole(monkeypatch):
    monkeypatch.setattr(lfw.LFW, "paper", PaperSplit(total=8, big=(4, 1), small=(2, 1), test=2))


def opened(folder, **options):
    return open_dataset(data_options("lfw", folder, **options))


def ids(dataset, split):
    return [record.id for record in dataset.records(split)]


def test_the_papers_numbers():
    paper = PaperSplit(total=2927, big=(2342, 292), small=(1000, 100), test=292)
    everything = range(2927)
    assert paper.cut(everything, "train", "big", where="") == range(2342)
    assert paper.cut(everything, "validation", "big", where="") == range(2342, 2634)
    assert paper.cut(everything, "test", "big", where="") == range(2635, 2927)  # image 2634 is left over
    assert paper.cut(everything, "train", "small", where="") == range(1000)
    assert paper.cut(everything, "validation", "small", where="") == range(1000, 1100)
    assert paper.cut(everything, "test", "small", where="") == range(2635, 2927)


def test_paper_splits_are_cut_from_the_sorted_names(tree):
    big, small = opened(tree), opened(tree, size="small")
    assert ids(big, "train") == NAMES[:4] and ids(big, "validation") == NAMES[4:5] and ids(big, "test") == NAMES[6:]
    assert (
        ids(small, "train") == NAMES[:2] and ids(small, "validation") == NAMES[2:3] and ids(small, "test") == NAMES[6:]
    )
    assert len(big.every_record()) == 8


def test_classes_and_labels(tree):
    # rows: four of hair, four of face, four of background
    for options, classes, rows in [
        ({}, ("background", "face+hair"), [1, 1, 0]),
        ({"hair": False}, ("background", "face"), [0, 1, 0]),
        ({"parts": True}, ("background", "hair", "face"), [1, 2, 0]),
    ]:
        dataset = opened(tree, **options)
        record = dataset.records("train")[0]
        labels = dataset.labels(record)
        assert dataset.classes == classes and len(dataset.palette) == len(classes)
        assert labels.dtype == np.uint8 and labels[::4, 0].tolist() == rows
        assert dataset.image(record).shape == (12, 10, 3)


def test_archives_are_extracted_once_and_only_what_is_needed(tree, tmp_path, monkeypatch):
    write(tree / "lfw_funneled" / "No_Label" / "No_Label_0001.jpg", lfw_mask())
    (tmp_path / "archives").mkdir()
    for name, archive in (("lfw_funneled", "lfw-funneled.tgz"), ("parts_lfw_funneled_gt_images",) * 2):
        archive = archive if archive.endswith(".tgz") else f"{archive}.tgz"
        pack(tree / name, tmp_path / "archives" / archive)
    (tmp_path / "archives").chmod(0o555)
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    from_archives, from_tree = opened(tmp_path / "archives"), opened(tree)
    for record, other in zip(from_archives.records("train"), from_tree.records("train"), strict=True):
        assert np.array_equal(from_archives.image(record), from_tree.image(other))
        assert np.array_equal(from_archives.labels(record), from_tree.labels(other))
    extracted = {path.name for path in (tmp_path / "cache").rglob("*.*") if path.is_file()}
    assert extracted == {f"{name}.jpg" for name in NAMES} | {f"{name}.ppm" for name in NAMES}
    times = {path: path.stat().st_ctime_ns for path in (tmp_path / "cache").rglob("*")}
    opened(tmp_path / "archives")
    assert times == {path: path.stat().st_ctime_ns for path in (tmp_path / "cache").rglob("*")}


def test_official_lists_with_and_without_padding(tree):
    (tree / "parts_train.txt").write_text("Bo_Li 0002\nAnn_Lee 1\n\n")
    (tree / "parts_validation.txt").write_text("Cy_O'Hara 2\n")
    (tree / "parts_test.txt").write_text("Nobody 1\n")
    dataset = opened(tree, split_scheme="official")
    assert ids(dataset, "train") == ["Bo_Li_0002", "Ann_Lee_0001"]
    assert ids(dataset, "validation") == ["Cy_O'Hara_0002"]
    with pytest.raises(Failure, match="parts_test.txt lists Nobody_0001"):
        dataset.records("test")
    (tree / "parts_test.txt").unlink()
    with pytest.raises(UsageError, match="official split needs .*parts_test.txt"):
        dataset.records("test")
    (tree / "parts_test.txt").write_text("Ann_Lee one\n")
    with pytest.raises(Failure, match="'Ann_Lee one'; expected NAME NUMBER"):
        dataset.records("test")


@pytest.mark.parametrize("color", [(255, 255, 0), (0, 0, 0), (254, 0, 0), (0, 255, 1)])
def test_an_unexpected_color_is_named(tree, color):
    dataset = opened(tree)
    record = dataset.records("train")[0]
    mask = lfw_mask()
    mask[2, 3] = color
    write(record.annotation, mask)
    with pytest.raises(Failure) as caught:
        dataset.labels(record)
    assert str(color) in str(caught.value) and "row 2, column 3" in str(caught.value)


def test_a_mask_without_hair_is_fine(tree):
    dataset = opened(tree, parts=True)
    record = dataset.records("train")[0]
    mask = lfw_mask()
    mask[:4] = GREEN
    write(record.annotation, mask)
    assert set(np.unique(dataset.labels(record))) == {0, 2}


def test_an_incomplete_tree_would_move_the_splits(tree):
    next((tree / "parts_lfw_funneled_gt_images").glob("Ann*")).unlink()
    with pytest.raises(UsageError, match="found 7 .* cut from 8"):
        opened(tree).records("train")


def test_missing_data_tells_where_to_look(tmp_path):
    with pytest.raises(UsageError, match="no folder .*gone.*kseg data info lfw"):
        opened(tmp_path / "gone")
    with pytest.raises(UsageError, match="holds neither parts_lfw_funneled_gt_images/ nor"):
        opened(tmp_path)


def test_the_environment_names_the_folder(tree, monkeypatch):
    tree.rename(tree.parent / "lfw")
    monkeypatch.setenv("KSEG_DATA", str(tree.parent))
    assert len(opened(None).records("train")) == 4


def test_fingerprints_follow_files_and_classes(tree):
    dataset = opened(tree)
    first, second = dataset.records("train")[:2]
    assert dataset.fingerprint(first) == opened(tree).fingerprint(first) != dataset.fingerprint(second)
    assert dataset.fingerprint(first) != opened(tree, hair=False).fingerprint(first)
    before = dataset.fingerprint(first)
    write(first.annotation, lfw_mask(15, 10))
    assert dataset.fingerprint(first) != before


def test_parts_without_hair_contradict(tree):
    with pytest.raises(UsageError, match="--parts .* --no-hair"):
        opened(tree, parts=True, hair=False)


def test_limit_and_unknown_split(tree):
    assert ids(opened(tree, limit=1), "train") == NAMES[:1]
    with pytest.raises(UsageError, match="unknown split 'val'; valid: train"):
        opened(tree).records("val")


class TestRealData:
    """The shared copy of the real data."""

    @pytest.fixture(autouse=True)
    def the_real_numbers(self, real_data, monkeypatch):
        monkeypatch.setattr(lfw.LFW, "paper", PaperSplit(total=2927, big=(2342, 292), small=(1000, 100), test=292))

    def test_counts_and_pixels(self):
        big = opened(None, parts=True)
        assert [len(big.records(split)) for split in ("train", "validation", "test")] == [2342, 292, 292]
        official = opened(None, split_scheme="official")
        assert [len(official.records(split)) for split in ("train", "validation", "test")] == [1500, 500, 927]
        for record in big.records("test")[::50]:
            assert big.image(record).shape == (250, 250, 3)
            assert {0, 2} <= set(np.unique(big.labels(record))) <= {0, 1, 2}
