"""The same run without TensorFlow, on other backends, and over several devices; each in a process of its own."""

import contextlib
import importlib.util
import json
import os
import random
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
import warm
from tiny_run import DATA_FLAGS, SMALLEST, TINY_FLAGS

ROOT = Path(__file__).parents[2]

TWO_LOSSES = ["--loss", "bce for 1 epoch, then bce + 0.01*boundary", "--pixel-weights", "border"]
"""One after the other; what the second reads beside the label and what weighs pixels comes from the pipeline."""

MOMENTUM_WITH_DECAY = ["--optimizer", "sgd", "--learning-rate", "0.01", "--momentum", "0.9", "--l2-decay", "5e-4"]
"""The optimizer that is kseg's own."""


def run_cold(arguments: list[str], **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )


@pytest.fixture
def without_tensorflow(tmp_path) -> dict[str, str]:
    """An environment in which TensorFlow is not installed: every other package, linked into one folder."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(("tensorflow", "__editable__", "__pycache__")):
            (packages / entry.name).symlink_to(entry)
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), str(packages)])}


def test_jax_without_tensorflow_trains_and_evaluates(tmp_path, without_tensorflow):
    pytest.importorskip("jax")
    environment = {**without_tensorflow, "KERAS_BACKEND": "jax"}
    absent = run_cold(["-S", "-c", "import importlib.util as u; print(u.find_spec('tensorflow'))"], **environment)
    assert absent.stdout == "None\n", absent.stderr

    # -S: only the folder above, not this environment's site-packages.
    flags = [*TINY_FLAGS, *SMALLEST, *TWO_LOSSES, *MOMENTUM_WITH_DECAY, "--epochs", "2"]
    flags += ["--workdir", str(tmp_path / "run")]
    words = [str(tmp_path / "run"), *DATA_FLAGS, "--out", str(tmp_path / "out")]
    commands = [["train", *flags], ["evaluate", *words]]
    program = f"import sys; from kseg.cli.main import main; sys.exit(any(main(words) for words in {commands}))"
    done = run_cold(["-S", "-c", program], **environment)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["epochs"] == 2
    assert json.loads((tmp_path / "run" / "env.json").read_text())["backend"] == "jax"
    again = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert again["confusion_matrix"] == results["evaluation"]["confusion_matrix"]


def test_pytorch_trains(tmp_path):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed: pip install torch")
    flags = [*TINY_FLAGS, *SMALLEST, *MOMENTUM_WITH_DECAY, "--epochs", "1", "--workdir", str(tmp_path / "run")]
    trained = warm.run(["train.py", *flags], backend="torch")
    assert trained.returncode == 0, trained.stderr
    assert (tmp_path / "run" / "report.html").exists()


TWO_DEVICES = """
import sys
import tensorflow as tf
from kseg.cli.main import main

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.exit(main(["train", *sys.argv[1:]]))
"""


# No batch normalization, so that the replicas' smaller batches do not matter; steps large enough to show in the loss.
SHARED_WORK = [
    "--synthetic-size", "32", "--synthetic-counts", "8", "4", "4", "--batch-size", "4", "--epochs", "2", *SMALLEST,
    "--no-tensorboard", "--loss-reduction", "mean", "--optimizer", "sgd", "--momentum", "0", "--learning-rate", "1",
    *TWO_LOSSES,
]  # fmt: skip


@pytest.fixture(scope="module")
def learnt_alone(tmp_path_factory) -> list[float]:
    workdir = tmp_path_factory.mktemp("alone") / "run"
    done = warm.run(["train.py", *SHARED_WORK, "--workdir", str(workdir)])
    assert done.returncode == 0, done.stderr
    return learnt(workdir)


def learnt(workdir: Path) -> list[float]:
    """Every loss of every epoch; accuracy and IoU count pixels, and one that rounding turns is another count."""
    journal = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    learnt = abs(journal[1]["val_loss_bce"] - journal[0]["val_loss"])  # the first loss is bce alone
    assert learnt > 5e-3  # far more than the tolerance
    return [entry[name] for entry in journal for name in sorted(entry) if name.removeprefix("val_").startswith("loss")]


def test_two_devices_learn_what_one_does(tmp_path, learnt_alone):
    """Mirrored over two logical processors."""
    flags = [*SHARED_WORK, "--distribute", "mirrored", "--workdir", str(tmp_path / "run")]
    done = warm.run(["-c", TWO_DEVICES, *flags])
    assert done.returncode == 0, done.stderr
    assert learnt(tmp_path / "run") == pytest.approx(learnt_alone, rel=1e-3)


def fixed_ports(count: int) -> list[int]:
    """Ports that are free now, outside of the range from which the system serves everybody else in the meantime.

    The workers bind them seconds later, when TensorFlow is imported; a port from that range may be taken by then.
    """
    with contextlib.ExitStack() as open_sockets:
        ports: list[int] = []
        while len(ports) < count:
            candidate = random.SystemRandom().randrange(10_000, 32_000)
            probe = open_sockets.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("localhost", candidate))
                ports.append(candidate)
        return ports


def run_workers(flags: list[str]) -> list[tuple[int | None, str]]:
    """(exit code, stderr) of two workers; where one fails the other would wait for it for ever, and is killed."""
    cluster = {"worker": [f"localhost:{port}" for port in fixed_ports(2)]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(2)]
    workers = [warm.start(["train.py", *flags], TF_CONFIG=json.dumps(task)) for task in tasks]
    deadline = time.monotonic() + 400
    while any(w.poll() is None for w in workers) and not any(w.poll() for w in workers):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    codes = [worker.poll() for worker in workers]
    for worker in workers:
        worker.kill()
    return [(code, worker.stderr.read()) for code, worker in zip(codes, workers, strict=True)]


PORT_TAKEN = ("already in use", "Could not start gRPC server", "Failed to bind")


def test_two_workers_learn_what_one_does(tmp_path, learnt_alone):
    """Two processes that know of each other by TF_CONFIG; the first writes the run, the second nothing."""
    for attempt in range(3):
        workdir = tmp_path / f"run{attempt}"
        ended = run_workers([*SHARED_WORK, "--distribute", "multiworker", "--workdir", str(workdir)])
        if not any(code and any(words in log for words in PORT_TAKEN) for code, log in ended):
            break
    assert [code for code, _ in ended] == [0, 0], "\n".join(log[-3000:] for _, log in ended)
    assert learnt(workdir) == pytest.approx(learnt_alone, rel=1e-3)
