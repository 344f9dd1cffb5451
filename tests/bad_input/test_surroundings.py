"""Streams that are closed, full or ASCII; files without permission; a command ended by a signal."""

import io
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from permissions import ordinary_user

from kseg.cli.main import main
from kseg.errors import Failure
from kseg.inference.masks import load_masks
from kseg.lab.tables.table import Table
from kseg.reading import read_json
from kseg.training.checkpoint import load_weights
from kseg.training.workdir import WorkDir


def test_a_full_disk_behind_stdout(monkeypatch, capsys):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["--version"]) == 1
        assert "cannot write the output: No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_console_of_few_letters(monkeypatch, encoding):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding=encoding))
    assert main(["lab", "list", "rahman2016"]) == 0
    assert b"Rahman" in shown.getvalue()


def test_closed_streams():
    code = "import sys; from kseg.cli.main import main; sys.exit(main(['--help']))"
    for closed in (">&-", "2>&-", ">&- 2>&- <&-"):
        done = subprocess.run(
            ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, code], stderr=subprocess.PIPE, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


READERS = {
    "results.json": lambda path: WorkDir(path.parent).read_results(),
    "env.json": lambda path: WorkDir(path.parent).read_environment(),
    "metrics.jsonl": lambda path: WorkDir(path.parent).read_epochs(),
    "best.npz": lambda path: load_weights(path, SimpleNamespace(layers=[])),
    "test_masks.npz": load_masks,
    "x.json": lambda path: read_json(path, remedy="remove it"),
}


@pytest.mark.parametrize("name", READERS)
def test_what_may_not_be_read_is_not_advised_to_be_removed(name, tmp_path):
    path = tmp_path / name
    path.write_text("{}")
    path.chmod(0)
    tmp_path.chmod(0o755)
    with ordinary_user(), pytest.raises(Failure, match="Permission denied; change its permissions") as caught:
        READERS[name](path)
    assert "remove" not in str(caught.value)


def test_a_cell_of_markdown_shows_what_it_is_given():
    names = [
        "a|b",
        "<script>x</script>",
        "*bold*",
        "`code`",
        "_x_",
        "two\nlines",
        "[a](http://b)",
        "p < 0.05",
        "fcn_8s",
    ]
    cells = Table("t", ["class"], [[name] for name in names]).markdown().splitlines()[2:]
    assert cells == [
        r"| a\|b |", r"| \<script>x\</script> |", r"| \*bold\* |", r"| \`code\` |", r"| \_x\_ |", "| two lines |",
        r"| [a]\(http://b) |", "| p < 0.05 |", "| fcn_8s |",
    ]  # fmt: skip


COMMAND_WITH_A_WORKER = """
import os, time
from kseg.lab.running.pool import Slot

def work():
    print(os.getpid(), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    slot = Slot(None, None, {"KERAS_BACKEND": "numpy"})  # whose process would end with it
    slot.call(work)
    time.sleep(600)
"""


def test_a_command_that_is_ended_takes_its_workers_along(tmp_path):
    """`kseg lab run` gets SIGTERM while its worker, which sleeps here, trains."""
    (tmp_path / "command.py").write_text(COMMAND_WITH_A_WORKER)
    command = subprocess.Popen([sys.executable, tmp_path / "command.py"], stdout=subprocess.PIPE, text=True)
    worker = int(command.stdout.readline())
    time.sleep(1)
    command.send_signal(signal.SIGTERM)
    assert command.wait(60) == -signal.SIGTERM
    _until(lambda: not _lives(worker), 120)


def _lives(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def _until(reached, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it never came to this"
        time.sleep(0.05)
