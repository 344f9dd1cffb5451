"""What a person types: exit codes, one sentence for what cannot be, files beside flags, predictions on disk."""

import csv
import io
import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from permissions import ordinary_user
from PIL import Image

from kseg.cli.main import COMMANDS, _parse, main
from kseg.cli.run_data import NOT_GIVEN, RunData
from kseg.datasets import DATASETS, DataOptions, data_options, open_dataset
from kseg.encoders import ENCODERS
from kseg.errors import UsageError
from kseg.models import model_names, model_options
from kseg.models.architecture import owners

TINY = ["--synthetic-size", "32", "--synthetic-counts", "8", "4", "4"]
TINY_TRAINING = [*TINY, "--base-width", "4", "--batch-size", "4", "--no-tensorboard"]


def complaint(capsys, *arguments: str) -> tuple[int, str]:
    """Exit code and what stands on stderr."""
    try:
        code = main(list(arguments))
    except SystemExit as leaving:
        code = int(leaving.code)
    return code, capsys.readouterr().err


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


def test_help_names_every_command(capsys):
    assert main([]) == main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"kseg {name}" in shown for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as leaving:
        main([command, "--help"])
    assert leaving.value.code == 0
    assert "usage" in capsys.readouterr().out


def help_of_train(capsys, *words):
    with pytest.raises(SystemExit) as leaving:
        main(["train", *words])
    assert leaving.value.code == 0
    return capsys.readouterr().out


def flags_in(page):
    return {flag.replace("[no-]", "") for flag in re.findall(r"^  (--[^ ]+)", page, re.MULTILINE)}


