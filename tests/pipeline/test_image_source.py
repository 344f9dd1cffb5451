"""The image source: sizes, memory, randomness and what broken input gets."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kseg.datasets import Record
from kseg.datasets.contents import WHOLE
from kseg.errors import Failure, UsageError
from kseg.pipeline import ArraySpec, Augmentation, ImageSource


def test_batches_hold_the_examples_asked_for_in_order(drawn):
    source = ImageSource(drawn, drawn.records("train"))
    images, targets = source.batch(np.array([4, 0, 4]), epoch=0)
    labels = targets["label"]
    assert images.dtype == labels.dtype == np.uint8
    assert images[:, 0, 0, 0].tolist() == [4, 0, 4]
    assert labels[:, 0].sum(axis=1).tolist() == [2, 1, 2]  # i % 3 + 1 columns


def test_resizing_keeps_label_ids_and_the_signature_tells_the_size(drawn):
    source = ImageSource(drawn, drawn.records("train"), image_size=(5, 9))
    images, targets = source.batch(np.arange(3), epoch=0)
    assert source.signature.inputs == ArraySpec((5, 9, 3), "uint8")
    assert source.signature.targets == {"label": ArraySpec((5, 9), "uint8")}
    assert images.shape == (3, 5, 9, 3)
    assert set(np.unique(targets["label"])) == {0, 1}


def test_crops_change_the_signature(drawn):
    source = ImageSource(drawn, drawn.records("train"), (8, 8), Augmentation(crop=(4, 6)).transforms())
    assert source.signature.inputs == ArraySpec((4, 6, 3), "uint8")
    assert source.batch(np.arange(2), 0)[0].shape == (2, 4, 6, 3)


def test_native_sizes_have_no_fixed_signature(drawn):
    assert ImageSource(drawn, drawn.records("train")).signature.inputs == ArraySpec((None, None, 3), "uint8")


def test_crops_of_native_sizes_have_one(drawn):
    source = ImageSource(drawn, drawn.records("train"), transforms=Augmentation(crop=(4, 6)).transforms())
    assert source.signature.inputs == ArraySpec((4, 6, 3), "uint8")
    assert source.batch(np.arange(2), 0)[0].shape == (2, 4, 6, 3)


@pytest.mark.parametrize(("memory", "reads"), [("on", 1), ("auto", 1), ("off", 2)])
def test_memory_keeps_decoded_images(drawn, memory, reads):
    source = ImageSource(drawn, drawn.records("train"), (6, 6), memory=memory)
    first = source.batch(np.arange(7), 0)
    second = source.batch(np.arange(7), 1)
    np.testing.assert_array_equal(first[0], second[0])
    assert (drawn.image_reads, drawn.label_reads) == (7 * reads, 7 * reads)


def test_auto_memory_stops_at_its_budget(drawn, monkeypatch):
    monkeypatch.setattr(
        "kseg.pipeline.image_source.AUTO_MEMORY", 3 * 6 * 6 * 3
    )  # three images; nine times as many labels
    source = ImageSource(drawn, drawn.records("train"), (6, 6))
    for epoch in range(2):
        source.batch(np.arange(7), epoch)
    assert drawn.image_reads == 7 + 4
    assert drawn.label_reads == 7


def test_randomness_follows_seed_epoch_and_index(drawn):
    def images(seed, epoch, indices):
        transforms = Augmentation(color=0.5).transforms()
        return ImageSource(drawn, drawn.records("train"), (6, 6), transforms, seed).batch(np.array(indices), epoch)[0]

    reference = images(1, 2, [3, 4])
    np.testing.assert_array_equal(images(1, 2, [4, 3]), reference[::-1])  # not of the place in the batch
    assert not np.array_equal(images(2, 2, [3, 4]), reference)
    assert not np.array_equal(images(1, 3, [3, 4]), reference)


def test_threads_get_the_same_batches(drawn):
    source = ImageSource(drawn, drawn.records("train"), (6, 6), Augmentation(flip=True, color=0.5).transforms())
    expected = source.batch(np.arange(7), 0)
    with ThreadPoolExecutor(4) as pool:
        for images, targets in pool.map(lambda _: source.batch(np.arange(7), 0), range(16)):
            np.testing.assert_array_equal(images, expected[0])
            np.testing.assert_array_equal(targets["label"], expected[1]["label"])


def test_the_fingerprint_follows_pixels_and_size(drawn):
    records = drawn.records("train")
    first = ImageSource(drawn, records, (6, 6)).fingerprint
    assert first == ImageSource(drawn, records, (6, 6), Augmentation(flip=True).transforms(), seed=3).fingerprint
    assert first != ImageSource(drawn, records, (6, 7)).fingerprint
    assert first != ImageSource(drawn, records[:-1], (6, 6)).fingerprint
    drawn.version = "2"
    assert first != ImageSource(drawn, records, (6, 6)).fingerprint


def test_the_fingerprint_of_image_files_does_not_depend_on_labels(drawn, tmp_path):
    file = tmp_path / "image0.png"
    file.write_bytes(b"pixels")
    records = [Record("image0", image=file)]
    first = ImageSource(drawn, records, (6, 6)).fingerprint
    drawn.version = "other labels"
    assert first == ImageSource(drawn, records, (6, 6)).fingerprint
    file.write_bytes(b"other pixels")
    assert first != ImageSource(drawn, records, (6, 6)).fingerprint
    file.unlink()
    with pytest.raises(Failure, match="cannot read image0 of drawn: .*No such file"):
        ImageSource(drawn, records, (6, 6)).fingerprint  # noqa: B018


@pytest.mark.parametrize("size", [1000, WHOLE + 1000], ids=["small", "large"])
def test_another_folder_of_the_same_names_sizes_and_times_is_told_apart_and_a_moved_one_is_not(drawn, tmp_path, size):
    """Archives and `cp -p` set whole seconds, and uncompressed pictures of one camera are all of one size."""
    folders = {name: tmp_path / name for name in ("one", "other")}
    for value, folder in enumerate(folders.values()):
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.png").write_bytes(bytes([number, value]) * (size // 2))
            os.utime(folder / f"{number}.png", (10**9, 10**9))

    def fingerprint(folder):
        return ImageSource(drawn, [Record(str(n), image=folder / f"{n}.png") for n in range(3)], (6, 6)).fingerprint

    one = fingerprint(folders["one"])
    assert fingerprint(folders["other"]) != one
    shutil.copytree(folders["one"], tmp_path / "copied")  # keeps times
    folders["one"].rename(tmp_path / "moved")
    assert fingerprint(tmp_path / "copied") == fingerprint(tmp_path / "moved") == one
    replaced = tmp_path / "moved" / "1.png"
    with replaced.open("r+b") as file:  # the same inode, size and time
        file.write(b"other")
    os.utime(replaced, (10**9, 10**9))
    assert fingerprint(tmp_path / "moved") != one


def test_images_of_several_sizes_in_a_batch_are_named(drawn):
    drawn.size_of = lambda record: (8, 8) if record.id == "image3" else (12, 16)
    source = ImageSource(drawn, drawn.records("train"))
    assert source.batch(np.array([3]), 0)[0].shape == (1, 8, 8, 3)
    with pytest.raises(UsageError, match=r"image3 \(8, 8\).*--image-size"):
        source.batch(np.array([2, 3]), 0)


@pytest.mark.parametrize("image_size", [None, (6, 6)])
def test_a_label_map_of_another_size_is_named(drawn, image_size):
    drawn.read_labels = lambda record: np.zeros((5, 5), np.uint8)
    with pytest.raises(Failure, match=r"image2: image and label map have \(12, 16\) and \(5, 5\) pixels"):
        ImageSource(drawn, drawn.records("train"), image_size).batch(np.array([2]), 0)


def test_a_file_that_cannot_be_read_is_named(drawn):
    def broken(record):
        raise OSError("image file is truncated")

    drawn.image = broken
    with pytest.raises(Failure, match="cannot read image1 of drawn: image file is truncated"):
        ImageSource(drawn, drawn.records("train")).batch(np.array([1]), 0)
