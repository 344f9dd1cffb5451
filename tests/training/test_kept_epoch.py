"""The epoch that a run keeps: by validation IoU, or by the loss if no IoU is defined."""

import math

import numpy as np
import pytest
from tiny_run import TINY_DATA, tiny_run

from kseg.conventions import VOID
from kseg.datasets import open_dataset
from kseg.errors import UsageError
from kseg.training.kept_epoch import best_entry, rule_for
from kseg.training.run import train
from kseg.training.split_classes import classes_shown, remarks_on_splits


def epochs(*measured) -> list[dict]:
    return [
        {"epoch": number, "val_iou": score, "val_loss": loss} for number, (score, loss) in enumerate(measured, start=1)
    ]


@pytest.mark.parametrize(
    ("rule", "measured", "kept"),
    [
        ("validation IoU", [(0.2, 0.9), (0.6, 0.9), (0.5, 0.1)], 2),
        ("validation IoU", [(0.6, 0.9), (0.6, 0.4), (0.6, 0.5)], 2),  # a tie: the lower loss
        ("validation IoU", [(0.6, 0.4), (0.6, 0.4)], 1),  # nothing got better, so that patience runs out
        ("validation IoU", [(math.nan, 0.1), (0.0, math.nan), (0.0, 0.9)], 3),
        ("validation IoU", [(None, None), (0.1, 2.0)], 2),
        ("validation loss", [(1.0, 0.5), (0.0, 0.2), (1.0, math.nan)], 2),  # "nothing anywhere" is perfect here
        ("last epoch", [(1.0, 0.0), (1.0, 0.0), (1.0, 0.0)], 3),
    ],
)
def test_the_kept_epoch(rule, measured, kept):
    entries = epochs(*measured)
    assert best_entry(entries, rule)["epoch"] == kept
    # The weights are saved as the epochs come: the last one that beat all before it has to be the one of the end.
    beaten = [n for n in range(1, len(entries) + 1) if best_entry(entries[:n], rule)["epoch"] == n]
    assert beaten[-1] == kept


@pytest.mark.parametrize(("rule", "kept"), [("validation loss", 3), ("validation IoU", 4)])
def test_values_of_two_losses_are_not_compared(rule, kept):
    """The second loss is of a larger scale. Where the score decides, it does so over all epochs."""
    entries = epochs((0.2, 0.05), (0.2, 0.04), (0.2, 0.5), (0.3, 0.9))
    for entry, stage in zip(entries, (1, 1, 2, 2), strict=True):
        entry["stage"] = stage
    assert best_entry(entries, rule)["epoch"] == kept
    assert best_entry(entries[:2], rule)["epoch"] == 2
    assert best_entry(entries[:3], rule)["epoch"] == 3  # of equal scores, that of the loss that is asked for last


def test_the_rule_follows_from_what_validation_shows():
    assert rule_for({0, 1}, 2) == rule_for({1}, 2) == rule_for({0}, 3) == "validation IoU"
    assert rule_for({0}, 2) == "validation loss"
    assert rule_for(set(), 2) == rule_for(set(), 5) == "last epoch"


@pytest.fixture
def painted(monkeypatch):
    """The tiny data set with every label map of a split replaced by one value."""

    def paint(**values):
        dataset = open_dataset(TINY_DATA)
        read = dataset.read_labels
        of = {record.id: value for split, value in values.items() for record in dataset.records(split)}

        def painted_labels(record):
            stored = read(record)
            return np.full_like(stored, of[record.id]) if record.id in of else stored

        monkeypatch.setattr(dataset, "read_labels", painted_labels)
        monkeypatch.setattr(dataset, "fingerprint", lambda record: f"painted {values} {record.id}")
        splits = {split: dataset.records(split) for split in ("train", "validation", "test")}
        return dataset, splits

    return paint


def test_a_split_that_lacks_a_class_is_told_with_what_follows(painted):
    assert remarks_on_splits(*painted()) == ([], "validation IoU")
    told, rule = remarks_on_splits(*painted(validation=0, test=VOID))
    assert told == [
        "no pixel of the 4 validation images is face+hair: the validation IoU is 0 or undefined, so that the epoch "
        "with the lowest validation loss is kept",
        "no pixel of the 4 test images is background, face+hair: every test score is undefined",
    ]
    assert rule == "validation loss"
    told, rule = remarks_on_splits(*painted(validation=VOID))
    assert "the last epoch is kept and --patience stops nothing" in told[0] and rule == "last epoch"
    with pytest.raises(UsageError, match="every pixel of the 10 training images of synthetic is background"):
        remarks_on_splits(*painted(train=0))


def test_no_more_label_maps_are_read_than_it_takes(painted, monkeypatch):
    dataset, splits = painted()
    read, labels = [], dataset.labels
    monkeypatch.setattr(dataset, "labels", lambda record: read.append(record.id) or labels(record))
    assert classes_shown(dataset, splits["train"]) == {0, 1}
    assert len(read) == 1


@pytest.mark.usefixtures("clean_framework")
def test_a_run_that_can_validate_nothing_keeps_its_last_epoch(tmp_path, painted, capsys):
    dataset, _ = painted(validation=VOID)
    workdir = train(tiny_run(patience=1), tmp_path / "run", dataset=dataset, quiet=True)
    results = workdir.read_results()
    assert (results["best_epoch"], results["epochs"], results["kept_by"]) == (3, 3, "last epoch")
    assert "nothing can be validated" in capsys.readouterr().err
