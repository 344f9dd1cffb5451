"""Pictures whose colors encode the segments, and networks that decode them: a panoptic data set with known answers."""

import keras
import numpy as np
import pytest
from finding_objects import MOST, Found, Sure
from keras import ops

from kseg.conventions import VOID
from kseg.datasets import DATASETS, DataOptions, Dataset, Record
from kseg.datasets.relabel import Relabel
from kseg.inference import ModelCard, save_model
from kseg.layers import ClassOfLabel, PerImage
from kseg.models.panoptic_fpn import RULES
from kseg.structures import Panoptic, Segment

NAME = "painted"
CLASSES = ("wall", "round", "floor", "square")
THINGS = (1, 3)
PALETTE = ((90, 90, 90), (250, 40, 40), (120, 80, 40), (40, 200, 250))
SIZE = (32, 48)


class Painted(Dataset):
    """A wall over a floor, a round and a square object, the second partly behind the first, and a void corner.

    The red channel is 25 times the number of the object, the green one 25 times the class; void is 250.
    """

    name, title, reads_files = NAME, "painted segments", False
    tasks = ("semantic", "instance", "panoptic")
    training_size = SIZE

    @property
    def legend(self):
        whole = Relabel(CLASSES, PALETTE, background=False, things=THINGS)
        if self.class_task == "panoptic":
            return whole
        if self.class_task == "instance":
            return whole.only(THINGS)
        return Relabel(("wall or floor", "object"), PALETTE[:2], np.array([0, 1, 0, 1, *[VOID] * 252], np.uint8))

    def all_records(self, split):
        return [Record(f"{split}{number}") for number in range(4)]

    def identity(self, record):
        return record.id

    def read_panoptic(self, record):
        number = int(record.id[-1])
        ids = np.ones(SIZE, np.uint16)
        ids[20 - number :] = 2
        ids[12:26, 10 + number : 30] = 4
        ids[6 + number : 20, 4:18] = 3
        ids[:3, -4:] = 0
        return Panoptic(
            ids, (Segment(0, thing=False), Segment(2, thing=False), Segment(1, thing=True), Segment(3, thing=True))
        )

    def read_image(self, record):
        whole = self.read_panoptic(record)
        image = np.zeros((*SIZE, 3), np.uint8)
        image[..., 0] = 25 * np.maximum(whole.ids.astype(int) - 2, 0)
        classes = whole.semantic().ids
        image[..., 1] = np.where(classes == VOID, 250, 25 * classes.astype(int))
        return image


@keras.saving.register_keras_serializable("kseg")
class Seen(keras.layers.Layer):
    """The class that the green channel encodes; void becomes the first class."""

    def call(self, images):
        classes = ops.cast(ops.round(ops.cast(images[..., 1], "float32") / 25.0), "int32")
        return ops.one_hot(ops.where(classes < len(CLASSES), classes, 0), len(CLASSES))


def networks(folder, *, scores=(0.9, 0.9)):
    """A network of classes and one of objects, which has these scores for the two, as files."""
    image = keras.Input((None, None, 3))
    card = ModelCard(CLASSES, PALETTE, SIZE, dataset=NAME, background=False)
    save_model(keras.Model(image, Seen()(image)), folder / "classes.keras", card)
    image = keras.Input((None, None, 3))
    sure = Sure()
    instance = keras.Model(image, Found()([image, sure(image)]))
    sure.set_weights([logits(scores)])
    card = ModelCard(("background", "round", "square"), PALETTE[:3], SIZE, dataset=NAME, task="instance")
    save_model(instance, folder / "objects.keras", card)
    return folder / "classes.keras", folder / "objects.keras"


def panoptic_network(folder, *, scores=(0.9, 0.9)):
    """A network of both that carries the paper's thresholds, as a file."""
    image = keras.Input((None, None, 3))
    sure, seen = Sure(), Seen()(image)
    found = Found()([image, sure(image)])
    stuff, things = seen[..., 0:3:2], seen[..., 1:2] + seen[..., 3:4]
    outputs = {
        **found,
        "classes": ClassOfLabel(THINGS)(found["classes"]),
        "semantic": ops.concatenate([stuff, things], axis=-1),
        "things": PerImage([0, 1, 0, 1])(image),
        "fusion": PerImage([0.5, 0.5, 4096], name=RULES)(image),
    }
    network = keras.Model(image, outputs)
    sure.set_weights([logits(scores)])
    card = ModelCard(CLASSES, PALETTE, SIZE, dataset=NAME, background=False, task="panoptic", things=THINGS)
    save_model(network, folder / "both.keras", card)
    return folder / "both.keras"


def logits(scores):
    """The weights of `Sure` for these scores of the first objects."""
    weights = np.zeros(MOST, np.float32)
    weights[: len(scores)] = np.log(np.divide(scores, np.subtract(1, scores)))
    return weights


@pytest.fixture
def painted(monkeypatch):
    """The data set, registered as by a plug-in."""
    len(DATASETS)
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))
    DATASETS.register(NAME)(Painted)
    return Painted(DataOptions(NAME))
