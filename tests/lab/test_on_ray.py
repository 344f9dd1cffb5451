"""Jobs on a Ray cluster on this machine: a GPU shared, Ctrl-C, a node killed in the middle; what is refused."""

import dataclasses
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import keras
import pytest

from kseg.cli.main import main
from kseg.datasets import data_options
from kseg.errors import UsageError
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Setting
from kseg.lab.running import on_ray
from kseg.lab.running.on_ray import Cluster, Needs, check_needs
from kseg.lab.running.runner import run_jobs
from kseg.lab.running.worker import Images, run_job
from kseg.models import model_options
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

EPOCHS = 5
HELD = 3
"""The epoch after which jobs wait for the death of a node, so that it finds them under way."""
MANY = 1000
"""Epochs of a job that is still under way when Ctrl-C is pressed, however busy the machine is."""

TINY = TrainConfig(
    data=data_options(synthetic_size=32, synthetic_counts=(16, 4, 4)),
    model=model_options("unet", base_width=4, image_size=(32, 32)),
    training=TrainingOptions(epochs=EPOCHS, patience=EPOCHS, batch_size=4),
)
SETTINGS = [
    Setting(
        Condition(dataset="tiny", loss=loss),
        dataclasses.replace(TINY, loss=LossOptions(loss=loss, loss_reduction="mean")),
    )
    for loss in ("bce", "iou")
]

SOON_DEAD = {"health_check_period_ms": 200, "health_check_timeout_ms": 1000, "health_check_failure_threshold": 3}
"""The head node takes another for dead within a second or two instead of half a minute."""


