"""HELEN from small trees and archives in the layout of SmithCVPR2013_dataset_resized."""

import zipfile

import numpy as np
import pytest
from layouts import helen_tree, write

from kseg.datasets import data_options, open_dataset
from kseg.datasets.helen import records as helen
from kseg.datasets.splits import PaperSplit
from kseg.errors import Failure, UsageError

IDS = [f"{number}_1" for number in range(100, 108)]


@pytest.fixture
def tree(tmp_path):
    return helen_tree(tmp_path / "helen", IDS)


@pytest.fixture(autouse=True)
def eight_images_are_the_whole(monkeypatch):
    monkeypatch.setattr(helen.Helen, "paper", PaperSplit(total=8, big=(4, 2), small=(2, 1), test=2))


def opened(folder, **options):
    return open_dataset(data_options("helen", folder, **options))


def test_the_papers_numbers():
    paper = PaperSplit(total=2330, big=(1864, 233), small=(1000, 100), test=233)
    everything = range(2330)
    borders = [paper.cut(everything, split, "big", where="") for split in ("train", "validation", "test")]
    assert borders == [range(1864), range(1864, 2097), range(2097, 2330)]


def test_labels_are_the_most_probable_map(tree):
    # rows: background, skin, hair
    for options, rows in [({}, [0, 1, 1]), ({"hair": False}, [0, 1, 0]), ({"parts": True}, [0, 2, 1])]:
        dataset = opened(tree, **options)
        record = dataset.records("train")[0]
        assert dataset.labels(record)[:, 0].tolist() == rows
        assert dataset.image(record).shape == (3, 4, 3)


def test_every_map_but_background_and_hair_is_face():
    one_hot = [np.full((1, 11), 0, dtype=np.uint8) for _ in range(11)]
    for number in range(11):
        one_hot[number][0, number] = 255
    assert helen.parts_of_maps(one_hot, None).tolist() == [[0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]]


def test_ties_go_to_the_lowest_map_and_nothing_is_background():
    maps = [np.zeros((1, 3), dtype=np.uint8) for _ in range(11)]
    maps[1][0, 1] = maps[10][0, 1] = 90  # skin against hair
    maps[0][0, 2] = maps[10][0, 2] = 90  # background against hair
    assert helen.parts_of_maps(maps, None).tolist() == [[0, 2, 0]]


def test_maps_of_other_sizes_or_none_are_failures(tree):
    dataset = opened(tree)
    record = dataset.records("train")[0]
    write(record.annotation / f"{record.id}_lbl03.png", np.zeros((2, 4), dtype=np.uint8))
    with pytest.raises(Failure, match="differ in size .2×4, 3×4."):
        dataset.labels(record)
    (record.annotation / f"{record.id}_lbl03.png").unlink()
    with pytest.raises(Failure, match="lbl03.png does not exist"):
        dataset.labels(record)


def test_official_lists(tree):
    (tree / "exemplars.txt").write_text("1 , 103_1\n2 , 101_1\n")
    (tree / "tuning.txt").write_text("1, 100_1\n")
    (tree / "testing.txt").write_text("104_1\n")
    dataset = opened(tree, split_scheme="official")
    assert [record.id for record in dataset.records("train")] == ["103_1", "101_1"]
    assert [record.id for record in dataset.records("validation")] == ["100_1"]
    with pytest.raises(Failure, match="'104_1'; expected NUMBER , ID"):
        dataset.records("test")


def test_the_archive_will_do(tree, tmp_path):
    (tmp_path / "packed").mkdir()
    with zipfile.ZipFile(tmp_path / "packed" / helen.ARCHIVE, "w") as bundle:
        for path in tree.rglob("*"):
            bundle.write(path, f"SmithCVPR2013_dataset_resized/{path.relative_to(tree)}")
    packed, plain = opened(tmp_path / "packed", parts=True), opened(tree, parts=True)
    for record, other in zip(packed.records("test"), plain.records("test"), strict=True):
        assert record.id == other.id
        assert np.array_equal(packed.labels(record), plain.labels(other))


def test_a_folder_without_anything(tmp_path):
    with pytest.raises(UsageError, match="neither images/ and labels/ nor SmithCVPR2013"):
        opened(tmp_path)
