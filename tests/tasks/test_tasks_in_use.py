"""Training, prediction and measuring ask the task of the network, also a task registered from outside."""

import json
import zipfile

import keras
import numpy as np
import pytest
from counting_objects import MOST, CountingObjects
from PIL import Image
from scenes import SIZE, image_of, instances

from kseg.cli.main import main
from kseg.datasets import DATASETS, DataOptions, Dataset, Record
from kseg.datasets.relabel import Relabel
from kseg.errors import UsageError
from kseg.inference import ModelCard, Predictor, evaluate, load_model, save_model
from kseg.models import MODELS, architecture
from kseg.tasks import TASKS
from kseg.tasks.semantic import Semantic

CLASSES, PALETTE = ("background", "thing"), ((0, 0, 0), (250, 40, 40))


class Scenes(Dataset):
    """Ellipses; the red channel of an image is 25 times the number of the object that a pixel is of."""

    name, title, reads_files, tasks = "scenes", "ellipses", False, ("objects",)
    legend = Relabel(CLASSES, PALETTE)

    def all_records(self, split):
        return [Record(f"{split}{number}") for number in range(3)]

    def identity(self, record):
        return record.id

    def truth(self, record, task="semantic"):
        self.check_answers(task)
        return instances(int(record.id[-1]), 2, clean=True)

    def read_image(self, record):
        image = image_of(int(record.id[-1]))
        image[..., 0] = 25 * self.truth(record, "objects").id_map()
        return image


class Separated(keras.layers.Layer):
    """The objects that the red channel encodes."""

    def call(self, images):
        numbers = 25.0 * keras.ops.arange(1, MOST + 1, dtype="float32")[None, :, None, None]
        masks = keras.ops.cast(keras.ops.abs(images[:, None, :, :, 0] - numbers) < 1.0, "float32")
        scores = keras.ops.max(masks, axis=(2, 3))
        return {"masks": masks, "classes": keras.ops.ones_like(scores, "int32"), "scores": scores}


@pytest.fixture
def registered(monkeypatch):
    """Registered as by a plug-in; unregistered after the test."""
    for registry in (TASKS, DATASETS, MODELS):
        len(registry)  # the room is imported now, and not into the copy
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    TASKS.register(CountingObjects.name)(CountingObjects())
    DATASETS.register("scenes")(Scenes)
    architecture("separating", task=CountingObjects.name)(lambda image, channels: image)


@pytest.fixture
def separating():
    image = keras.Input((None, None, 3))
    return keras.Model(image, Separated()(image))


def test_a_model_is_predicted_and_measured_by_its_task(registered, separating):
    task, dataset = TASKS["objects"], Scenes(DataOptions("scenes"))
    images = [dataset.image(record) for record in dataset.records("test")]
    truths = [dataset.truth(record, "objects") for record in dataset.records("test")]
    answers = list(Predictor(separating, "original", batch_size=2, task=task).answers(images))
    assert [answer.masks for answer in answers] == [truth.masks for truth in truths]

    evaluation = evaluate(separating, dataset, "test", image_size="original", progress=False, task=task)
    assert evaluation.headline == ("AP", pytest.approx(1.0)) and evaluation.ids == ("test0", "test1", "test2")
    renamed = evaluate(separating, dataset, "test", image_size="original", progress=False, task=task, order=(1, 0))
    assert renamed.headline[1] == 0.0  # every thing is called background


def test_each_of_several_refiners_is_given_what_the_one_before_it_made(registered, separating):
    seen = []

    def without_first(image, outputs):
        seen.append((image.shape, int(outputs["scores"].sum())))
        return {**outputs, "scores": outputs["scores"] * (np.cumsum(outputs["scores"]) > 1)}

    image = Scenes(DataOptions("scenes")).image(Record("test0"))
    predictor = Predictor(separating, "original", refiners=(without_first, without_first), task=TASKS["objects"])
    (answer,) = predictor.answers([image])
    count = len(instances(0, 2, clean=True))
    assert seen == [((*SIZE, 3), count), ((*SIZE, 3), count - 1)] and len(answer) == count - 2


def test_data_without_a_truth_for_the_network_s_task_are_refused(registered, separating, tmp_path, capsys):
    assert main(["train", "--dataset", "synthetic", "--model", "separating", "--workdir", str(tmp_path / "run")]) == 2
    assert "synthetic has no truth for the task 'objects'; it has " in capsys.readouterr().err
    assert main(["train", "--dataset", "scenes", "--workdir", str(tmp_path / "run")]) == 2
    assert "scenes has no truth for the task 'semantic'; it has objects" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match="scenes has no truth for the task 'semantic'"):
        evaluate(separating, Scenes(DataOptions("scenes")), "test", image_size=None, progress=False)


def with_task(path, task):
    """The file with another task on its card."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["kseg.json"] = json.dumps({**json.loads(members["kseg.json"]), "task": task}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def lightness():
    """p = the mean of R, G and B over 255."""
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Conv2D(1, 1, use_bias=False)(image))
    model.set_weights([np.full((1, 1, 3, 1), 1 / 765, np.float32)])
    return model


def test_a_file_says_what_its_model_answers(registered, tmp_path):
    path = tmp_path / "model.keras"
    save_model(lightness(), path, ModelCard(CLASSES, PALETTE))
    assert load_model(path)[1].task == "semantic"
    with_task(path, "poetry")
    with pytest.raises(UsageError, match=r"model\.keras answers the task 'poetry', which this kseg does not know"):
        load_model(path)
    with pytest.raises(UsageError, match="does not give classes, masks, scores"):
        save_model(lightness(), tmp_path / "other.keras", ModelCard(CLASSES, PALETTE, task="objects"))
    assert not (tmp_path / "other.keras").exists()


class Inverted(Semantic):
    """Networks that say how sure they are of the background."""

    name = "inverted"

    def decode(self, outputs, size=None, *, threshold=0.5):
        return super().decode(1 - outputs, size, threshold=threshold)


def test_the_command_line_asks_the_task_of_the_file(registered, tmp_path):
    TASKS.register("inverted")(Inverted())
    shades = np.zeros((4, 6, 3), np.uint8)
    shades[:, :2] = 255
    Image.fromarray(shades).save(tmp_path / "image.png")
    for task, light in (("semantic", 1), ("inverted", 0)):
        model, out = tmp_path / f"{task}.keras", tmp_path / task
        save_model(lightness(), model, ModelCard(CLASSES, PALETTE, (4, 6), task=task))
        assert main(["predict", str(model), str(tmp_path / "image.png"), "--out", str(out)]) == 0
        mask = np.array(Image.open(out / "image.png"))
        assert (mask[:, :2] == light).all() and (mask[:, 2:] == 1 - light).all()
