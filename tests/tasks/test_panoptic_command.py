"""`kseg panoptic`: the fusion of two networks is measured and written, thresholds are searched, misfits are refused."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from painted_segments import NAME, SIZE, networks, painted, panoptic_network  # noqa: F401  (a fixture)
from PIL import Image

from kseg.cli.main import main
from kseg.conventions import VOID
from kseg.datasets import data_options, open_dataset
from kseg.datasets.opening import check_classes_of
from kseg.datasets.panoptic_files import read_panoptic
from kseg.errors import UsageError
from kseg.inference import load_model, save_model
from kseg.structures import Panoptic
from kseg.training.config import TrainConfig


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return networks(tmp_path_factory.mktemp("networks"))


@pytest.fixture
def pair(painted, saved, tmp_path):  # noqa: F811
    """Copies that a test may change."""
    return [str(shutil.copy(path, tmp_path)) for path in saved]


def fused(pair, *flags):
    return main(["panoptic", "fuse", *pair, *flags])


def test_two_networks_that_are_right_give_the_truth(pair, painted, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "out"
    assert fused(pair, "--stuff-area", "20", "--out", str(out)) == 0
    said = capsys.readouterr().out
    assert "classes   wall, round (thing), floor, square (thing)" in said
    assert "PQ = SQ · RQ in each class that counts, 4 of 4 (exactly)" in said
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["scores"]["PQ"] == evaluation["scores"]["RQ"] == 1
    assert 0.98 < evaluation["scores"]["boundary_PQ"] < 1  # the true wall has an outline where void begins
    assert evaluation["fusion"] == {"confidence": 0.5, "overlap": 0.5, "stuff_area": 20}
    assert evaluation["ids"] == [f"test{number}" for number in range(4)] and evaluation["things"] == ["round", "square"]

    # what was written is the truth, and anybody's program reads it
    written = read_panoptic(out / "segments")
    assert [category.get("isthing") for category in written.categories] == [0, 1, 0, 1]
    for record in painted.all_records("test"):
        truth = painted.truth(record, "panoptic").semantic().ids
        image = written.images[record.id]
        kinds = {one["id"]: one["category_id"] for one in image.segments}
        told = np.vectorize({**kinds, 0: 255}.__getitem__)(image.ids())
        assert np.array_equal(told != truth, truth == VOID)
    assert main(["score", str(out / "segments"), str(out / "segments")]) == 0
    panels = np.array(Image.open(out / "overlays" / "test0.png"))
    assert panels.shape == (SIZE[0], 4 * SIZE[1] + 3 * 4, 3)
    assert {path.name for path in out.iterdir()} == {
        "segments", "segments.json", "overlays", "evaluation.json", "per_image.csv", "per_class.csv", "confusion.csv",
    }  # fmt: skip


def test_thresholds_leave_out_what_they_say(pair, tmp_path, capsys):
    out = tmp_path / "out"
    flags = ["--stuff-area", "20", "--confidence", "0.95", "--no-overlays", "--split", "validation"]
    assert fused(pair, *flags, "--out", str(out)) == 0
    scores = json.loads((out / "evaluation.json").read_text())["scores"]
    assert "becomes void" not in capsys.readouterr().out
    assert scores["PQ_things"] == 0 and scores["PQ_stuff"] > 0.5 and scores["missed"] == 8
    assert not (out / "overlays").exists()
    assert fused(pair, "--no-overlays", "--out", str(out)) == 0
    assert "stuff under 4096 pixels becomes void, 267% of an image of 32×48" in capsys.readouterr().out


def test_tuned_thresholds_give_on_the_same_images_what_the_search_said(painted, tmp_path, capsys):  # noqa: F811
    pair = [str(path) for path in networks(tmp_path, scores=(0.9, 0.4))]
    axes = ["--confidence", "0.2", "0.6", "--overlap", "0.5", "--stuff-area", "0", "2000"]
    assert main(["panoptic", "tune", *pair, *axes]) == 0
    said = capsys.readouterr().out
    tuned = json.loads((tmp_path / "panoptic_tuning.json").read_text())
    assert len(tuned["tried"]) == 1 + 4 + 3 and tuned["images"] == [f"validation{number}" for number in range(4)]
    assert tuned["before"]["value"] < 0.3 and tuned["after"]["value"] == 1 == tuned["tried"][1]["pq"]
    assert tuned["change"]["value"] == pytest.approx(1 - tuned["before"]["value"])
    flags = said.split("next: kseg ")[1].split()
    assert main([*flags, "--split", "validation", "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["scores"]["PQ"] == 1


def test_a_panoptic_network_is_given_the_thresholds_found(painted, tmp_path, capsys):  # noqa: F811
    network, tuned = panoptic_network(tmp_path, scores=(0.9, 0.4)), tmp_path / "tuned.keras"
    axes = ["--confidence", "0.2", "0.6", "--overlap", "0.5", "--stuff-area", "0", "2000", "--rounds", "1"]
    assert main(["panoptic", "tune", str(network), *axes, "--sample", "1"]) == 0  # which has no interval
    assert json.loads((tmp_path / "panoptic_tuning.json").read_text())["after"]["low"] is None
    assert main(["panoptic", "tune", str(network), *axes, "--save", str(tuned)]) == 0
    said = capsys.readouterr().out
    found = json.loads((tmp_path / "panoptic_tuning.json").read_text())
    assert (
        found["after"]["low"] == 1
        and found["tried"][0]["stuff_area"] == 4096
        and found["before"]["value"] < 0.3
        and found["after"]["value"] == 1
    )
    assert found["best"] == {"confidence": 0.2, "overlap": 0.5, "stuff_area": 0}
    assert main([*said.split("next: kseg ")[1].split(), "--split", "validation", "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["scores"]["PQ"] == 1
    photo = tmp_path / "photo.png"
    record = painted.all_records("test")[0]
    Image.fromarray(painted.image(record)).save(photo)
    assert main(["predict", str(tuned), str(photo), "--out", str(tmp_path / "masks"), "--no-overlays"]) == 0
    written = read_panoptic(tmp_path / "masks")
    assert [one["name"] for one in written.categories] == ["wall", "round", "floor", "square"]
    assert len(written.images["photo"].segments) == 4


def retold(path, **changes):
    """The network of the file with another card."""
    model, card = load_model(path)
    save_model(model, path, dataclasses.replace(card, **changes))


def test_runs_that_do_not_fit_are_refused_in_a_sentence(pair, tmp_path, capsys):
    classes, objects = pair

    def said(*arguments):
        assert main(["panoptic", *arguments]) == 2
        error = capsys.readouterr().err
        assert error.startswith("kseg: ") and error.count("\n") == 1
        return error

    assert "name them the other way around" in said("fuse", objects, classes)
    assert "answers the task 'instance'; give a run that tells the class of each pixel" in said(
        "fuse", objects, objects
    )
    assert "answers the task 'semantic'; give a run that finds objects" in said("fuse", classes, classes)
    assert "answers the task 'semantic'; give a panoptic run, or" in said("tune", classes)
    assert "--save writes one panoptic network" in said("tune", classes, objects, "--save", "both.keras")
    assert "--confidence is 1.5" in said("fuse", classes, objects, "--confidence", "1.5")
    for flags in (("--category", "round"), ("--classes-of", "instance")):
        assert f"{' '.join(flags)} chooses other classes than those of segments" in said(
            "fuse", classes, objects, *flags
        )
    retold(objects, classes=("background", "round", "ball"))
    sentence = "tells apart background, round, ball, and painted has background, round, square for segments; train it"
    assert sentence in said("fuse", classes, objects)
    retold(classes, classes=("wall", "round", "carpet", "square"))
    assert re.search("tells apart wall, .* train it on these .--classes-of panoptic", said("fuse", classes, objects))


def test_runs_on_other_data_are_refused(pair, tmp_path, capsys):
    runs = []
    for path, options in zip(pair, ({"people": 2}, {"people": 3}), strict=True):
        run = tmp_path / f"run{len(runs)}"
        run.mkdir()
        shutil.copy(path, run / "model.keras")
        config = TrainConfig(data=data_options("synthetic", **options)).to_json()
        (run / "config.json").write_text(json.dumps(config))
        runs.append(str(run))
    assert fused(runs) == 2
    assert "with --people 2 and" in capsys.readouterr().err
    config["data"] = data_options(NAME).__dict__ | {"data_dir": None}
    (tmp_path / "run1" / "config.json").write_text(json.dumps(config))
    assert fused(runs) == 2
    assert "on synthetic and" in (error := capsys.readouterr().err) and "fuse runs of one data set" in error


def test_classes_of_another_task_are_those_of_a_semantic_truth():
    dataset = open_dataset(data_options("synthetic", people=3, synthetic_size=32, classes_of="panoptic"))
    assert dataset.task == "semantic" and dataset.classes == ("backdrop", "floor", "sky", "person")
    assert not dataset.has_background
    own = open_dataset(data_options("synthetic", people=3, synthetic_size=32))
    for record in dataset.records("test")[:3]:
        segments = own.truth(record, "panoptic")
        assert isinstance(segments, Panoptic) and dataset.truth(record) == segments.semantic()
        assert np.array_equal(dataset.labels(record), segments.semantic().ids)
        assert own.truth(record, "instance") == dataset.truth(record, "instance")
        assert dataset.fingerprint(record) != own.fingerprint(record)
    assert own.classes == ("background", "face+hair")
    with pytest.raises(UsageError, match="--classes-of panoptic is for networks of the task 'semantic'"):
        check_classes_of(dataset.options, "instance")
    with pytest.raises(UsageError, match="has no truth for the task 'panoptic'"):
        open_dataset(data_options("isbi2012", classes_of="panoptic"))
