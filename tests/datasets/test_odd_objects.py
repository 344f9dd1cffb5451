"""Mask R-CNN trained and measured on what is odd: nothing, one pixel, no area, hundreds, crowds alone, gaps in ids."""

import json

import numpy as np
import pytest
from layouts import noise, write
from object_layouts import coco_object, rectangle, run_lengths, write_coco

from kseg.cli.main import main
from kseg.conventions import SPLITS
from kseg.datasets import data_options, open_dataset
from kseg.errors import UsageError
from kseg.models import model_options
from kseg.tasks import TASKS
from kseg.training.auto import choose_settings
from kseg.training.config import TrainConfig
from kseg.training.record import read_run
from kseg.training.split_classes import remarks_on_splits

SIDE = 48
CATEGORIES = [{"id": 3, "name": "square"}, {"id": 11, "name": "never"}, {"id": 90, "name": "dot"}]
"""With gaps, and a class that nothing is of."""

NETWORK = [
    "--model", "mask_rcnn", "--image-size", "64", "64", "--base-width", "4", "--pyramid-width", "8", "--box-width", "8",
    "--mask-width", "8", "--candidates", "16", "--proposals", "32", "--rois", "16", "--detections", "6",
    "--batch-size", "5", "--epochs", "1", "--preset", "paper", "--no-tensorboard",
]  # fmt: skip


def pixel(row, column):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[row, column] = True
    return mask


def plain(number, image):
    square = rectangle(8, 8, 30, 34)
    return [coco_object(number, image, 3, [square], [8, 8, 26, 22])]


def one_pixel(number, image):
    return [
        coco_object(number + place, image, 90, run_lengths(pixel(5 * place, 7 * place)), [7 * place, 5 * place, 1, 1])
        for place in range(3)
    ]


def without_area(number, image):
    """A box of no width, a box of no height, and a mask without a pixel."""
    empty = run_lengths(np.zeros((SIDE, SIDE), bool))
    return [
        coco_object(number, image, 3, [rectangle(2, 2, 12, 12)], [2, 2, 0, 10]),
        coco_object(number + 1, image, 3, [rectangle(20, 20, 40, 40)], [20, 20, 20, 0]),
        coco_object(number + 2, image, 3, empty, [0, 0, 5, 5]),
    ]


def five_hundred(number, image):
    places = [divmod(place, 24) for place in range(500)]
    return [
        coco_object(number + place, image, 90, run_lengths(pixel(2 * row, 2 * column)), [2 * column, 2 * row, 1, 1])
        for place, (row, column) in enumerate(places)
    ]


def crowd_alone(number, image):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[24:] = True
    return [coco_object(number, image, 3, run_lengths(mask), [0, 24, SIDE, 24], crowd=1)]


KINDS = (lambda number, image: [], one_pixel, without_area, five_hundred, crowd_alone, plain)


def folder_of(path, splits):
    """Images of `KINDS` by split, with the lists that divide them."""
    names, objects = [], []
    for split, kinds in splits.items():
        own = []
        for kind in kinds:
            own.append(f"{split}{len(own)}.png")
            names.append(own[-1])
            write(path / "images" / own[-1], noise(len(names), SIDE, SIDE))
            objects += kind(1000 * len(names), len(names))
        (path / f"{split}.txt").write_text("\n".join(own))
    file = write_coco(path / "instances.json", names, objects, CATEGORIES)
    content = json.loads(file.read_text())
    content["images"] = [{**image, "height": SIDE, "width": SIDE} for image in content["images"]]
    file.write_text(json.dumps(content))
    return path


def test_everything_odd_is_trained_on_and_measured(tmp_path, capsys):
    everything = [kind for kind in KINDS if kind is not plain]
    splits = {"train": [*everything, plain, plain, plain, plain, plain], "validation": KINDS, "test": KINDS}
    data, path = folder_of(tmp_path / "data", splits), tmp_path / "run"
    flags = ["--dataset", "folder", "--data-dir", str(data), "--workdir", str(path)]
    assert main(["train", *flags, *NETWORK]) == 0
    said = capsys.readouterr().err
    assert "no pixel of the 10 train images is never" in said

    run = read_run(path)
    (epoch,) = run.epochs
    assert np.isfinite([epoch["loss"], epoch["val_loss"]]).all() and 0 <= epoch["val_ap"] <= 1
    found = run.evaluation
    assert found.classes == ("background", "square", "never", "dot")
    assert dict(zip(found.ids, found.objects, strict=True)) == {
        "test0": 0, "test1": 3, "test2": 2, "test3": 500, "test4": 0, "test5": 1,
    }  # fmt: skip
    assert np.isnan(found.per_image[[0, 4]]).all() and np.isfinite(found.per_image[[1, 2, 3, 5]]).all()
    assert np.isnan(found.class_scores["AP"]["never"]) and np.isfinite(found.class_scores["AP"]["dot"])
    assert (path / "report.html").is_file()


def opened(path, splits):
    return open_dataset(data_options("folder", folder_of(path, splits)), "instance")


def told(dataset):
    return remarks_on_splits(dataset, {split: dataset.records(split) for split in SPLITS}, TASKS["instance"].score)


def test_splits_without_an_object_that_counts_are_told_before_training(tmp_path):
    nothing = KINDS[0]
    lines, rule = told(opened(tmp_path / "a", {"train": [plain] * 2, "validation": [crowd_alone], "test": [nothing]}))
    assert rule == "validation loss"
    assert lines[1].endswith(
        "is square, never, dot: the validation mask AP is 0 or undefined, so that the epoch with the lowest validation "
        "loss is kept"
    )
    assert "1 test image is square, never, dot: their test scores are undefined" in lines[2]
    dataset = opened(tmp_path / "b", {"train": [crowd_alone, nothing], "validation": [plain], "test": [plain]})
    with pytest.raises(UsageError, match="the 2 training images of folder show no object, or crowds alone"):
        told(dataset)


def test_auto_makes_room_for_as_many_objects_as_there_are(tmp_path, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    dataset = opened(tmp_path / "data", {"train": [plain, five_hundred], "validation": [plain], "test": [plain]})
    config = TrainConfig(dataset.options, model=model_options("mask_rcnn"))
    found = choose_settings(config, dataset, dataset.records("train"))
    assert found.values["model.detections"] == 800 and found.values["model.proposals"] == 1600
    assert "up to 500 objects an image" in found.why
    few = choose_settings(config, dataset, dataset.records("validation"))
    assert "model.detections" not in few.values and "objects an image" not in few.why
