"""`python -m kseg` is `kseg`: output, exit code, and the command that a run would record."""

import os
import runpy
import subprocess
import sys

import pytest

from kseg.cli.main import main


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["tarin"]])
def test_the_module_answers_as_the_script(arguments, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    try:
        code = main(list(arguments))
    except SystemExit as leaving:
        code = leaving.code
    expected = capfd.readouterr()
    done = subprocess.run([sys.executable, "-m", "kseg", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, expected.out)
    assert done.stderr.endswith(expected.err)  # before it TensorFlow may have its say


def test_a_run_records_a_command_that_can_be_pasted(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["somewhere/kseg/__main__.py", "--version"])
    with pytest.raises(SystemExit) as leaving:
        runpy.run_module("kseg", run_name="__main__")
    assert leaving.value.code == 0
    assert sys.argv == ["kseg", "--version"]


def test_weights_import_torchvision_before_tensorflow(tmp_path, monkeypatch):
    """After it, torchvision for PyTorch's CUDA build ends the process by a segmentation fault."""
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("import sys\nprint('TensorFlow is', 'tensorflow' in sys.modules)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    command = ["weights", "convert", str(tmp_path / "missing.pth"), "--model", "pspnet"]
    done = subprocess.run([sys.executable, "-m", "kseg", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "missing.pth" in done.stderr
    assert done.stdout.splitlines() == ["TensorFlow is False"]
