"""A network that finds objects and learns how sure to be of them, on images that tell whose each pixel is."""

import keras
import pytest
from keras import ops
from scenes import SIZE, image_of, instances

from kseg.datasets import DATASETS, Dataset, Record
from kseg.datasets.relabel import Relabel
from kseg.models import MODELS, architecture
from kseg.tasks import TASKS
from kseg.training import network as network_module

LARGE = (2 * SIZE[0], 2 * SIZE[1])

MOST = 8
"""Objects of an image."""

FLAGS = [
    "train", "--dataset", "scenes", "--model", "finding", "--loss", "bce", "--batch-size", "2", "--no-tensorboard",
    "--learning-rate", "0.05",
]  # fmt: skip


class Scenes(Dataset):
    """Ellipses; the red channel of an image is 25 times the number of the object that a pixel is of."""

    name, title, reads_files, tasks = "scenes", "ellipses", False, ("instance",)
    legend = Relabel(("background", "round", "square"), ((0, 0, 0), (250, 40, 40), (40, 200, 250)))
    training_size = LARGE

    def all_records(self, split):
        return [Record(f"{split}{number}") for number in range({"train": 6}.get(split, 5))]

    def identity(self, record):
        return record.id

    def _objects(self, record):
        return instances(sum(map(ord, record.id)), 3, clean=True).resized(LARGE)

    def read_instances(self, record):
        return self._objects(record)

    def read_image(self, record):
        image = image_of(sum(map(ord, record.id))).repeat(2, axis=0).repeat(2, axis=1)
        image[..., 0] = 25 * self._objects(record).id_map()
        return image


@keras.saving.register_keras_serializable("kseg")
class Found(keras.layers.Layer):
    """What the red channel tells as detections, with masks as large as the picture."""

    def call(self, inputs):
        images, sure = inputs
        numbers = 25.0 * ops.arange(1, MOST + 1, dtype="float32")[None, :, None, None]
        masks = ops.cast(ops.abs(ops.cast(images, "float32")[:, None, :, :, 0] - numbers) < 1.0, "float32")
        there = ops.max(masks, axis=(2, 3))
        size = ops.cast(ops.convert_to_tensor(ops.shape(images)[1:3]), "float32") + 0 * there[:, :1]
        whole = ops.concatenate([0 * size, size], axis=1)[:, None, :]
        classes = 1 + ops.arange(MOST, dtype="int32")[None, :] % 2
        return {
            "boxes": whole + ops.zeros_like(there)[..., None],
            "scores": there * ops.cast(sure, "float32"),
            "classes": classes + ops.cast(0 * there, "int32"),
            "masks": masks,
            "valid": there,
            "size": size,
        }


@keras.saving.register_keras_serializable("kseg")
class Sure(keras.layers.Layer):
    """How sure to be of each of `MOST` objects: a weight each."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(MOST,), initializer=keras.initializers.RandomUniform(0, 1, seed=1))

    def call(self, images):
        return ops.sigmoid(self.kernel)[None, :] + 0 * ops.cast(images[:, :1, 0, 0], self.compute_dtype)


class ShareLoss:
    """(mean score − share of places with an object)², so that a step changes every weight."""

    reads, slow_under_xla = (), False

    def bound(self, network):
        return self

    def value_and_parts(self, targets, outputs):
        wanted = ops.mean(targets["valid"])
        return ops.square(ops.mean(outputs["scores"]) - 4 * wanted), {}

    def part_metrics(self):
        return []


def finding_network(name, *, num_classes, input_shape=(None, None, 3), **_):
    image = keras.Input(input_shape, name="image")
    return keras.Model(image, Found(name="found")([image, Sure(name="sure")(image)]), name=name), None


@pytest.fixture(scope="module")
def finding():
    """Data set and network registered as a plug-in would do it, and forgotten after the tests; the command's flags."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        registered(monkeypatch)
        yield FLAGS


def registered(monkeypatch):
    for registry in (DATASETS, MODELS):
        len(registry)  # the room is imported now, and not into the copy
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    DATASETS.register("scenes")(Scenes)
    architecture("finding", task="instance")(lambda image, channels: image)
    built = network_module.build_with_report
    monkeypatch.setattr(
        network_module,
        "build_with_report",
        lambda name, **given: (finding_network if name == "finding" else built)(name, **given),
    )
    monkeypatch.setattr(type(TASKS["instance"]), "loss", lambda self, spec, **_: ShareLoss())
