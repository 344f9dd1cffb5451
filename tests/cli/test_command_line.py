"""The command line: exit codes, help, one sentence for each mistake, a file of options beside flags."""

import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tiny_network
from typed import TINY_TRAINING, complaint

from kseg.cli.main import COMMANDS, _parse, main
from kseg.datasets import DATASETS
from kseg.encoders import ENCODERS
from kseg.models import model_names, model_options
from kseg.models.architecture import owners


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
    """As `kseg lab commands loss_study | head -1`, whose reader is gone before the first line."""
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


@pytest.fixture
def _tiny_network():
    with tiny_network.registered():
        yield


@pytest.mark.usefixtures("_tiny_network")
def test_file_and_flags_combine_and_flags_win(capsys, tmp_path):
    path = tmp_path / "settings.toml"
    data = "[data]\nsynthetic_size = 32\nsynthetic_counts = [6, 3, 3]\n"
    path.write_text(f"[training]\nepochs = 1\nbatch_size = 3\n{data}")
    workdir = tmp_path / "run"
    flags = ["--model", tiny_network.NAME, "--no-tensorboard", "--batch-size", "6", "--workdir", str(workdir)]
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


@pytest.mark.usefixtures("_tiny_network")
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
