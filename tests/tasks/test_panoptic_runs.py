"""A run of a panoptic network, from the command to masks of new images; things are known all the way."""

import json

import keras
import numpy as np
import pytest
from finding_objects import LARGE, MOST, Found, Sure
from keras import ops
from PIL import Image
from scenes import image_of, panoptic

from kseg.cli.main import main
from kseg.datasets import DATASETS, Dataset, Record
from kseg.datasets.relabel import Relabel
from kseg.inference import load_model
from kseg.layers import PerImage
from kseg.models import MODELS, architecture
from kseg.models.panoptic_fpn import RULES
from kseg.tasks import TASKS
from kseg.tasks.panoptic import PanopticEvaluation
from kseg.training import network as network_module
from kseg.training.record import read_run

FLAGS = [
    "train", "--dataset", "rounds", "--model", "painting", "--loss", "mask=bce; semantic=ce", "--batch-size", "2",
    "--no-tensorboard", "--learning-rate", "0.05",
]  # fmt: skip


class Rounds(Dataset):
    """Ellipses on a ground; the red channel of an image is 25 times the number of the thing that a pixel is of."""

    name, title, reads_files, tasks = "rounds", "ellipses", False, ("panoptic",)
    legend = Relabel(
        ("ground", "round", "square"), ((0, 90, 0), (250, 40, 40), (40, 200, 250)), background=False, things=(1, 2)
    )
    training_size = LARGE

    def all_records(self, split):
        return [Record(f"{split}{number}") for number in range({"train": 6}.get(split, 4))]

    def identity(self, record):
        return record.id

    def read_panoptic(self, record):
        return panoptic(sum(map(ord, record.id)), 3, clean=True).resized(LARGE)

    def read_image(self, record):
        image = image_of(sum(map(ord, record.id))).repeat(2, axis=0).repeat(2, axis=1)
        image[..., 0] = 25 * self.read_panoptic(record).instances().id_map()
        return image


@keras.saving.register_keras_serializable("kseg")
class Ground(keras.layers.Layer):
    """Probabilities of the ground, where red is 0, and of a thing."""

    def call(self, images):
        ground = ops.cast(ops.cast(images, "float32")[..., :1] < 1.0, "float32")
        return ops.concatenate([ground, 1.0 - ground], axis=-1)


class SumLoss:
    """(Mean score − ½)²."""

    reads, slow_under_xla = (), False

    def bound(self, network):
        return self

    def value_and_parts(self, targets, outputs):
        assert set(targets) >= {"boxes", "label", "things"}
        return ops.square(ops.mean(outputs["scores"]) - 0.5), {}

    def part_metrics(self):
        return []


def painting_network(name, *, num_classes, things, input_shape=(None, None, 3), **_):
    image = keras.Input(input_shape, name="image")
    assert (num_classes, things) == (3, (1, 2))
    given = {
        **Found(name="found")([image, Sure(name="sure")(image)]),
        "semantic": Ground(name="semantic")(image),
        "things": PerImage([0, 1, 1], name="things")(image),
        "fusion": PerImage([0.5, 0.5, 4], name=RULES)(image),
    }
    return keras.Model(image, given, name=name), None


@pytest.fixture(scope="module")
def painting():
    """Data set and network registered as a plug-in would do it, and forgotten after the tests; the command's flags."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for registry in (DATASETS, MODELS):
            len(registry)  # the room is imported now, and not into the copy
            monkeypatch.setattr(registry, "_entries", dict(registry._entries))
        DATASETS.register("rounds")(Rounds)
        architecture("painting", task="panoptic")(lambda image, channels, things: image)
        monkeypatch.setattr(network_module, "build_with_report", painting_network)
        monkeypatch.setattr(type(TASKS["panoptic"]), "loss", lambda self, spec, **_: SumLoss())
        yield FLAGS


@pytest.fixture(scope="module")
def run(painting, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    assert main([*painting, "--epochs", "2", "--workdir", str(path)]) == 0
    return path


def test_a_run_keeps_the_epoch_of_the_best_pq_and_its_file_tells_things_from_stuff(run):
    assert MOST >= 4  # more than the things of any scene
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert all({"val_pq", "val_pq_things", "val_pq_stuff"} <= {*entry} for entry in entries)
    results = json.loads((run / "results.json").read_text())
    assert results["kept_by"] == "validation PQ"
    best = max(entries, key=lambda entry: (entry["val_pq"], -entry["val_loss"]))
    assert results["best_epoch"] == best["epoch"]
    record = read_run(run)
    assert isinstance(record.evaluation, PanopticEvaluation) and record.task.name == "panoptic"
    assert record.evaluation.headline == ("PQ", pytest.approx(1.0))
    _, card = load_model(run)
    assert (card.task, card.things, card.classes) == ("panoptic", (1, 2), ("ground", "round", "square"))
    assert "test PQ" in (run / "report.html").read_text()


def test_it_is_measured_again_and_predicts(run, tmp_path, capsys):
    assert main(["evaluate", str(run), "--out", str(tmp_path / "measured"), "--pictures", "1"]) == 0
    again = json.loads((tmp_path / "measured" / "evaluation.json").read_text())
    assert again["sums"] == json.loads((run / "results.json").read_text())["evaluation"]["sums"]
    image = Rounds.read_image(Rounds(DATASETS["rounds"].Options("rounds")), Record("test0"))
    Image.fromarray(image).save(tmp_path / "photo.png")

    # a threshold that no score reaches leaves no thing, and the ground
    for threshold in ((), ("--threshold", "0.99")):
        out = tmp_path / f"masks{len(threshold)}"
        assert main(["predict", str(run), str(tmp_path / "photo.png"), "--out", str(out), *threshold]) == 0
        assert {path.name for path in out.iterdir()} == {"photo.png", "photo.json", "photo_overlay.png"}
        ids = np.array(Image.open(out / "photo.png").convert("RGB")).reshape(-1, 3)
        assert len(np.unique(ids, axis=0)) == 2 if threshold else len(np.unique(ids, axis=0)) > 2


def test_half_precision_is_scored_like_single(painting, tmp_path):
    path = tmp_path / "half"
    assert main([*painting, "--epochs", "1", "--precision", "mixed_bfloat16", "--workdir", str(path)]) == 0
    assert read_run(path).evaluation.headline[1] == pytest.approx(1.0)
