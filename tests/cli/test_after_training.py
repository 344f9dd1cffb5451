"""Commands after training: the same run again, evaluations on its data or other data, predictions on disk."""

import csv
import json
import stat
from dataclasses import replace

import numpy as np
import pytest
import tiny_network
from permissions import ordinary_user
from PIL import Image
from typed import TINY, TINY_TRAINING, complaint

from kseg.cli.main import main
from kseg.cli.run_data import NOT_GIVEN, RunData
from kseg.datasets import DataOptions, data_options, open_dataset
from kseg.errors import UsageError


@pytest.fixture(scope="module", autouse=True)
def _tiny_network():
    with tiny_network.registered():
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one epoch, for the commands that come after training."""
    workdir = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", *TINY_TRAINING, "--epochs", "1", "--workdir", str(workdir)]) == 0
    return workdir


def photo(path, size=(40, 56), **options):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path, **options)
    return path


def test_another_configuration_in_the_run_directory(capsys, trained):
    code, shown = complaint(capsys, "train", *TINY_TRAINING, "--seed", "2", "--workdir", str(trained))
    assert code == 2
    assert "training.seed: 1 → 2" in shown


def test_no_permission(capsys, tmp_path, trained):  # by then all is imported, which another user may not read
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with ordinary_user():
        code, shown = complaint(capsys, "train", *TINY_TRAINING, "--workdir", str(tmp_path / "run"))
        assert code == 1 and "Permission denied; choose a --workdir" in shown
        code, shown = complaint(capsys, "data", "check", "folder", "--data-dir", str(tmp_path / "images"))
        assert code in (1, 2) and "Traceback" not in shown
    assert not (tmp_path / "run").exists()


def test_evaluate_writes_json_and_csv(capsys, trained, tmp_path):
    assert main(["evaluate", str(trained), *TINY, "--out", str(tmp_path / "out")]) == 0
    assert "iou_dataset" in capsys.readouterr().out
    lines = (tmp_path / "out" / "per_image.csv").read_text().splitlines()
    assert len(lines) == 1 + 4
    assert (tmp_path / "out" / "evaluation.json").exists()
    with open(tmp_path / "out" / "thresholds.csv") as file:
        sweep = list(csv.DictReader(file))
    scores = json.loads((tmp_path / "out" / "evaluation.json").read_text())["scores"]
    at_half = next(row for row in sweep if float(row["threshold"]) == 0.5)
    assert float(at_half["iou"]) == pytest.approx(scores["iou_dataset"], abs=1e-6)
    assert max(float(row["iou"]) for row in sweep) == pytest.approx(scores["iou_at_best_threshold"], abs=1e-6)


def test_evaluate_feeds_the_original_size_or_another_but_not_both(capsys, trained, tmp_path):
    out = ["--out", str(tmp_path / "out")]
    assert main(["evaluate", str(trained), *TINY, "--input-size", "original", *out]) == 0
    code, shown = complaint(
        capsys, "evaluate", str(trained), *TINY, "--input-size", "original", "--image-size", "8", "8"
    )
    assert code == 2 and "--image-size 8 8 exclude each other" in shown


def test_evaluate_refuses_labels_the_model_does_not_know(capsys, trained):
    code, shown = complaint(capsys, "evaluate", str(trained), *TINY, "--parts")
    assert code == 2
    assert "2 classes" in shown and "3" in shown


def test_evaluate_one_category_against_all_others(capsys, tmp_path):
    import keras

    from kseg.inference import ModelCard, save_model

    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(1, 1, activation="sigmoid")])
    card = ModelCard(("background", "hair"), ((0, 0, 0), (1, 2, 3)), image_size=(32, 32), dataset="synthetic")
    save_model(network, tmp_path / "hair.keras", card)
    command = ["evaluate", str(tmp_path / "hair.keras"), *TINY, "--parts"]
    assert main([*command, "--category", "Hair", "--out", str(tmp_path / "out")]) == 0
    content = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert content["classes"] == ["background", "hair"]
    for arguments, words in (
        (["--category", "face"], "find 'hair' in synthetic, not 'face'; pass --category hair"),
        ([], "--category"),
    ):
        code, shown = complaint(capsys, *command, *arguments)
        assert code == 2 and words in shown


def test_predict_files_folders_and_patterns(capsys, trained, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    photo(folder / "a.jpg")
    photo(folder / "b.png", (33, 47))
    lone = photo(tmp_path / "lone.bmp")
    (tmp_path / "more").mkdir()
    photo(tmp_path / "more" / "c.tif")
    out = tmp_path / "masks"
    pattern = str(tmp_path / "more" / "*.tif")
    assert main(["predict", str(trained), str(folder), str(lone), pattern, "--out", str(out)]) == 0
    assert {path.name for path in out.glob("*.png")} == {
        name for stem in ("a", "b", "lone", "c") for name in (f"{stem}.png", f"{stem}_overlay.png")
    }
    mask = Image.open(out / "b.png")
    assert (mask.mode, mask.size) == ("P", (47, 33))  # at the image's own size
    assert set(np.unique(np.array(mask))) <= {0, 1}


def test_predict_survives_odd_images_and_names_broken_ones(capsys, trained, tmp_path):
    good = tmp_path / "good"
    good.mkdir()
    Image.new("CMYK", (30, 20), (10, 20, 30, 40)).save(good / "cmyk.jpg")
    Image.fromarray(np.full((20, 30), 40000, np.uint16)).save(good / "deep.png")
    photo(good / "really_a_png.jpg", format="PNG")
    rotated = Image.Exif()
    rotated[0x0112] = 6  # the camera was held sideways
    photo(good / "rotated.jpg", (20, 30), exif=rotated)
    assert main(["predict", str(trained), str(good), "--out", str(tmp_path / "masks")]) == 0
    assert Image.open(tmp_path / "masks" / "rotated.png").size == (20, 30)


def test_predict_goes_on_after_an_image_that_cannot_be_read(capsys, trained, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a_zero.jpg").write_bytes(b"")
    (folder / "b_cut.png").write_bytes(photo(tmp_path / "whole.png").read_bytes()[:300])
    (folder / "c.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (folder / "notes.txt").write_text("")
    photo(folder / "d.avif")
    photo(folder / "e.jpg", (33, 47))
    code, shown = complaint(capsys, "predict", str(trained), str(folder), "--out", str(tmp_path / "masks"))
    assert code == 1 and "Traceback" not in shown
    assert "3 of 5 images cannot be read" in shown and "notes.txt" in shown
    assert all(name in shown for name in ("a_zero.jpg", "b_cut.png", "c.heic"))
    assert {path.name for path in (tmp_path / "masks").iterdir()} == {
        "d.png", "d_overlay.png", "e.png", "e_overlay.png",
    }  # fmt: skip


def test_evaluate_measures_on_the_data_of_the_run(capsys, trained, tmp_path):
    assert main(["evaluate", str(trained), "--out", str(tmp_path / "own")]) == 0
    shown = capsys.readouterr().out
    assert "synthetic (seed 0), test split: 4 images (the run's own data)" in shown and "trained   on" not in shown
    own, results = (
        json.loads(path.read_text()) for path in (tmp_path / "own" / "evaluation.json", trained / "results.json")
    )
    assert own["scores"]["iou_dataset"] == results["evaluation"]["scores"]["iou_dataset"]
    # all of them, of which the run has trained on eight; a file in the run is the run's
    assert main(["evaluate", str(trained / "model.keras"), "--split", "all", "--out", str(tmp_path / "all")]) == 0
    shown = capsys.readouterr().out
    assert "all images: 16 images" in shown and "on 8 of these 16 images" in shown
    assert len(json.loads((tmp_path / "all" / "evaluation.json").read_text())["ids"]) == 16


def test_evaluate_says_what_differs_from_the_run(trained):
    run = RunData.of(trained)
    other = run.defaults(data_options(dataset="synthetic"), trained)
    assert other == run.options
    assert "--data-seed 7 instead of 0" in run.described(replace(other, data_seed=7))
    # --data-dir alone, of a run whose data have no files: a folder
    assert run.defaults(DataOptions(NOT_GIVEN, data_dir=trained), trained).dataset == "folder"
    # options of the run do not follow to another data set
    assert run.defaults(data_options(dataset="lfw"), trained) == data_options(dataset="lfw")
    with pytest.raises(UsageError, match="--dataset NAME, or --data-dir"):
        RunData(None).defaults(DataOptions(NOT_GIVEN), trained)


def test_a_copy_of_a_training_image_is_noticed(tmp_path):
    for folder in ("run", "other"):
        for kind in ("images", "masks"):
            (tmp_path / folder / kind).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(10):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / f"run/images/{index}.png")
        Image.fromarray(np.eye(32, dtype=np.uint8)).save(tmp_path / f"run/masks/{index}.png")
    options = data_options(dataset="folder", data_dir=tmp_path / "run")
    train = open_dataset(options).records("train")
    for record, name in zip(train[:3], ("x", "y", "z"), strict=True):
        (tmp_path / f"other/images/{name}.png").write_bytes(record.image.read_bytes())
        Image.fromarray(np.eye(32, dtype=np.uint8)).save(tmp_path / f"other/masks/{name}.png")
    Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "other/images/new.png")
    Image.fromarray(np.eye(32, dtype=np.uint8)).save(tmp_path / "other/masks/new.png")
    other = open_dataset(data_options(dataset="folder", data_dir=tmp_path / "other"))
    assert RunData(options).trained_on(other, other.records("all")) == 3
    assert RunData(data_options("folder", tmp_path / "gone")).trained_on(other, other.records("all")) is None