@pytest.fixture(scope="module")
def nodes():
    """A cluster whose head node says that it has a GPU, which is a number to Ray."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster as Nodes

    head = {"num_cpus": 2, "num_gpus": 1, "memory": 2**30, "_system_config": SOON_DEAD}
    cluster = Nodes(initialize_head=True, head_node_args=head)
    yield cluster
    cluster.shutdown()


@pytest.fixture
def at_the_nodes(nodes, monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))


def test_a_gpu_has_one_job_at_a_time(at_the_nodes, monkeypatch, tmp_path):
    def instead_of_training(job, needs, prepare):
        started = time.monotonic()
        time.sleep(0.3)
        return os.environ["CUDA_VISIBLE_DEVICES"], needs.gpus, started, time.monotonic()

    monkeypatch.setattr(on_ray, "run_on_node", instead_of_training)
    place = Cluster("ray", Needs(cores=1, memory=0.1))
    try:
        assert place.room() == 1  # of two cores only as many jobs as GPUs
        futures = [place.submit(job) for job in make_jobs(tmp_path, SETTINGS)]
        first, second = sorted((future.result(60) for future in futures), key=lambda outcome: outcome[2])
    finally:
        place.close()
    assert [outcome[:2] for outcome in (first, second)] == [("0", 1), ("0", 1)]
    assert first[3] <= second[2]  # one has ended before the other begins


def test_ctrl_c_ends_the_jobs_and_leaves_them_to_be_resumed(at_the_nodes, tmp_path):
    training = dataclasses.replace(TINY.training, epochs=MANY, patience=MANY)
    endless = dataclasses.replace(SETTINGS[0], config=dataclasses.replace(SETTINGS[0].config, training=training))
    (job,) = make_jobs(tmp_path / "jobs", [endless])
    pid = tmp_path / "pid"

    def write_pid() -> None:
        pid.write_text(str(os.getpid()))

    place = Cluster("ray", Needs(cores=1, memory=0.1, gpus=0), prepare=write_pid)

    def press() -> None:
        while job.files.epochs_done < 2:
            time.sleep(0.02)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run_jobs([job], place=place, write=lambda line: None)
    end = time.monotonic() + 60
    while Path(f"/proc/{pid.read_text()}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid.read_text()}").exists(), "the process of the job is still there"
    assert job.state == "started" and 2 <= job.files.epochs_done < MANY and job.failure() is None


@pytest.mark.usefixtures("optimized_graphs")
def test_a_node_that_dies_costs_its_job_an_epoch(nodes, at_the_nodes, tmp_path):
    """Its job goes on from its checkpoint on the other node, to the numbers of a run on one machine."""
    here, there = (make_jobs(tmp_path / name, SETTINGS) for name in ("here", "there"))
    assert [run_job(job, Images()).error for job in here] == [None, None]  # on one thread, as on Ray with one core

    lines: list[str] = []
    second = nodes.add_node(num_cpus=1, memory=2**30)
    died = tmp_path / "died"

    def hold() -> None:
        ended = keras.callbacks.CallbackList.on_epoch_end

        def and_wait(self, epoch, logs=None) -> None:
            ended(self, epoch, logs)
            while epoch + 1 == HELD and not died.exists():
                time.sleep(0.02)

        keras.callbacks.CallbackList.on_epoch_end = and_wait

    place = Cluster("ray", Needs(cores=1, memory=0.7, gpus=0), prepare=hold)  # each node has the memory for one
    assert place.room() == 2
    killer = threading.Thread(target=kill_in_the_middle, args=(nodes, second, there, died))
    killer.start()
    tally = run_jobs(there, place=place, write=lines.append)
    killer.join()

    assert lines[0] == "2 jobs: 0 complete, 0 failed, 2 to run, 2 at a time on 2 nodes of a Ray cluster"
    assert died.exists() and (tally.complete, tally.failed, tally.left) == (2, [], 0)
    for one, other in zip(here, there, strict=True):
        assert epochs_of(other) == list(range(1, EPOCHS + 1))
        assert scores_of(other) == scores_of(one)


def kill_in_the_middle(nodes, node, jobs, died) -> None:
    end = time.monotonic() + 300
    while not all(job.files.epochs_done >= HELD for job in jobs) and time.monotonic() < end:
        time.sleep(0.02)
    if all(job.state == "started" for job in jobs):
        nodes.remove_node(node, allow_graceful=False)
        died.touch()


def epochs_of(job) -> list[int]:
    return [json.loads(line)["epoch"] for line in (job.path / "metrics.jsonl").read_text().splitlines()]


def scores_of(job):
    evaluation = job.files.read_results()["evaluation"]
    return evaluation["confusion_matrices"], evaluation["scores"]


def test_jobs_ask_for_what_a_node_can_have():
    needs = Needs(cores=2, memory=4, gpus=0.5)
    assert needs.of_ray() == {"CPU": 2, "memory": 4 * 2**30, "GPU": 0.5}
    assert needs.fit_into({"CPU": 16, "memory": 64 * 2**30, "GPU": 1}) == 2
    assert needs.fit_into({"CPU": 16, "memory": 9 * 2**30, "GPU": 4}) == 2
    assert needs.fit_into({"CPU": 16, "memory": 64 * 2**30}) == 0
    assert Needs().fit_into({"CPU": 5, "memory": 64 * 2**30}) == 2
    with pytest.raises(UsageError, match="--cores 0"):
        Needs(cores=0)


def test_jobs_of_several_gpus_say_how_many(tmp_path):
    training = dataclasses.replace(TINY.training, distribute="mirrored")
    jobs = make_jobs(tmp_path, [Setting(SETTINGS[0].condition, dataclasses.replace(TINY, training=training))])
    with pytest.raises(UsageError, match="--gpus"):
        check_needs(jobs, Needs())
    check_needs(jobs, Needs(gpus=2))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--on ray", "pip install 'kseg[ray]'"),
        ("--on slurm", "write machine, ray or ray://HOST:PORT"),
        ("--cores 4", "add --on ray"),
        ("--on ray --memory 0", "--memory 0"),
    ],
)
def test_refused_in_one_sentence(flags, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)  # not installed
    assert main(["lab", "run", "loss_study", "--scale", "smoke", "--root", str(tmp_path), *flags.split()]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
    assert not any(tmp_path.iterdir())
