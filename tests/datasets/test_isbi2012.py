"""ISBI 2012: slices and stacks are the same data set, divided into blocks."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from layouts import pack, write
from stack_layouts import isbi_slice, isbi_slices, isbi_stacks

from kseg.conventions import SPLITS
from kseg.datasets import data_options, open_dataset
from kseg.datasets.check import check
from kseg.errors import Failure, UsageError


def opened(folder):
    return open_dataset(data_options("isbi2012", folder))


def content(dataset):
    return {
        split: [(one.id, dataset.image(one).tolist(), dataset.labels(one).tolist()) for one in dataset.records(split)]
        for split in SPLITS
    }


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))


def test_slices_in_the_order_of_their_numbers_divided_into_blocks(tmp_path):
    dataset = opened(isbi_slices(tmp_path, 30))
    splits = {split: [int(record.id) for record in dataset.records(split)] for split in SPLITS}
    assert splits == {
        "train": list(range(20)), "validation": list(range(20, 24)), "test": list(range(24, 30)),
    }  # fmt: skip
    assert [record.id for record in dataset.every_record()][:3] == ["00", "01", "02"]
    image, label = isbi_slice(11)
    record = dataset.records("train")[11]
    assert (dataset.image(record) == image[..., None]).all() and (dataset.labels(record) == label // 255).all()
    assert dataset.classes == ("membrane", "cell") and check(dataset, progress=False).problems == []
    few = {split: len(opened(isbi_slices(tmp_path / "few", 5)).records(split)) for split in SPLITS}
    assert few == {"train": 3, "validation": 1, "test": 1}


def test_stacks_and_archives_are_the_slices(tmp_path):
    slices = isbi_slices(tmp_path / "slices")
    expected = content(opened(slices))
    assert content(opened(isbi_stacks(tmp_path / "stacks"))) == expected
    shutil.rmtree(tmp_path / "stacks")  # the cache alone does not do
    with pytest.raises(UsageError, match="no folder"):
        opened(tmp_path / "stacks")
    packed = tmp_path / "packed"
    packed.mkdir()
    pack(slices / "train", packed / "isbi2012.tar.gz")
    assert content(opened(packed)) == expected == content(opened(packed / "isbi2012.tar.gz"))
    os.rename(slices / "train", slices / "membrane")
    with pytest.raises(UsageError, match="neither train/image/ and train/label/ nor train-volume.tif"):
        opened(slices)


def test_a_stack_is_divided_once(tmp_path):
    isbi_stacks(tmp_path / "stacks")
    first = opened(tmp_path / "stacks").records("train")[0].image_file
    written = first.stat().st_mtime_ns
    assert opened(tmp_path / "stacks").records("train")[0].image_file == first
    assert first.stat().st_mtime_ns == written and not list(first.parents[1].glob(".*"))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: (folder / "train/label/3.png").unlink(), "3 has no image or no label"),
        (lambda folder: (folder / "train/image/3.png").rename(folder / "train/image/x.png"), "has no image or no"),
        (lambda folder: shutil.rmtree(folder / "train/label") or (folder / "train/label").mkdir(), "or no label"),
        (lambda folder: [one.unlink() for one in folder.glob("train/*/*.png")], "no slice"),
        (
            lambda folder: [
                (folder / f"train/{k}/3.png").rename(folder / f"train/{k}/b.png") for k in ("image", "label")
            ],
            "b is no number",
        ),
    ],
)
def test_slices_that_do_not_belong_together_are_refused(tmp_path, spoil, sentence):
    spoil(isbi_slices(tmp_path))
    with pytest.raises(Failure, match=sentence):
        opened(tmp_path)


def test_other_values_and_broken_stacks_are_refused(tmp_path):
    dataset = opened(isbi_slices(tmp_path / "gray"))
    record = dataset.records("train")[0]
    for values in ([[0, 128]], [[0, 1, 255]], [[1, 255]]):
        write(Path(record.annotation), np.array(values, np.uint8))
        with pytest.raises(Failure, match="0 for membranes and 255 for cells"):
            dataset.read_labels(record)
    write(Path(record.annotation), np.array([[0, 1]], np.uint8))
    assert dataset.read_labels(record).tolist() == [[0, 1]]
    stacks = isbi_stacks(tmp_path / "stacks")
    tifffile.imwrite(stacks / "train-volume.tif", np.zeros((4, 5), np.uint8))
    with pytest.raises(Failure, match="expected gray slices of 8 bits"):
        opened(stacks)
    (stacks / "train-volume.tif").write_bytes(b"II*\0broken")
    with pytest.raises(Failure, match="cannot be read"):
        opened(stacks)
    with pytest.raises(UsageError, match="2 slices here; three splits need three"):
        opened(isbi_slices(tmp_path / "two", 2))


def test_the_real_slices(real_data):
    dataset = opened(None)
    assert [len(dataset.records(split)) for split in SPLITS] == [20, 4, 6]
    record = dataset.records("test")[0]
    assert dataset.image(record).shape == (512, 512, 3)
    assert 0.7 < dataset.labels(record).mean() < 0.85
