"""Class frequencies, ratios and weights by hand, kept counts, and `kseg data stats`."""

import json
import math

import numpy as np
import pytest
from layouts import camvid_tree, devkit, palette_mask, striped, write
from permissions import ordinary_user

from kseg.cli.main import main
from kseg.datasets import data_options, open_dataset
from kseg.datasets.class_statistics import class_statistics
from kseg.datasets.locate import cache_dir
from kseg.errors import Failure


@pytest.fixture
def two_images(tmp_path):
    """Class 0: 8 and 2 pixels; class 1: 2 and none; class 2: none and 6; 2 pixels of void in the second image."""
    for name, values in (("a", [0] * 8 + [1] * 2), ("b", [0] * 2 + [2] * 6 + [255] * 2)):
        write(tmp_path / "images" / f"{name}.png", np.zeros((2, 5, 3), np.uint8))
        write(tmp_path / "masks" / f"{name}.png", np.array(values, np.uint8).reshape(2, 5))
    return tmp_path


def statistics(folder, classes=("wall", "cat", "dog", "owl")):
    dataset = open_dataset(data_options("folder", folder, classes=classes, split_sizes=(1, 0, 0)))
    return class_statistics(dataset, dataset.records("train"))


def test_by_hand(two_images):
    found = statistics(two_images)
    assert found.pixels.tolist() == [10, 2, 6, 0] and found.images.tolist() == [2, 1, 1, 0] and found.void_pixels == 2
    assert found.pixels_where_shown.tolist() == [18, 10, 8, 0]  # void is in no sum
    assert found.share == pytest.approx([10 / 18, 2 / 18, 6 / 18, 0])
    assert found.background_to_object[:3] == pytest.approx([8 / 10, 16 / 2, 12 / 6])
    assert np.isnan(found.background_to_object[3])
    # f = 10/18, 2/10, 6/8: the median is 10/18, and the owl that nobody saw has no part in it
    assert found.median_frequency == pytest.approx([1, (10 / 18) / (2 / 10), (10 / 18) / (6 / 8), 0])
    assert found.inverse_log == pytest.approx([1 / math.log(1.02 + share) for share in (10 / 18, 2 / 18, 6 / 18, 0)])
    assert found.weights("none") is None
    assert found.weights("median") == pytest.approx(found.median_frequency, abs=1e-6)


def test_void_alone_weighs_nothing(tmp_path):
    write(tmp_path / "images" / "a.png", np.zeros((2, 2, 3), np.uint8))
    write(tmp_path / "masks" / "a.png", np.full((2, 2), 255, np.uint8))
    found = statistics(tmp_path, classes=("a", "b", "c"))
    assert found.pixels.sum() == 0 and found.median_frequency.tolist() == [0, 0, 0]


def test_the_ratio_of_a_category_is_the_ratio_in_the_whole(tmp_path):
    camvid_tree(tmp_path, values=(0, 3, 3, 10, 11))
    whole = open_dataset(data_options("camvid", tmp_path))
    road = open_dataset(data_options("camvid", tmp_path, category="road"))
    both = [class_statistics(dataset, dataset.records("train")) for dataset in (whole, road)]
    assert both[0].background_to_object[3] == both[1].background_to_object[1]
    assert both[0].void_pixels == both[1].void_pixels and both[1].images.tolist() == [5, 5]


def test_a_cache_of_somebody_else_s_costs_time_alone(tmp_path, monkeypatch, capsys):
    dataset = open_dataset(data_options(synthetic_size=32, synthetic_counts=(3, 1, 1)))
    records = dataset.records("train")
    (tmp_path / "theirs").mkdir(mode=0o700)
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "theirs"))
    expected = dataset.label_counts(records)
    (tmp_path / "theirs").chmod(0)
    with ordinary_user():
        assert np.array_equal(dataset.label_counts(records), expected)
    assert "counts are not cached" in capsys.readouterr().err
    (tmp_path / "theirs").chmod(0o700)


def test_counts_are_kept_until_a_mask_changes(tmp_path):
    root = devkit(tmp_path, "2012", {"train": [f"a{number:03d}" for number in range(5)], "val": ["b000"]})
    dataset = open_dataset(data_options("voc", tmp_path, split_scheme="official"))
    records = dataset.records("train")
    counts = dataset.label_counts(records)
    (kept,) = (cache_dir() / "counts").iterdir()
    written = kept.stat().st_mtime_ns
    assert np.array_equal(dataset.label_counts(records), counts) and kept.stat().st_mtime_ns == written
    kept.write_bytes(kept.read_bytes()[:100])  # damaged: counted anew
    assert np.array_equal(dataset.label_counts(records), counts) and kept.stat().st_size > 100
    palette_mask(root / "SegmentationClass" / "a000.png", striped((7, 7, 7, 0)))
    assert dataset.label_counts(records)[0, 7] == 90
    assert len(list((cache_dir() / "counts").iterdir())) == 2


def test_a_broken_mask_is_named(tmp_path):
    root = devkit(tmp_path, "2012", {"train": ["a000", "a001"], "val": ["b000"]})
    (root / "SegmentationClass" / "b000.png").write_bytes(b"")
    dataset = open_dataset(data_options("voc", tmp_path))
    with pytest.raises(Failure, match="b000.png is empty"):
        class_statistics(dataset, dataset.records("test"))
    assert not (cache_dir() / "counts").exists()


def test_stats_prints_the_tables(tmp_path, capsys):
    camvid_tree(tmp_path, values=(0, 3, 3, 10, 11))
    assert main(["data", "stats", "camvid", "--data-dir", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "camvid, train: 5 images" in text
    # of 12 rows of pixels 0, 5 and 10 are sky, 1 2 6 7 11 road, 3 and 8 bicyclist, 4 and 9 void: 10 valid ones
    lines = [line.split() for line in text.splitlines()]
    assert ["3", "road", "50.000%", "5", "0.6000", f"{1 / math.log(1.02 + 0.5):.4f}"] in lines  # median(.3, .5, .2)/.5
    table = next(index for index, words in enumerate(lines) if words[:2] == ["Dataset", "sky"])
    assert lines[table][4] == "road" and lines[table + 1][:5] == ["camvid", "2.3", "–", "–", "1.0"]


def test_stats_as_json_of_all_images(tmp_path, capsys):
    devkit(tmp_path, "2012", {"train": [f"a{number:03d}" for number in range(5)], "val": ["b000"]})
    arguments = ["voc", "--data-dir", str(tmp_path), "--split", "all", "--json"]
    for scheme in ("paper", "official"):  # validation and test are one then, and counted once
        assert main(["data", "stats", *arguments, "--split-scheme", scheme]) == 0
        content = json.loads(capsys.readouterr().out)
        assert (content["dataset"], content["images"], content["void_pixels"]) == ("voc", 6, 6 * 40)
        person = content["classes"][15]
        assert (person["class"], person["pixels"], person["images"]) == ("person", 240, 6)
        assert person["background_to_object"] == 1 and content["classes"][1]["background_to_object"] is None