@pytest.mark.parametrize("columns", ["80", "120"])
def test_help_of_train_fits_a_screen(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    page = help_of_train(capsys, "--help")
    assert len(page.splitlines()) < 40 and max(map(len, page.splitlines())) <= int(columns)
    assert all(name in page for name in DATASETS) and "--help model" in page
    assert all(name in help_of_train(capsys, "--help", "model") for name in (*model_names(), *ENCODERS))


def test_help_of_train_shows_the_options_of_the_model_and_no_other(capsys):
    page = flags_in(help_of_train(capsys, "--model", "bfcn32s", "--help"))
    assert {"--head-width", "--upscore-start", "--weights", "--epochs"} <= page
    assert not page & {"--base-width", "--encoder", "--skips", "--width"}
    assert "--width" in flags_in(help_of_train(capsys, "--model", "unet_mobilenetv2", "--help"))


def test_help_of_train_by_topic(capsys):
    training = flags_in(help_of_train(capsys, "--help", "training"))
    assert {"--clip-norm", "--epochs"} <= training and not training & {"--loss", "--base-width", "--rotate"}
    everything = flags_in(help_of_train(capsys, "--help", "all"))
    assert everything >= training | {"--rotate", "--base-width", "--workdir"}
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    code, shown = complaint(capsys, "train", "--help", "modle")
    assert code == 2 and "'model'" in shown


def test_a_flag_of_another_model_is_refused_with_its_owner(capsys):
    code, shown = complaint(capsys, "train", "--model", "bfcn32s", "--base-width", "8")
    assert code == 2 and f"--base-width is an option of --model {' or '.join(owners('base_width'))}; leave" in shown
    code, shown = complaint(capsys, "train", "--skips", "staged")
    assert code == 2 and f"--skips is an option of --model {' or '.join(owners('skips'))}" in shown


def test_options_of_another_model_in_a_file_are_left_out_and_told(capsys, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('[model]\nmodel = "bfcn32s"\nhead_width = 8\nbase_width = 4\n')
    options = _parse(["train", "--config", str(path)], program="kseg").options
    assert options.model == model_options("bfcn32s", head_width=8)
    assert f"{path} sets options that bfcn32s does not have" in (said := capsys.readouterr().err)
    assert f"base_width is of {', '.join(owners('base_width'))}" in said
    options = _parse(["train", "--config", str(path), "--model", "unet"], program="kseg").options
    assert options.model == model_options("unet", base_width=4)
    assert f"head_width is of {', '.join(owners('head_width'))}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["lab", "commands", "loss_study", "--root", "{folder}"], ["lab", "list", "rahman2016"], ["train", "--help"]],
    ids=" ".join,
)
def test_a_reader_who_has_gone_ends_the_command_quietly(arguments, tmp_path):
    """As in `kseg lab commands loss_study | head -1`, but the reader is gone from the start."""
    reads, writes = os.pipe()
    os.close(reads)
    words = [word.format(folder=tmp_path) for word in arguments]
    code = "import sys; from kseg.cli.main import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *words], stdout=writes, stderr=subprocess.PIPE, text=True)
    os.close(writes)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("kseg ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["trian", "train"]),
        (["train", "--losss", "iou"], ["--losss", "--loss"]),
        (["train", "--epochs", "many"], ["--epochs"]),
        (["train", "--distribute", "mirored"], ["mirrored"]),
        (["train", "--model", "bfcn32"], ["bfcn32s"]),
        (["train", "--loss", "iuo"], ["iou"]),
        (["train", "--dataset", "flw"], ["lfw"]),
        (["train", "--base-width", "0"], ["base"]),
        (["train", "--synthetic-counts", "8", "0", "4"], ["validation", "empty"]),
        (["train", "--config", "nowhere.toml"], ["nowhere.toml", "TOML"]),
        (["train", "--model", "fcmobilenet", "--weights", "nowhere.h5"], ["nowhere.h5"]),
        (["evaluate", "nowhere"], ["nowhere"]),
        (["predict", "nowhere", "nothing.jpg"], ["nothing.jpg"]),
        (["data", "info", "flw"], ["lfw"]),
        (["train", "--dataset", "lfw", "--data-dir", "/nowhere"], ["/nowhere"]),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2_and_says_the_way_out(capsys, tmp_path, arguments, words):
    if arguments[0] == "train":
        arguments = [*arguments, "--workdir", str(tmp_path / "run")]
    code, shown = complaint(capsys, *arguments)
    assert code == 2, shown
    assert all(word in shown for word in words), shown
    assert "Traceback" not in shown
    assert not (tmp_path / "run" / "checkpoints" / "last.npz").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "UTF-8"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--learning-rate nan", "--learning-rate is nan; it must be at least 0, or left out"),
        ("--epochs many", "--epochs is many; it must be a whole number"),
        ("--losss iou", "unknown option --losss; did you mean --loss?"),
        ("--distribute mirored", "unknown --distribute 'mirored'; did you mean 'mirrored' or 'multiworker'?"),
        ("--epochs", "--epochs is given without its value"),
    ],
)
def test_the_sentence_does_not_depend_on_the_console(capsys, monkeypatch, encoding, arguments, sentence):
    """tyro frames its complaints by the encoding of stdout."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert main(["train", *arguments.split()]) == 2
    assert capsys.readouterr().err.startswith(f"kseg: {sentence}")


def test_file_and_flags_combine_and_flags_win(capsys, tmp_path):
    path = tmp_path / "settings.toml"
    data = "[data]\nsynthetic_size = 32\nsynthetic_counts = [6, 3, 3]\n"
    path.write_text(f"[training]\nepochs = 1\nbatch_size = 3\n{data}")
    workdir = tmp_path / "run"
    flags = ["--base-width", "4", "--no-tensorboard", "--batch-size", "6", "--workdir", str(workdir)]
    assert main(["train", "--config", str(path), *flags]) == 0
    written = (workdir / "config.json").read_text()
    assert '"epochs": 1' in written
    assert '"batch_size": 6' in written


def test_unknown_key_of_a_file_names_the_nearest(capsys, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("[training]\nepoch = 1\n")
    code, shown = complaint(capsys, "train", "--config", str(path))
    assert code == 2
    assert "'epoch'" in shown and "'epochs'" in shown


def test_file_that_is_not_toml(capsys, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("epochs: 3")
    code, shown = complaint(capsys, "train", "--config", str(path))
    assert code == 2 and "not TOML" in shown


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


def test_a_full_disk_leaves_nothing_half_written(capsys, tmp_path, monkeypatch):
    """The disk fills up while the first checkpoint is written: one sentence, and the name of the run is free again."""
    whole, written = np.savez, []

    def full(file, **arrays):
        written.append(file.name)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        whole(file, **arrays)

    monkeypatch.setattr(np, "savez", full)
    workdir = tmp_path / "run"
    code, shown = complaint(capsys, "train", *TINY_TRAINING, "--epochs", "1", "--workdir", str(workdir))
    assert code == 1
    assert "No space left on device" in shown and "last.npz" in shown
    assert "best.npz" in written[0]
    assert not workdir.exists()


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
