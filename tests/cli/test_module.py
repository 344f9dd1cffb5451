"""`python -m kseg` is `kseg`: output, exit code, and the command that a run would record."""

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
